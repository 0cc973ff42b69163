package syncer

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
)

// A Claim is what a peer says of its chain. Nothing of it is believed before headers prove it.
type Claim struct {
	Tip    core.Hash
	Height uint64
	Work   core.Work
	// LowestFull is the first height from which on the peer says that it lacks no body which it did not
	// erase. Only a hello has it.
	LowestFull uint64
}

// A plan decides what to ask of whom, what to hand to the chain, and whom to punish.
//
// It is a pure state machine: events and a clock go in, actions come out, and nothing else happens.
// It never sees a socket, a disk or a real clock, and it visits its peers in the order in which they
// came, so a list of events always gives the same list of actions.
type plan struct {
	limits Limits
	now    time.Time
	out    []action

	remotes []*remote // in order of arrival
	byID    map[peer.ID]*remote
	tip     Claim // our connected tip
	best    Claim // our best header
	window  window
	loose   []arrival // blocks that came for a branch that is not the best one
	head    vigil     // the first block of the window
	shunned []*slot   // first blocks of branches that were set aside

	bareSince time.Time // since when blocks come without their bodies, and none with them
	lean      []*lean   // blocks that did, and may be excused
	news      uint64    // counts blocks that came and are not settled

	lastID       uint64    // of sessions and requests
	sessions     int       // header sessions that are open
	slowAt       time.Time // no page of a slow first pass before
	walkStarted  time.Time // when a session began, or brought headers, on a claim of more work
	requests     map[uint64]*request
	blockBytes   int       // the usual size of a block
	connecting   int       // calls by which the chain is judging blocks of the window
	spoiled      int       // of them, those that come after one that failed
	looseBusy    bool      // the chain is judging a loose block
	connectAfter time.Time // our own fault: wait until then
}

// A remote is a peer as the plan sees it.
type remote struct {
	id          peer.ID
	claim       Claim
	lowestFull  uint64    // it says that it has all bodies from this height on, but for erased ones
	heard       bool      // it announced its claim, so it may not have connected that block yet
	early       int       // times in a row that it had not
	checked     core.Hash // the last claimed tip that was followed to its end
	lies        int       // claims of its own in a row that headers did not reach
	session     *session
	held        bool      // its branch is as far ahead of its blocks as the chain allows
	proof       proof     // and what a first pass showed of it
	shown       core.Hash // the last of its headers that the chain took
	askedAt     time.Time // when its last header session began
	nextHeaders time.Time // no header session before
	pollAt      time.Time // when to ask even though nothing new is claimed

	requests    []*request
	inFlight    int       // blocks asked that have not come
	parts       int       // bytes of a block that is coming, since progress
	progress    time.Time // when it last delivered, was asked after being idle, or stalled
	deliveredAt time.Time
	gave        bool      // a block, at any time
	strikes     int       // stalls since it last delivered
	slowness    int       // doublings of its patience
	quick       int       // doublings of what it is asked for in one request
	holdups     int       // times that everybody waited for it
	lacking     int       // times in a row that it had not got a block
	lacksFrom   uint64    // it has no blocks from this height on …
	lacksUntil  time.Time // … or rests, until then
}

// An event is something that happened. Its apply method only takes note; what follows from it is
// decided afterwards, for all events alike.
type event interface{ apply(*plan) }

type (
	// peerUp is a peer that passed hello.
	peerUp struct {
		id    peer.ID
		claim Claim
	}
	peerDown struct{ id peer.ID }
	// announced is a newer claim of a peer, for example by a header that it sent.
	announced struct {
		id    peer.ID
		claim Claim
	}
	// poked is a peer that is to be asked for headers soon.
	poked struct{ id peer.ID }
	// chainMoved is the state of our chain after a change: the blocks to fetch next, ascending, the
	// first of them at height first.
	chainMoved struct {
		tip, best Claim
		missing   []core.Hash
		first     uint64
	}
	// tick lets time pass.
	tick struct{}
)

// An action is something that the shell has to do.
type action interface{ isAction() }

type (
	// punish reports a peer that broke a rule; the shell's host decides what becomes of it.
	punish struct {
		id  peer.ID
		why error
	}
)

func (punish) isAction() {}

func newPlan(l Limits) *plan {
	return &plan{
		limits: l, byID: make(map[peer.ID]*remote), window: newWindow(), requests: make(map[uint64]*request),
		blockBytes: firstBlockBytes,
	}
}

