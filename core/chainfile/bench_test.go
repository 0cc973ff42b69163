package chainfile_test

import (
	"bytes"
	"io"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

// An endless file makes its lines as they are read. Its headers follow one another, which is all that
// a Reader asks for.
type endless struct {
	block *core.Block
	last  core.Hash
	line  bytes.Buffer
	left  int64
}

func newEndless(t testing.TB, bytes int64) *endless {
	n := coretest.Network(t)
	e := &endless{block: &core.Block{Header: n.Header, Messages: coretest.Messages(t, n, strings.Repeat("x", 194), 100)}, last: n.Genesis, left: bytes}
	e.block.Header.MessageCount = 100
	e.line.Write(chainfile.AppendGenesis(nil, n))
	return e
}

func (e *endless) Read(b []byte) (int, error) {
	if e.line.Len() == 0 {
		if e.left <= 0 {
			return 0, io.EOF
		}
		h := &e.block.Header
		h.PreviousHash, h.Height = e.last, h.Height+1
		e.last = h.Hash()
		if err := chainfile.NewWriter(&e.line).Block(e.block); err != nil {
			return 0, err
		}
	}
	n, err := e.line.Read(b)
	e.left -= int64(n)
	return n, err
}

// TestReaderIsFlat reads a long file and looks at the heap on the way.
func TestReaderIsFlat(t *testing.T) {
	r, err := chainfile.NewReader(newEndless(t, 30<<20))
	if err != nil {
		t.Fatal(err)
	}
	var before, most uint64
	for looked := int64(0); ; {
		line, _, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, err := line.Block(r.Network()); err != nil || len(b.Messages) != 100 {
			t.Fatal(err)
		}
		if r.Offset() > looked+5<<20 {
			looked, most = r.Offset(), max(most, heap())
			if before == 0 {
				before = most
			}
		}
	}
	if r.Offset() < 30<<20 || most > before+2<<20 {
		t.Errorf("the heap grew from %d to %d KiB over %d MiB", before>>10, most>>10, r.Offset()>>20)
	}
}

// heap returns the bytes that are alive.
func heap() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// BenchmarkWrite writes blocks of 100 messages of 200 bytes.
func BenchmarkWrite(b *testing.B) {
	e := newEndless(b, 1)
	w := chainfile.NewWriter(io.Discard)
	b.SetBytes(int64(len(chainfile.AppendBlock(nil, e.block))))
	for b.Loop() {
		if err := w.Block(e.block); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRead reads the line of such a block.
func BenchmarkRead(b *testing.B) {
	e := newEndless(b, 1)
	n := coretest.Network(b)
	line := chainfile.Line(chainfile.AppendBlock(nil, e.block))
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := line.Block(n); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
