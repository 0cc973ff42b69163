package gossip

import (
	"slices"
	"strings"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// A counter counts messages that are looked at.
type counter struct {
	Pool
	looks int
}

func (c *counter) Add(msgs []*core.Message, from mempool.Origin) []error {
	c.looks += len(msgs)
	return c.Pool.Add(msgs, from)
}

// bring gives a bundle as it comes from a peer.
func (d *desk) bring(p peer.ID, data []byte) pubsub.ValidationResult {
	if !d.lets(p, data) {
		return pubsub.ValidationIgnore
	}
	return d.readBundle(p, data)
}

// lets reports whether a bundle of a peer comes as far as to pubsub.
func (d *desk) lets(p peer.ID, data []byte) bool {
	rpc := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{{Topic: &d.topics.Messages, Data: data}}}}
	return d.inspect(p, rpc) == nil && len(rpc.Publish) == 1
}

// Every order of known messages is another bundle. A peer that sends them all is not listened to for
// a while; what brings news costs nobody anything.
func TestVainBundlesAreLimited(t *testing.T) {
	n := coretest.Network(t)
	d := newDesk(t, n)
	pool := &counter{Pool: d.pool}
	d.Gossip.pool = pool
	m := coretest.Messages(t, n, strings.Repeat("x", 1000), 51)
	known, fresh := m[:50], m[50:]
	d.say(t, known...)
	size := len(bundle(t, known...))
	turns := 0
	flood := func(p peer.ID) int {
		pool.looks = 0
		for range vainBurst * 17 / 16 / size {
			turns++
			first := known[turns%50]
			rest := slices.DeleteFunc(slices.Clone(known), func(m *core.Message) bool { return m == first })
			if got := d.bring(p, bundle(t, append([]*core.Message{first}, rest...)...)); got != pubsub.ValidationIgnore {
				t.Fatalf("verdict %v on known messages", got)
			}
		}
		return pool.looks / 50
	}
	if got, want := flood("a"), vainBurst/size; got != want {
		t.Errorf("%d bundles were looked at, want %d", got, want)
	}
	if drops := d.Stats().Drops[dropVain]; drops == 0 {
		t.Error("drops are not counted")
	}
	if got := d.bring("b", bundle(t, fresh[0])); got != pubsub.ValidationAccept || d.vain.peers["b"].left != vainBurst {
		t.Errorf("another peer's news: verdict %v, %v bytes left", got, d.vain.peers["b"].left)
	}
	d.pass(time.Second)
	if got, want := flood("a"), vainRate/size; got < want || got > want+1 {
		t.Errorf("a second later %d bundles were looked at, want %d", got, want)
	}
	if len(d.punished) > 0 {
		t.Errorf("punished %v for what an honest peer may do", d.punished)
	}
	for range floodBurst / 4 / size {
		if len(d.punished) > 0 {
			break
		}
		// Whatever a flood ends with may be honest, and must not count against the others that bring it.
		if got := d.bring("a", bundle(t, append(fresh[:1:1], known[1:]...)...)); got != pubsub.ValidationIgnore {
			t.Errorf("verdict %v on good messages in a flood", got)
		}
	}
	if !slices.Equal(d.punished, []peer.ID{"a"}) {
		t.Errorf("punished %v for a flood of a", d.punished)
	}
}

// What a peer sends too much of is not shown to pubsub, which would take it for known; what pubsub has
// seen is read, and counts.
func TestFloodsHideNothing(t *testing.T) {
	n := coretest.Network(t)
	d := newDesk(t, n)
	m := coretest.Messages(t, n, strings.Repeat("x", 1000), 52)
	known, first, second := bundle(t, m[:50]...), bundle(t, m[50]), bundle(t, m[51])
	d.say(t, m[:50]...)
	for range 2 * vainBurst / len(known) { // they were in the queue before the first was read
		d.readBundle("a", known)
	}
	if got := d.readBundle("a", first); got != pubsub.ValidationAccept {
		t.Errorf("verdict %v on news at the end of a queue", got)
	}
	header := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{{Topic: &d.topics.Blocks, Data: second}}}}
	if err := d.inspect("a", header); err != nil || len(header.Publish) != 1 {
		t.Error("a block is dropped unread")
	}
	if d.lets("a", second) || !d.lets("b", second) {
		t.Error("a bundle of a peer in debt is shown to pubsub, or one of another peer is not")
	}
	d.pass(vainBurst * time.Second / vainRate)
	if d.lets("a", known) {
		t.Error("a debt is forgotten")
	}
	d.pass(time.Second)
	if !d.lets("a", known) {
		t.Error("a debt is never paid")
	}
}

// A peer of whom nothing is read any more must not hide a new block by being the first to announce it.
func TestNewBlocksAreReadFromAnybody(t *testing.T) {
	n := coretest.Network(t)
	d := newDesk(t, n)
	d.vain.spend("a", vainBurst)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 1)...)
	if got := d.judgeBlock("a", encodeHeader(&b.Header)); got != pubsub.ValidationAccept {
		t.Errorf("verdict %v on a new block", got)
	}
	drops := func() uint64 { return d.Stats().Drops[dropVain] }
	before := drops()
	if got := d.judgeBlock("a", encodeBlock(b)); got != pubsub.ValidationIgnore || drops() != before+1 {
		t.Errorf("verdict %v on a known one, %d drops", got, drops()-before)
	}
}

// A full is a pool without room.
type full struct {
	Pool
	why error
}

func (f full) Add(msgs []*core.Message, _ mempool.Origin) []error {
	return slices.Repeat([]error{f.why}, len(msgs))
}

// Where there is no room for news, or our disk fails, those that bring them are not to blame, however
// many there are.
func TestNoRoomIsNobodysFault(t *testing.T) {
	for _, why := range []error{mempool.ErrFull, store.ErrDiskFull} {
		n := coretest.Network(t)
		d := newDesk(t, n)
		d.Gossip.pool = full{d.pool, why}
		data := bundle(t, coretest.Messages(t, n, strings.Repeat("x", 1000), 50)...)
		for range 32 * vainBurst / len(data) { // a full queue
			d.readBundle("honest", data)
		}
		for range 30 * 10 {
			for range 2 * vainRate / len(data) / 10 { // twice what is read of what brings nothing
				if got := d.bring("honest", data); got != pubsub.ValidationIgnore {
					t.Fatalf("%v: verdict %v", why, got)
				}
			}
			d.pass(100 * time.Millisecond)
		}
		if len(d.punished) > 0 {
			t.Errorf("%v: punished %v", why, d.punished[0])
		}
	}
}

func TestClassicHeadersAreLimited(t *testing.T) {
	n := coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 1; p.GenesisTimeMS = 0 })
	d := newDesk(t, n)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 1)...)
	if err := d.takeAnnouncement("a", encodeHeader(&b.Header)); err != nil {
		t.Fatalf("a valid header: %v", err)
	}
	bad := b.Header
	bad.Nonce++
	refused := func(p peer.ID) (broken int) {
		for range 100 {
			if err := d.takeAnnouncement(p, encodeHeader(&bad)); consensus.ClassOf(err) == consensus.Broken {
				broken++
			}
		}
		return broken
	}
	if got := refused("a"); got != headerBurst-1 {
		t.Errorf("%d headers of a flood were judged, want %d", got, headerBurst-1)
	}
	if got := refused("b"); got != headerBurst {
		t.Errorf("another peer may send %d, want %d", got, headerBurst)
	}
	d.pass(time.Second)
	if got := refused("a"); got != headerRate {
		t.Errorf("a second later %d were judged, want %d", got, headerRate)
	}
}
