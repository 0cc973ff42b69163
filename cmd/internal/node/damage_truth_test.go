package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

const (
	truthBlocks   = 60
	truthMessages = 5 // in a block
	truthWaiting  = 40
)

// A truth is what damaged stores held, as a healthy peer has it.
type truth struct {
	network *core.Network
	blocks  []*core.Block // from height 1
	raw     map[core.Hash]*core.RawBlock
	sealed  map[core.Hash]*core.Message
	side    *core.Block
	images  []*image
	fast    string // a folder on a disk that syncs fast, if there is one
}

// An image is a data directory as a node left it.
type image struct {
	name    string
	dir     string
	height  int
	waiting []*core.Message
}

// newTruth makes a chain, and images of stores that hold it: of a node that stopped after several runs,
// and of one that was killed.
func newTruth(t *testing.T) *truth {
	t.Helper()
	tr := &truth{network: builtin(t, "test", 0), raw: make(map[core.Hash]*core.RawBlock), sealed: make(map[core.Hash]*core.Message)}
	fast, err := os.MkdirTemp("/dev/shm", "p2pchain-damage-")
	if err != nil {
		fast = t.TempDir()
	}
	tr.fast = fast
	t.Cleanup(func() { os.RemoveAll(fast) })
	tip := coretest.Genesis(tr.network)
	for i := range truthBlocks {
		msgs := coretest.Messages(t, tr.network, fmt.Sprintf("block %d %0*d ", i, 200, 0), truthMessages)
		b := coretest.Next(t, tr.network, tip, msgs...)
		tr.blocks = append(tr.blocks, b)
		if i == truthBlocks/2 {
			tr.side = coretest.NextWith(t, tr.network, tip, func(h *core.Header) { h.TimeMS += 7 }, coretest.Messages(t, tr.network, "side ", 3)...)
		}
		tip = tip.After(b)
		for _, m := range msgs {
			tr.sealed[m.ID] = m
		}
	}
	waiting := coretest.Messages(t, tr.network, fmt.Sprintf("waiting %0*d ", 300, 0), truthWaiting)
	dir := filepath.Join(fast, "data")
	const runs = 6
	for run := range runs {
		part := tr.blocks[run*truthBlocks/runs : (run+1)*truthBlocks/runs]
		tr.run(t, dir, part, waiting[run*truthWaiting/runs:(run+1)*truthWaiting/runs], func(s *Stopped) {
			if run != runs-1 {
				return
			}
			killed := &image{"killed", filepath.Join(fast, "killed"), truthBlocks, waiting}
			copyTree(t, dir, killed.dir) // as it is on the disk, with its log
			tr.images = append(tr.images, killed)
		})
	}
	tr.images = append(tr.images, &image{"stopped", dir, truthBlocks, waiting})
	return tr
}

// run adds blocks and waiting messages to a data directory, and then does something with it.
func (tr *truth) run(t *testing.T, dir string, blocks []*core.Block, waiting []*core.Message, then func(*Stopped)) {
	t.Helper()
	s, err := OpenStopped(t.Context(), tr.config(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.node.chain.AddBlocks(blocks); err != nil {
		t.Fatal(err)
	}
	_, _ = s.node.chain.AddBlocks([]*core.Block{tr.side}) // where its parent is known
	for i, err := range s.node.pool.Add(waiting, mempool.Origin{}) {
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	for _, b := range blocks {
		raw, err := s.node.store.Raw(b.Header.Hash())
		if err != nil {
			t.Fatal(err)
		}
		tr.raw[b.Header.Hash()] = raw
	}
	then(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll reads everything that a store has. What is not right must be an error.
func (tr *truth) readAll(s *Stopped, fail func(string, ...any)) (first error) {
	note := func(err error) {
		if first == nil && !errors.Is(err, chain.ErrNotFound) {
			first = err
		}
	}
	for i, b := range tr.blocks {
		hash, err := s.node.chain.HashAt(uint64(i + 1))
		note(err)
		if err == nil && hash != b.Header.Hash() {
			fail("height %d is served as %v", i+1, hash)
		}
		raw, err := s.node.store.Raw(b.Header.Hash())
		note(err)
		if err == nil && !reflect.DeepEqual(raw, tr.raw[b.Header.Hash()]) {
			fail("block %d is served with other bytes", i+1)
		}
	}
	for id, m := range tr.sealed {
		got, err := s.node.store.Message(id)
		note(err)
		if err == nil && (got.ID != id || !reflect.DeepEqual(got.Envelope, m.Envelope) || !reflect.DeepEqual(got.Body, m.Body)) {
			fail("message %v is served with other bytes", id)
		}
		place, err := s.node.store.Sealed(id)
		note(err)
		if err == nil && tr.blocks[place.Height-1].Messages[place.Position].ID != id {
			fail("message %v is said to be at %+v", id, place)
		}
	}
	page, err := s.node.store.Waiting(0, 1000)
	note(err)
	for _, w := range page.Messages {
		m, err := s.node.store.Message(w.ID)
		note(err)
		if err == nil && (m.ID != w.ID || m.Envelope.ID(tr.network.Genesis) != w.ID || m.CheckBody() != nil || consensus.CheckSignature(m) != nil) {
			fail("waiting message %v is served with other bytes", w.ID)
		}
	}
	return first
}

// differs reports whether a directory in which nothing was found holds less than its image.
func (im *image) differs(ctx context.Context, tr *truth, dir string, found bool) bool {
	if found {
		return true
	}
	cfg := tr.config(dir)
	s, err := OpenStopped(ctx, cfg)
	if err != nil {
		return true
	}
	defer s.Close()
	height, _ := s.Tip()
	return int(height) != im.height || tr.countWaiting(s, im) != len(im.waiting)
}

// countWaiting says how many messages of an image wait in a store.
func (tr *truth) countWaiting(s *Stopped, im *image) (n int) {
	for _, m := range im.waiting {
		if s.node.pool.Has(m.ID) {
			n++
		}
	}
	return n
}

// heal hands a store what a healthy peer would: blocks that are missing, and messages that wait.
func (tr *truth) heal(s *Stopped) error {
	if _, err := s.node.chain.AddBlocks(tr.blocks); err != nil {
		return err
	}
	for _, im := range tr.images[:1] {
		for _, err := range s.node.pool.Add(im.waiting, mempool.Origin{Peer: "a peer"}) {
			if err != nil && !errors.Is(err, mempool.ErrKnown) {
				return err
			}
		}
	}
	return nil
}

// same compares a mended store with what its image held.
func (tr *truth) same(s *Stopped, im *image) error {
	if height, hash := s.Tip(); int(height) != im.height || hash != tr.blocks[im.height-1].Header.Hash() {
		return fmt.Errorf("tip at height %d", height)
	}
	var wrong error
	err := tr.readAll(s, func(format string, args ...any) { wrong = fmt.Errorf(format, args...) })
	if n := tr.countWaiting(s, im); n != len(im.waiting) {
		wrong = fmt.Errorf("%d of %d messages wait", n, len(im.waiting))
	}
	return errors.Join(err, wrong)
}
