package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/document"
)

const (
	digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sha1   = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
)

// goldens are the bytes that must never change: they are signed and sealed.
func goldens(t *testing.T) []struct {
	payload string
	want    document.Document
} {
	h, err := core.ParseHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	return []struct {
		payload string
		want    document.Document
	}{
		{`{"name":"report.pdf","size":48213,"media_type":"application/pdf","sha256":"` + digest + `"}`,
			&document.File{Name: "report.pdf", Size: 48213, MediaType: "application/pdf", SHA256: h}},
		{`{"name":"Größe \"3\" <ü>&\u200cنامه.txt","size":9007199254740991,"media_type":"text/plain; charset=utf-8","sha256":"` + digest + `"}`,
			&document.File{Name: "Größe \"3\" <ü>&\u200cنامه.txt", Size: 1<<53 - 1, MediaType: "text/plain; charset=utf-8", SHA256: h}},
		{`{"name":"photos","files":10000,"size":0,"manifest_sha256":"` + digest + `"}`,
			&document.Manifest{Name: "photos", Files: 10000, SHA256: h}},
		{`{"repository":"https://example.org/a\\b.git","commit":"` + sha1 + `","tree":"` + sha1 + `","files":1,"size":7,"manifest_sha256":"` + digest + `"}`,
			&document.Commit{Repository: `https://example.org/a\b.git`, Commit: sha1, Tree: sha1, Files: 1, Size: 7, SHA256: h}},
	}
}

