package receipt_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
	"p2pchain/core"
	"p2pchain/core/coretest/random"
	"p2pchain/core/document"
)

// A record is a payload that may notarise something.
type record struct {
	Type, Payload string
	good          bool
}

// records returns payloads of all kinds: good ones, ones with another spelling or a bad value, and ones in
// which something was changed at random.
func records(t *testing.T) []record {
	t.Helper()
	rng := random.Source(t)
	hash := core.Hash{1, 2, 3}
	file := func(name, mediaType string, size uint64) document.Document {
		return &document.File{Name: name, Size: size, MediaType: mediaType, SHA256: hash}
	}
	log := func(sequence, from, length uint64, edit func(*document.Anchor)) document.Document {
		a := &document.Anchor{Log: "app.log", Sequence: sequence, Began: document.BeganFirst, Length: length, From: from, SHA256: hash, Segment: hash, TimeMS: core.MaxTimeMS}
		a.Lines = min(1, length)
		if from > 0 {
			a.Segment = core.Hash{9}
		}
		if from == length {
			a.Segment = sha256.Sum256(nil)
		}
		if length == 0 {
			a.SHA256 = a.Segment
		}
		if sequence > 1 {
			a.Previous = hash
		}
		if edit != nil {
			edit(a)
		}
		return a
	}
	good := []document.Document{
		file("a.pdf", "application/pdf", 1), file(`say "no".txt`, "t", 0), file("ü \u200d 文.txt", "text/plain; charset=utf-8", 1<<53-1), file("__proto__", "b", 5),
		file(strings.Repeat("n", 255), strings.Repeat("m", 127), 7),
		&document.Manifest{Name: "papers", Files: 2, Size: 37, SHA256: hash},
		&document.Commit{Repository: `C:\git "mine"/r`, Commit: strings.Repeat("ab", 20), Tree: strings.Repeat("cd", 20), Files: 3, Size: 4, SHA256: hash},
		&document.Commit{Repository: "https://example.com/r.git", Commit: strings.Repeat("ab", 32), Tree: strings.Repeat("cd", 32), SHA256: hash},
		log(1, 0, 6, nil), log(2, 6, 6, nil), log(3, 4, 6, nil), log(1, 0, 0, nil), log(1, 0, 6, func(a *document.Anchor) { a.Began, a.Previous = document.BeganCut, hash }),
	}
	bad := []document.Document{
		log(0, 0, 6, nil), log(1, 2, 6, nil), log(2, 7, 6, nil), log(2, 0, 6, func(a *document.Anchor) { a.Segment = core.Hash{7} }),
		log(2, 6, 6, func(a *document.Anchor) { a.Segment = hash }), log(1, 0, 6, func(a *document.Anchor) { a.Previous = hash }),
		log(1, 0, 6, func(a *document.Anchor) { a.Began = document.BeganCut }), log(1, 0, 6, func(a *document.Anchor) { a.Began = "so" }),
		log(1, 0, 6, func(a *document.Anchor) { a.Lines = 7 }), log(1, 0, 6, func(a *document.Anchor) { a.Lines = 0 }), log(1, 0, 6, func(a *document.Anchor) { a.Partial = 7 }),
		log(1, 0, 6, func(a *document.Anchor) { a.TimeMS = core.MaxTimeMS + 1 }), log(1, 0, 6, func(a *document.Anchor) { a.Log = "a/b" }),
		file("", "b", 1), file("..", "b", 1), file("a/b", "b", 1), file(`a\b`, "b", 1), file(strings.Repeat("ü", 128), "b", 1), file("a", "", 1),
		file("a", `"`, 1), file("a", "ü", 1), file("a", strings.Repeat("m", 128), 1), file("a", "b", 1<<53), file("a\xff", "b", 1),
		&document.Manifest{Name: ".", SHA256: hash},
		&document.Commit{Repository: "r", Commit: strings.Repeat("ab", 32), Tree: strings.Repeat("cd", 20), SHA256: hash},
		&document.Commit{Repository: "r", Commit: strings.Repeat("AB", 20), Tree: strings.Repeat("cd", 20), SHA256: hash},
	}
	var out []record
	add := func(mediaType string, payload []byte) {
		_, err := document.Decode(mediaType, payload)
		out = append(out, record{mediaType, base64.StdEncoding.EncodeToString(payload), err == nil})
	}
	for _, d := range append(good, bad...) {
		add(d.Type(), d.Encode())
	}
	for i, r := range out {
		if r.good != (i < len(good)) {
			t.Fatalf("record %d of %d good ones is taken: %v", i, len(good), r.good)
		}
	}
	for c := range rune(0x3200) { // and all that is hidden above
		add(document.FileType, file("a"+string(c)+"b", "b", 1).Encode())
	}
	for _, c := range []rune{0xfdcf, 0xfdd0, 0xfdef, 0xfdf0, 0xfeff, 0xffa0, 0xffef, 0xfff0, 0xfffb, 0xfffc, 0xfffe, 0xffff, 0x1bca0, 0x1d173, 0x1d17b, 0x1fffe, 0xe0001, 0xe1000, 0x10ffff} {
		add(document.FileType, file("a"+string(c)+"b", "b", 1).Encode())
	}
	digest := hash.String()
	for _, text := range []string{
		`{"sha256":"` + digest + `","name":"a","size":1,"media_type":"b","x":1}`, `{"name":"a","size":1,"media_type":"b","sha256":"` + digest + `","x":1}`,
		`{"name":"a","size":1,"size":1,"media_type":"b","sha256":"` + digest + `"}`, `{"name":"a","media_type":"b","size":1,"sha256":"` + digest + `"}`,
		`{"name":"a","size":"1","media_type":"b","sha256":"` + digest + `"}`, `{"name":"a","size":1e0,"media_type":"b","sha256":"` + digest + `"}`,
		`{"name":"a","size":-0,"media_type":"b","sha256":"` + digest + `"}`, `{"name":"\u0061","size":1,"media_type":"b","sha256":"` + digest + `"}`,
		`{"name":1,"size":1,"media_type":"b","sha256":"` + digest + `"}`, `{"name":["a"],"size":1,"media_type":"b","sha256":"` + digest + `"}`,
		` {"name":"a","size":1,"media_type":"b","sha256":"` + digest + `"}`, `null`, `[]`, `"a"`, `1`, `{}`, ``,
	} {
		add(document.FileType, []byte(text))
	}
	for range 3000 {
		d := good[rng.IntN(len(good))]
		add(d.Type(), mutate(rng, d.Encode()))
	}
	return out
}

