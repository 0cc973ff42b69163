package syncer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// A Chain is what is synced; it is *chain.Chain but for tests.
type Chain interface {
	View
	// AddHeaders returns how many of the headers are known now; see chain.Chain.
	AddHeaders(headers []core.Header, proven core.Work) (int, error)
	// Judge does the part of adding blocks that takes long and needs no order; see chain.Chain.
	Judge(groups ...[]*core.Block) *chain.Judged
	// AddJudged returns how many of the blocks are stored now; see chain.Chain.
	AddJudged(j *chain.Judged) (int, error)
	// Excuse reports whether a block needs none of the bodies that it lacks; see chain.Chain.
	Excuse(bare *core.Block, near []*core.Block) (bool, error)
	// SetAside takes a branch out of the choice of the best header; see chain.Chain.
	SetAside(block core.Hash)
	// Probe starts a first pass over headers on a known block.
	Probe(parent core.Hash) (*chain.Probe, error)
}

// A View is the reading half of a Chain.
type View interface {
	Tip() chain.Tip
	BestHeader() chain.Tip
	Header(hash core.Hash) (core.Header, error)
	// Missing returns the blocks to fetch next on the best header branch, ascending.
	Missing(limit int) []core.Hash
	// Locator names the best header chain, newest first.
	Locator() []core.Hash
	// Subscribe returns a channel that is poked after every change, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// An Exchange asks peers. Its methods may be called at the same time; they end with ctx. An error that
// wraps os.ErrDeadlineExceeded means that the peer moved next to nothing of an answer in a time in which
// the slowest line does.
type Exchange interface {
	// Headers returns up to limit headers of the peer's best chain after the first block of the
	// locator that is on it.
	Headers(ctx context.Context, p peer.ID, locator []core.Hash, limit int) ([]core.Header, error)
	// Blocks calls each for every one of the blocks that the peer has, in the order asked, and ends
	// with the first error of each. Part is told of the pieces of large blocks as they come.
	Blocks(ctx context.Context, p peer.ID, hashes []core.Hash, part func(bytes int), each func(*core.Block) error) error
}

// Peers is told about peers that broke a rule, lied or stalled. It must not wait for anything.
type Peers interface {
	Punish(p peer.ID, why error)
}

// Config holds what a node may choose about syncing.
type Config struct {
	Limits Limits
	Now    func() time.Time
	Log    *slog.Logger
}

// DefaultConfig returns the default limits and the wall clock.
func DefaultConfig() Config {
	return Config{Limits: DefaultLimits(), Now: time.Now, Log: slog.Default()}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	err := c.Limits.Validate()
	if c.Now == nil || c.Log == nil {
		err = errors.Join(err, errors.New("syncer: Now or Log is not set"))
	}
	return err
}

// A Syncer keeps a chain in step with the peers. Its methods are safe for concurrent use, and none
// but Run waits for anything.
type Syncer struct {
	chain    Chain
	exchange Exchange
	peers    Peers
	cfg      Config
	inbox    inbox

	mu     sync.Mutex // guards status
	status Status
}

// New returns a syncer that does nothing before Run.
func New(c Chain, x Exchange, peers Peers, cfg Config) (*Syncer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Syncer{chain: c, exchange: x, peers: peers, cfg: cfg, inbox: newInbox()}
	s.status = Status{State: Alone, Height: c.Tip().Header.Height, BestHeader: c.BestHeader().Header.Height}
	return s, nil
}

// PeerUp tells of a peer that passed hello, or of a newer hello, and of the chain that it claims.
func (s *Syncer) PeerUp(p peer.ID, claim Claim) { s.inbox.post(peerUp{p, claim}) }

// PeerDown tells that a peer is gone.
func (s *Syncer) PeerDown(p peer.ID) { s.inbox.post(peerDown{p}) }

// Announced tells that a peer showed this header as that of its newest block. The proof of work of
// the header was checked; what it claims of its ancestors is not believed.
func (s *Syncer) Announced(p peer.ID, h *core.Header) {
	s.inbox.offer(announced{p, claimOf(h.Hash(), h)})
}

// Offer hands in a block that fits its header and came without being asked for. The header is known
// to the chain.
func (s *Syncer) Offer(b *core.Block) {
	s.inbox.offer(offered{arrival{hash: b.Header.Hash(), block: b, size: b.Size()}})
}

// Poke asks a peer for headers soon.
func (s *Syncer) Poke(p peer.ID) { s.inbox.offer(poked{p}) }

// Run syncs until ctx ends and then returns nil. By the time it returns, every goroutine it started
// has ended.
func (s *Syncer) Run(ctx context.Context) error {
	changed, stop := s.chain.Subscribe()
	defer stop()
	r := &run{Syncer: s, plan: newPlan(s.cfg.Limits), cancels: make(map[uint64]context.CancelFunc), probes: make(map[uint64]*probe)}
	defer r.tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.step(ctx, r.look())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(max(0, r.plan.wake().Sub(s.cfg.Now())))
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			r.step(ctx, r.look())
		case <-s.inbox.poke:
			for _, e := range s.inbox.take() {
				r.step(ctx, e)
			}
		case <-timer.C:
			r.step(ctx, tick{})
		}
	}
}