func TestGolden(t *testing.T) {
	for _, tt := range goldens(t) {
		payload := strings.ReplaceAll(tt.payload, `\u200c`, "\u200c")
		if got := string(tt.want.Encode()); got != payload {
			t.Errorf("%T is encoded as\n%s, want\n%s", tt.want, got, payload)
		}
		got, err := document.Decode(tt.want.Type(), []byte(payload))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Decode(%s) = %+v, %v", payload, got, err)
		}
		if h, ok := document.Digest(tt.want.Type(), []byte(payload)); !ok || h.String() != digest {
			t.Errorf("Digest(%s) = %v, %v", payload, h, ok)
		}
		if !json.Valid([]byte(payload)) {
			t.Errorf("%s is not JSON", payload)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	valid := string(goldens(t)[0].want.Encode())
	change := func(old, new string) string {
		if !strings.Contains(valid, old) {
			t.Fatalf("%q is not in %s", old, valid)
		}
		return strings.Replace(valid, old, new, 1)
	}
	commit := string(goldens(t)[3].want.Encode())
	for _, tt := range []struct{ name, mediaType, payload string }{
		{"nothing", document.FileType, ""},
		{"white space", document.FileType, change(`,"size"`, `, "size"`)},
		{"a line end", document.FileType, valid + "\n"},
		{"another object", document.FileType, valid + valid},
		{"not its end", document.FileType, valid[:len(valid)-1]},
		{"another order", document.FileType, `{"size":48213,"name":"report.pdf","media_type":"application/pdf","sha256":"` + digest + `"}`},
		{"an unknown key", document.FileType, change(`,"size"`, `,"path":"/","size"`)},
		{"a missing key", document.FileType, change(`"size":48213,`, ``)},
		{"a key twice", document.FileType, change(`"size":48213`, `"size":48213,"size":48213`)},
		{"another escape", document.FileType, change(`report`, `\u0072eport`)},
		{"an escaped slash", document.FileType, change(`application/pdf`, `application\/pdf`)},
		{"a raw control character", document.FileType, change(`report`, "re\tport")},
		{"a deleted character", document.FileType, change(`report`, "re\x7fport")},
		{"a change of direction", document.FileType, change(`report`, "re\u202eport")},
		{"a byte order mark", document.FileType, change(`report`, "\ufeffreport")},
		{"a line separator", document.FileType, change(`report`, "re\u2028port")},
		{"not UTF-8", document.FileType, change(`report`, "re\xffport")},
		{"a path", document.FileType, change(`report`, "a/report")},
		{"a path of Windows", document.FileType, change(`report`, `a\\report`)},
		{"dots", document.FileType, change(`report.pdf`, `..`)},
		{"no name", document.FileType, change(`report.pdf`, ``)},
		{"a long name", document.FileType, change(`report.pdf`, strings.Repeat("a", document.MaxName+1))},
		{"a leading zero", document.FileType, change(`48213`, `048213`)},
		{"a negative size", document.FileType, change(`48213`, `-1`)},
		{"a fraction", document.FileType, change(`48213`, `1.0`)},
		{"an exponent", document.FileType, change(`48213`, `1e3`)},
		{"a size no reader keeps", document.FileType, change(`48213`, `9007199254740992`)},
		{"a size past 64 bits", document.FileType, change(`48213`, strings.Repeat("9", 30))},
		{"a size in a string", document.FileType, change(`48213`, `"48213"`)},
		{"no size", document.FileType, change(`48213`, ``)},
		{"no media type", document.FileType, change(`application/pdf`, ``)},
		{"a long media type", document.FileType, change(`application/pdf`, strings.Repeat("a", 128))},
		{"a quoted media type", document.FileType, change(`application/pdf`, `a\"b`)},
		{"an upper-case hash", document.FileType, change(`e3b0`, `E3b0`)},
		{"a short hash", document.FileType, change(`e3b0`, ``)},
		{"null", document.FileType, change(`"report.pdf"`, `null`)},
		{"too long", document.FileType, change(`report`, strings.Repeat(" ", 20<<10))},
		{"a manifest as a file", document.FileType, string(goldens(t)[2].want.Encode())},
		{"a file as a manifest", document.ManifestType, valid},
		{"ids of two kinds", document.CommitType, strings.Replace(commit, `"tree":"`+sha1, `"tree":"`+digest, 1)},
		{"a short commit", document.CommitType, strings.Replace(commit, `"commit":"da`, `"commit":"`, 1)},
		{"a commit that is no hex", document.CommitType, strings.Replace(commit, `"commit":"da`, `"commit":"DA`, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := document.Decode(tt.mediaType, []byte(tt.payload))
			if !errors.Is(err, document.ErrMalformed) || d != nil {
				t.Errorf("Decode(%s) = %v, %v, want ErrMalformed", tt.payload, d, err)
			}
			if h, ok := document.Digest(tt.mediaType, []byte(tt.payload)); ok {
				t.Errorf("Digest = %v of what is no document", h)
			}
		})
	}
	if _, err := document.Decode("text/plain", []byte(valid)); !errors.Is(err, document.ErrUnknown) {
		t.Errorf("Decode of text = %v, want ErrUnknown", err)
	}
}

// TestDigestCostsNothing: the store asks about every message that is written.
func TestDigestCostsNothing(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), 16<<10)
	if n := testing.AllocsPerRun(100, func() { document.Digest("application/json", payload) }); n > 0 {
		t.Errorf("%v allocations for a message that is no document", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, mediaType := range []string{document.FileType, document.ManifestType, document.CommitType} {
		for _, tt := range goldens(&testing.T{}) {
			f.Add(mediaType, tt.want.Encode())
		}
	}
	f.Fuzz(func(t *testing.T, mediaType string, payload []byte) {
		d, err := document.Decode(mediaType, payload)
		if err != nil {
			if !errors.Is(err, document.ErrMalformed) && !errors.Is(err, document.ErrUnknown) {
				t.Errorf("an error without a class: %v", err)
			}
			return
		}
		if d.Type() != mediaType || !bytes.Equal(d.Encode(), payload) || d.Validate() != nil {
			t.Errorf("%q of %s is encoded again as %q of %s", payload, mediaType, d.Encode(), d.Type())
		}
		if strings.ContainsAny(d.String(), "\n\r\x1b") {
			t.Errorf("%q is more than a line", d.String())
		}
	})
}

// FuzzName: whatever passes CheckName can be written and comes back, and JSON readers see the same.
func FuzzName(f *testing.F) {
	for _, name := range []string{"a", "ü.txt", "a\"b", "..", "a/b", "\u202e", "\xff", "..."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		d := &document.Manifest{Name: name}
		if document.CheckName(name) != nil {
			return
		}
		var seen struct{ Name string }
		if err := json.Unmarshal(d.Encode(), &seen); err != nil || seen.Name != name {
			t.Errorf("JSON readers see %q, %v for %q", seen.Name, err, name)
		}
		got, err := document.Decode(document.ManifestType, d.Encode())
		if err != nil || !reflect.DeepEqual(got, document.Document(d)) {
			t.Errorf("%q comes back as %v, %v", name, got, err)
		}
	})
}
