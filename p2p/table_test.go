package p2p

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/p2p/exchange"
)

// A line is a connection as the table sees it.
type line struct {
	network.Conn
	id string
}

func (l line) ID() string                    { return l.id }
func (l line) RemoteMultiaddr() ma.Multiaddr { return ma.StringCast("/ip4/127.0.0.1/tcp/1") }
func (l line) Stat() network.ConnStats {
	return network.ConnStats{Stats: network.Stats{Direction: network.DirInbound}}
}

func lines(ids ...string) (out []network.Conn) {
	for _, id := range ids {
		out = append(out, line{id: id})
	}
	return out
}

// TestSessions gives a peer a new session when all that it had was replaced, and at no other time.
func TestSessions(t *testing.T) {
	table, p := newTable(), peer.ID("p")
	poke, stop := table.Subscribe()
	defer stop()
	for i, step := range []struct {
		conns   []network.Conn
		session uint64
		isNew   bool
	}{
		{lines(), 0, false},
		{lines("a"), 1, true},
		{lines("a", "b"), 1, false},
		{lines("b"), 1, false},
		{lines("c"), 2, true},
		{lines("c", "d"), 2, false},
		{lines(), 0, false},
		{lines("c"), 3, true},
	} {
		session, isNew := table.look(p, step.conns, time.Now())
		if session != step.session || isNew != step.isNew {
			t.Errorf("step %d: session %d, new %v, want %d, %v", i, session, isNew, step.session, step.isNew)
		}
		if isNew && table.isReady(p) {
			t.Errorf("step %d: past hello before any", i)
		}
		if session > 0 && table.greet(p, exchange.Hello{Height: uint64(i)}, 0, 0) != isNew {
			t.Errorf("step %d: became ready: %v", i, !isNew)
		}
		select {
		case <-poke:
		default:
			if i > 0 {
				t.Errorf("step %d: nobody was told", i)
			}
		}
	}
	ready := table.Ready()
	if len(ready) != 1 || ready[0].Session != 3 || ready[0].Hello.Height != 7 {
		t.Errorf("Ready = %+v", ready)
	}
	if table.greet("q", exchange.Hello{}, 0, 0) {
		t.Error("a peer without a connection is past hello")
	}
}

// TestSkew takes the median, of three peers or more.
func TestSkew(t *testing.T) {
	for _, tt := range []struct {
		offsets []time.Duration // of the peers' clocks from ours
		want    time.Duration   // of ours from theirs
		known   bool
	}{
		{nil, 0, false},
		{[]time.Duration{time.Hour}, -time.Hour, false},
		{[]time.Duration{time.Hour, 0}, -time.Hour / 2, false},
		{[]time.Duration{-9 * time.Second, 1000 * time.Hour, -7 * time.Second}, 7 * time.Second, true},
		{[]time.Duration{4, 1000, 2, -1000}, -3, true},
	} {
		n := &Node{table: newTable()}
		for i, offset := range tt.offsets {
			id := peer.ID(fmt.Sprint(i))
			n.table.look(id, lines("x"), time.Now())
			n.table.greet(id, exchange.Hello{}, offset, 0)
		}
		if got, known := n.ClockSkew(); got != tt.want || known != tt.known {
			t.Errorf("%v: %v, %v, want %v, %v", tt.offsets, got, known, tt.want, tt.known)
		}
	}
}

// TestBans holds peers off for their time, and no more of them than there is room for.
func TestBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBans()
		b.add("out", time.Minute, false)
		b.add("away", time.Minute, true)
		try := func(p peer.ID) (dial, come bool) {
			return b.InterceptPeerDial(p), b.InterceptSecured(network.DirInbound, p, nil)
		}
		for p, want := range map[peer.ID][2]bool{"out": {false, false}, "away": {false, true}, "other": {true, true}} {
			if dial, come := try(p); dial != want[0] || come != want[1] {
				t.Errorf("%s: dial %v, come %v, want %v", p, dial, come, want)
			}
		}
		b.lift("out")
		if dial, come := try("out"); !dial || !come {
			t.Error("a lifted ban holds")
		}
		time.Sleep(time.Minute)
		if dial, come := try("away"); !dial || !come {
			t.Error("a ban holds after its time")
		}
		for i := range 2 * maxBans {
			b.add(peer.ID(fmt.Sprint(i)), time.Duration(i+1)*time.Minute, false)
		}
		if dial, _ := try("2047"); dial || len(b.bans) != maxBans {
			t.Errorf("%d bans are kept, the longest one: %v", len(b.bans), !dial)
		}
	})
}
