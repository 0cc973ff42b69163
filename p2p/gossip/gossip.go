package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// ErrNotRunning means that Run was not called, or has ended.
var ErrNotRunning = errors.New("gossip is not running")

// A Chain judges headers; it is *chain.Chain but for tests.
type Chain interface {
	Tip() chain.Tip
	BestHeader() chain.Tip
	State(hash core.Hash) chain.State
	// Header returns a known header.
	Header(hash core.Hash) (core.Header, error)
	// AddHeaders returns how many of the headers are known now.
	AddHeaders(headers []core.Header, proven core.Work) (int, error)
	// Block returns a stored block.
	Block(hash core.Hash) (*core.Block, error)
	// Message returns the message of a leaf, if it is here in any place, with the leaf's signature.
	Message(leaf core.Leaf) (*core.Message, error)
	Subscribe() (<-chan struct{}, func())
}

// A Pool holds the waiting messages; it is *mempool.Pool but for tests.
type Pool interface {
	// Add returns one error for each message; nil says that it was new, valid, and is durable.
	Add(msgs []*core.Message, from mempool.Origin) []error
	// Known reports whether a message waits or is sealed on the best chain.
	Known(id core.Hash) bool
	// Message returns a waiting message.
	Message(id core.Hash) (*core.Message, error)
	// List returns waiting messages with a sequence number over after, ascending.
	List(after uint64, limit int) ([]mempool.Waiting, error)
	// Match returns the message that each short id of a block names, of those that wait or are in the
	// given blocks of ours; nil where there is none, or more than one. mempool.ErrTooLarge.
	Match(block core.Hash, short []core.ShortID, sealed []core.Hash) ([]*core.Message, error)
	Totals() mempool.Totals
	Subscribe() (<-chan struct{}, func())
}

// A Client asks single peers; it is *exchange.Client but for tests.
type Client interface {
	Exchange
	Parts
}

// An Exchange asks a single peer about its waiting messages.
type Exchange interface {
	// Mempool returns ids of waiting messages, oldest first, and what to pass as after to go on; no
	// ids are the end.
	Mempool(ctx context.Context, p peer.ID, after uint64, limit int) ([]core.Hash, uint64, error)
	// Sketch returns a sketch of what waits, or all ids where there are no more of them than cells.
	Sketch(ctx context.Context, p peer.ID, cells int) (exchange.Summary, error)
	// Messages returns those of the messages that the peer has.
	Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error)
	// Offer lets the peer fetch what it lacks of these messages, at most exchange.MaxOffer, and returns
	// how many were new there.
	Offer(ctx context.Context, p peer.ID, ids []core.Hash) (int, error)
}

// A Syncer fetches what was announced and connects what came whole. Its methods must not wait.
type Syncer interface {
	// Announced tells of a header with valid proof of work, and of the peer that has its block.
	Announced(p peer.ID, h *core.Header)
	// Offer hands in a block that fits its header, which the chain knows.
	Offer(b *core.Block)
	// Poke asks a peer soon whether it has more than we.
	Poke(p peer.ID)
}

// Peers is told about peers that broke a rule. It must not wait for anything.
type Peers interface {
	Punish(p peer.ID, why error)
}

// Config holds what a node may choose about gossip.
type Config struct {
	Linger    time.Duration // how long a message may wait for others of its bundle
	Republish time.Duration // how often our users' waiting messages are published again
	Reconcile time.Duration // how often waiting messages are compared with one more peer

	OutboundQueue   int // RPCs that wait for one peer
	ValidateQueue   int // messages that wait for a verdict
	ValidateWorkers int // verdicts at a time: those that wait for the disk share an fsync

	// Score is what the rest of the node thinks of a peer: 0, or less where it misbehaved elsewhere.
	// Below -60 gossip has nothing to do with it. It must be quick.
	Score func(peer.ID) float64

	Now func() time.Time
	Log *slog.Logger
}

