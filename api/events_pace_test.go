package api_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/core/mempool"
)

// A recordingListener notes when the server wrote.
type recordingListener struct {
	*pipeListener
	mu     sync.Mutex
	writes []time.Time
}

func (l *recordingListener) Accept() (net.Conn, error) {
	c, err := l.pipeListener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{c, l}, nil
}

// at returns the moments of writes.
func (l *recordingListener) at() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Time{}, l.writes...)
}

type recordingConn struct {
	net.Conn
	l *recordingListener
}

func (c *recordingConn) Write(b []byte) (int, error) {
	c.l.mu.Lock()
	// One write of a handler is several of net/http's, all in one moment of the bubble.
	if now := time.Now(); len(c.l.writes) == 0 || !c.l.writes[len(c.l.writes)-1].Equal(now) {
		c.l.writes = append(c.l.writes, now)
	}
	c.l.mu.Unlock()
	return c.Conn.Write(b)
}

// recorded runs the server on connections in memory that note its writes.
func (r *realNode) recorded() *recordingListener {
	l := &recordingListener{pipeListener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}}
	r.serveOn(l)
	r.dial = l.dial
	return l
}

// TestEventsAreWrittenAtAPace: a message every 5 ms is told in at most ten writes a second, and none
// waits for longer than it has to.
func TestEventsAreWrittenAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealNode(t)
		net := r.recorded()
		l := r.listen("")
		l.want("hello")
		go func() {
			for i := range 2000 {
				r.add(r.message(fmt.Sprint(i)))
				time.Sleep(5 * time.Millisecond)
			}
		}()
		for i := range 2000 {
			e, err := l.next()
			if err != nil || e.text() != fmt.Sprint("message ", i) {
				t.Fatalf("event %d is %s, %v", i, e.text(), err)
			}
			if late := time.Since(time.UnixMilli(r.acceptedMS(e))); late > 250*time.Millisecond {
				t.Fatalf("event %d came %v late", i, late)
			}
		}
		writes := net.at()
		for i := range writes {
			if i >= 10 && writes[i].Sub(writes[i-10]) < time.Second {
				t.Fatalf("11 writes between %v and %v", writes[i-10], writes[i])
			}
		}
		if len(writes) < 60 {
			t.Errorf("%d writes in 10 s", len(writes))
		}
		l.conn.Close()
	})
}

// TestEventsHeartbeat: who hears nothing gets a sign of life, with the id to come back with.
func TestEventsHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealNode(t)
		net := r.recorded()
		blocks := r.listen("?types=block")
		blocks.want("hello")
		first := blocks.last
		begun := time.Now()
		r.add(r.message("one")) // which it does not want to hear of
		var texts []string
		for len(texts) < 6 {
			line, err := blocks.in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, strings.TrimSuffix(line, "\n"))
		}
		run, _, _ := strings.Cut(first, "-")
		if got, want := strings.Join(texts, "|"), ":|id: "+run+"-2||:|id: "+run+"-2|"; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		if took := time.Since(begun); took < 29*time.Second || took > 31*time.Second {
			t.Errorf("two heartbeats took %v, want 30 s", took)
		}
		blocks.conn.Close()
		lines := r.listen("", "Accept", "application/x-ndjson")
		lines.want("hello")
		if line, err := lines.in.ReadString('\n'); line != "\n" || err != nil {
			t.Errorf("heard %q, %v", line, err)
		}
		lines.conn.Close()
		if n := len(net.at()); n > 6 {
			t.Errorf("%d writes for two greetings and three heartbeats", n)
		}
	})
}

