package exchange

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	p2pnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/semaphore"

	"p2pchain/core"
	"p2pchain/core/mempool"
)

// A Chain is what a Server tells of the best chain; it is *chain.Chain but for tests.
type Chain interface {
	// HeadersAfter returns up to limit headers after the first block of the locator that is on the
	// best chain, or after genesis.
	HeadersAfter(locator []core.Hash, limit int) ([]core.Header, error)
	// HashAt returns the best chain's block at a height; chain.ErrNotFound.
	HashAt(height uint64) (core.Hash, error)
	// Leaves returns the leaves of a stored block; chain.ErrNotFound.
	Leaves(block core.Hash) ([]core.Leaf, error)
	// Message returns the message of such a leaf; chain.ErrNotFound.
	Message(leaf core.Leaf) (*core.Message, error)
	// Find returns a message that a stored block has, with any signature of its author; chain.ErrNotFound.
	Find(id core.Hash) (*core.Message, error)
	// Raw returns a stored block as it travels; chain.ErrNotFound.
	Raw(hash core.Hash) (*core.RawBlock, error)
}

// A Pool is what a Server tells of the waiting messages; it is *mempool.Pool but for tests.
type Pool interface {
	// Message returns a waiting message with its body; chain.ErrNotFound.
	Message(id core.Hash) (*core.Message, error)
	// List returns up to limit waiting messages with a Seq over after, ascending.
	List(after uint64, limit int) ([]mempool.Waiting, error)
}

// Peers knows who we are and hears about the others. But for Offered it must not wait for anything.
type Peers interface {
	// Self returns what this node says of itself now.
	Self() Hello
	// Greeted is told what a peer that asked us said of itself, after it was answered.
	Greeted(p peer.ID, h Hello)
	// Offered takes those of the messages that are unknown here from the peer that has them, and
	// returns how many came. It alone may wait, until ctx ends.
	Offered(ctx context.Context, p peer.ID, ids []core.Hash) (int, error)
	// Punish is told about a peer that broke the protocol.
	Punish(p peer.ID, why error)
}

// A Server answers the requests of peers.
type Server struct {
	host     host.Host
	network  *core.Network
	chain    Chain
	pool     Pool
	peers    Peers
	cfg      Config
	guests   *guests
	blocks   *room
	headers  *semaphore.Weighted // requests for headers
	sketches *sketcher
	handlers []handler
}

// A handler serves one protocol.
type handler struct {
	id    protocol.ID
	kind  kind
	limit int // size of a request
	serve func(context.Context, *call) error
}

// A call is a request that is being served.
type call struct {
	*pipe
	peer   peer.ID
	guest  *guest
	cancel context.CancelFunc // ends it early
}

// NewServer returns a server that answers nobody before Run.
func NewServer(h host.Host, n *core.Network, c Chain, pool Pool, peers Peers, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		host: h, network: n, chain: c, pool: pool, peers: peers, cfg: cfg,
		guests: newGuests(), blocks: newRoom(cfg.BlockMemory, cfg.FrameTimeout/5),
		headers: semaphore.NewWeighted(headersAtOnce), sketches: newSketcher(pool, time.Now),
	}
	ids := ProtocolsOf(n)
	s.handlers = []handler{
		{ids.Hello, kindHello, maxHelloFrame, s.serveHello},
		{ids.Headers, kindHeaders, MaxLocator*core.HashSize + maxSmallFrame, s.serveHeaders},
		{ids.Blocks, kindBlocks, MaxBlocks*core.HashSize + maxSmallFrame, s.serveBlocks},
		{ids.Messages, kindMessages, MaxIDs*core.HashSize + maxSmallFrame, s.serveMessages},
		{ids.Mempool, kindMempool, maxSmallFrame, s.serveMempool},
		{ids.Sketch, kindSketch, maxSmallFrame, s.serveSketch},
		{ids.Offer, kindOffer, MaxOffer*core.HashSize + maxSmallFrame, s.serveOffer},
		{ids.Vote, kindVote, core.MaxMessageSize + maxSmallFrame, s.serveVote},
		{ids.Fill, kindBlocks, maxFillFrame, s.serveFill},
		{ids.Leaves, kindBlocks, core.HashSize + maxSmallFrame, s.serveLeaves},
	}
	return s, nil
}

// Run answers until ctx ends and then returns nil. By then every request has ended.
func (s *Server) Run(ctx context.Context) error {
	var door door
	for _, h := range s.handlers {
		s.host.SetStreamHandler(h.id, func(st p2pnet.Stream) {
			if !door.enter() {
				st.Reset()
				return
			}
			defer door.leave()
			s.answer(ctx, h, st)
		})
	}
	<-ctx.Done()
	for _, h := range s.handlers {
		s.host.RemoveStreamHandler(h.id)
	}
	door.close()
	return nil
}

// answer serves one stream.
func (s *Server) answer(ctx context.Context, h handler, st p2pnet.Stream) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StreamTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { st.Reset() })
	defer stop()
	c := &call{peer: st.Conn().RemotePeer(), cancel: cancel}
	c.guest = s.guests.enter(c.peer, time.Now())
	defer func() { s.guests.leave(c.guest, time.Now()) }()

	var err error
	c.pipe, err = newPipe(st, h.limit, s.cfg.FrameTimeout)
	if err == nil {
		err = h.serve(ctx, c)
	}
	if err == nil {
		err = st.Close()
	}
	if err == nil {
		return
	}
	st.Reset()
	s.cfg.Log.Debug("request not answered", "protocol", h.id, "peer", c.peer, "err", err)
	if errors.Is(err, ErrProtocol) || errors.Is(err, ErrStalled) {
		s.peers.Punish(c.peer, err)
	}
}

// A door counts those inside. Once it is closed, nobody enters.
type door struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (d *door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.inside.Add(1)
	}
	return !d.closed
}

func (d *door) leave() { d.inside.Done() }

// close waits for those inside.
func (d *door) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.inside.Wait()
}