// DefaultConfig returns the values that docs/protocol.md names and the wall clock.
func DefaultConfig() Config {
	return Config{
		Linger:          20 * time.Millisecond,
		Republish:       4 * time.Minute,
		Reconcile:       30 * time.Second,
		OutboundQueue:   1024,
		ValidateQueue:   1024,
		ValidateWorkers: 8,
		Score:           func(peer.ID) float64 { return 0 },
		Now:             time.Now,
		Log:             slog.Default(),
	}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Linger <= 0 || c.Reconcile <= 0 {
		errs = append(errs, errors.New("gossip: Linger and Reconcile must be more than 0"))
	}
	if c.Republish <= seenTime {
		errs = append(errs, fmt.Errorf("gossip: Republish is %v, want more than the %v for which an id is known", c.Republish, seenTime))
	}
	if c.OutboundQueue < 1 || c.ValidateQueue < 1 || c.ValidateWorkers < 1 {
		errs = append(errs, errors.New("gossip: OutboundQueue, ValidateQueue and ValidateWorkers must be at least 1"))
	}
	if c.Now == nil || c.Log == nil || c.Score == nil {
		errs = append(errs, errors.New("gossip: Now, Log or Score is not set"))
	}
	return errors.Join(errs...)
}

// A Gossip takes part in the topics of one network. Its methods are safe for concurrent use.
type Gossip struct {
	host    host.Host
	network *core.Network
	chain   Chain
	pool    Pool
	syncer  Syncer
	peers   Peers
	cfg     Config

	topics     Topics
	tracer     *tracer
	forwarded  *recent // blocks that were published or forwarded
	unspread   *recent // messages that were taken and never forwarded, as they came by other ways
	future     *future
	headers    *budget // of the classic proof of work
	vain       *budget // bytes of what was ignored
	guard      *guard
	reconciler *reconciler
	rebuilder  *rebuilder
	wake       chan struct{} // of capacity 1: there may be more to publish

	mu       sync.Mutex // guards what is below
	messages *pubsub.Topic
	blocks   *pubsub.Topic
	verdicts sync.WaitGroup // in progress; none begins while the topics are nil
}

// New returns a gossip that does nothing before Run.
func New(h host.Host, n *core.Network, c Chain, pool Pool, x Client, s Syncer, peers Peers, cfg Config) (*Gossip, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	topics := TopicsOf(n)
	g := &Gossip{
		host: h, network: n, chain: c, pool: pool, syncer: s, peers: peers, cfg: cfg,
		topics: topics, forwarded: newRecent(maxForwarded), unspread: newRecent(maxUnspread),
		future: newFuture(), headers: newBudget(cfg.Now, headerBurst, headerRate),
		vain: newBudget(cfg.Now, vainBurst, vainRate), guard: newGuard(cfg.Now, peers), wake: make(chan struct{}, 1),
	}
	g.tracer = newTracer(topics, g.grafted)
	g.reconciler = newReconciler(pool, x, peers, g.unspread, cfg)
	g.rebuilder = newRebuilder(pool, c, x, s, peers, n, cfg.Log)
	g.forwarded.add(c.Tip().Hash) // whoever connects learns it by hello
	return g, nil
}

// PeerUp tells of a peer that passed hello; waiting messages are compared with it soon.
func (g *Gossip) PeerUp(p peer.ID) { g.reconciler.peerUp(p) }

// PeerDown tells that a peer is gone.
func (g *Gossip) PeerDown(p peer.ID) { g.reconciler.peerDown(p) }

// Offered takes those of the messages that are unknown here from the peer that offers them, and
// returns how many were new.
func (g *Gossip) Offered(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	if !g.begin() {
		return 0, ErrNotRunning
	}
	defer g.verdicts.Done()
	return g.reconciler.offered(ctx, p, ids)
}

// grafted asks a new neighbour in a mesh for what was forwarded before it was one: GossipSub tells
// of that only peers that are none.
func (g *Gossip) grafted(p peer.ID, topic string) {
	if topic == g.topics.Blocks {
		g.syncer.Poke(p)
	} else {
		g.reconciler.again(p)
	}
}

// inspect judges an RPC before pubsub takes it in. It must be quick: pubsub has one loop.
func (g *Gossip) inspect(from peer.ID, rpc *pubsub.RPC) error {
	if err := g.guard.inspect(from, rpc); err != nil {
		return err
	}
	g.dropVain(from, rpc)
	return nil
}

// Stats returns the counters.
func (g *Gossip) Stats() Stats {
	s := g.tracer.snapshot()
	s.Held, s.Rebuilds = g.future.len(), g.rebuilder.stats()
	s.Rounds, s.Reconciled, s.Given = g.reconciler.rounds.Load(), g.reconciler.taken.Load(), g.reconciler.given.Load()
	return s
}

// News returns when peers were last the first to bring something valid.
func (g *Gossip) News() map[peer.ID]time.Time {
	g.tracer.mu.Lock()
	defer g.tracer.mu.Unlock()
	return maps.Clone(g.tracer.news)
}

