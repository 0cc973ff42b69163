package syncer

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// TestMeter holds that a steady rate is told from the first seconds on, that a change of it is seen
// within some ten seconds, and that a pause is not part of the next sync.
func TestMeter(t *testing.T) {
	var m meter
	now := time.UnixMilli(946684800000)
	step := arrival{block: &core.Block{Messages: make([]*core.Message, 3)}, size: 700}
	feed := func(seconds, blocks int) {
		for range seconds {
			now = now.Add(time.Second)
			batch := make([]arrival, blocks)
			for i := range batch {
				batch[i] = step
			}
			m.add(now, amountOf(batch))
		}
	}
	expect := func(when string, blocks, tolerance float64) {
		t.Helper()
		got := m.rate(now)
		want := amount{blocks, 3 * blocks, 700 * blocks}
		for _, v := range [][2]float64{{got.blocks, want.blocks}, {got.messages, want.messages}, {got.bytes, want.bytes}} {
			if math.Abs(v[0]-v[1]) > tolerance*v[1] {
				t.Errorf("%s: %+v, want %+v", when, got, want)
				return
			}
		}
	}
	if got := m.rate(now); got != (amount{}) {
		t.Errorf("before all: %+v", got)
	}
	feed(3, 100)
	expect("after three seconds", 100, 0.6)
	feed(7, 100)
	expect("after ten seconds", 100, 0.2)
	feed(60, 100)
	expect("after a minute", 100, 0.06)
	feed(30, 10)
	expect("slower", 10, 0.6)
	now = now.Add(time.Hour)
	if got := m.rate(now); got.blocks > 1e-6 {
		t.Errorf("after an hour without a block: %+v", got)
	}
	feed(10, 50)
	expect("the next sync", 50, 0.2)
}

// A journal keeps what is logged until it is taken.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.text.Reset()
	return j.text.String()
}

// TestOneBlockIsNoNews holds that a sync is logged, and a block that a peer has just sealed is not.
func TestOneBlockIsNoNews(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 110, 1)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		log := new(journal)
		x := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, blocks[:100])}}
		c := node(t, n, nil)
		s := startLogging(t, c, x, slog.New(slog.NewTextHandler(log, nil)))
		arrive := func() string {
			t.Helper()
			log.take()
			s.PeerUp("a", claimOfChain(x.chains["a"]))
			settle(t, c, x.chains["a"].Tip().Hash)
			time.Sleep(time.Minute)
			synctest.Wait()
			return log.take()
		}
		if said := arrive(); !strings.Contains(said, "state=headers") || strings.Count(said, "state=synced height=100") != 1 {
			t.Errorf("a sync of 100 blocks is told as %s", said)
		}
		for i := range 10 {
			if _, err := x.chains["a"].AddBlocks(blocks[100+i : 101+i]); err != nil {
				t.Fatal(err)
			}
			if said := arrive(); said != "" {
				t.Errorf("one block is told as %s", said)
			}
		}
		s.PeerDown("a")
		synctest.Wait()
		if said := log.take(); !strings.Contains(said, "state=alone") {
			t.Errorf("the loss of the last peer is told as %s", said)
		}
	})
}
