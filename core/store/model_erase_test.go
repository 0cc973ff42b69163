package store

import (
	"errors"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// shown is a message as the store has it.
func (m *model) shown(msg *core.Message) *core.Message {
	if m.erased[msg.ID] {
		return bare(msg)
	}
	return msg
}

func (m *model) shownBlock(b *core.Block) *core.Block {
	out := &core.Block{Header: b.Header, Messages: slices.Clone(b.Messages)}
	for i, msg := range out.Messages {
		out.Messages[i] = m.shown(msg)
	}
	return out
}

// settle drops the body of a marked message that no block needs any more.
func (m *model) settle(id core.Hash, nowMS uint64) {
	if settled, marked := m.erased[id]; !marked || settled || m.standing(id) != mempool.AlreadySealed {
		return
	}
	for _, at := range m.places(id) {
		deep := m.onBest(at.Block, at.Height) && at.Height+settledDepth < uint64(len(m.best))
		if !deep && m.blocks[at.Block].SeenMS+settledAgeMS > nowMS {
			return
		}
	}
	m.erased[id] = true
}

// sameErasures compares what was erased, and that everything else is whole.
func (m *model) sameErasures(t *testing.T, s *Store, pool []*core.Message) {
	t.Helper()
	for _, msg := range pool {
		found, err := s.Erased(msg.ID)
		if err != nil {
			t.Fatal(err)
		}
		settled, marked := m.erased[msg.ID]
		if (found[0] != nil) != marked || marked && found[0].Settled != settled {
			t.Errorf("erasure of %v = %+v, want %v, settled %v", msg.ID, found[0], marked, settled)
		}
	}
	list, err := s.ErasuresBefore(1<<40, 1000)
	equal(t, "number of erasures", len(list), len(m.erased), err)
}

// erase erases a message, or drops what was erased, early or late.
func (w *walk) erase() {
	now := w.now + uint64(w.rng.IntN(2))*settledAgeMS
	if w.rng.IntN(2) == 0 {
		for id := range w.m.erased {
			w.m.settle(id, now)
		}
		if _, err := w.s.DropErased(now); err != nil {
			w.t.Error(err)
		}
		return
	}
	msg := w.pool[w.rng.IntN(len(w.pool))]
	_, before := w.m.erased[msg.ID]
	n, err := w.s.Erase(chain.Erasure{ID: msg.ID, TimeMS: now})
	switch {
	case before || w.m.known[msg.ID] != nil:
		equal(w.t, "Erase", n, map[bool]int{true: 0, false: 1}[before], err)
	case !errors.Is(err, chain.ErrNotFound):
		w.t.Errorf("Erase of nothing = %d, %v", n, err)
	}
	if !before && w.m.known[msg.ID] != nil {
		w.m.erased[msg.ID] = false
		w.m.settle(msg.ID, now)
	}
}