// A run performs what the plan decides. One goroutine owns it; its tasks only post events.
type run struct {
	*Syncer
	plan    *plan
	tasks   sync.WaitGroup
	cancels map[uint64]context.CancelFunc // by session or request
	probes  map[uint64]*probe             // by session
	meter   meter
	told    State           // the last one that was logged
	turn    <-chan struct{} // closed when the last connect is done; nil before the first
}

// A probe is the first pass of a session. Only the task of its session uses it.
type probe struct{ *chain.Probe }

func (r *run) step(ctx context.Context, e event) {
	now := r.cfg.Now()
	if c, ok := e.(connected); ok {
		r.meter.add(now, amountOf(c.batch[:c.taken]))
		c.chain = r.look() // now, not when the task was done: a view that is older than the last would undo it
		e = c
	}
	for _, a := range r.plan.step(now, e) {
		r.perform(ctx, a)
	}
	r.report(now)
}

func (r *run) perform(ctx context.Context, a action) {
	switch a := a.(type) {
	case askHeaders:
		r.start(ctx, a.session, func(ctx context.Context) { r.askHeaders(ctx, a) })
	case takeHeaders:
		r.tasks.Go(func() { r.takeHeaders(a) })
	case probeHeaders:
		p := r.probes[a.session]
		if p == nil {
			p = new(probe)
			r.probes[a.session] = p
		}
		r.tasks.Go(func() { r.probeHeaders(a, p) })
	case closeSession:
		r.end(a.session)
		delete(r.probes, a.session)
	case askBlocks:
		r.start(ctx, a.request, func(ctx context.Context) { r.askBlocks(ctx, a) })
	case closeRequest:
		r.end(a.request)
	case setAside:
		r.chain.SetAside(a.block)
	case excuse:
		r.tasks.Go(func() { r.excuse(a) })
	case connect:
		before, done := r.turn, make(chan struct{})
		r.turn = done
		r.tasks.Go(func() { r.connect(a, before, done) })
	case punish:
		r.peers.Punish(a.id, a.why)
	}
}

// start runs a task that end can stop.
func (r *run) start(ctx context.Context, id uint64, task func(context.Context)) {
	r.end(id)
	ctx, r.cancels[id] = context.WithCancel(ctx)
	r.tasks.Go(func() { task(ctx) })
}

func (r *run) end(id uint64) {
	if cancel := r.cancels[id]; cancel != nil {
		cancel()
		delete(r.cancels, id)
	}
}