// step takes note of an event and returns what to do now.
func (p *plan) step(now time.Time, e event) []action {
	p.now, p.out = now, nil
	e.apply(p)
	p.expireSessions()
	p.resumeSessions()
	p.expireRequests()
	p.watchHead()
	p.startSessions()
	p.weigh()
	p.assign()
	p.connect()
	return p.out
}

// wake returns when the plan wants its next tick at the latest.
func (p *plan) wake() time.Time {
	at := p.now.Add(p.limits.Poll)
	sooner := func(t time.Time) {
		if t.After(p.now) && t.Before(at) {
			at = t
		}
	}
	sooner(p.connectAfter)
	sooner(p.slowAt)
	sooner(p.walkStarted.Add(p.limits.Patience / 4))
	sooner(p.bareSince.Add(asideAfter))
	if len(p.window.slots) > 0 {
		sooner(p.head.since.Add(unbackedAfter))
		sooner(p.head.since.Add(asideAfter))
		sooner(p.head.since.Add(asideAtLast))
	}
	if len(p.window.slots) > 0 && p.window.slots[0].owner != nil {
		sooner(p.headDeadline())
	}
	for _, l := range p.lean {
		sooner(l.next)
	}
	for _, r := range p.remotes {
		sooner(r.nextHeaders)
		if r.session == nil {
			sooner(r.pollAt)
		} else {
			sooner(r.session.deadline)
			sooner(r.session.resume)
		}
		if r.inFlight > 0 {
			sooner(r.progress.Add(p.patience(r)))
		}
		sooner(r.lacksUntil)
	}
	return at
}

func (p *plan) do(a action) { p.out = append(p.out, a) }

func (p *plan) newID() uint64 {
	p.lastID++
	return p.lastID
}

func (e peerUp) apply(p *plan) {
	if r := p.byID[e.id]; r != nil { // it said hello again
		r.claims(e.claim, false)
		r.lowestFull = e.claim.LowestFull
		if len(p.window.slots) > 0 && r.lacking > 0 && p.standsBy(r, p.window.slots[0]) {
			r.lacksUntil = time.Time{} // what it had not got it has now
		}
		p.askShunned(r)
		return
	}
	r := &remote{id: e.id, claim: e.claim, lowestFull: e.claim.LowestFull, pollAt: p.now.Add(p.limits.Poll)}
	p.byID[e.id] = r
	p.remotes = append(p.remotes, r)
	p.askShunned(r)
}

func (e peerDown) apply(p *plan) {
	r := p.byID[e.id]
	if r == nil {
		return
	}
	if r.session != nil {
		p.endSession(r)
	}
	p.abandon(r)
	delete(p.byID, e.id)
	for i := range p.remotes {
		if p.remotes[i] == r {
			p.remotes = append(p.remotes[:i], p.remotes[i+1:]...)
			break
		}
	}
}

func (e announced) apply(p *plan) {
	if r := p.byID[e.id]; r != nil {
		r.claims(e.claim, true)
	}
}

// claims notes a claim of no less work than the last one. What a peer heard itself and passed on, it
// need not have connected; what it says in a hello, or has shown, it has.
func (r *remote) claims(c Claim, heard bool) {
	switch d := c.Work.Cmp(r.claim.Work); {
	case d < 0 || c.Tip == r.claim.Tip && !r.heard:
		return
	case d > 0:
		r.early = 0
	}
	r.claim, r.heard = c, heard
}

func (e poked) apply(p *plan) {
	if r := p.byID[e.id]; r != nil {
		r.pollAt = p.now
	}
}

func (e chainMoved) apply(p *plan) {
	p.tip, p.best = e.tip, e.best
	p.window.rebuild(e.missing, e.first)
	if len(e.missing) > p.limits.Window/2 {
		return
	}
	for _, r := range p.remotes {
		r.held = false
	}
}

func (tick) apply(*plan) {}

// known is the most work that we have valid headers of. The best header may have less than the tip,
// where a first pass proved that more follows.
func (p *plan) known() core.Work {
	if p.best.Work.Cmp(p.tip.Work) < 0 {
		return p.tip.Work
	}
	return p.best.Work
}

// accuse asks for a peer's punishment and stops asking it for anything.
func (p *plan) accuse(r *remote, why error) {
	p.do(punish{r.id, why})
	peerDown{r.id}.apply(p)
}

// patience is how long a peer may go without progress: it doubles with every stall, and shrinks again
// with what it delivers, so that a slow line is not taken for a hostile peer.
func (p *plan) patience(r *remote) time.Duration {
	return min(p.limits.Patience<<min(r.slowness, 16), p.limits.MaxPatience)
}
