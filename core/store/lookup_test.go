package store

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// sameLookups compares what the API reads with the model.
func (m *model) sameLookups(t *testing.T, s *Store, pool []*core.Message) {
	t.Helper()
	newest := slices.Clone(m.waiting)
	slices.Reverse(newest)
	half := len(newest) / 2
	upper, err := s.WaitingBefore(math.MaxUint64, max(half, 1))
	if half > 0 {
		equal(t, "WaitingBefore", upper, newest[:half], err)
		lower, err := s.WaitingBefore(upper[half-1].Seq, 1<<20)
		equal(t, "WaitingBefore the last", lower, newest[half:], err)
	}
	for i, want := range m.reorgs {
		got, err := s.ReorgsBefore(uint64(len(m.reorgs)-i), 1)
		equal(t, "ReorgsBefore", got, []chain.PastReorg{{Number: uint64(len(m.reorgs) - i - 1), ReorgRecord: want}}, err)
	}
	condemned, err := s.Condemned(1 << 20)
	if err != nil || len(condemned) != len(m.condemned) {
		t.Errorf("Condemned = %v, %v, want %d", condemned, err, len(m.condemned))
	}
	for _, msg := range pool {
		seen, err := s.Seen(msg.ID)
		named, namedErr := s.MessagesNamed(msg.ID.String()[:61], 5)
		if k := m.known[msg.ID]; k != nil {
			equal(t, "Seen", seen, chain.FirstSeen{MS: k.acceptedMS, Local: k.local}, err)
			equal(t, "MessagesNamed", named, []core.Hash{msg.ID}, namedErr)
		} else if !errors.Is(err, chain.ErrNotFound) || named != nil || namedErr != nil {
			t.Errorf("unknown message: seen %v, %v; named %v, %v", seen, err, named, namedErr)
		}
	}
	m.samePieces(t, s)
}

// samePieces reads all stored blocks in one sweep.
func (m *model) samePieces(t *testing.T, s *Store) {
	t.Helper()
	var hashes []core.Hash
	for hash := range m.blocks {
		hashes = append(hashes, hash)
	}
	var got chain.Pieces
	if err := s.Pieces(&got, chain.Extract{Blocks: hashes, Messages: 1 << 20, Bytes: 1 << 30}); err != nil || len(got.List) != len(hashes) {
		t.Fatalf("Pieces = %d of %d, %v", len(got.List), len(hashes), err)
	}
	for _, piece := range got.List {
		want := m.shownBlock(m.blocks[piece.Hash].Block)
		if piece.Header != want.Header || piece.From != 0 || !piece.Whole() {
			t.Errorf("piece of block %v: %+v, want %+v", piece.Hash, piece, want)
			continue
		}
		for i := range piece.Messages {
			equal(t, "message of a piece", &piece.Messages[i].Message, want.Messages[i], nil)
			k := m.known[want.Messages[i].ID]
			equal(t, "First", piece.Messages[i].First, chain.FirstSeen{MS: k.acceptedMS, Local: k.local}, nil)
		}
	}
}

