package miner_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/miner"
	"p2pchain/core/miner/minertest"
)

// poisson lets the miner draw lots at a rate that finds a block in about as many tries as T has at
// the floor of the test network: 16 tries in 200 ms.
func poisson(n *core.Network, seed uint64) func(*miner.Config) {
	return func(c *miner.Config) { c.Search = minertest.NewPoisson(n, 80, seed) }
}

func always(c *miner.Config) { c.Mode = miner.Always }

// TestWorksOnlyWhileMessagesWait seals real proofs of the lowest difficulty.
func TestWorksOnlyWhileMessagesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, coretest.Network(t))
		defer s.run()()
		synctest.Wait()
		if got := s.miner.Status(); got.Working || got.Sealed != 0 || got.Height != 0 {
			t.Errorf("with nothing to seal: %+v", got)
		}
		s.add("a", "b", "c")
		synctest.Wait()
		blocks := s.blocks()
		if len(blocks) != 1 || len(blocks[0].Messages) != 3 {
			t.Fatalf("%d blocks were sealed, want 1 with 3 messages", len(blocks))
		}
		time.Sleep(time.Minute)
		s.add("d")
		synctest.Wait()
		if got := s.miner.Status(); got.Sealed != 2 || got.Working {
			t.Errorf("after all was sealed: %+v", got)
		}
	})
}

func TestModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := coretest.Network(t)
		s := newSite(t, n, poisson(n, 1), func(c *miner.Config) { c.Mode = miner.Off })
		defer s.run()()
		grows := func(when string, want bool) {
			t.Helper()
			before := s.miner.Status().Sealed
			time.Sleep(20 * time.Second)
			synctest.Wait()
			got := s.miner.Status()
			if grew := got.Sealed > before; grew != want {
				t.Errorf("%s: %d blocks after %d", when, got.Sealed, before)
			}
			if !want && got.Working {
				t.Errorf("%s: it works", when)
			}
		}
		set := func(mode miner.Mode) {
			t.Helper()
			if err := s.miner.SetMode(mode); err != nil {
				t.Fatal(err)
			}
		}
		s.add("waits")
		grows("off", false)
		set(miner.Auto)
		grows("auto with a message", true)
		grows("auto without one", false)
		set(miner.Always)
		grows("always", true)
		s.miner.Pause("low disk")
		s.miner.Pause("clock")
		s.miner.Pause("clock")
		grows("paused", false)
		s.miner.Resume("low disk")
		grows("still paused", false)
		if got := s.miner.Status(); !slices.Equal(got.Paused, []string{"clock"}) || got.HashRate == 0 {
			t.Errorf("while paused: %+v", got)
		}
		s.miner.Resume("clock")
		grows("resumed", true)
		set(miner.Auto)
		grows("auto again", false)
		if err := s.miner.SetMode("sometimes"); err == nil {
			t.Error("an unknown mode was taken")
		}
	})
}

// TestTimes holds time_ms and busy_ms against docs/formats.md (Rules) for clocks of every kind. The rules
// themselves are checked when a block is submitted.
func TestTimes(t *testing.T) {
	for name, clock := range map[string]func() time.Time{
		"right":         time.Now,
		"100 s slow":    func() time.Time { return time.Now().Add(-100 * time.Second) },
		"100 s fast":    func() time.Time { return time.Now().Add(100 * time.Second) },
		"stands still":  func() time.Time { return time.UnixMilli(946684800000) },
		"before 1970":   func() time.Time { return time.UnixMilli(-5) },
		"after 9999":    func() time.Time { return time.UnixMilli(core.MaxTimeMS + 12345) },
		"ends soon":     func() time.Time { return time.UnixMilli(core.MaxTimeMS - 100) },
		"runs backward": func() time.Time { return time.UnixMilli(2*946684800000 - time.Now().UnixMilli()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkTimes(t, clock) })
		})
	}
}

