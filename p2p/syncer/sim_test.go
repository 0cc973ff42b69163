package syncer

import (
	"container/heap"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
)

// A sim runs plans over a simulated network in virtual time. Everything that is random comes from
// its seed, and every action goes into a digest, so two runs of one seed can be compared.
type sim struct {
	rand   *rand.Rand
	now    time.Time
	start  time.Time
	queue  timers
	seq    int
	world  *world
	nodes  []*simNode
	digest hash.Hash
	steps  int
	pages  int // questions for headers

	requests int // for blocks
	most     int // blocks in one of them

	loss    float64 // of answers and announcements
	twice   float64 // of announcements, hellos and blocks that come another time, or seconds late
	faults  faults
	latency func() time.Duration
	cut     func(a, b *simNode) bool // whether a link is down
}

// faults count what went wrong, so that a test can tell that it did.
type faults struct{ lost, doubled, overtaken, cut, crashes int }

// loses reports whether something is lost on its way.
func (s *sim) loses() bool {
	lost := s.rand.Float64() < s.loss
	if lost {
		s.faults.lost++
	}
	return lost
}

// isCut reports whether a link is down.
func (s *sim) isCut(a, b *simNode) bool {
	down := s.cut(a, b)
	if down {
		s.faults.cut++
	}
	return down
}

// deliver does something after some latency, and perhaps again after another one.
func (s *sim) deliver(do func()) {
	late := time.Duration(0)
	if s.rand.Float64() < s.twice {
		late = time.Duration(s.rand.IntN(5000)) * time.Millisecond
	}
	s.after(s.latency()+late, do)
	if s.rand.Float64() < s.twice {
		s.faults.doubled++
		s.after(s.latency(), do)
	}
}

type timer struct {
	at  time.Time
	seq int
	do  func()
}

type timers []timer

func (q timers) Len() int { return len(q) }
func (q timers) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q timers) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *timers) Push(x any)   { *q = append(*q, x.(timer)) }
func (q *timers) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// Kinds of nodes.
const (
	honest      = "honest"
	silent      = "silent"       // never answers
	liar        = "liar"         // claims far more than it has
	withholding = "withholding"  // gives headers, never blocks
	dripping    = "dripping"     // gives a block every 1.9 s
	mutating    = "mutating"     // gives blocks that do not fit their headers
	offTopic    = "off topic"    // answers with headers that nobody asked for
	headerSpam  = "header spam"  // grows a branch of little work without end
	swapping    = "swapping"     // serves another branch in the second pass
	failing     = "failing line" // every answer is an error
	lacking     = "lacking"      // gives headers, and says that it has no blocks
	bodiless    = "bodiless"     // gives blocks without their bodies
	pruned      = "pruned"       // gives blocks without their bodies but for the last 20, and says so
	erasing     = "erasing"      // gives every tenth block without a body, which was erased
	endless     = "endless"      // header spam that ever goes on where it ended
)

type simNode struct {
	id       peer.ID
	kind     string
	model    *model
	plan     *plan
	up       bool
	epoch    int // counts restarts: what was under way before is lost
	peers    []*simNode
	probes   map[uint64]*modelProbe
	open     map[uint64]bool       // questions that were not ended
	punished map[peer.ID]time.Time // and since when it is away
	offences map[peer.ID]int
	bare     int                // blocks that were stored without bodies
	bareCame int                // and that came so
	heard    map[peer.ID]uint64 // the highest that each neighbour announced
	spam     core.Hash
	swaps    int
	wakeSeq  int
}

func newSim(seed uint64) *sim {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &sim{
		rand: rand.New(rand.NewPCG(seed, 1)), now: start, start: start, world: newWorld(), digest: sha256.New(),
		cut: func(a, b *simNode) bool { return false },
	}
	s.latency = func() time.Duration { return time.Duration(10+s.rand.IntN(140)) * time.Millisecond }
	return s
}

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, timer{s.now.Add(d), s.seq, do})
}

// run lets virtual time pass until done reports true; it returns how long that took, or false after
// limit.
func (s *sim) run(limit time.Duration, done func() bool) (time.Duration, bool) {
	begin, end := s.now, s.now.Add(limit)
	for len(s.queue) > 0 {
		if done() {
			return s.now.Sub(begin), true
		}
		t := heap.Pop(&s.queue).(timer)
		if t.at.After(end) {
			heap.Push(&s.queue, t)
			s.now = end
			break
		}
		s.now = t.at
		t.do()
	}
	return limit, done()
}

func (s *sim) add(kind string, m *model) *simNode {
	n := &simNode{id: peer.ID(fmt.Sprintf("node%02d", len(s.nodes))), kind: kind, model: m, punished: make(map[peer.ID]time.Time), offences: make(map[peer.ID]int)}
	s.nodes = append(s.nodes, n)
	return n
}

// boot starts a node, or starts it again after a crash: its chain is all that it kept.
func (s *sim) boot(n *simNode, l Limits) {
	n.up, n.plan = true, newPlan(l)
	n.epoch++
	clear(n.model.aside) // a chain forgets it with the process
	n.model.chooseBest()
	n.probes, n.open = make(map[uint64]*modelProbe), make(map[uint64]bool)
	s.step(n, n.model.look(l.Window))
	for _, other := range slices.Clone(n.peers) {
		s.hello(n, other)
		s.hello(other, n)
	}
}

func (s *sim) crash(n *simNode) {
	n.up = false
	n.epoch++
	s.faults.crashes++
	for _, other := range n.peers {
		if other.up && other.plan != nil {
			s.step(other, peerDown{n.id})
		}
	}
}

