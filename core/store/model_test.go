package store

import (
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// A model is a store as plain as can be: lists and maps in memory.
type model struct {
	best      []core.Hash // by height
	blocks    map[core.Hash]chain.Stored
	condemned map[core.Hash]chain.Entry
	known     map[core.Hash]*known
	waiting   []mempool.Waiting
	next      uint64
	reorgs    []chain.ReorgRecord // newest first
	peers     map[string][]byte
	erased    map[core.Hash]bool // whether the body was dropped for good
}

// A known message waits or is in a stored block.
type known struct {
	message    *core.Message
	local      bool
	acceptedMS uint64
}

func newModel(n *core.Network) *model {
	return &model{
		best: []core.Hash{n.Genesis}, next: 1,
		blocks:    map[core.Hash]chain.Stored{n.Genesis: {Hash: n.Genesis, Block: n.GenesisBlock()}},
		condemned: map[core.Hash]chain.Entry{}, known: map[core.Hash]*known{}, peers: map[string][]byte{}, erased: map[core.Hash]bool{},
	}
}

func (m *model) places(id core.Hash) []chain.Place {
	var out []chain.Place
	for hash, b := range m.blocks {
		for i, msg := range b.Block.Messages {
			if msg.ID == id {
				out = append(out, chain.Place{Block: hash, Height: b.Block.Header.Height, Position: i})
			}
		}
	}
	return out
}

func (m *model) standing(id core.Hash) mempool.AcceptResult {
	if slices.ContainsFunc(m.waiting, func(w mempool.Waiting) bool { return w.ID == id }) {
		return mempool.AlreadyWaiting
	}
	if slices.ContainsFunc(m.places(id), func(p chain.Place) bool { return m.onBest(p.Block, p.Height) }) {
		return mempool.AlreadySealed
	}
	return mempool.Accepted
}

func (m *model) onBest(hash core.Hash, height uint64) bool {
	return height < uint64(len(m.best)) && m.best[height] == hash
}

func (m *model) wait(id core.Hash, local, again bool) {
	k := m.known[id]
	m.waiting = append(m.waiting, mempool.Waiting{
		Seq: m.next, ID: id, Size: k.message.Size(), Local: local, Again: again, AcceptedMS: k.acceptedMS,
	})
	m.next++
}

func (m *model) accept(msg *core.Message, local bool, nowMS uint64) mempool.AcceptResult {
	if m.erased[msg.ID] {
		return mempool.AlreadySealed
	}
	k := m.known[msg.ID]
	if k == nil {
		k = &known{message: msg, acceptedMS: nowMS}
		m.known[msg.ID] = k
	}
	result := m.standing(msg.ID)
	if result == mempool.AlreadySealed {
		return result
	}
	k.local = k.local || local
	if result == mempool.Accepted {
		m.wait(msg.ID, k.local, false)
	}
	for i := range m.waiting {
		if m.waiting[i].ID == msg.ID && local {
			m.waiting[i].Local = true
		}
	}
	return result
}

// collect deletes the messages to which nothing points.
func (m *model) collect() {
	maps.DeleteFunc(m.known, func(id core.Hash, _ *known) bool {
		gone := len(m.places(id)) == 0 && m.standing(id) != mempool.AlreadyWaiting
		if _, erased := m.erased[id]; gone && erased {
			m.erased[id] = true
		}
		return gone
	})
}

func (m *model) commit(c chain.Change) {
	for _, b := range c.Store {
		if _, stored := m.blocks[b.Hash]; stored {
			continue
		}
		m.blocks[b.Hash] = b
		for _, msg := range b.Block.Messages {
			if m.known[msg.ID] == nil {
				m.known[msg.ID] = &known{message: m.shown(msg), acceptedMS: b.SeenMS}
			}
		}
	}
	m.best = append(m.best[:len(m.best)-len(c.Revert)], c.Apply...)
	returned := 0
	for _, hash := range slices.Backward(c.Revert) {
		for _, msg := range m.blocks[hash].Block.Messages {
			if m.standing(msg.ID) == mempool.Accepted && !m.erased[msg.ID] {
				m.wait(msg.ID, m.known[msg.ID].local, true)
				returned++
			}
		}
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(w mempool.Waiting) bool {
		return slices.ContainsFunc(m.places(w.ID), func(p chain.Place) bool { return m.onBest(p.Block, p.Height) })
	})
	for _, hash := range c.Forget {
		delete(m.blocks, hash)
	}
	m.collect()
	for _, e := range c.Condemn {
		m.condemned[e.Hash] = e
	}
	if c.Reorg != nil {
		record := *c.Reorg
		record.Returned = returned
		m.reorgs = append([]chain.ReorgRecord{record}, m.reorgs...)
	}
}

// same compares everything that a store says with the model.
func (m *model) same(t *testing.T, s *Store, pool []*core.Message) {
	t.Helper()
	if len(m.waiting) == 0 {
		m.waiting = nil
	}
	page, err := s.Waiting(0, 1<<30)
	equal(t, "Waiting", page, mempool.Page{Tip: m.best[len(m.best)-1], Messages: m.waiting}, err)
	count, bytes := s.WaitingTotals()
	want := int64(0)
	for _, w := range m.waiting {
		want += int64(w.Size)
	}
	equal(t, "WaitingTotals", []int64{int64(count), bytes}, []int64{int64(len(m.waiting)), want}, nil)
	history := core.Frontier{}
	for height, hash := range m.best {
		got, err := s.HashAt(uint64(height))
		equal(t, "HashAt", got, hash, err)
		history = history.Append(hash)
		f, err := s.Frontier(uint64(height))
		equal(t, "Frontier", f, history, err)
	}
	if _, err := s.HashAt(uint64(len(m.best))); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("HashAt above the tip = %v", err)
	}
	sides := map[core.Hash]bool{}
	err = s.Sides(func(e chain.Entry) error { sides[e.Hash] = true; return nil })
	for hash, b := range m.blocks {
		entry, err := s.Entry(hash)
		equal(t, "Entry", entry, chain.Entry{Hash: hash, Header: b.Block.Header, SeenMS: b.SeenMS}, err)
		got, err := s.Block(hash)
		equal(t, "Block", got, m.shownBlock(b.Block), err)
		if on := m.onBest(hash, b.Block.Header.Height); on == sides[hash] {
			t.Errorf("block %v: best chain %v, side %v", hash, on, sides[hash])
		}
	}
	equal(t, "number of sides", len(sides), len(m.blocks)-len(m.best), err)
	for hash, e := range m.condemned {
		entry, err := s.Entry(hash)
		equal(t, "Entry of a condemned block", entry, e, err)
	}
	m.sameMessages(t, s, pool)
	reorgs, err := s.Reorgs(1000)
	equal(t, "Reorgs", reorgs, m.reorgs, err)
	peers, err := s.Peers()
	equal(t, "Peers", peers, m.peers, err)
	m.sameLookups(t, s, pool)
	m.sameErasures(t, s, pool)
}

