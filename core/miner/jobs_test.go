package miner_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/miner"
)

// inspect looks at what another searcher finds.
type inspect struct {
	inner miner.Searcher
	look  func(core.Header)
}

func (i *inspect) Search(ctx context.Context, j *miner.Job, l miner.Lane) (core.Header, bool) {
	h, ok := i.inner.Search(ctx, j, l)
	if ok {
		i.look(h)
	}
	return h, ok
}

// byHand is a searcher that finds only when told to.
type byHand struct {
	real miner.Searcher
	find chan struct{}

	mu    sync.Mutex
	heads []core.Header // of each search that was begun
	lanes []miner.Lane
	busy  int // searches that go on
}

func newByHand(n *core.Network) *byHand {
	return &byHand{real: miner.Search(n), find: make(chan struct{})}
}

func (b *byHand) Search(ctx context.Context, j *miner.Job, l miner.Lane) (core.Header, bool) {
	b.mu.Lock()
	b.heads, b.lanes = append(b.heads, j.Header()), append(b.lanes, l)
	b.busy++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.busy--
		b.mu.Unlock()
	}()
	select {
	case <-ctx.Done():
		return core.Header{}, false
	case <-b.find:
		return b.real.Search(context.Background(), j, l)
	}
}

// last returns the number of searches so far, how many go on, and the header of the last one.
func (b *byHand) last() (begun, busy int, h core.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.heads) == 0 {
		return 0, 0, h
	}
	return len(b.heads), b.busy, b.heads[len(b.heads)-1]
}

func handSite(t *testing.T, edits ...func(*miner.Config)) (*site, *byHand) {
	n := coretest.Network(t)
	hand := newByHand(n)
	return newSite(t, n, append(edits, func(c *miner.Config) { c.Search = hand })...), hand
}

func TestNewParentReplacesTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := handSite(t)
		defer s.run()()
		s.add("a")
		synctest.Wait()
		s.rival()
		synctest.Wait() // no time passes: the old search ends and the new one begins at once
		begun, busy, h := hand.last()
		if begun != 2 || busy != 1 || h.PreviousHash != s.chain.Tip().Hash || h.Height != 2 {
			t.Errorf("%d searches begun, %d go on, the last for height %d", begun, busy, h.Height)
		}
		if got := s.miner.Status(); !got.Working || got.Height != 2 {
			t.Errorf("status %+v", got)
		}
	})
}

func TestNewMessagesJoinTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := handSite(t)
		defer s.run()()
		const seconds, perSecond = 2, 1000
		for i := range seconds * perSecond {
			if i%10 == 0 { // the rest are pokes without anything new
				s.add(fmt.Sprint(i))
			} else {
				s.add()
			}
			time.Sleep(time.Second / perSecond)
		}
		time.Sleep(time.Second)
		begun, busy, h := hand.last()
		if busy != 1 || int(h.MessageCount) != seconds*perSecond/10 {
			t.Errorf("%d searches go on, the last one of %d messages", busy, h.MessageCount)
		}
		if begun < seconds*10 || s.templates.Load() > seconds*110 {
			t.Errorf("%d jobs of %d templates in %d s", begun, s.templates.Load(), seconds)
		}
		s.add() // no message
		time.Sleep(time.Second)
		if again, _, _ := hand.last(); again != begun {
			t.Error("the same messages made another job")
		}
	})
}

// TestReplacedJobStillCounts finds a block of a template that has just been replaced by a larger one.
func TestReplacedJobStillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *site
		var once sync.Once
		s = newSite(t, coretest.Network(t), func(c *miner.Config) {
			c.Search = &inspect{miner.Search(coretest.Network(t)), func(core.Header) {
				once.Do(func() {
					s.add("late")
					time.Sleep(time.Second) // the template is another one by now
				})
			}}
		})
		defer s.run()()
		s.add("a")
		time.Sleep(5 * time.Second)
		blocks := s.blocks()
		if len(blocks) != 2 || len(blocks[0].Messages) != 1 || s.templates.Load() < 2 {
			t.Errorf("%d blocks after %d templates, want one of each message", len(blocks), s.templates.Load())
		}
	})
}

// TestStaleBlockIsDropped finds a block when another one is the tip already.
func TestStaleBlockIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *site
		s = newSite(t, coretest.Network(t), func(c *miner.Config) {
			c.Search = &inspect{miner.Search(coretest.Network(t)), func(h core.Header) {
				if h.Height == 1 {
					s.rival()
				}
			}}
		})
		defer s.run()()
		s.add("a")
		synctest.Wait()
		blocks := s.blocks()
		if len(blocks) != 1 || blocks[0].Header.Height != 2 {
			t.Errorf("%d blocks were submitted, want one of height 2", len(blocks))
		}
	})
}

func TestThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := handSite(t, always, func(c *miner.Config) { c.Threads = 3 })
		stop := s.run()
		for _, threads := range []int{3, 1, 7, 2} {
			if err := s.miner.SetThreads(threads); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			begun, busy, _ := hand.last()
			if busy != threads || s.miner.Status().Threads != threads {
				t.Errorf("%d searches with %d threads", busy, threads)
			}
			hand.checkLanes(t, hand.lanes[begun-threads:])
			hand.find <- struct{}{}
			synctest.Wait()
		}
		if got := s.miner.Status().Sealed; got != 4 {
			t.Errorf("%d blocks, want 4", got)
		}
		stop()
		if _, busy, _ := hand.last(); busy != 0 {
			t.Error("a search outlived Run")
		}
	})
}

func (b *byHand) checkLanes(t *testing.T, lanes []miner.Lane) {
	t.Helper()
	seen := make(map[int]bool)
	for _, l := range lanes {
		if l.Threads != len(lanes) || l.Thread < 0 || l.Thread >= l.Threads || seen[l.Thread] {
			t.Errorf("lanes %+v", lanes)
		}
		seen[l.Thread] = true
	}
}