func checkTimes(t *testing.T, clock func() time.Time) {
	n := coretest.Network(t)
	var known time.Time // when the miner had a parent and something to seal
	var s *site
	lastWord := func(c *miner.Config) { // looks at each header just when it is found
		c.Search = &inspect{inner: c.Search, look: func(h core.Header) {
			busy := min(max(1, time.Since(known).Milliseconds()), 4*int64(n.Params.BlockIntervalMS))
			parent := s.chain.Tip().Header.TimeMS
			want := max(uint64(max(0, clock().UnixMilli())), parent+uint64(busy))
			if want > core.MaxTimeMS {
				want, busy = core.MaxTimeMS, min(busy, int64(core.MaxTimeMS-parent))
			}
			if int64(h.BusyMS) != busy || h.TimeMS != want {
				t.Errorf("height %d: busy %d, time %d; want %d, %d", h.Height, h.BusyMS, h.TimeMS, busy, want)
			}
			known = time.Now() // the next block's parent is there as soon as this one is sealed
		}}
	}
	s = newSite(t, n, poisson(n, 7), func(c *miner.Config) { c.Now = clock }, lastWord)
	defer s.run()()
	for i := range 30 {
		synctest.Wait()
		known = time.Now()
		s.add(fmt.Sprint("first", i))
		time.Sleep(time.Duration(i) * time.Millisecond)
		if synctest.Wait(); !s.miner.Status().Working { // the first one is sealed already
			known = time.Now()
		}
		s.add(fmt.Sprint("joins", i)) // must not restart the busy time, nor add what was idle
		time.Sleep(time.Hour)
	}
	if got := len(s.blocks()); got < 30 && s.chain.Tip().Header.TimeMS < core.MaxTimeMS {
		t.Errorf("%d blocks, want at least 30", got)
	}
}

func TestWithoutIntervalBusyIsZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := coretest.Network(t, func(p *core.Params) { p.BlockIntervalMS = 0 })
		s := newSite(t, n, poisson(n, 3), always)
		stop := s.run()
		time.Sleep(10 * time.Second)
		stop()
		if len(s.blocks()) < 10 {
			t.Errorf("only %d blocks", len(s.blocks()))
		}
	})
}

func TestRefusedBlockIsTriedAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, coretest.Network(t))
		defer s.run()()
		s.fail(nil, errors.New("disk full"))
		s.add("a")
		synctest.Wait()
		s.fail(nil, nil)
		synctest.Wait()
		if got := s.miner.Status(); got.Sealed != 0 || got.Working {
			t.Errorf("right after the failure: %+v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.miner.Status(); got.Sealed != 1 {
			t.Errorf("a second later: %+v", got)
		}
	})
}

func TestSourceFailureIsTriedAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, coretest.Network(t))
		s.fail(errors.New("disk broken"), nil)
		s.add("a")
		defer s.run()()
		time.Sleep(10 * time.Second)
		s.mu.Lock()
		tries := s.templates.Load()
		s.mu.Unlock()
		if tries < 5 || tries > 20 {
			t.Errorf("%d templates in 10 s of failures", tries)
		}
		s.fail(nil, nil)
		time.Sleep(2 * time.Second)
		if got := s.miner.Status(); got.Sealed != 1 {
			t.Errorf("after the failure: %+v", got)
		}
	})
}

// TestClassicVectors mines seed 1's proofs.
func TestClassicVectors(t *testing.T) {
	for difficulty, want := range map[int][]uint64{1: {1}, 2: {350}, 3: {3969}, 4: {15558}, 5: {1406000, 423135}} {
		t.Run(fmt.Sprint(difficulty), func(t *testing.T) {
			n := coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = difficulty })
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, n, always) // which must not make empty blocks here
				defer s.run()()
				for i, proof := range want {
					s.add(fmt.Sprint(i))
					synctest.Wait()
					blocks := s.blocks()
					if len(blocks) != i+1 || blocks[i].Header.Nonce != proof {
						t.Fatalf("after message %d: %d blocks, want proof %d", i, len(blocks), proof)
					}
				}
			})
		})
	}
}

func TestClassicWithThreads(t *testing.T) {
	n := coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 2 })
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, n, func(c *miner.Config) { c.Threads = 3 })
		defer s.run()()
		for i := range 20 {
			s.add(fmt.Sprint(i))
			synctest.Wait()
		}
		if len(s.blocks()) != 20 {
			t.Errorf("%d blocks, want 20", len(s.blocks()))
		}
	})
}

func TestConfig(t *testing.T) {
	bad := miner.Config{Mode: "x", Threads: 0}
	if err := bad.Validate(); err == nil {
		t.Error("a bad configuration was taken")
	}
	good := miner.DefaultConfig()
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	s := newSite(t, coretest.Network(t))
	for _, threads := range []int{0, -1, miner.MaxThreads + 1} {
		if s.miner.SetThreads(threads) == nil {
			t.Errorf("%d threads were taken", threads)
		}
	}
}