func (m *model) sameMessages(t *testing.T, s *Store, pool []*core.Message) {
	t.Helper()
	order := func(a, b chain.Place) int { return a.Block.Compare(b.Block) }
	for _, msg := range pool {
		places, err := s.Places(msg.ID)
		want := m.places(msg.ID)
		slices.SortFunc(places[0], order)
		slices.SortFunc(want, order)
		equal(t, "Places", places, [][]chain.Place{want}, err)
		result, err := s.Lookup(msg.ID)
		standing := m.standing(msg.ID)
		if m.erased[msg.ID] {
			standing = mempool.AlreadySealed
		}
		equal(t, "Lookup", result, standing, err)
		got, err := s.Message(msg.ID)
		if m.known[msg.ID] == nil && errors.Is(err, chain.ErrNotFound) {
			continue
		}
		equal(t, "Message", got, m.shown(msg), err)
	}
	m.sameDigests(t, s, pool)
}

// sameDigests looks for the files that the pool's messages notarise.
func (m *model) sameDigests(t *testing.T, s *Store, pool []*core.Message) {
	t.Helper()
	want := map[core.Hash][]core.Hash{}
	for _, msg := range pool {
		digest, ok := digestOf(&msg.Envelope, m.shown(msg).Body)
		if ok && m.known[msg.ID] != nil {
			want[digest] = append(want[digest], msg.ID)
		}
	}
	for digest, ids := range want {
		found, err := s.WithDigest(digest, math.MaxUint64, 100)
		var got []core.Hash
		for _, f := range found {
			got = append(got, f.ID)
		}
		slices.SortFunc(got, core.Hash.Compare)
		slices.SortFunc(ids, core.Hash.Compare)
		equal(t, "WithDigest", got, ids, err)
	}
}

func equal[T any](t *testing.T, what string, got, want T, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %+v, %v, want %+v", what, got, err, want)
	}
}
