package api_test

import (
	"context"
	"slices"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// fakeErasures are marks: the bodies stay where they are, as those of messages that are not settled do.
type fakeErasures struct {
	mu    sync.Mutex
	list  []chain.Erasure
	epoch uint64
}

func (f *fakeErasures) add(e chain.Erasure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Number = uint64(len(f.list))
	f.list = append(f.list, e)
	f.epoch++
}

// Erase is an api.Eraser. What is erased stays as it is, but for an author's wish.
func (f *fakeErasures) Erase(_ context.Context, e chain.Erasure) error {
	found, _ := f.Erased(e.ID)
	if found[0] == nil {
		f.add(e)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old := &f.list[found[0].Number]; e.ByAuthor && !old.ByAuthor {
		old.ByAuthor, old.Message = true, e.Message
		f.epoch++
	}
	return nil
}

// bump lets something else change what answers say of bodies.
func (f *fakeErasures) bump() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
}

// Erased implements api.Erasures.
func (f *fakeErasures) Erased(ids ...core.Hash) ([]*chain.Erasure, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*chain.Erasure, len(ids))
	for i, id := range ids {
		if at := slices.IndexFunc(f.list, func(e chain.Erasure) bool { return e.ID == id }); at >= 0 {
			e := f.list[at]
			out[i] = &e
		}
	}
	return out, nil
}

// ErasuresBefore implements api.Erasures.
func (f *fakeErasures) ErasuresBefore(before uint64, limit int) ([]chain.Erasure, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []chain.Erasure
	for _, e := range slices.Backward(f.list) {
		if e.Number < before && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

// Epoch implements api.Erasures.
func (f *fakeErasures) Epoch() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

// erasureBy is a message's erasure by its author.
func erasureBy(m *core.Message) chain.Erasure {
	return chain.Erasure{ID: m.ID, TimeMS: 946684803000, ByAuthor: true, Author: m.Author, Message: core.Hash{0xaa}}
}
