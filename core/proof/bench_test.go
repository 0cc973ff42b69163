package proof

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// BenchmarkVerify reads and checks proof files, of which most of the time is for the signature.
func BenchmarkVerify(b *testing.B) {
	for _, tt := range []struct {
		name string
		make func() *Proof
	}{
		{"plain", func() *Proof { return newScene(b).proof() }},
		{"payload-16384", func() *Proof { return newScene(b, withText(strings.Repeat("0123456789abcdef", 1024))).proof() }},
		{"million-blocks", func() *Proof { return million(b) }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			file := tt.make().Encode()
			for b.Loop() {
				if _, err := judge(file); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(file)), "bytes")
		})
	}
}

// BenchmarkMessagePath is the part of Build that grows with the block.
func BenchmarkMessagePath(b *testing.B) {
	leaves := make([]core.Leaf, 32768)
	for i := range leaves {
		binary.BigEndian.PutUint32(leaves[i].ID[:], uint32(i))
	}
	for b.Loop() {
		messagePath(leaves, 12345)
	}
}

// A proof of a chain with 1,000,000 blocks has at most 8 KiB for a payload of 1 KiB, in the largest block
// that there can be and with the longest media type. The blocks that are not in it are made up: a tree
// needs nothing but their hashes.
func TestSizeAtAMillionBlocks(t *testing.T) {
	p := million(t)
	file := p.Encode()
	s, err := judge(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.Tip.Height != 1_000_000 || len(p.Seen.Path) < 20 || len(p.Next.Path) < 20 || len(p.Path) != 15 || len(s.Message.Body.Payload) != 1024 {
		t.Errorf("tip at %d, paths of %d, %d and %d hashes", s.Tip.Height, len(p.Path), len(p.Seen.Path), len(p.Next.Path))
	}
	t.Logf("%d bytes", len(file))
	if len(file) > 8<<10 {
		t.Errorf("%d bytes, at most 8 KiB", len(file))
	}
}

// A sparse tree has made up hashes, except for some leaves.
type sparse map[uint64]core.Hash

func (s sparse) leaf(i uint64) core.Hash {
	h, ok := s[i]
	if !ok {
		binary.BigEndian.PutUint64(h[:], i)
	}
	return core.LeafHash(h[:])
}

// root returns that over the leaves from … to − 1. It is exact where the tree has leaves of its own, and
// else any hash that depends on the place alone.
func (s sparse) root(from, to uint64) core.Hash {
	own := false
	for i := range s {
		own = own || i >= from && i < to
	}
	switch size := to - from; {
	case size == 1:
		return s.leaf(from)
	case !own:
		return s.leaf(from<<20 | to)
	default:
		middle := from + 1<<(bits.Len64(size-1)-1)
		return nodeHash(s.root(from, middle), s.root(middle, to))
	}
}

func (s sparse) path(t testing.TB, index, size uint64) []core.Hash {
	path, err := auditPath(index, size, func(from, to uint64) (core.Hash, error) { return s.root(from, to), nil })
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// million makes the proof of a message of 1 KiB in block 600,001 of main's parameters, at the lowest difficulty.
func million(t testing.TB) *Proof {
	t.Helper()
	n := coretest.Builtin(t, "main", func(p *core.Params) { p.Difficulty = 1 })
	w := newWorld(t, n)
	tree := sparse{0: n.Genesis}
	header := func(height uint64, previous core.Hash, root core.Hash, count uint32) core.Header {
		h := core.Header{
			MessageCount: count, Height: height, PreviousHash: previous, MessageRoot: root, HistoryRoot: tree.root(0, height),
			Work: workOf(16 * height), TimeMS: n.Params.GenesisTimeMS + 5000*height, BusyMS: 5000, Bits: n.Header.Bits,
		}
		w.seal(nil, &h)
		tree[height] = h.Hash()
		return h
	}
	const seenHeight, height, last = 300_000, 600_001, 1_000_000
	seen := header(seenHeight, core.Hash{1}, core.Hash{2}, 3)
	m := coretest.MessageWith(t, n, coretest.Key(1), strings.Repeat("a", 1024), func(m *core.Message) {
		m.Seen, m.MediaType = seen.Hash(), strings.Repeat("m", core.MaxMediaType)
	})
	leaves := make([]core.Leaf, 32768)
	leaves[20000] = m.Leaf()
	p := &Proof{Params: n.Params, Message: m, Position: 20000, Path: messagePath(leaves, 20000)}
	p.Block = header(height, core.Hash{3}, core.MessageRoot(leaves), 32768)
	p.Seen = &Step{seen, tree.path(t, seenHeight, height)}
	next := header(height+1, p.Block.Hash(), core.Hash{4}, 1)
	tip := header(last, core.Hash{5}, core.Hash{6}, 1)
	p.Next, p.Tip = &Step{next, tree.path(t, height+1, last)}, &tip
	return p
}