// TestPieces reads blocks with every kind of limit, into the same memory.
func TestPieces(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	texts := coretest.Messages(t, n, strings.Repeat("x", 100), 40)
	twice := coretest.Resigned(t, coretest.Key(0), texts[0])
	tip, side := coretest.Genesis(n), coretest.Genesis(n)
	var blocks []*core.Block
	for _, msgs := range [][]*core.Message{texts[:10], nil, texts[10:11], texts[11:40]} {
		b := coretest.Next(t, n, tip, msgs...)
		blocks, tip = append(blocks, b), tip.After(b)
	}
	connect(t, s, blocks...)
	other := coretest.NextWith(t, n, side, func(h *core.Header) { h.Nonce = 1 << 30 }, twice)
	commit(t, s, storing(other))
	hashes := []core.Hash{n.Genesis}
	for _, b := range blocks {
		hashes = append(hashes, b.Header.Hash())
	}
	size := texts[39].Size()
	var got chain.Pieces
	for _, tt := range []struct {
		name   string
		want   chain.Extract
		counts []int // messages of each piece
	}{
		{"all", chain.Extract{Blocks: hashes, Messages: 100, Bytes: 1 << 20}, []int{0, 10, 0, 1, 29}},
		{"nothing asked for", chain.Extract{}, []int{}},
		{"no room", chain.Extract{Blocks: hashes[1:]}, []int{1}},
		{"no room for genesis", chain.Extract{Blocks: hashes}, []int{0}},
		{"messages", chain.Extract{Blocks: hashes[1:], Messages: 15, Bytes: 1 << 20}, []int{10, 0, 1, 3}},
		{"ends with a block", chain.Extract{Blocks: hashes[1:], Messages: 12, Bytes: 1 << 20}, []int{10, 0, 1}},
		{"bytes", chain.Extract{Blocks: hashes[4:], Messages: 100, Bytes: pieceOverhead + 3*size}, []int{3}},
		{"from the middle", chain.Extract{Blocks: hashes[1:], From: 7, Messages: 100, Bytes: 1 << 20}, []int{3, 0, 1, 29}},
		{"from the end", chain.Extract{Blocks: hashes[4:], From: 29, Messages: 100, Bytes: 1 << 20}, []int{0}},
		{"from beyond", chain.Extract{Blocks: hashes[4:], From: 1 << 40, Messages: 100, Bytes: 1 << 20}, []int{0}},
		{"side branch", chain.Extract{Blocks: []core.Hash{other.Header.Hash()}, Messages: 100, Bytes: 1 << 20}, []int{1}},
		{"headers", chain.Extract{Blocks: hashes, Bare: true, Messages: 3, Bytes: 1 << 20}, []int{0, 0, 0}},
		{"unknown later", chain.Extract{Blocks: []core.Hash{hashes[3], {1}, hashes[4]}, Messages: 100, Bytes: 1 << 20}, []int{1}},
	} {
		err := s.Pieces(&got, tt.want)
		counts := []int{}
		for _, p := range got.List {
			counts = append(counts, len(p.Messages))
		}
		if err != nil || !slices.Equal(counts, tt.counts) {
			t.Errorf("%s: %v, %v, want %v", tt.name, counts, err, tt.counts)
		}
	}
	if err := s.Pieces(&got, chain.Extract{Blocks: []core.Hash{other.Header.Hash()}}); err != nil || got.List[0].Messages[0].Signature != twice.Signature {
		t.Errorf("the signature is not that of the block's leaf, %v", err)
	}
	if err := s.Pieces(&got, chain.Extract{Blocks: []core.Hash{{1}}}); !errors.Is(err, chain.ErrNotFound) || len(got.List) != 0 {
		t.Errorf("unknown block: %v", err)
	}
}

// TestPiecesOfBare reads messages whose bodies were dropped.
func TestPiecesOfBare(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	b := coretest.WithoutBodies(coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...))
	connect(t, s, b)
	var got chain.Pieces
	err := s.Pieces(&got, chain.Extract{Blocks: []core.Hash{b.Header.Hash()}, Messages: 9, Bytes: 1 << 20})
	if err != nil || len(got.List[0].Messages) != 3 || got.List[0].Messages[1].Body != nil || got.List[0].Messages[1].PayloadSize == 0 {
		t.Errorf("Pieces = %+v, %v", got.List, err)
	}
}

// TestSwappedRecords puts a message into the slot of another: it must not be served under that id.
func TestSwappedRecords(t *testing.T) {
	n := coretest.Network(t)
	s, err := Open("store", n, options(t, vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 2)...)
	connect(t, s, b)
	m := b.Messages[1]
	first := record{signature: m.Signature, envelope: m.Envelope, body: m.Body}
	if err := s.db.Set(numberKey(prefixRecord, 0), first.encode(), nil); err != nil {
		t.Fatal(err)
	}
	var got chain.Pieces
	if err := s.Pieces(&got, chain.Extract{Blocks: []core.Hash{b.Header.Hash()}, Messages: 9, Bytes: 1 << 20}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Pieces = %v, want ErrCorrupt", err)
	}
}

// TestNamed looks for hashes by prefixes of every length, and at the ends of the range.
func TestNamed(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 50)...)
	connect(t, s, b)
	all := append([]core.Hash{}, b.Messages[0].ID)
	for _, m := range b.Messages[1:] {
		all = append(all, m.ID)
	}
	slices.SortFunc(all, core.Hash.Compare)
	for length := range 65 {
		for _, id := range []core.Hash{all[0], all[17], all[49]} {
			digits := id.String()[:length]
			var want []core.Hash
			for _, h := range all {
				if strings.HasPrefix(h.String(), digits) {
					want = append(want, h)
				}
			}
			got, err := s.MessagesNamed(digits, 100)
			equal(t, "MessagesNamed "+digits, got, want, err)
		}
	}
	if got, err := s.MessagesNamed("", 7); err != nil || len(got) != 7 {
		t.Errorf("limit 7: %v, %v", got, err)
	}
	for _, digits := range []string{strings.Repeat("0", 65), "xy", "é", "F?", strings.Repeat("f", 64)} {
		if got, err := s.MessagesNamed(digits, 7); err != nil || got != nil {
			t.Errorf("%q: %v, %v", digits, got, err)
		}
	}
	if got, err := s.BlocksNamed(b.Header.Hash().String()[:9], 7); err != nil || !slices.Equal(got, []core.Hash{b.Header.Hash()}) {
		t.Errorf("BlocksNamed = %v, %v", got, err)
	}
	if got, err := s.WaitingBefore(math.MaxUint64, 0); err != nil || got != nil {
		t.Errorf("limit 0: %v, %v", got, err)
	}
}
