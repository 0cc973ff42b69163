package store

import (
	"cmp"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

// A walk makes random steps on a store and on the model.
type walk struct {
	t    *testing.T
	n    *core.Network
	rng  *rand.Rand
	s    *Store
	m    *model
	pool []*core.Message
	tips map[core.Hash]coretest.Tip
	made map[core.Hash]*core.Block
	now  uint64
}

// TestModel takes random steps on a store and on a model of it, with changes of all sizes and with
// restarts, and compares all that can be seen after every few of them.
func TestModel(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	w := &walk{
		t: t, n: n, rng: random.Source(t), m: newModel(n), pool: coretest.Messages(t, n, "m", 60),
		tips: map[core.Hash]coretest.Tip{n.Genesis: coretest.Genesis(n)}, made: map[core.Hash]*core.Block{},
	}
	for i := range 20 { // files, some of the same content
		w.pool = append(w.pool, fileMessage(t, n, text("%d", i), text("%d", i%5)))
	}
	size := func(o *Options) { o.MaxBatchBytes = []int{1, 4 << 10, 32 << 20}[w.rng.IntN(3)] }
	w.s = open(t, n, fs, size)
	for i := range share(600) {
		w.step()
		if i%5 == 0 {
			w.m.same(t, w.s, w.pool)
		}
		if i%40 == 0 {
			check(t, w.s)
			closeNow(t, w.s)
			w.s = open(t, n, fs, size)
		}
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
	if len(w.m.reorgs) < share(10) || len(w.m.condemned) < share(3)-1 {
		t.Errorf("only %d reorgs and %d condemned blocks", len(w.m.reorgs), len(w.m.condemned))
	}
}

func (w *walk) step() {
	w.now++
	switch w.rng.IntN(11) {
	case 10:
		w.erase()
	case 0, 1, 2:
		msgs := make([]*core.Message, w.rng.IntN(6))
		want := make([]mempool.AcceptResult, len(msgs))
		local := w.rng.IntN(2) == 0
		for i := range msgs {
			msgs[i] = w.pool[w.rng.IntN(len(w.pool))]
			want[i] = w.m.accept(msgs[i], local, w.now)
		}
		got, err := w.s.Accept(msgs, local, w.now)
		equal(w.t, "Accept", got, want, err)
	case 3, 4, 5, 6, 7:
		w.commit(w.move())
	case 8:
		w.commit(w.forget())
	case 9:
		id := text("peer %d", w.rng.IntN(4))
		w.m.peers[id] = []byte(text("%d", w.now))
		err := w.s.PutPeer(id, w.m.peers[id])
		if w.rng.IntN(4) == 0 {
			delete(w.m.peers, id)
			err = errors.Join(err, w.s.RemovePeer(id))
		}
		if err != nil {
			w.t.Error(err)
		}
	}
}

func (w *walk) commit(c chain.Change) {
	w.m.commit(c)
	if err := w.s.Commit(c); err != nil {
		w.t.Error(err)
	}
}

// hashes returns the stored blocks in an order that does not depend on the run.
func (w *walk) hashes() []core.Hash {
	return slices.SortedFunc(maps.Keys(w.m.blocks), func(a, b core.Hash) int {
		return cmp.Or(cmp.Compare(w.tips[a].Header.Height, w.tips[b].Header.Height), a.Compare(b))
	})
}

// move builds some blocks on any stored one, and makes the last of them the tip or leaves them aside.
func (w *walk) move() chain.Change {
	hashes := w.hashes()
	on := hashes[len(hashes)-1-w.rng.IntN(min(len(hashes), 6))]
	var c chain.Change
	for range w.rng.IntN(4) {
		b := w.block(w.tips[on])
		on = b.Header.Hash()
		c.Store = append(c.Store, chain.Stored{Hash: on, SeenMS: w.now, Block: b})
	}
	if w.rng.IntN(4) == 0 {
		return c
	}
	tip := on
	for h := w.tips[on].Header; !w.m.onBest(on, h.Height); h = w.tips[on].Header {
		c.Apply = append([]core.Hash{on}, c.Apply...)
		on = h.PreviousHash
	}
	for height := len(w.m.best) - 1; w.m.best[height] != on; height-- {
		c.Revert = append(c.Revert, w.m.best[height])
	}
	if len(c.Revert) > 0 {
		c.Reorg = &chain.ReorgRecord{TimeMS: w.now, OldTip: c.Revert[0], NewTip: tip, Fork: on, Reverted: len(c.Revert), Applied: len(c.Apply)}
	}
	return c
}

// block mines a block with some messages that its branch does not have.
func (w *walk) block(on coretest.Tip) *core.Block {
	used := map[core.Hash]bool{}
	for at := on; at.Header.Height > 0; at = w.tips[at.Header.PreviousHash] {
		for _, msg := range w.made[at.Hash].Messages {
			used[msg.ID] = true
		}
	}
	var msgs []*core.Message
	for range w.rng.IntN(8) {
		if msg := w.pool[w.rng.IntN(len(w.pool))]; !used[msg.ID] {
			used[msg.ID] = true
			msgs = append(msgs, msg)
		}
	}
	b := coretest.NextWith(w.t, w.n, on, func(h *core.Header) { h.TimeMS += w.now }, msgs...)
	w.tips[b.Header.Hash()], w.made[b.Header.Hash()] = on.After(b), b
	return b
}

// forget deletes a side block on which nothing builds, and may condemn it.
func (w *walk) forget() chain.Change {
	var c chain.Change
	for _, hash := range slices.Backward(w.hashes()) {
		h := w.tips[hash].Header
		parent := slices.ContainsFunc(w.hashes(), func(other core.Hash) bool { return w.tips[other].Header.PreviousHash == hash })
		if parent || w.m.onBest(hash, h.Height) {
			continue
		}
		c.Forget = []core.Hash{hash}
		if w.rng.IntN(3) == 0 {
			c.Condemn = []chain.Entry{{Hash: hash, Header: h, SeenMS: w.now, Condemned: "a rule"}}
		}
		break
	}
	return c
}
