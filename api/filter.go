package api

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"p2pchain/core"
)

const (
	// A text that is looked for has at most so many bytes and words.
	maxText  = 1024
	maxWords = 16
)

// A filter says which messages a list shows.
type filter struct {
	status        string // empty: any
	author        *core.PublicKey
	media         string // in lower case; with a slash at its end all types of a kind, empty: any
	after, before uint64 // Unix ms of the author's clock: after ≤ time < before
	words         [][]byte
	digest        *core.Hash  // of a file or a manifest that is notarised
	skip          []core.Hash // messages that are shown already

	lower []byte // memory for a payload in lower case
}

// filterParams reads status, author, type, after, before, text and sha256.
func filterParams(r *http.Request) (*filter, error) {
	f := &filter{before: core.MaxTimeMS + 1}
	var bad error
	set := func(name string, take func(string) error) func(string, error) {
		return func(text string, err error) {
			if err == nil && text != "" {
				err = take(text)
				if err != nil {
					err = badRequest("bad_parameter", fmt.Sprintf("%s %.80q: %v", name, text, err))
				}
			}
			if bad == nil {
				bad = err
			}
		}
	}
	set("status", f.setStatus)(queryParam(r, "status"))
	set("author", f.setAuthor)(queryParam(r, "author"))
	set("type", f.setType)(queryParam(r, "type"))
	set("after", setTime(&f.after))(queryParam(r, "after"))
	set("before", setTime(&f.before))(queryParam(r, "before"))
	set("text", f.setText)(queryParam(r, "text"))
	set("sha256", f.setDigest)(queryParam(r, "sha256"))
	return f, bad
}

func (f *filter) setStatus(text string) error {
	if text != StatusWaiting && text != StatusConfirmed {
		return fmt.Errorf("want %s or %s", StatusWaiting, StatusConfirmed)
	}
	f.status = text
	return nil
}

func (f *filter) setAuthor(text string) error {
	key, err := core.ParsePublicKey(text)
	if err != nil {
		return fmt.Errorf("want a key of 64 lower-case hex digits")
	}
	f.author = &key
	return nil
}

// setType takes a media type as messages have it, one without its parameters for it with any, and
// KIND/* for all of a kind.
func (f *filter) setType(text string) error {
	if len(text) > core.MaxMediaType || !strings.Contains(text, "/") {
		return fmt.Errorf("want a media type like text/plain or image/*")
	}
	f.media = strings.ToLower(strings.TrimSuffix(text, "*"))
	return nil
}

func (f *filter) setText(text string) error {
	if len(text) > maxText || !utf8.ValidString(text) {
		return fmt.Errorf("want at most %d bytes of UTF-8", maxText)
	}
	for word := range strings.FieldsSeq(text) {
		f.words = append(f.words, bytes.ToLower([]byte(word)))
	}
	if len(f.words) > maxWords {
		return fmt.Errorf("want at most %d words", maxWords)
	}
	return nil
}

func (f *filter) setDigest(text string) error {
	digest, err := core.ParseHash(strings.ToLower(text))
	if err != nil {
		return fmt.Errorf("want a SHA-256 of 64 hex digits")
	}
	f.digest = &digest
	return nil
}

// setTime returns what reads a time: RFC 3339, or a date alone for its first moment in UTC.
func setTime(into *uint64) func(string) error {
	return func(text string) error {
		// A plus that was not escaped has become a space.
		t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(strings.ToUpper(text), " ", "+"))
		if err != nil {
			t, err = time.Parse(time.DateOnly, text)
		}
		if err != nil {
			return fmt.Errorf("want a time like 2006-01-02T15:04:05Z or a date")
		}
		// A message has whole milliseconds, so both limits are met by rounding up.
		*into = uint64(max(0, t.Add(time.Millisecond-1).UnixMilli()))
		return nil
	}
}

// takes reports whether a message passes all but the status.
func (f *filter) takes(m *core.Message) bool {
	switch {
	case f.author != nil && *f.author != m.Author:
		return false
	case m.TimeMS < f.after || m.TimeMS >= f.before:
		return false
	case f.media != "" && !f.takesType(m.Type()):
		return false
	}
	return (len(f.words) == 0 || f.takesText(m)) && !slices.Contains(f.skip, m.ID)
}

func (f *filter) takesType(media string) bool {
	media = strings.ToLower(media)
	if strings.HasSuffix(f.media, "/") {
		return strings.HasPrefix(media, f.media)
	}
	essence, _, _ := strings.Cut(media, ";")
	return media == f.media || strings.TrimSpace(essence) == f.media
}

// takesText reports whether a text has all words, each anywhere and in any case.
func (f *filter) takesText(m *core.Message) bool {
	if m.Body == nil || !utf8.Valid(m.Body.Payload) {
		return false
	}
	f.lower = appendLower(f.lower[:0], m.Body.Payload)
	for _, word := range f.words {
		if !bytes.Contains(f.lower, word) {
			return false
		}
	}
	return true
}

// appendLower appends a text in lower case, as bytes.ToLower has it.
func appendLower(dst, text []byte) []byte {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return append(dst, bytes.ToLower(text[i:])...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
