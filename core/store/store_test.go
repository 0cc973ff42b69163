package store

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

func TestNewStore(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	if tip, err := s.Tip(); err != nil || tip != n.Genesis {
		t.Errorf("Tip = %v, %v, want genesis", tip, err)
	}
	if b, err := s.Block(n.Genesis); err != nil || !reflect.DeepEqual(b, n.GenesisBlock()) {
		t.Errorf("Block(genesis) = %v, %v", b, err)
	}
	if f, err := s.Frontier(0); err != nil || f.Root() != (core.Frontier{}).Append(n.Genesis).Root() {
		t.Errorf("Frontier(0) = %v, %v", f, err)
	}
	if s.CreatedBy() != "a test" {
		t.Errorf("CreatedBy = %q", s.CreatedBy())
	}
	for name, err := range map[string]error{
		"Entry":    second(s.Entry(core.Hash{1})),
		"HashAt":   second(s.HashAt(1)),
		"Frontier": second(s.Frontier(1)),
		"Block":    second(s.Block(core.Hash{1})),
		"Leaves":   second(s.Leaves(core.Hash{1})),
		"Message":  second(s.Message(core.Hash{1})),
		"Sealed":   second(s.Sealed(core.Hash{1})),
	} {
		if !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("%s of what is not there = %v, want ErrNotFound", name, err)
		}
	}
	if places, err := s.Places(core.Hash{1}); err != nil || len(places) != 1 || len(places[0]) != 0 {
		t.Errorf("Places of an unknown message = %v, %v, want none", places, err)
	}
}

func second[T any](_ T, err error) error { return err }

// A block comes back as it went in, after a restart too, and the frontier at every height is the one
// that appending gives.
func TestConnectedBlocksComeBack(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 70, 2)
	connect(t, s, blocks[:30]...)
	for _, b := range blocks[30:] {
		connect(t, s, b)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, n, fs)
	history := (core.Frontier{}).Append(n.Genesis)
	for i, b := range blocks {
		height, hash := uint64(i+1), b.Header.Hash()
		history = history.Append(hash)
		if got, err := s.Block(hash); err != nil || !reflect.DeepEqual(got, b) {
			t.Fatalf("Block at height %d = %v, %v", height, got, err)
		}
		if got, err := s.HashAt(height); err != nil || got != hash {
			t.Fatalf("HashAt(%d) = %v, %v", height, got, err)
		}
		if got, err := s.Frontier(height); err != nil || !reflect.DeepEqual(got, history) {
			t.Fatalf("Frontier(%d) = %v, %v", height, got, err)
		}
		if got, err := s.Leaves(hash); err != nil || !reflect.DeepEqual(got, b.Leaves()) {
			t.Fatalf("Leaves at height %d = %v, %v", height, got, err)
		}
		want := chain.Entry{Hash: hash, Header: b.Header, SeenMS: 2000}
		if got, err := s.Entry(hash); err != nil || got != want {
			t.Fatalf("Entry at height %d = %v, %v", height, got, err)
		}
		place := chain.Place{Block: hash, Height: height, Position: 1}
		if got, err := s.Sealed(b.Messages[1].ID); err != nil || got != place {
			t.Fatalf("Sealed = %v, %v, want %v", got, err, place)
		}
	}
}