func (s *sim) link(a, b *simNode) {
	a.peers, b.peers = append(a.peers, b), append(b.peers, a)
}

// hello tells a of b.
func (s *sim) hello(a, b *simNode) {
	epoch := a.epoch
	s.deliver(func() {
		if a.epoch == epoch && a.up && b.up && a.plan != nil && !s.isCut(a, b) && a.punished[b.id].IsZero() {
			s.step(a, peerUp{b.id, b.claims()})
		}
	})
}

func (n *simNode) claims() Claim {
	c := n.model.world.claim(n.model.tip())
	switch n.kind {
	case pruned:
		c.LowestFull = c.Height - 20
	case silent, liar, offTopic, failing:
		c.Tip[0] ^= 1
		c.Height += 1000
		c.Work, _ = c.Work.Add(core.NewWork(0, 1e9))
	case headerSpam, endless:
		c.Tip[0] ^= 1
		c.Height += 1 << 40
		c.Work, _ = c.Work.Add(core.NewWork(0, 1e9))
	}
	return c
}

// step gives an event to a node's plan and performs what it wants.
func (s *sim) step(n *simNode, e event) {
	if n.plan == nil || !n.up {
		return
	}
	s.steps++
	for _, a := range n.plan.step(s.now, e) {
		fmt.Fprintf(s.digest, "%v %s %T\n", s.now.Sub(s.start), n.id, a)
		s.perform(n, a)
	}
	n.wakeSeq++
	seq, epoch := n.wakeSeq, n.epoch
	s.after(max(time.Millisecond, n.plan.wake().Sub(s.now)), func() {
		if n.wakeSeq == seq && n.epoch == epoch {
			s.step(n, tick{})
		}
	})
}

func (s *sim) perform(n *simNode, a action) {
	later := func(e func() event) { // the node's own work takes a millisecond
		epoch := n.epoch
		s.after(time.Millisecond, func() {
			if n.epoch == epoch {
				s.step(n, e())
			}
		})
	}
	switch a := a.(type) {
	case askHeaders:
		n.open[a.session] = true
		locator := n.model.locator()
		if a.after != (core.Hash{}) {
			locator = append([]core.Hash{a.after}, locator...)
		}
		s.askHeaders(n, s.node(a.peer), a, locator)
	case askBlocks:
		n.open[a.request] = true
		s.askBlocks(n, s.node(a.peer), a)
	case closeSession:
		delete(n.open, a.session)
		delete(n.probes, a.session)
	case closeRequest:
		delete(n.open, a.request)
	case takeHeaders:
		later(func() event {
			taken, err := n.model.addHeaders(a.headers, a.proven)
			s.changed(n)
			e := headersTaken{session: a.session, sent: len(a.headers), taken: taken, err: err}
			if taken > 0 {
				e.end = claimOf(a.headers[taken-1].Hash(), &a.headers[taken-1])
			}
			return e
		})
	case probeHeaders:
		p := n.probes[a.session]
		if p == nil {
			p = &modelProbe{end: a.fork}
			n.probes[a.session] = p
		}
		later(func() event {
			enough, err := p.add(n.model, a.headers)
			return headersProbed{session: a.session, sent: len(a.headers), end: s.world.claim(p.end), enough: enough, err: err}
		})
	case setAside:
		n.model.setAside(a.block)
		s.changed(n)
		s.after(10*time.Minute, func() { delete(n.model.aside, a.block); n.model.chooseBest(); s.changed(n) })
	case excuse:
		later(func() event { return excused{hash: a.hash} })
	case connect:
		later(func() event { return s.connect(n, a) })
	case punish:
		n.punished[a.id] = s.now
		n.offences[a.id]++
		s.after(banTime, func() {
			if n.punished[a.id].Add(banTime).Equal(s.now) {
				delete(n.punished, a.id)
				s.hello(n, s.node(a.id))
			}
		})
	}
}

// banTime is for how long a punished peer stays away.
const banTime = 30 * time.Second

func (s *sim) connect(n *simNode, a connect) event {
	before := n.model.tip()
	hashes := make([]core.Hash, len(a.batch))
	for i := range a.batch {
		hashes[i] = a.batch[i].hash
		if !a.batch[i].whole() {
			n.bare++
		}
	}
	taken, err := n.model.addBlocks(hashes)
	if tip := n.model.tip(); tip != before {
		s.announce(n)
	}
	return connected{batch: a.batch, loose: a.loose, taken: taken, err: err, chain: n.model.look(n.plan.limits.Window)}
}

// changed is the poke after new headers.
func (s *sim) changed(n *simNode) {
	epoch := n.epoch
	s.after(0, func() {
		if n.epoch == epoch {
			s.step(n, n.model.look(n.plan.limits.Window))
		}
	})
}

// announce tells the neighbours about a new tip once it is the best header, as gossip does.
func (s *sim) announce(n *simNode) {
	if n.model.tip() != n.model.best {
		return
	}
	for _, other := range n.peers {
		if s.isCut(n, other) || s.loses() {
			continue
		}
		claim := s.world.claim(n.model.tip())
		s.deliver(func() {
			if other.heard == nil {
				other.heard = make(map[peer.ID]uint64)
			}
			if claim.Height < other.heard[n.id] {
				s.faults.overtaken++
			}
			other.heard[n.id] = max(claim.Height, other.heard[n.id])
			s.step(other, announced{n.id, claim})
		})
	}
}

func (s *sim) node(id peer.ID) *simNode {
	i := slices.IndexFunc(s.nodes, func(n *simNode) bool { return n.id == id })
	return s.nodes[i]
}
