package miner

import (
	"math"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/miner/internal/scan"
)

func TestLanesShareAllNonces(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7, MaxThreads} {
		var end uint64
		for i := range threads {
			first, last := Lane{Thread: i, Threads: threads}.nonces()
			if first != end || last <= first {
				t.Errorf("thread %d of %d has %d to %d, want from %d", i, threads, first, last, end)
			}
			end = last
		}
		if end > consensus.MaxNonce+1 || end < consensus.MaxNonce-MaxThreads {
			t.Errorf("%d threads end at %d", threads, end)
		}
	}
}

func TestClassicThreadsTakeTurns(t *testing.T) {
	n := coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 2 })
	for proof := range uint64(20) {
		tip := chain.Tip(coretest.Genesis(n))
		tip.Header.Height, tip.Header.Nonce = 1, proof
		job, err := newJob(n, tip, nil, time.Now(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			lane := Lane{Thread: i, Threads: 3}
			h, ok := classicSearch{}.Search(t.Context(), job, lane)
			if !ok || h.Nonce%3 != uint64(i) || !job.Met(&h) {
				t.Errorf("thread %d found %d", i, h.Nonce)
			}
		}
	}
}

func TestMeter(t *testing.T) {
	var m meter
	wantRate := func(when string, want float64) {
		t.Helper()
		if got := m.rate(); !(math.Abs(got-want) <= want/100) { // NaN is wrong, too
			t.Errorf("%s: %v tries per second, want %v", when, got, want)
		}
	}
	wantRate("before the first", 0)
	m.add(10, 0) // a clock that stood still says nothing
	wantRate("without time", 0)
	m.add(4096, time.Millisecond)
	wantRate("at once", 4.096e6)
	for range 100_000 {
		m.add(1000, time.Millisecond)
	}
	wantRate("after a slower minute", 1e6)
	m.add(uint64(2e6*meterWindow.Seconds()), meterWindow)
	wantRate("after one window of double speed", 1e6+1e6*(1-1/math.E))
}

// BenchmarkJob makes the header of a template with 32,768 messages.
func BenchmarkJob(b *testing.B) {
	n := coretest.Network(b)
	msgs := make([]*core.Message, 32768)
	for i := range msgs {
		msgs[i] = &core.Message{ID: core.Hash{byte(i), byte(i >> 8)}}
	}
	for b.Loop() {
		if _, err := newJob(n, chain.Tip(coretest.Genesis(n)), msgs, time.Now(), time.Now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStamp brings the header of a search up to date, as is done for every batch of tries.
func BenchmarkStamp(b *testing.B) {
	n := coretest.Network(b)
	job, err := newJob(n, chain.Tip(coretest.Genesis(n)), nil, time.Now(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	scanner := scan.Variants()[0].New(job.target)
	for b.Loop() {
		h := job.Header()
		scanner.Set(&h)
	}
}
