package gossip

import (
	"context"
	"fmt"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core/consensus"
)

// Faults of peers on the stream of the topics.
var (
	// ErrFlood means that a peer sends far more of what is of no use than any honest one could.
	ErrFlood = consensus.NewRefusal("flood of useless gossip", consensus.Broken)
	// ErrFrame means that a frame is larger than allowed, or none at all.
	ErrFrame = consensus.NewRefusal("malformed gossip", consensus.Broken)
)

const (
	// What a peer sends on its stream is read at this rate, and beyond it later: the sender's queue
	// fills, not ours. A frame counts as minFrame bytes at least, since each costs a turn of pubsub's
	// only loop.
	streamBurst = 32 << 20
	streamRate  = 8 << 20
	minFrame    = 512
	// longestDelay bounds one wait: a stream that is reset must not be waited for.
	longestDelay = time.Second

	// Streams that a peer opens one after the other, as after broken lines.
	openBurst = 16
	openRate  = 0.1
	// Changes of subscriptions; an honest peer has two topics for as long as it is connected.
	subscribeBurst = 64
	subscribeRate  = 1

	// Announcements on unknown parents. While we are behind, every block is one.
	orphanBurst = 256
	orphanRate  = 32
	// Of what is ignored unread because there is too much of it, this much more, and the peer goes.
	floodBurst = 8 << 20
	floodRate  = 64 << 10
	// minVain is what an ignored message counts at least: pubsub remembers its id for two minutes.
	minVain = 4 << 10
)

// A guard holds every single peer to limits on the stream of the topics, where pubsub has none. It is
// safe for concurrent use.
type guard struct {
	punish func(p peer.ID, why error)

	bytes, opens, subscriptions, orphans, flood *budget

	mu      sync.Mutex      // guards streams
	streams map[peer.ID]int // that pubsub was given and is not done with
}

func newGuard(now func() time.Time, peers Peers) *guard {
	return &guard{
		punish:        peers.Punish,
		streams:       make(map[peer.ID]int),
		bytes:         newBudget(now, streamBurst, streamRate),
		opens:         newBudget(now, openBurst, openRate),
		subscriptions: newBudget(now, subscribeBurst, subscribeRate),
		orphans:       newBudget(now, orphanBurst, orphanRate),
		flood:         newBudget(now, floodBurst, floodRate),
	}
}

// orphan counts an announcement whose parent is unknown. Too many are as good as unread: on a young
// network, which is not difficult yet, hundreds of blocks a second are honest for a moment.
func (g *guard) orphan(from peer.ID) error {
	if !g.orphans.spend(from, 1) {
		return g.unread(from, minVain)
	}
	return nil
}

// unread counts what was not worth reading: it is not forwarded, and ErrFlood if there is too much.
func (g *guard) unread(from peer.ID, size float64) error {
	if !g.flood.spend(from, size) {
		return fmt.Errorf("gossip that is of no use: %w", ErrFlood)
	}
	return errNotForwarded
}

// pardon forgets what counted as a flood of a peer's: that there is no room for messages here, or that
// our disk fails, is no fault of those that bring news, and all that they bring is ignored then.
func (g *guard) pardon(from peer.ID) { g.flood.refund(from, floodBurst) }

// inspect judges an RPC before pubsub takes it in. Pubsub ignores it after an error, and no more.
func (g *guard) inspect(from peer.ID, rpc *pubsub.RPC) error {
	n := len(rpc.GetSubscriptions())
	if n == 0 {
		return nil
	}
	if n > maxSubscriptions || !g.subscriptions.spend(from, float64(n)) {
		err := fmt.Errorf("%d changes of subscriptions: %w", n, ErrFlood)
		g.punish(from, err)
		return err
	}
	return nil
}

// watch returns a host for pubsub whose streams are held to the limits until ctx ends.
func (g *guard) watch(ctx context.Context, h host.Host) host.Host { return guarded{h, g, ctx.Done()} }

type guarded struct {
	host.Host
	guard *guard
	done  <-chan struct{}
}

// SetStreamHandler implements host.Host.
func (h guarded) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, func(s network.Stream) {
		from := s.Conn().RemotePeer()
		if !h.guard.opens.spend(from, 1) {
			s.Reset()
			h.guard.punish(from, fmt.Errorf("streams without end: %w", ErrFlood))
			return
		}
		g := &guardedStream{Stream: s, guard: h.guard, from: from, done: h.done}
		defer h.guard.enter(from)()
		handle(g)
	})
}

// enter counts a stream of a peer until the function that it returns is called.
func (g *guard) enter(p peer.ID) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams[p]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.streams[p]--; g.streams[p] == 0 {
			delete(g.streams, p)
		}
	}
}

// several reports whether a peer has more than one stream. Of these pubsub keeps the one that it was
// given last and resets the others. Which one that is we cannot know: each comes on a goroutine of its
// own.
func (g *guard) several(p peer.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.streams[p] > 1
}

// A guardedStream is a stream on which pubsub reads RPCs.
type guardedStream struct {
	network.Stream
	guard *guard
	from  peer.ID
	done  <-chan struct{} // closed when we end

	mu     sync.Mutex // guards what is below
	ended  bool       // by the peer, or by the line
	frames frames
}

// Read implements network.Stream. A peer that sends too much is read later.
func (s *guardedStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if err != nil {
		s.end()
	}
	s.mu.Lock()
	begun := s.frames.pass(b[:n])
	s.mu.Unlock()
	if wait := s.guard.bytes.owe(s.from, float64(n+begun*minFrame)); wait > 0 {
		time.Sleep(min(wait, longestDelay))
	}
	return n, err
}

func (s *guardedStream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// Reset implements network.Stream. While neither side ended the stream and there is no other one, pubsub
// resets it only if it cannot make sense of what it read. Who opens another one to hide that has few.
func (s *guardedStream) Reset() error {
	s.mu.Lock()
	frame, ended := s.frames.begun, s.ended
	s.mu.Unlock()
	select {
	case <-s.done:
		ended = true
	default:
	}
	ended = ended || s.guard.several(s.from)
	err := s.Stream.Reset()
	if !ended && frame > 0 {
		s.guard.punish(s.from, fmt.Errorf("frame %d of a stream: %w", frame, ErrFrame))
	}
	return err
}

// Frames follow where on a stream a frame begins.
type frames struct {
	left  uint64 // bytes of the frame
	size  uint64 // the next one's, as far as it came
	shift uint
	begun int
}

// pass goes over the next bytes and returns how many frames began in them.
func (f *frames) pass(b []byte) int {
	before := f.begun
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(b)))
			f.left -= n
			b = b[n:]
			continue
		}
		f.size |= uint64(b[0]&0x7f) << f.shift
		if f.shift += 7; b[0] < 0x80 {
			f.left, f.size, f.shift = f.size, 0, 0
			f.begun++
		}
		b = b[1:]
	}
	return f.begun - before
}
