package web

import (
	"io/fs"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	keyInTemplate   = regexp.MustCompile(`\b(t|count) "([a-z0-9.]+)"`)
	textsInTemplate = regexp.MustCompile(`\{\{texts [^}]*\}\}`)
	quoted          = regexp.MustCompile(`"([^"]*)"`)
	keyInCode       = regexp.MustCompile(`"([a-z]+(?:\.[a-z]+)+)"`)
	argument        = regexp.MustCompile(`\{\d\}`)
)

// TestTexts holds that every language has every text, with the same arguments, and that none is unused.
func TestTexts(t *testing.T) {
	all, err := loadTexts(files)
	if err != nil {
		t.Fatal(err)
	}
	english := all.byLang[fallback]
	for lang, list := range all.byLang {
		for key, text := range list {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is not in English", lang, key)
			}
			want, got := argument.FindAllString(english[key], -1), argument.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s has the arguments %v, in English %v", lang, key, got, want)
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", lang, key)
			}
		}
		if len(list) != len(english) {
			t.Errorf("%s has %d texts, English %d", lang, len(list), len(english))
		}
	}
	used := keysUsed(t, all)
	for key := range used {
		if _, ok := english[key]; !ok {
			t.Errorf("there is no text %s", key)
		}
	}
	for key := range english {
		if !used[key] {
			t.Errorf("nothing uses the text %s", key)
		}
	}
}

// TestGermanWords holds the German texts to the voice and the words of texts/README.md.
func TestGermanWords(t *testing.T) {
	all, err := loadTexts(files)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]*regexp.Regexp{
		"Sie":      regexp.MustCompile(`(?i)\b(du|dein\w*|dir|dich|probier)\b`),
		"minen":    regexp.MustCompile(`(?i)schürf`),
		"Header":   regexp.MustCompile(`\b(Kopf|Kopfes|Köpfe|Köpfen)\b`),
		"Autor":    regexp.MustCompile(`Verfasser`),
		"Hashrate": regexp.MustCompile(`Rechenleistung`),
		"Zielwert": regexp.MustCompile(`\bZiels?\b`),
		"Nachbar":  regexp.MustCompile(`\bPeers?\b`),
		"Netz":     regexp.MustCompile(`Netzwerk|Blockchain`),
		"beurkund": regexp.MustCompile(`(?i)beglaubig|notarisier`),
		"in":       regexp.MustCompile(`auf (der|die|keiner) (besten )?Kette\b`),
	}
	for key, text := range all.byLang["de"] {
		for right, words := range wrong {
			if found := words.FindString(text); found != "" {
				t.Errorf("%s says %q, the word is %q", key, found, right)
			}
		}
	}
}

// keysUsed returns the keys that templates and code name.
func keysUsed(t *testing.T, all *texts) map[string]bool {
	t.Helper()
	used := make(map[string]bool)
	for _, lang := range all.languages() {
		used["language."+lang] = true
	}
	for _, page := range []string{"overview", "blocks", "messages", "peers", "forks", "notarise", "learn"} {
		used["nav."+page] = true
	}
	code, err := fs.Glob(sources(), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range code {
		text, err := fs.ReadFile(sources(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keyInCode.FindAllStringSubmatch(string(text), -1) {
			if _, known := all.byLang[fallback][m[1]]; known {
				used[m[1]] = true
			}
		}
	}
	for _, text := range readAll(t, "templates") {
		for _, list := range textsInTemplate.FindAllString(text, -1) {
			for _, m := range quoted.FindAllStringSubmatch(list, -1) {
				used[m[1]] = true
			}
		}
	}
	for name := range maps.Keys(readAll(t, "templates")) {
		for _, m := range keyInTemplate.FindAllStringSubmatch(readAll(t, "templates")[name], -1) {
			if m[1] == "count" {
				used[m[2]+".one"], used[m[2]+".many"] = true, true
			} else {
				used[m[2]] = true
			}
		}
	}
	return used
}

// readAll returns the files of an embedded folder.
func readAll(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestChooseLanguage(t *testing.T) {
	all, err := loadTexts(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, cookie, header, want string }{
		{"/", "", "", "en"},
		{"/", "", "de-AT,de;q=0.9,en;q=0.5", "de"},
		{"/", "", "fr, de;q=0.2, en;q=0.1", "de"},
		{"/", "", "fr", "en"},
		{"/", "", "de;q=0, en;q=0.1", "en"},
		{"/", "", "de;q=x", "en"},
		{"/", "en", "de", "en"},
		{"/?lang=de", "en", "en", "de"},
		{"/?lang=xx", "de", "en", "de"},
		{"/?lang=../../x", "%%%", ";;,,q=;=", "en"},
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		r.Header.Set("Accept-Language", tt.header)
		if tt.cookie != "" {
			r.Header.Set("Cookie", langCookie+"="+tt.cookie)
		}
		if got := all.choose(r); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

func TestSafeText(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 漢字 👍":    "plain ä 漢字 👍",
		"a\x00b\x1b[2Jc":  "a␀b␛[2Jc",
		"\u202eabc":       "⟨U+202E⟩abc",
		"a\u200bb\ufeff":  "a⟨U+200B⟩b⟨U+FEFF⟩",
		"\u0085\u2028":    "⟨U+0085⟩⟨U+2028⟩",
		"tab\tline\nnext": "tab\tline\nnext",
		"\x7f\r":          "␡␍",
	} {
		if got := safeText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("word ", 1000)
	if got := excerpt(long); len([]rune(got)) != mostListed+1 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d characters: %q", len([]rune(got)), got)
	}
	if got := excerpt("a \n\t b"); got != "a b" {
		t.Errorf("got %q", got)
	}
}

func TestGrouped(t *testing.T) {
	n := uint64(1234567)
	for _, tt := range []struct {
		lang string
		n    any
		want string
	}{{"en", n, "1,234,567"}, {"de", &n, "1.234.567"}, {"en", 12, "12"}, {"en", 123, "123"}, {"en", uint32(1000), "1,000"}} {
		if got := grouped(tt.lang, tt.n); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt, got, tt.want)
		}
	}
}
