package gossip

import (
	"maps"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Counts say what became of the messages of one topic. A message is a bundle or an announcement.
type Counts struct {
	Published  uint64 `json:"published"` // by us
	Accepted   uint64 `json:"accepted"`  // and forwarded
	Ignored    uint64 `json:"ignored"`
	Rejected   uint64 `json:"rejected"`
	Duplicates uint64 `json:"duplicates"`
}

// Stats are counted from the start of Run.
type Stats struct {
	Messages   Counts            `json:"messages"`
	Blocks     Counts            `json:"blocks"`
	Taken      uint64            `json:"taken"`      // new messages out of bundles
	Rounds     uint64            `json:"rounds"`     // comparisons of all that waits with single peers
	Reconciled uint64            `json:"reconciled"` // new messages fetched from single peers
	Given      uint64            `json:"given"`      // messages that single peers lacked and took
	Drops      map[string]uint64 `json:"drops"`      // lost here without a verdict, by reason
	Held       int               `json:"held"`       // headers of the near future
	Rebuilds   RebuildStats      `json:"rebuilds"`   // blocks that were announced by short ids
	Mesh       int               `json:"mesh"`       // peers to which both topics are forwarded in full
}

// A Mesh says of which topics a peer and we forward everything to each other at once; the other peers are
// told of ids now and then, and ask for what they lack.
type Mesh struct{ Messages, Blocks bool }

// Reasons for drops, besides those of pubsub.
const (
	dropOutbound = "outbound queue full"
	dropControl  = "outbound queue full (control)"
	dropVain     = "peer sends too much that is known"
)

// A tracer counts what pubsub does. Pubsub calls it synchronously, so it must be quick.
type tracer struct {
	topics  Topics
	grafted func(p peer.ID, topic string)

	mu     sync.Mutex // guards what is below
	stats  Stats
	meshes map[string]map[peer.ID]struct{} // by topic
	open   map[peer.ID]struct{}            // peers that we have a stream to
	news   map[peer.ID]time.Time           // of these: when one was last the first to bring something
}

func newTracer(t Topics, grafted func(p peer.ID, topic string)) *tracer {
	return &tracer{
		topics: t, grafted: grafted, stats: Stats{Drops: make(map[string]uint64)},
		meshes: map[string]map[peer.ID]struct{}{t.Messages: {}, t.Blocks: {}},
		open:   make(map[peer.ID]struct{}), news: make(map[peer.ID]time.Time),
	}
}

// snapshot returns a copy of the counters.
func (t *tracer) snapshot() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.stats
	out.Drops = maps.Clone(t.stats.Drops)
	out.Mesh = min(len(t.meshes[t.topics.Messages]), len(t.meshes[t.topics.Blocks]))
	return out
}

// mesh returns where peers are, those that are in no mesh left out.
func (t *tracer) mesh() map[peer.ID]Mesh {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[peer.ID]Mesh)
	for p := range t.meshes[t.topics.Messages] {
		out[p] = Mesh{Messages: true}
	}
	for p := range t.meshes[t.topics.Blocks] {
		out[p] = Mesh{Messages: out[p].Messages, Blocks: true}
	}
	return out
}

// change counts under the lock.
func (t *tracer) change(f func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.stats)
}

// count changes the counters of a topic; pubsub delivers only ours.
func (t *tracer) count(topic string, f func(*Counts)) {
	t.change(func(s *Stats) {
		if topic == t.topics.Blocks {
			f(&s.Blocks)
		} else {
			f(&s.Messages)
		}
	})
}

func (t *tracer) drop(reason string, n int) {
	t.change(func(s *Stats) { s.Drops[reason] += uint64(n) })
}

// DeliverMessage counts what was accepted; what we publish is not traced. A verdict may come after the
// peer left.
func (t *tracer) DeliverMessage(m *pubsub.Message) {
	t.count(m.GetTopic(), func(c *Counts) { c.Accepted++ })
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[m.ReceivedFrom]; ok {
		t.news[m.ReceivedFrom] = time.Now()
	}
}

// RejectMessage counts verdicts, and as drops what had none.
func (t *tracer) RejectMessage(m *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationIgnored:
		t.count(m.GetTopic(), func(c *Counts) { c.Ignored++ })
	case pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled:
		t.drop(reason, 1)
	default:
		t.count(m.GetTopic(), func(c *Counts) { c.Rejected++ })
	}
}

// DuplicateMessage counts what came again.
func (t *tracer) DuplicateMessage(m *pubsub.Message) {
	t.count(m.GetTopic(), func(c *Counts) { c.Duplicates++ })
}

// DropRPC counts what did not fit into a peer's queue.
func (t *tracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	if n := len(rpc.GetPublish()); n > 0 {
		t.drop(dropOutbound, n)
	} else {
		t.drop(dropControl, 1)
	}
}

// UndeliverableMessage counts what no subscriber took; there are none.
func (t *tracer) UndeliverableMessage(*pubsub.Message) { t.drop("subscriber too slow", 1) }

// ThrottlePeer counts peers whose messages are not looked at.
func (t *tracer) ThrottlePeer(peer.ID) { t.drop("peer throttled", 1) }

// Graft notes a new neighbour in a mesh, and tells of it: what was forwarded before missed it.
func (t *tracer) Graft(p peer.ID, topic string) {
	t.mu.Lock()
	if mesh := t.meshes[topic]; mesh != nil {
		mesh[p] = struct{}{}
	}
	t.mu.Unlock()
	t.grafted(p, topic)
}

// Prune notes that a peer left a mesh.
func (t *tracer) Prune(p peer.ID, topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.meshes[topic], p)
}

// OnNewOutboundStream notes that a peer can be in a mesh.
func (t *tracer) OnNewOutboundStream(p peer.ID, _ protocol.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[p] = struct{}{}
}

// OnClosedOutboundStream notes that a peer left all meshes.
func (t *tracer) OnClosedOutboundStream(p peer.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, mesh := range t.meshes {
		delete(mesh, p)
	}
	delete(t.open, p)
	delete(t.news, p)
}

// The rest of pubsub.RawTracer says nothing that is counted.

func (t *tracer) Join(string)                     {}
func (t *tracer) Leave(string)                    {}
func (t *tracer) ValidateMessage(*pubsub.Message) {}
func (t *tracer) RecvRPC(*pubsub.RPC)             {}
func (t *tracer) SendRPC(*pubsub.RPC, peer.ID)    {}
