package chainfile_test

import (
	"bytes"
	"testing"

	"p2pchain/core/chainfile"
)

// FuzzLine holds that whatever is read as a line would be written as that line.
func FuzzLine(f *testing.F) {
	n, blocks := story(f)
	for _, b := range blocks {
		f.Add(chainfile.AppendBlock(nil, b))
	}
	f.Add(chainfile.AppendGenesis(nil, n))
	f.Fuzz(func(t *testing.T, b []byte) {
		line := chainfile.Line(b)
		if block, err := line.Block(n); err == nil {
			if again := chainfile.AppendBlock(nil, block); !bytes.Equal(again, b) {
				t.Errorf("read %q, wrote %q", b, again)
			}
		}
		if other, err := line.Genesis(); err == nil {
			if again := chainfile.AppendGenesis(nil, other); !bytes.Equal(again, b) {
				t.Errorf("read %q, wrote %q", b, again)
			}
		}
	})
}

// FuzzReader reads anything as a file.
func FuzzReader(f *testing.F) {
	n, blocks := story(f)
	f.Add(file(f, n, blocks))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := chainfile.NewReader(bytes.NewReader(b))
		for lines := 1; err == nil; lines++ {
			if r.Line() != lines || r.Offset() > int64(len(b)) || b[r.Offset()-1] != '\n' {
				t.Fatalf("after %d lines: line %d, offset %d of %d", lines, r.Line(), r.Offset(), len(b))
			}
			var line chainfile.Line
			if line, _, err = r.Next(); err == nil {
				start, h, backErr := chainfile.LastLine(bytes.NewReader(b), r.Offset())
				if backErr != nil || start != r.Offset()-int64(len(line)) {
					t.Fatalf("from the end the line begins at %d with %+v, %v", start, h, backErr)
				}
			}
		}
	})
}
