package syncer

import (
	"cmp"
	"slices"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// A world holds every block of a simulation. Its headers have no proof of work and its blocks no
// messages: the model says by hash what is valid.
type world struct {
	headers map[core.Hash]core.Header
	genesis core.Hash
	nonce   uint64
}

func newWorld() *world {
	w := &world{headers: make(map[core.Hash]core.Header)}
	w.genesis = w.put(core.Header{})
	return w
}

func (w *world) put(h core.Header) core.Hash {
	hash := h.Hash()
	w.headers[hash] = h
	return hash
}

// mine returns a new block on parent that adds this much work.
func (w *world) mine(parent core.Hash, work uint64) core.Hash {
	p := w.headers[parent]
	total, _ := p.Work.Add(core.NewWork(0, work))
	w.nonce++
	return w.put(core.Header{Height: p.Height + 1, PreviousHash: parent, Work: total, Nonce: w.nonce})
}

func (w *world) claim(hash core.Hash) Claim {
	h := w.headers[hash]
	return claimOf(hash, &h)
}

func (w *world) block(hash core.Hash) *core.Block { return &core.Block{Header: w.headers[hash]} }

// A model is a chain without validation or disk: the rules of chain.Chain about what is known,
// stored, connected and refused, and nothing else.
type model struct {
	world     *world
	known     map[core.Hash]bool // headers
	stored    map[core.Hash]bool // blocks
	connected []core.Hash        // by height
	best      core.Hash
	maxAhead  int
	proven    map[core.Hash]core.Work // of the branches of these headers
	aside     map[core.Hash]bool      // blocks that cannot be had
}

func newModel(w *world) *model {
	return &model{
		world: w, best: w.genesis, connected: []core.Hash{w.genesis}, maxAhead: 4096,
		known: map[core.Hash]bool{w.genesis: true}, stored: map[core.Hash]bool{w.genesis: true},
		proven: make(map[core.Hash]core.Work), aside: make(map[core.Hash]bool),
	}
}

func (m *model) tip() core.Hash { return m.connected[len(m.connected)-1] }

func (m *model) better(a, b core.Hash) bool {
	return consensus.Better(m.world.headers[a].Work, a, m.world.headers[b].Work, b)
}

// prefer makes a header the best one if its branch is proven to have more work than the best.
func (m *model) prefer(hash core.Hash) {
	for at := hash; len(m.aside) > 0 && !m.stored[at]; at = m.world.headers[at].PreviousHash {
		if m.aside[at] {
			return
		}
	}
	reach := func(x core.Hash) core.Work {
		if w := m.world.headers[x].Work; m.proven[x].Cmp(w) < 0 {
			return w
		}
		return m.proven[x]
	}
	if d := reach(hash).Cmp(reach(m.best)); d > 0 || d == 0 && m.better(hash, m.best) {
		m.best = hash
	}
}

func (m *model) chooseBest() {
	m.best = m.tip()
	for hash := range m.known {
		m.prefer(hash)
	}
}

func (m *model) setAside(hash core.Hash) {
	m.aside[hash] = true
	m.chooseBest()
}

// threshold is the least work of a branch that is remembered: the tip's less 144 blocks of work.
func (m *model) threshold() core.Work {
	tip := m.world.headers[m.tip()]
	return tip.Work.Sub(core.NewWork(0, 144*100))
}

func (m *model) addHeaders(hs []core.Header, proven core.Work) (int, error) {
	n := 0
	for n < len(hs) && m.known[hs[n].Hash()] {
		n++
	}
	if n > 0 && m.proven[hs[n-1].Hash()].Cmp(proven) < 0 {
		m.proven[hs[n-1].Hash()] = proven
		m.prefer(hs[n-1].Hash())
	}
	if n == len(hs) {
		return n, nil
	}
	if !m.known[hs[n].PreviousHash] {
		return n, consensus.ErrParentUnknown
	}
	ahead := 0
	for at := hs[n].PreviousHash; !m.stored[at]; at = m.world.headers[at].PreviousHash {
		ahead++
	}
	fresh := hs[n:min(len(hs), n+max(0, m.maxAhead-ahead))]
	if len(fresh) == 0 {
		return n, nil
	}
	reached := fresh[len(fresh)-1].Work
	if reached.Cmp(m.threshold()) < 0 && proven.Cmp(m.threshold()) < 0 {
		return n, chain.ErrLowWork
	}
	for i := range fresh {
		if i > 0 && fresh[i].PreviousHash != fresh[i-1].Hash() {
			return n, consensus.ErrPrevious
		}
		hash := fresh[i].Hash()
		m.known[hash], m.proven[hash] = true, proven
		m.prefer(hash)
		n++
	}
	return n, nil
}

func (m *model) addBlocks(hashes []core.Hash) (int, error) {
	for i, hash := range hashes {
		h := m.world.headers[hash]
		if !m.stored[h.PreviousHash] {
			return i, consensus.ErrParentUnknown
		}
		m.known[hash], m.stored[hash] = true, true
		if m.aside[hash] {
			delete(m.aside, hash)
			m.chooseBest()
		}
		m.prefer(hash)
		if m.better(hash, m.tip()) {
			m.moveTip(hash)
		}
	}
	if m.stored[m.best] && m.best != m.tip() && !m.better(m.best, m.tip()) {
		clear(m.proven) // all that was promised has come
		m.chooseBest()
	}
	return len(hashes), nil
}

func (m *model) moveTip(hash core.Hash) {
	var path []core.Hash
	for at := hash; ; at = m.world.headers[at].PreviousHash {
		height := m.world.headers[at].Height
		if height < uint64(len(m.connected)) && m.connected[height] == at {
			slices.Reverse(path)
			m.connected = append(m.connected[:height+1], path...)
			return
		}
		path = append(path, at)
	}
}

func (m *model) missing(limit int) []core.Hash {
	var out []core.Hash
	for at := m.best; !m.stored[at]; at = m.world.headers[at].PreviousHash {
		out = append(out, at)
	}
	slices.Reverse(out)
	return out[:min(limit, len(out))]
}

func (m *model) look(window int) chainMoved {
	e := chainMoved{tip: m.world.claim(m.tip()), best: m.world.claim(m.best), missing: m.missing(window)}
	if len(e.missing) > 0 {
		e.first = m.world.headers[e.missing[0]].Height
	}
	return e
}

func (m *model) locator() []core.Hash {
	var out []core.Hash
	next, step := m.world.headers[m.best].Height, uint64(1)
	for at := m.best; at != m.world.genesis; at = m.world.headers[at].PreviousHash {
		if m.world.headers[at].Height > next {
			continue
		}
		out = append(out, at)
		if len(out) >= 10 {
			step *= 2
		}
		next -= min(next, step)
	}
	return append(out, m.world.genesis)
}

func (m *model) headersAfter(locator []core.Hash, limit int) []core.Header {
	from := 0
	for _, hash := range locator {
		height := m.world.headers[hash].Height
		if height < uint64(len(m.connected)) && m.connected[height] == hash {
			from = int(height)
			break
		}
	}
	var out []core.Header
	for _, hash := range m.connected[from+1 : min(len(m.connected), from+1+limit)] {
		out = append(out, m.world.headers[hash])
	}
	return out
}

// A modelProbe is a first pass over the model.
type modelProbe struct{ end core.Hash }

func (p *modelProbe) add(m *model, hs []core.Header) (enough bool, err error) {
	for i := range hs {
		if hs[i].PreviousHash != p.end {
			return false, consensus.ErrPrevious
		}
		p.end = hs[i].Hash()
	}
	work := m.world.headers[p.end].Work
	return cmp.Compare(work.Cmp(m.threshold()), 0) >= 0, nil
}
