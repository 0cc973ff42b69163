package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// inFolder returns what writes files into a folder of the test.
func inFolder(t *testing.T) (dir string, write func(name, content string) string) {
	t.Helper()
	dir = t.TempDir()
	return dir, func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

func sum(s string) core.Hash { return sha256.Sum256([]byte(s)) }

// about returns a message that carries a document, or the text "a report".
func about(d document.Document) *core.Message {
	m := &core.Message{Envelope: core.Envelope{MediaType: "text/plain"}, Body: &core.Body{Payload: []byte("a report")}}
	if d != nil {
		m.MediaType, m.Body.Payload = d.Type(), d.Encode()
	}
	return m
}

// A comparison is of files with a message, and what it has to come to.
type comparison struct {
	name           string
	m              *core.Message
	file, manifest string
	kind           string   // of what matches
	code           string   // of a failure
	names          []string // in the list
}

// check compares.
func (tt comparison) check(t *testing.T) {
	o := &verifyOptions{document: tt.file, manifest: tt.manifest}
	got, err := o.matchDocument(&proof.Statement{Message: tt.m})
	code := ""
	if bad, ok := errors.AsType[*verifyError](err); ok {
		code = bad.code
	} else if errors.Is(err, errUsage) {
		code = "usage"
	} else if err != nil {
		t.Fatal(err)
	}
	kind, names := "", []string(nil)
	if got != nil {
		kind, names = got.Kind, got.Listed
	}
	if code != tt.code || kind != tt.kind || !slices.Equal(names, tt.names) {
		t.Errorf("%q of kind %q as %q: %v; want %q, %q, %q", code, kind, names, err, tt.code, tt.kind, tt.names)
	}
}

// TestMatchDocument compares files, lists and payloads with what messages are about.
func TestMatchDocument(t *testing.T) {
	dir, write := inFolder(t)
	report, other, empty := write("report.pdf", "a report"), write("other.pdf", "a rePort"), write("empty", "")
	list := fmt.Sprintf("%v  docs/a.pdf\n\\%v *docs/b\\nc.pdf\n%v  docs/d.pdf\n", sum("a report"), sum("x"), sum("a report"))
	listed, stranger := write("docs.sha256", list), write("stranger.pdf", "nobody listed this")
	longer := write("longer.sha256", list+"\n")

	file := about(&document.File{Name: "report.pdf", Size: 8, MediaType: "application/pdf", SHA256: sum("a report")})
	short := about(&document.File{Name: "report.pdf", Size: 7, MediaType: "application/pdf", SHA256: sum("a report")})
	folder := about(&document.Manifest{Name: "docs", Files: 3, Size: 17, SHA256: sum(list)})
	commit := about(&document.Commit{Repository: "r", Commit: strings.Repeat("a", 40), Tree: strings.Repeat("b", 40), Files: 3, Size: 17, SHA256: sum(list)})
	broken := about(nil)
	broken.MediaType = document.FileType // it says "a report", which is no document of that type
	bare := about(nil)
	bare.Body = nil
	nothing := about(nil)
	nothing.Body.Payload = nil
	for _, tt := range []comparison{
		{name: "nothing to compare", m: file},
		{name: "the file", m: file, file: report, kind: "file"},
		{name: "another file", m: file, file: other, code: codeFileDiffers},
		{name: "the same hash with another size", m: short, file: report, code: codeFileDiffers},
		{name: "the payload", m: about(nil), file: report, kind: "payload"},
		{name: "the payload under the media type of a document", m: broken, file: report, kind: "payload"},
		{name: "another payload", m: about(nil), file: other, code: codeFileDiffers},
		{name: "a shorter payload", m: about(nil), file: empty, code: codeFileDiffers},
		{name: "a longer payload", m: nothing, file: report, code: codeFileDiffers},
		{name: "no content", m: bare, file: report, code: codeNoContent},
		{name: "the list", m: folder, manifest: listed, kind: "manifest"},
		{name: "another list", m: folder, manifest: longer, code: codeFileDiffers},
		{name: "a listed file", m: folder, manifest: listed, file: report, kind: "manifest", names: []string{"docs/a.pdf", "docs/d.pdf"}},
		{name: "a listed file of a commit", m: commit, manifest: listed, file: report, kind: "manifest", names: []string{"docs/a.pdf", "docs/d.pdf"}},
		{name: "an unlisted file", m: folder, manifest: listed, file: stranger, code: codeNotInManifest},
		{name: "a listed file in another list", m: commit, manifest: longer, file: report, code: codeFileDiffers},
		{name: "a directory without its list", m: folder, file: report, code: "usage"},
		{name: "a list for a file", m: file, manifest: listed, code: "usage"},
		{name: "a list for a payload", m: about(nil), manifest: listed, code: "usage"},
		{name: "no such file", m: file, file: filepath.Join(dir, "nowhere"), code: "usage"},
	} {
		t.Run(tt.name, tt.check)
	}
}

func TestParseWork(t *testing.T) {
	for _, tt := range []struct {
		text, want string // empty: refused
	}{
		{"0", "0"}, {"5000000", "5000000"}, {"2^0", "1"}, {"2^40", "1099511627776"}, {"2^127", "170141183460469231731687303715884105728"},
		{"340282366920938463463374607431768211455", "340282366920938463463374607431768211455"}, {"340282366920938463463374607431768211456", ""},
		{"2h", "7200000000"}, {"90s", "90000000"}, {"1h30m", "5400000000"}, {"3d", "259200000000"}, {"1ms", "1000"}, {"1ns", "1"}, {"0s", "0"},
		{"", ""}, {"2^128", ""}, {"2^", ""}, {"2^-1", ""}, {"2^x", ""}, {"-1", ""}, {"-1h", ""}, {"1.5", ""}, {"1e6", ""}, {"h", ""}, {"d", ""},
		{"99999999999d", ""}, {"4294967295d", ""}, {"0x10", ""}, {"much", ""},
	} {
		got, err := parseWork(tt.text, 1e6)
		if (err == nil) != (tt.want != "") || err == nil && got.String() != tt.want {
			t.Errorf("parseWork(%q) = %v, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestParseRate(t *testing.T) {
	for _, tt := range []struct {
		text string
		want float64 // 0: refused
	}{
		{"50000000", 5e7}, {"20M", 2e7}, {"1.5G", 1.5e9}, {"800k", 8e5}, {"800K", 8e5}, {"1", 1},
		{"", 0}, {"0", 0}, {"-5", 0}, {"NaN", 0}, {"Inf", 0}, {"1e9", 0}, {"0x10", 0}, {"M", 0}, {"10T", 0}, {"99999999G", 0},
	} {
		got, err := parseRate(tt.text)
		if (err == nil) != (tt.want != 0) || math.Abs(got-tt.want) > tt.want/1e9 {
			t.Errorf("parseRate(%q) = %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

// FuzzParseWork reads anything as an amount of work: no panic, and nothing below what it says.
func FuzzParseWork(f *testing.F) {
	for _, seed := range []string{"0", "2^40", "2h", "3d", "1h30m", "-1", "2^999", "9999999999999999999999999999999999999999999", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseWork(text, 50e6)
		if err != nil {
			return
		}
		if again, err := parseWork(got.String(), 1); err != nil || again != got {
			t.Errorf("%q is %v, which reads as %v, %v", text, got, again, err)
		}
	})
}