// TestEventsToASlowClient: a client that does not read holds up nobody, and is told that it missed
// something; one that never reads is cut off.
func TestEventsToASlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealNode(t).pipe()
		slow, dead, fast := r.listen(""), r.listen(""), r.listen("")
		for _, l := range []*listener{slow, dead, fast} {
			l.want("hello")
		}
		const count = 4000 // events of 6 KiB: more than the log keeps
		text := strings.Repeat("\x01", 1000)
		begun := time.Now()
		go func() {
			for i := range count {
				r.add(r.message(fmt.Sprintf("%04d%s", i, text)))
				time.Sleep(4 * time.Millisecond)
			}
		}()
		for i := range count {
			if got := fast.numbered(); got != i {
				t.Fatalf("event %d of the fast client is %d", i, got)
			}
		}
		if took := time.Since(begun); took > 17*time.Second {
			t.Errorf("the fast client got all events after %v", took)
		}
		heard := 0
		for ; slow.numbered() == heard; heard++ {
		}
		if want := "reset too_slow"; slow.was.text() != want || heard == 0 {
			t.Errorf("event %d of the slow client is %s, want %s", heard, slow.was.text(), want)
		}
		if slow.last != fast.last {
			t.Errorf("the slow client goes on after %s, want %s", slow.last, fast.last)
		}
		r.add(r.message("last"))
		slow.want("message last")
		fast.want("message last")
		time.Sleep(30 * time.Second)
		if err := dead.end(); err == nil {
			t.Error("the dead client's answer has an end, as if nothing was missing")
		}
		fast.conn.Close()
		slow.conn.Close()
	})
}

// TestEventsOfTheNode: peers, sync and mining are told when they change, and at most once a second.
func TestEventsOfTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealNode(t).pipe()
		l := r.listen("")
		l.want("hello")
		set := func(change func()) {
			r.host.mu.Lock()
			defer r.host.mu.Unlock()
			r.miner.mu.Lock()
			defer r.miner.mu.Unlock()
			change()
		}
		set(func() { r.host.peers = twoPeers()[:1] })
		l.want("peer connected " + peerB)
		set(func() { r.host.peers[0].LatencyMS++ }) // tells nobody anything
		set(func() { r.host.peers = twoPeers()[1:] })
		l.want("peer disconnected "+peerB, "peer connected "+peerA)
		begun := time.Now()
		set(func() { r.host.sync = api.Sync{State: api.SyncBlocks, Target: 9} })
		l.want("sync")
		set(func() { r.host.sync.BlocksPerSecond = 2 })
		l.want("sync", "sync") // there is a new estimate each second while it is behind
		set(func() { r.host.sync = api.Sync{State: api.SyncSynced} })
		l.want("sync")
		if took := time.Since(begun); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("four sync events took %v", took)
		}
		set(func() { r.miner.status = api.Mining{Mode: "auto", Threads: 1, HashRate: 1, Height: 1} })
		l.want("mining")
		set(func() { r.miner.status.HashRate, r.miner.status.Height = 2, 2 }) // changes all the time
		time.Sleep(5 * time.Second)
		set(func() { r.miner.status.Paused = []string{"disk"} })
		l.want("mining")
		l.conn.Close()
	})
}

// TestEventsWithNobodyThere: the node does nothing for nobody.
func TestEventsWithNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := newRealNode(t, func(_ *api.Config, d *api.Deps) {
			d.Pool = &countingPool{d.Pool, &asked}
		}).pipe()
		l := r.listen("")
		l.want("hello")
		r.add(r.message("one"))
		l.want("message one")
		l.conn.Close()
		time.Sleep(time.Second)
		before := asked
		r.add(r.message("two"))
		r.connect(r.forks.Next("genesis", "a1"))
		time.Sleep(time.Minute)
		if asked != before {
			t.Errorf("it read the waiting messages %d times", asked-before)
		}
		l = r.listen("?since=" + l.last)
		l.want("hello", "message two", "block "+r.forks.Hash("a1").String())
		l.conn.Close()
	})
}

// A countingPool counts how often its waiting messages are read.
type countingPool struct {
	api.Pool
	asked *int
}

func (p *countingPool) Page(after uint64, limit int) (mempool.Page, error) {
	*p.asked++
	return p.Pool.Page(after, limit)
}
