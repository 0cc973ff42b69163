package proof

import (
	"bytes"
	"encoding/json"
	"p2pchain/core/coretest"
	"path/filepath"
	"strings"
	"testing"
)

// golden is coretest.Golden with our flag.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	coretest.Golden(t, name, got, *update)
}

// An indexEntry is what every verifier must say about a file.
type indexEntry struct {
	File  string `json:"file"`
	Good  bool   `json:"good"`
	Code  string `json:"code,omitempty"`  // of the fault
	Part  string `json:"part,omitempty"`  // of the proof where the fault is
	Class string `json:"class,omitempty"` // malformed or altered
	Words string `json:"words,omitempty"` // what the code means
	Says  *says  `json:"says,omitempty"`  // of a good one
}

// says is what a good proof shows and claims.
type says struct {
	Network       string `json:"network"` // id
	Message       string `json:"message"` // id
	Block         string `json:"block"`   // hash
	Height        uint64 `json:"height"`
	Position      int    `json:"position"`
	Seen          string `json:"seen,omitempty"` // hash
	Next          string `json:"next,omitempty"` // hash
	Last          string `json:"last"`           // hash of the last header in the proof
	Confirmations uint64 `json:"confirmations"`
	Shown         uint64 `json:"confirmations_shown"`
	WorkClaimed   string `json:"work_claimed"`
	WorkShown     string `json:"work_shown"`
	PowBinds      bool   `json:"pow_binds"`
}

func saysOf(s *Statement) *says {
	out := &says{
		Network: s.Network.ID(), Message: s.ID.String(), Block: s.BlockHash.String(), Height: s.Block.Height, Position: s.Position,
		Last: s.TipHash.String(), Confirmations: s.Confirmations, Shown: s.ConfirmationsShown,
		WorkClaimed: s.WorkClaimed.String(), WorkShown: s.WorkShown.String(), PowBinds: s.PowBinds,
	}
	if s.Seen != nil {
		out.Seen = s.Seen.Hash.String()
	}
	if s.Next != nil {
		out.Next = s.Next.Hash.String()
	}
	return out
}

// judge reads and checks a file as a user's program does.
func judge(b []byte) (*Statement, error) {
	p, err := Decode(b)
	if err != nil {
		return nil, err
	}
	return p.Verify()
}

// All examples are made anew, byte by byte the ones in testdata, and have the verdict of the index.
// Other verifiers are held to the same index.
func TestGolden(t *testing.T) {
	var index []indexEntry
	for _, g := range goods() {
		t.Run(g.name, func(t *testing.T) {
			p := g.make(t)
			b := p.Encode()
			golden(t, g.name+Extension, b)
			s, err := judge(b)
			if err != nil {
				t.Fatal(err)
			}
			index = append(index, indexEntry{File: g.name + Extension, Good: true, Says: saysOf(s)})
		})
	}
	for _, f := range forgeries() {
		t.Run(f.name, func(t *testing.T) {
			b := f.make(t)
			name := "forged/" + f.name + Extension
			golden(t, name, b)
			_, err := judge(b)
			bad, ok := err.(*Fault)
			if !ok || bad.Code != f.code || bad.Part != f.part {
				t.Fatalf("%v, want %s in %s", err, f.code, f.part)
			}
			index = append(index, indexEntry{File: name, Code: bad.Code, Part: bad.Part, Class: bad.Class.String(), Words: bad.Words()})
		})
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(index); err != nil {
		t.Fatal(err)
	}
	golden(t, "index.json", buf.Bytes())
	everyCodeForged(t, index)
	nothingElse(t, index)
}

// everyCodeForged fails for a fault that no example has.
func everyCodeForged(t *testing.T, index []indexEntry) {
	forged := map[string]bool{TooLarge: true} // TestBounds has it: it is no file for a repository
	for _, e := range index {
		forged[e.Code] = true
	}
	for _, k := range Faults() {
		if !forged[k.Code] {
			t.Errorf("no forgery is refused as %s", k.Code)
		}
	}
}

// nothingElse fails for a file in testdata that the index does not know.
func nothingElse(t *testing.T, index []indexEntry) {
	known := map[string]bool{"index.json": true}
	for _, e := range index {
		known[filepath.ToSlash(e.File)] = true
	}
	for _, pattern := range []string{"*.*", "forged/*"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !known[filepath.ToSlash(strings.TrimPrefix(f, "testdata"+string(filepath.Separator)))] {
				t.Errorf("%s is not in the index", f)
			}
		}
	}
}