func TestAccept(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 5)
	accept(t, s, true, mempool.Accepted, m[0])
	accept(t, s, true, mempool.AlreadyWaiting, m[0])
	results, err := s.Accept([]*core.Message{m[1], m[0], m[1], m[2]}, false, 1001)
	want := []mempool.AcceptResult{mempool.Accepted, mempool.AlreadyWaiting, mempool.AlreadyWaiting, mempool.Accepted}
	if err != nil || !slices.Equal(results, want) {
		t.Fatalf("Accept = %v, %v, want %v", results, err, want)
	}
	connect(t, s, coretest.Next(t, n, coretest.Genesis(n), m[1], m[3]))
	results, err = s.Accept([]*core.Message{m[1], m[3], m[2], m[1]}, true, 1002)
	want = []mempool.AcceptResult{mempool.AlreadySealed, mempool.AlreadySealed, mempool.AlreadyWaiting, mempool.AlreadySealed}
	if err != nil || !slices.Equal(results, want) {
		t.Fatalf("Accept = %v, %v, want %v", results, err, want)
	}
	for i, want := range []mempool.AcceptResult{mempool.AlreadyWaiting, mempool.AlreadySealed, mempool.AlreadyWaiting, mempool.AlreadySealed, mempool.Accepted} {
		if got, err := s.Lookup(m[i].ID); err != nil || got != want {
			t.Errorf("Lookup(%d) = %v, %v, want %v", i, got, err, want)
		}
	}
	page, err := s.Waiting(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	wantPage := []mempool.Waiting{
		{Seq: 1, ID: m[0].ID, Size: m[0].Size(), Local: true, AcceptedMS: 1000},
		{Seq: 3, ID: m[2].ID, Size: m[2].Size(), Local: true, AcceptedMS: 1001}, // foreign at first
	}
	if !reflect.DeepEqual(page.Messages, wantPage) {
		t.Errorf("Waiting = %+v, want %+v", page.Messages, wantPage)
	}
	if tip, _ := s.Tip(); page.Tip != tip {
		t.Errorf("Waiting is at %v, the tip is %v", page.Tip, tip)
	}
	if count, bytes := s.WaitingTotals(); count != 2 || bytes != int64(m[0].Size()+m[2].Size()) {
		t.Errorf("WaitingTotals = %d, %d", count, bytes)
	}
	if got, err := s.Message(m[2].ID); err != nil || !reflect.DeepEqual(got, m[2]) {
		t.Errorf("Message = %v, %v, want %v", got, err, m[2])
	}
}

func TestWaitingPages(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 10)
	accept(t, s, false, mempool.Accepted, m...)
	connect(t, s, coretest.Next(t, n, coretest.Genesis(n), m[3]))
	for _, tt := range []struct {
		after uint64
		limit int
		want  []uint64
	}{
		{0, 3, []uint64{1, 2, 3}},
		{3, 3, []uint64{5, 6, 7}},
		{9, 3, []uint64{10}},
		{10, 3, nil},
		{0, 0, nil},
		{1<<64 - 1, 3, nil},
	} {
		page, err := s.Waiting(tt.after, tt.limit)
		var got []uint64
		for _, w := range page.Messages {
			got = append(got, w.Seq)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Waiting(%d, %d) = %v, %v, want %v", tt.after, tt.limit, got, err, tt.want)
		}
	}
}

// A number is never given twice, also when nothing waits at a restart.
func TestSequenceSurvivesRestart(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 3)
	accept(t, s, false, mempool.Accepted, m[:2]...)
	connect(t, s, coretest.Next(t, n, coretest.Genesis(n), m[:2]...))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, n, fs)
	accept(t, s, false, mempool.Accepted, m[2])
	if page, err := s.Waiting(0, 9); err != nil || len(page.Messages) != 1 || page.Messages[0].Seq != 3 {
		t.Errorf("Waiting = %+v, %v, want one of number 3", page, err)
	}
}

func TestPeers(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	for _, err := range []error{
		s.PutPeer("a", []byte("1")), s.PutPeer("b", []byte("2")), s.PutPeer("c", nil),
		s.PutPeer("b", []byte("3")), s.RemovePeer("a"), s.RemovePeer("x"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.PutPeer("", nil), nil); err == nil {
		t.Error("PutPeer without an id = nil")
	}
	if err := s.PutPeer("d", make([]byte, MaxPeerValue+1)); err == nil {
		t.Error("PutPeer of a large value = nil")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, n, fs)
	want := map[string][]byte{"b": []byte("3"), "c": nil}
	if got, err := s.Peers(); err != nil || len(got) != 2 || !slices.Equal(got["b"], want["b"]) || len(got["c"]) != 0 {
		t.Errorf("Peers = %v, %v, want %v", got, err, want)
	}
}