func (r *run) askHeaders(ctx context.Context, a askHeaders) {
	locator := r.chain.Locator()
	if a.after != (core.Hash{}) {
		locator = append([]core.Hash{a.after}, locator...)
	}
	headers, err := r.exchange.Headers(ctx, a.peer, locator, a.limit)
	r.inbox.post(headersReply{session: a.session, locator: locator, headers: headers, err: err})
}

func (r *run) takeHeaders(a takeHeaders) {
	n, err := r.chain.AddHeaders(a.headers, a.proven)
	e := headersTaken{session: a.session, sent: len(a.headers), taken: n, err: err}
	if n > 0 {
		e.end = claimOf(a.headers[n-1].Hash(), &a.headers[n-1])
	}
	r.logFault("taking headers", err)
	r.inbox.post(e)
}

func (r *run) probeHeaders(a probeHeaders, p *probe) {
	var err error
	if p.Probe == nil {
		p.Probe, err = r.chain.Probe(a.fork)
	}
	e := headersProbed{session: a.session, sent: len(a.headers)}
	if err == nil {
		err = p.Add(a.headers)
		end := p.End()
		e.end, e.enough = claimOf(end.Hash, &end.Header), p.Enough()
	}
	r.logFault("judging headers", err)
	e.err = err
	r.inbox.post(e)
}

func (r *run) askBlocks(ctx context.Context, a askBlocks) {
	left := make(map[core.Hash]bool, len(a.hashes))
	for _, hash := range a.hashes {
		left[hash] = true
	}
	err := r.exchange.Blocks(ctx, a.peer, a.hashes, func(bytes int) { r.inbox.post(partCame{a.request, bytes}) }, func(b *core.Block) error {
		hash := b.Header.Hash()
		if !left[hash] {
			return ErrOffTopic
		}
		if err := consensus.CheckFit(b); err != nil {
			return err
		}
		delete(left, hash)
		r.inbox.post(blockCame{a.request, arrival{hash: hash, block: b, size: b.Size()}})
		return nil
	})
	r.inbox.post(blocksDone{a.request, err})
}

// connect judges blocks while those before them are still being stored, and stores them in their turn.
func (r *run) connect(a connect, before <-chan struct{}, done chan<- struct{}) {
	judged := r.chain.Judge(bySender(a.batch)...)
	if before != nil {
		<-before
	}
	n, err := r.chain.AddJudged(judged)
	close(done)
	r.logFault("adding blocks", err)
	r.inbox.post(connected{batch: a.batch, loose: a.loose, taken: n, err: err})
}

func (r *run) excuse(a excuse) {
	ok, err := r.chain.Excuse(a.block, a.near)
	r.logFault("looking why bodies are missing", err)
	r.inbox.post(excused{a.hash, ok})
}

// bySender splits a batch where the sender changes.
func bySender(batch []arrival) [][]*core.Block {
	var groups [][]*core.Block
	for i := range batch {
		if i == 0 || batch[i].from != batch[i-1].from {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], batch[i].block)
	}
	return groups
}

// look describes the chain to the plan.
func (r *run) look() chainMoved {
	tip, best := r.chain.Tip(), r.chain.BestHeader()
	e := chainMoved{
		tip:     claimOf(tip.Hash, &tip.Header),
		best:    claimOf(best.Hash, &best.Header),
		missing: r.chain.Missing(r.cfg.Limits.Window),
	}
	if len(e.missing) == 0 {
		return e
	}
	h, err := r.chain.Header(e.missing[0])
	if err != nil { // the chain moved on just now, and will poke
		e.missing = nil
	}
	e.first = h.Height
	return e
}

func (r *run) logFault(doing string, err error) {
	if err != nil && consensus.ClassOf(err) == consensus.Fault && !errors.Is(err, chain.ErrLowWork) {
		r.cfg.Log.Error(doing, "err", err)
	}
}

func claimOf(hash core.Hash, h *core.Header) Claim {
	return Claim{Tip: hash, Height: h.Height, Work: h.Work}
}