// Mesh returns the peers that are in the mesh of a topic with us.
func (g *Gossip) Mesh() map[peer.ID]Mesh { return g.tracer.mesh() }

// TopicPeers returns the number of peers that take part in both topics.
func (g *Gossip) TopicPeers() int {
	messages, blocks := g.joined()
	if messages == nil {
		return 0
	}
	return min(len(messages.ListPeers()), len(blocks.ListPeers()))
}

// Members returns the peers that take part in at least one of the topics. It is false while we do
// not ourselves.
func (g *Gossip) Members() (map[peer.ID]bool, bool) {
	messages, blocks := g.joined()
	if messages == nil {
		return nil, false
	}
	members := make(map[peer.ID]bool)
	for _, p := range append(messages.ListPeers(), blocks.ListPeers()...) {
		members[p] = true
	}
	return members, true
}

// Run takes part until ctx ends and then returns nil; an error means that it could not join. By the
// time it returns, every goroutine it started has ended and no verdict is in progress; those of
// pubsub end with ctx and with the streams of the host.
func (g *Gossip) Run(ctx context.Context) error {
	err := g.run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was to end before it had begun
	}
	return err
}

func (g *Gossip) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Who was just let go must not be dialled for the stream that pubsub was about to open.
	ps, err := pubsub.NewGossipSub(network.WithNoDial(ctx, "gossip uses connected peers"), g.guard.watch(ctx, g.host), g.options()...)
	if err != nil {
		return fmt.Errorf("starting gossipsub: %w", err)
	}
	messages, err := join(ps, g.topics.Messages, g.validator(g.readBundle))
	if err != nil {
		return err
	}
	blocks, err := join(ps, g.topics.Blocks, g.validator(g.judgeBlock))
	if err != nil {
		return err
	}
	joins, err := messages.EventHandler()
	if err != nil {
		return fmt.Errorf("watching %s: %w", g.topics.Messages, err)
	}
	defer joins.Cancel()
	g.setTopics(messages, blocks)
	defer g.leave()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.watchPeers(ctx, joins) })
	group.Go(func() error { return g.publish(ctx, messages) })
	group.Go(func() error { return g.republish(ctx, messages) })
	group.Go(func() error { return g.announceTips(ctx) })
	group.Go(func() error { return g.releaseFuture(ctx) })
	group.Go(func() error { return g.reconciler.run(ctx) })
	group.Go(func() error { return g.rebuilder.run(ctx) })
	return group.Wait()
}

// join takes part in a topic. A relay is all that is needed: the validator takes what arrives.
func join(ps *pubsub.PubSub, name string, judge pubsub.ValidatorEx) (*pubsub.Topic, error) {
	if err := ps.RegisterTopicValidator(name, judge, pubsub.WithValidatorInline(true)); err != nil {
		return nil, fmt.Errorf("validator of %s: %w", name, err)
	}
	topic, err := ps.Join(name)
	if err != nil {
		return nil, fmt.Errorf("joining %s: %w", name, err)
	}
	if _, err := topic.Relay(); err != nil {
		return nil, fmt.Errorf("relaying %s: %w", name, err)
	}
	return topic, nil
}

func (g *Gossip) setTopics(messages, blocks *pubsub.Topic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.messages, g.blocks = messages, blocks
}

func (g *Gossip) joined() (messages, blocks *pubsub.Topic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.messages, g.blocks
}

// leave waits for verdicts in progress: whoever waits for Run may close the store next.
func (g *Gossip) leave() {
	g.setTopics(nil, nil)
	g.verdicts.Wait()
}

// validator has what others send judged, as long as Run takes part.
func (g *Gossip) validator(judge func(from peer.ID, data []byte) pubsub.ValidationResult) pubsub.ValidatorEx {
	return func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if from == g.host.ID() {
			return pubsub.ValidationAccept
		}
		if !g.begin() {
			return pubsub.ValidationIgnore
		}
		defer g.verdicts.Done()
		return judge(from, m.Data)
	}
}

// begin reports whether a verdict may be found now; then it must be ended by g.verdicts.Done.
func (g *Gossip) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.messages == nil {
		return false
	}
	g.verdicts.Add(1)
	return true
}

// watchPeers lets the publisher know about every peer that joins: messages are kept back while there
// is nobody to hear them.
func (g *Gossip) watchPeers(ctx context.Context, joins *pubsub.TopicEventHandler) error {
	for {
		if _, err := joins.NextPeerEvent(ctx); err != nil {
			return nil // only the end of ctx
		}
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
}
