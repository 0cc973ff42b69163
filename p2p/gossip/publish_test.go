package gossip

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A megaphone is a topic that remembers what was published.
type megaphone struct {
	mu    sync.Mutex
	peers []peer.ID
	said  [][]byte
	at    []time.Time
}

func (m *megaphone) Publish(_ context.Context, data []byte, _ ...pubsub.PubOpt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said, m.at = append(m.said, data), append(m.at, time.Now())
	return nil
}

func (m *megaphone) ListPeers() []peer.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peers
}

// heard returns the ids of all messages in the order in which they were published.
func (m *megaphone) heard(t *testing.T, n *core.Network) []core.Hash {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []core.Hash
	for _, data := range m.said {
		msgs, err := decodeBundle(n.Genesis, data)
		if err != nil {
			t.Fatalf("what was published: %v", err)
		}
		ids = append(ids, idsOf(msgs)...)
	}
	return ids
}

func (m *megaphone) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said, m.at = nil, nil
}

func idsOf(msgs []*core.Message) []core.Hash {
	ids := make([]core.Hash, len(msgs))
	for i, m := range msgs {
		ids[i] = m.ID
	}
	return ids
}

// publishing runs publish and republish in the bubble of a test.
func publishing(t *testing.T, d *desk, topic outlet) {
	t.Helper()
	d.cfg.Now = time.Now
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.publish(ctx, topic) })
	running.Go(func() { d.republish(ctx, topic) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

func TestPublishBundles(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 2000)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		topic := &megaphone{peers: []peer.ID{"a"}}
		publishing(t, d, topic)
		synctest.Wait()
		time.Sleep(time.Second)

		begin := time.Now()
		d.say(t, msgs[0])
		synctest.Wait()
		if len(topic.at) != 1 || !topic.at[0].Equal(begin) {
			t.Errorf("a lone message waits: published at %v, said at %v", topic.at, begin)
		}
		for _, m := range msgs[1:] {
			d.say(t, m)
		}
		time.Sleep(time.Second)
		if got := topic.heard(t, n); !slices.Equal(got, idsOf(msgs)) {
			t.Errorf("published %d messages, want each of %d once and in order", len(got), len(msgs))
		}
		// 1,999 messages of 300 bytes fill eight bundles by their number.
		if got := len(topic.said) - 1; got != 8 {
			t.Errorf("%d bundles", got)
		}
		if last := topic.at[len(topic.at)-1].Sub(begin); last > 5*DefaultConfig().Linger {
			t.Errorf("the last bundle left %v later", last)
		}
	})
}

func TestPublishOnlyWhatIsOurs(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 4)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		topic := &megaphone{peers: []peer.ID{"a"}}
		publishing(t, d, topic)
		d.pool.Add(msgs[:2], mempool.Origin{Peer: "b"})
		d.say(t, msgs[2:]...)
		time.Sleep(time.Second)
		if got := topic.heard(t, n); !slices.Equal(got, idsOf(msgs[2:])) {
			t.Errorf("published %d messages, want our 2", len(got))
		}
	})
}

func TestPublishWaitsForListeners(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 3)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		topic := &megaphone{}
		publishing(t, d, topic)
		d.say(t, msgs...)
		time.Sleep(time.Minute)
		if len(topic.said) > 0 {
			t.Error("published while nobody listens")
		}
		topic.mu.Lock()
		topic.peers = []peer.ID{"a"}
		topic.mu.Unlock()
		d.wake <- struct{}{}
		time.Sleep(time.Second)
		if got := topic.heard(t, n); !slices.Equal(got, idsOf(msgs)) {
			t.Errorf("published %d of %d messages when the first peer came", len(got), len(msgs))
		}
	})
}

func TestRepublish(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 700)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		topic := &megaphone{peers: []peer.ID{"a"}}
		publishing(t, d, topic)
		d.cfg.Now = time.Now
		d.say(t, msgs[:600]...)
		time.Sleep(3 * time.Minute)
		d.say(t, msgs[600:]...)
		sealed := coretest.Next(t, n, coretest.Genesis(n), msgs[:50]...)
		if _, err := d.chain.AddBlocks([]*core.Block{sealed}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		topic.forget()
		time.Sleep(70 * time.Second)
		if got := topic.heard(t, n); !slices.Equal(got, idsOf(msgs[50:600])) {
			t.Errorf("after 4 min %d messages are published again, want the 550 that wait and are old enough", len(got))
		}
		topic.forget()
		time.Sleep(4 * time.Minute)
		if got := topic.heard(t, n); !slices.Equal(got, idsOf(msgs[50:])) {
			t.Errorf("after 8 min %d messages are published again, want 650", len(got))
		}
	})
}

// What a reorg gives back may be unknown on the other side of the fork: peers are asked at once, and
// the owner's bundle counts as worth forwarding.
func TestReorgIsReconciled(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 3)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(t, n), &shelf{}
		d.pool.Add(msgs, mempool.Origin{Peer: "owner"})
		d.reconciler = reconciling(t, d, s)
		publishing(t, d, &megaphone{peers: []peer.ID{"a"}})
		d.reconciler.peerUp("a")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.pool.Run(ctx) })
		defer running.Wait()
		defer cancel()
		sealed := coretest.Next(t, n, coretest.Genesis(n), msgs...)
		better := coretest.Next(t, n, coretest.Genesis(n))
		for _, blocks := range [][]*core.Block{{sealed}, {better, coretest.Next(t, n, coretest.Genesis(n).After(better))}} {
			if _, err := d.chain.AddBlocks(blocks); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			s.mu.Lock()
			s.sketches, s.offered = append(s.sketches, 0), append(s.offered, core.Hash{})
			s.mu.Unlock()
		}
		// Zeros are the marks between the steps: at the start, after the block, after the reorg.
		if got := s.sketches; !slices.Equal(got, []int{128, 0, 128, 0}) {
			t.Errorf("sketches of %v cells, want one at the start and one after the reorg", got)
		}
		if len(s.offered) != 8 || !sameIDs(s.offered[4:7], msgs) {
			t.Errorf("%d messages were offered with the marks, want 3 at the start and 3 after the reorg", len(s.offered))
		}
		if !d.unspread.has(msgs[0].ID) {
			t.Error("the owner's bundle would not be forwarded")
		}
	})
}

func TestConfigValidate(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	c = Config{Republish: seenTime}
	if err := c.Validate(); err == nil || len(err.(interface{ Unwrap() []error }).Unwrap()) != 4 {
		t.Errorf("Validate = %v, want four errors", err)
	}
}