// readsRecords holds that the page takes the same payloads for records as the program: what is one there
// and a plain text here would be compared with two different files.
func readsRecords(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	all := records(t)
	for part := range slices.Chunk(all, 2000) {
		got := browsertest.Eval[[]bool](tab, javascript(t, part)+`.map((r) => readDocument({envelope: {mediaType: r.Type},
			payload: Uint8Array.from(atob(r.Payload), (c) => c.charCodeAt(0))}) !== null)`)
		for i, r := range part {
			if got[i] != r.good {
				text, err := base64.StdEncoding.DecodeString(r.Payload)
				t.Errorf("%s %q (%v): the page takes it for a record: %v, the program: %v", r.Type, text, err, got[i], r.good)
			}
		}
	}
}

// growingLog drops a log, as it was and as it became, on the receipt of its anchor.
func growingLog(t *testing.T, b *browsertest.Browser) {
	const then = "one\ntwo\n"
	a := &document.Anchor{Log: "app.log", Sequence: 1, Began: document.BeganFirst, Length: 8, Lines: 2, SHA256: sha256.Sum256([]byte(then)), TimeMS: 1}
	a.Segment = a.SHA256
	tab := open(t, b, write(t, proofOf(t, a.Type(), string(a.Encode()))), desk())
	if facts := tab.Text("#facts"); !strings.Contains(facts, "the first 8 bytes of the log app.log") || !strings.Contains(facts, a.SHA256.String()) {
		t.Errorf("facts = %q", facts)
	}
	for _, tt := range []struct {
		name, content string
		good          bool
	}{{"same", then, true}, {"longer", then + "three\n", true}, {"altered", "one\nTwo\nthree\n", false}, {"shorter", "one\n", false}} {
		tab.Drop("#document-zone", put(t, tt.name+".log", tt.content))
		want := "No: the first 8 bytes of " + tt.name + ".log ("
		if tt.good {
			want = "Yes: the first 8 bytes of " + tt.name + ".log are those of the log, with SHA-256 " + a.SHA256.String()
		}
		answer(t, tab, want, tt.good)
	}
}
