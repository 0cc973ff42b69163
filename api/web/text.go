package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	// langCookie keeps the language that somebody chose.
	langCookie = "p2pchain-lang"
	// fallback is the language of those who ask for none that is here.
	fallback = "en"
)

// texts are what people read, by language and key. {0}, {1} … stand for arguments.
type texts struct {
	byLang map[string]map[string]string
	order  []string // of languages, the fallback first
}

// loadTexts reads texts/LANG/PART.json: one object of keys and texts each. No key is in two of them.
func loadTexts(from embed.FS) (*texts, error) {
	t := &texts{byLang: make(map[string]map[string]string)}
	names, err := fs.Glob(from, "texts/*/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := from.ReadFile(name)
		if err != nil {
			return nil, err
		}
		part := make(map[string]string)
		if err := json.Unmarshal(b, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		lang := path.Base(path.Dir(name))
		if t.byLang[lang] == nil {
			t.byLang[lang] = make(map[string]string)
			t.order = append(t.order, lang)
		}
		for key, text := range part {
			if _, twice := t.byLang[lang][key]; twice {
				return nil, fmt.Errorf("%s: the text %q is in another file, too", name, key)
			}
			t.byLang[lang][key] = text
		}
	}
	slices.SortFunc(t.order, func(a, b string) int {
		if (a == fallback) != (b == fallback) {
			if a == fallback {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	if len(t.order) == 0 || t.order[0] != fallback {
		return nil, fmt.Errorf("there are no texts in %q", fallback)
	}
	return t, nil
}

func (t *texts) languages() []string { return t.order }

// say returns a text with its arguments; the key in brackets where there is none, which a test looks for.
func (t *texts) say(lang, key string, args ...any) string {
	text, ok := t.byLang[lang][key]
	if !ok {
		return "[" + key + "]"
	}
	for i, arg := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", fmt.Sprint(arg))
	}
	return text
}

// some returns texts by their keys, for scripts.
func (t *texts) some(lang string, keys []string) map[string]string {
	out := make(map[string]string, len(keys))
	for _, key := range keys {
		out[key] = t.say(lang, key)
	}
	return out
}

// choose returns the language of an answer: what the address asks for, what was chosen before, what the
// browser prefers, the fallback.
func (t *texts) choose(r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); t.byLang[asked] != nil {
		return asked
	}
	if c, err := r.Cookie(langCookie); err == nil && t.byLang[c.Value] != nil {
		return c.Value
	}
	best, most := fallback, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, weight, _ := strings.Cut(part, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(weight), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64) // 0 where it is none: not wanted
		}
		if t.byLang[tag] != nil && q > most {
			best, most = tag, q
		}
	}
	return best
}
