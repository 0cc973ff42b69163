package proof

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzProof gives Decode and Verify what they may get from anybody: they end, a refusal is a fault of the
// table, and what is read has the bytes that were read. The input is an edit of an example, since the fuzzer
// would spend its time on making whole files shorter: the bytes at a place give way to others.
func FuzzProof(f *testing.F) {
	var examples [][]byte
	for _, pattern := range []string{"*" + Extension, "forged/*" + Extension} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(files) == 0 {
			f.Fatal(files, err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			examples = append(examples, b)
		}
	}
	f.Add(uint16(0), uint16(0), uint16(1<<16-1), []byte(formatHead))
	for i := range examples {
		f.Add(uint16(i), uint16(100*i), uint16(i%3), []byte("0"))
	}
	known := make(map[string]bool)
	for _, k := range Faults() {
		known[k.Code] = true
	}
	f.Fuzz(func(t *testing.T, example, at, cut uint16, with []byte) {
		b := examples[int(example)%len(examples)]
		from := min(int(at), len(b))
		b = slices.Concat(b[:from], with, b[min(from+int(cut), len(b)):])
		p, err := Decode(b)
		if err != nil {
			if bad, ok := err.(*Fault); !ok || !known[bad.Code] || p != nil {
				t.Fatalf("Decode = %v, %v", p, err)
			}
			return
		}
		if again := p.Encode(); !bytes.Equal(again, b) {
			t.Fatalf("encodes to\n%s, was\n%s", again, b)
		}
		s, err := p.Verify()
		if err != nil {
			if bad, ok := err.(*Fault); !ok || !known[bad.Code] || bad.Class != Altered || s != nil {
				t.Fatalf("Verify = %v, %v", s, err)
			}
			return
		}
		bare := p.WithoutBody()
		if less, err := bare.Verify(); err != nil || less.ID != s.ID || less.Message.Body != nil {
			t.Fatalf("without its body: %v", err)
		}
	})
}
