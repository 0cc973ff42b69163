package syncer

import (
	"errors"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// A request is a question for some blocks of the window.
type request struct {
	id     uint64
	remote *remote
	since  time.Time   // when it was asked
	left   []core.Hash // what was asked and has not come

	vouched uint64 // the height up to which the peer had said to have these blocks
}

type (
	// blockCame is a block that fits its header, in answer to a request.
	blockCame struct {
		request uint64
		arrival
	}
	// partCame is a part of a block, not its last one, in answer to a request.
	partCame struct {
		request uint64
		bytes   int
	}
	// blocksDone ends a request. Without an error the peer has not got what did not come.
	blocksDone struct {
		request uint64
		err     error
	}
	// offered is a block that fits its header and that nobody asked for. It comes from nobody: peers
	// forward such blocks before they have judged them.
	offered struct{ arrival }
	// connected is what the chain said to a connect action, and how it stands now. Taken counts
	// from the start of the batch.
	connected struct {
		batch []arrival
		loose bool
		taken int
		err   error
		chain chainMoved
	}
)

type (
	// askBlocks asks a peer for blocks.
	askBlocks struct {
		peer    peer.ID
		request uint64
		hashes  []core.Hash
	}
	// closeRequest ends a request for blocks and its stream.
	closeRequest struct{ request uint64 }
	// setAside tells the chain that a block cannot be had.
	setAside struct{ block core.Hash }
	// connect hands blocks to the chain, each the child of the one before it.
	connect struct {
		batch []arrival
		loose bool // of another branch than the window's
	}
)

func (askBlocks) isAction()    {}
func (closeRequest) isAction() {}
func (setAside) isAction()     {}
func (connect) isAction()      {}

const (
	maxLoose = 16
	// A peer that has not got a block is asked again soon, and then ever less often: an announcement
	// is forwarded before its block is there.
	minLackPause = 100 * time.Millisecond
	maxLackPause = 10 * time.Second
	// minProgress is how many bytes of a block count as progress while the rest is on its way.
	minProgress = 64 << 10
	// A peer that brings all that it was asked for in this time is asked for twice as much, if the blocks
	// are small.
	quickAnswer = time.Second
	maxQuick    = 8
	// firstBlockBytes is taken for the size of a block before the first one came.
	firstBlockBytes = 256 << 10
)

func (e blockCame) apply(p *plan) {
	q := p.requests[e.request]
	if q == nil || !q.settle(e.hash) {
		return // late, after the request was given up
	}
	r := q.remote
	r.inFlight--
	r.gave = true
	p.delivered(r)
	e.arrival.from = r.id
	switch s := p.window.index[e.hash]; {
	case !e.whole() && (s == nil || !p.takesBare(s, r)):
		if p.bareSince.IsZero() {
			p.bareSince = p.now
		}
		if s != nil {
			p.keepLean(s, e.arrival)
		}
	case s == nil: // its branch was set aside, or left behind
		p.spare(e.arrival)
	default:
		p.arrive(e.arrival)
	}
}

// apply counts a part of a large block as progress, so that a slow line is not given up on while it
// brings what was asked for. Crumbs do not count: who sends less than that holds us up.
func (e partCame) apply(p *plan) {
	q := p.requests[e.request]
	if q == nil {
		return
	}
	r := q.remote
	if r.parts += e.bytes; r.parts >= minProgress {
		r.parts, r.progress = 0, p.now
	}
}

// settle takes a block off what the request waits for.
func (q *request) settle(hash core.Hash) bool {
	i := slices.Index(q.left, hash)
	if i >= 0 {
		q.left = slices.Delete(q.left, i, i+1)
	}
	return i >= 0
}

// arrive puts a block into its slot.
func (p *plan) arrive(a arrival) bool {
	if !p.window.put(a) {
		return false
	}
	p.blockBytes += (a.size - p.blockBytes) / 8
	if a.whole() && len(a.block.Messages) > 0 {
		p.bareSince = time.Time{}
	}
	if !p.settled(p.window.index[a.hash].height) {
		p.news++
	}
	p.window.trim(p.limits.WindowBytes)
	return true
}

func (e blocksDone) apply(p *plan) {
	q := p.requests[e.request]
	if q == nil {
		return
	}
	r := q.remote
	if e.err == nil && len(q.left) > 0 {
		if s := p.window.index[q.left[0]]; s != nil {
			p.lacks(r, s)
			if p.denies(q, s) {
				return
			}
		}
	}
	failed := e.err != nil && len(q.left) > 0
	if e.err == nil && len(q.left) == 0 && p.now.Sub(q.since) < quickAnswer {
		r.quick = min(r.quick+1, maxQuick)
	}
	p.endRequest(q)
	switch {
	case consensus.ClassOf(e.err) == consensus.Broken:
		p.accuse(r, e.err)
	case failed && p.stalled(r, e.err):
	case failed: // a broken line: let it rest, the others go on
		r.lacksFrom, r.lacksUntil = 0, p.now.Add(p.patience(r))
	default:
		r.holdups = 0
	}
}

func (e offered) apply(p *plan) {
	if e.whole() && !p.arrive(e.arrival) && p.window.index[e.hash] == nil {
		p.spare(e.arrival)
	}
}

// spare keeps a block of another branch than the window's until the chain has judged it. What is over
// the bounds can be fetched later, if that branch wins.
func (p *plan) spare(a arrival) {
	bytes := a.size
	for i := range p.loose {
		bytes += p.loose[i].size
	}
	if len(p.loose) < maxLoose && bytes <= p.limits.WindowBytes/2 {
		p.loose = append(p.loose, a)
	}
}

func (e connected) apply(p *plan) {
	if e.loose {
		p.looseBusy = false
	} else {
		p.connecting--
		p.window.giveBack(e.batch)
	}
	e.chain.apply(p)
	if !e.loose && p.spoiled > 0 {
		p.spoiled--
		if errors.Is(e.err, consensus.ErrParentUnknown) || errors.Is(e.err, chain.ErrCondemned) {
			return // for what came before them, which is not their senders' fault
		}
	}
	if e.err == nil || e.taken >= len(e.batch) {
		return
	}
	if !e.loose {
		p.spoiled = p.connecting
	}
	bad := e.batch[e.taken]
	r := p.byID[bad.from]
	if s := p.window.index[bad.hash]; s != nil && s.got.block == bad.block && consensus.ClassOf(e.err) != consensus.Fault {
		p.window.take(s)
		if len(s.bare) > 0 {
			s.anyhow, s.refused, p.bareSince = false, true, p.now
		}
		if r != nil {
			p.lacks(r, s)
		}
	}
	switch {
	case consensus.ClassOf(e.err) == consensus.Fault:
		p.connectAfter = p.now.Add(ownFaultPause)
	case consensus.ClassOf(e.err) == consensus.Broken && r != nil:
		p.accuse(r, e.err)
	}
}

// assign asks for the free blocks of the window, the first ones first.
func (p *plan) assign() {
	free := p.window.free()
	for len(free) > 0 && len(p.requests) < p.limits.Streams {
		room := p.room(free[0])
		if room < 1 {
			return
		}
		r := p.choose(free[0], len(free))
		if r == nil && p.bareAtLast(free[0]) {
			free[0].anyhow = true
			r = p.choose(free[0], len(free))
		}
		if r == nil {
			return
		}
		n := min(len(free), room, p.chunk(r), p.inFlight(r)-r.inFlight)
		for i := 1; i < n; i++ {
			if !p.eligible(r, free[i]) {
				n = i
			}
		}
		p.request(r, free[:n])
		free = free[n:]
	}
}

// room returns how many more blocks may be on their way to us by their usual size. The first missing
// block may always come.
func (p *plan) room(next *slot) int {
	flying := 0
	for _, r := range p.remotes {
		flying += r.inFlight
	}
	room := (p.limits.WindowBytes-p.window.bytes)/max(1, p.blockBytes) - flying
	if next == p.window.slots[0] {
		room = max(room, 1)
	}
	return room
}

// chunk is how many blocks a peer is asked for in one request. Small ones are asked for in larger
// numbers, since a request costs about as much as fifty of them, but only of a peer that is quick.
func (p *plan) chunk(r *remote) int {
	small := min(p.limits.SmallBytes/max(1, p.blockBytes), p.limits.MaxChunk)
	return max(p.limits.Chunk, min(small, p.limits.Chunk<<r.quick))
}

// inFlight is how many blocks a peer is asked for in all its requests: two chunks, so that it is
// never idle, but no more than its share of the window.
func (p *plan) inFlight(r *remote) int {
	chunk := p.chunk(r)
	if chunk == p.limits.Chunk {
		return p.limits.InFlight
	}
	return max(p.limits.InFlight, chunk, min(2*chunk, p.limits.Window/len(p.remotes)))
}

// choose returns the peer that is to bring the next free block. Small questions are put off while a
// peer is busy, so that its answers come in few streams.
func (p *plan) choose(next *slot, free int) *remote {
	var best *remote
	wanted := p.anyFull(next)
	for _, r := range p.remotes {
		open := p.inFlight(r) - r.inFlight
		if !p.eligible(r, next) || wanted && !r.full(next) || open < 1 || r.inFlight > 0 && (open < min(p.chunk(r), free) || r.strikes > 0) {
			continue
		}
		if best == nil || r.strikes < best.strikes || r.strikes == best.strikes && r.inFlight < best.inFlight {
			best = r
		}
	}
	return best
}

// eligible reports whether a peer is thought to have a block.
func (p *plan) eligible(r *remote, s *slot) bool {
	if p.now.Before(r.lacksUntil) && s.height >= r.lacksFrom {
		return false
	}
	return s.height <= r.claim.Height && (s.anyhow || !slices.Contains(s.bare, r.id))
}

func (p *plan) request(r *remote, slots []*slot) {
	q := &request{id: p.newID(), remote: r, since: p.now}
	for _, s := range slots {
		s.owner, s.since = q, p.now
		if p.vouches(r, s) {
			q.vouched = s.height
		}
		q.left = append(q.left, s.hash)
	}
	if r.inFlight == 0 {
		r.progress = p.now
	}
	r.inFlight += len(q.left)
	p.requests[q.id] = q
	r.requests = append(r.requests, q)
	p.do(askBlocks{r.id, q.id, slices.Clone(q.left)})
}

// endRequest forgets a request; what it did not bring is free again.
func (p *plan) endRequest(q *request) {
	p.do(closeRequest{q.id})
	delete(p.requests, q.id)
	q.remote.requests = slices.DeleteFunc(q.remote.requests, func(x *request) bool { return x == q })
	q.remote.inFlight -= len(q.left)
	p.release(q)
}

// release lets others bring what a request has not brought; it may still bring it itself.
func (p *plan) release(q *request) {
	for _, hash := range q.left {
		if s := p.window.index[hash]; s != nil && s.owner == q {
			s.owner = nil
		}
	}
}

// abandon ends all requests of a peer.
func (p *plan) abandon(r *remote) {
	for _, q := range slices.Clone(r.requests) {
		p.endRequest(q)
	}
}

// maxConnects is how many calls are under way at a time: while one stores its blocks, the other checks
// signatures.
const maxConnects = 2

// connect hands over what can be connected.
func (p *plan) connect() {
	if p.now.Before(p.connectAfter) {
		return
	}
	for p.connecting < maxConnects && p.spoiled == 0 {
		batch := p.window.ready(p.limits.BatchBlocks, p.limits.BatchBytes)
		if len(batch) == 0 {
			break
		}
		p.connecting++
		p.do(connect{batch: batch})
	}
	if len(p.loose) > 0 && !p.looseBusy {
		p.looseBusy = true
		p.do(connect{batch: p.loose[:1:1], loose: true})
		p.loose = p.loose[1:]
	}
}
