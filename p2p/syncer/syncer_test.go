package syncer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is an Exchange whose peers are chains in this process.
type served struct {
	chains   map[peer.ID]*chain.Chain
	mutate   func(*core.Block) *core.Block // nil serves blocks as they are
	mutateOf map[peer.ID]func(*core.Block) *core.Block

	mu       sync.Mutex // guards punished
	punished map[peer.ID]error
}

func (x *served) Headers(_ context.Context, p peer.ID, locator []core.Hash, limit int) ([]core.Header, error) {
	return x.chains[p].HeadersAfter(locator, limit)
}

func (x *served) Blocks(ctx context.Context, p peer.ID, hashes []core.Hash, _ func(int), each func(*core.Block) error) error {
	for _, hash := range hashes {
		b, err := x.chains[p].Block(hash)
		if errors.Is(err, chain.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if mutate := x.mutateOf[p]; mutate != nil {
			b = mutate(b)
		}
		if x.mutate != nil {
			b = x.mutate(b)
		}
		if err := each(b); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (x *served) Punish(p peer.ID, why error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.punished == nil {
		x.punished = make(map[peer.ID]error)
	}
	x.punished[p] = why
}

func (x *served) why(p peer.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.punished[p]
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// node returns a chain that holds these blocks.
func node(t *testing.T, n *core.Network, blocks []*core.Block) *chain.Chain {
	t.Helper()
	cfg := chain.DefaultConfig()
	cfg.Log = quiet()
	c, err := chain.Open(n, coretest.NewMemStore(n), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := c.AddBlocks(blocks); err != nil {
		t.Fatalf("block %d: %v", taken, err)
	}
	return c
}

// start runs a syncer until the test ends.
func start(t *testing.T, c *chain.Chain, x *served) *Syncer {
	t.Helper()
	return startLogging(t, c, x, quiet())
}

func startLogging(t *testing.T, c *chain.Chain, x *served, log *slog.Logger) *Syncer {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Log = log
	s, err := New(c, x, x, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return s
}

func claimOfChain(c *chain.Chain) Claim {
	tip := c.Tip()
	return claimOf(tip.Hash, &tip.Header)
}

// settle waits until the chain has this tip, in the virtual time of the bubble.
func settle(t *testing.T, c *chain.Chain, want core.Hash) {
	t.Helper()
	for range 600 {
		synctest.Wait()
		if c.Tip().Hash == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("at height %d after a minute", c.Tip().Header.Height)
}

func TestSyncerCatchesUp(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 300, 2)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // so that no block is of the future
		x := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, blocks), "b": node(t, n, blocks[:200])}}
		c := node(t, n, nil)
		s := start(t, c, x)
		s.PeerUp("a", claimOfChain(x.chains["a"]))
		s.PeerUp("b", claimOfChain(x.chains["b"]))
		settle(t, c, x.chains["a"].Tip().Hash)
		synctest.Wait()
		if st := s.Status(); st.State != Synced || st.Height != 300 || st.Peers != 2 || st.Rate <= 0 {
			t.Errorf("Status = %+v", st)
		}
		if err := errors.Join(x.why("a"), x.why("b")); err != nil {
			t.Errorf("an honest peer was punished: %v", err)
		}
	})
}

func TestSyncerHealsDeepFork(t *testing.T) {
	n := coretest.Network(t)
	ours := coretest.Chain(t, n, coretest.Genesis(n), 2500, 0)
	fork := coretest.Genesis(n)
	for _, b := range ours[:10] {
		fork = fork.After(b)
	}
	theirs := append(ours[:10:10], coretest.Chain(t, n, fork, 2700, 1)...)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		x := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, theirs)}}
		c := node(t, n, ours)
		first, err := x.chains["a"].HeadersAfter(c.Locator(), 2000)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.AddHeaders(first, core.Work{}); !errors.Is(err, chain.ErrLowWork) {
			t.Fatalf("first page: %v; the fork is not deep enough to test anything", err)
		}
		s := start(t, c, x)
		s.PeerUp("a", claimOfChain(x.chains["a"]))
		settle(t, c, x.chains["a"].Tip().Hash)
	})
}

func TestSyncerWithBadBlocks(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 3, 2)
	for _, tt := range []struct {
		name   string
		mutate func(*core.Block) *core.Block
		want   error
	}{
		{"another message", func(b *core.Block) *core.Block {
			return &core.Block{Header: b.Header, Messages: coretest.Messages(t, n, "other", 2)}
		}, consensus.ErrMessageRoot},
		{"another body", func(b *core.Block) *core.Block {
			m := *b.Messages[0]
			m.Body = &core.Body{Payload: make([]byte, m.PayloadSize)}
			return &core.Block{Header: b.Header, Messages: []*core.Message{&m, b.Messages[1]}}
		}, core.ErrBodyMismatch},
		{"another block", func(*core.Block) *core.Block { return n.GenesisBlock() }, ErrOffTopic},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour)
				bad := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, blocks)}, mutate: tt.mutate}
				c := node(t, n, nil)
				s := start(t, c, bad)
				s.PeerUp("a", claimOfChain(bad.chains["a"]))
				synctest.Wait()
				if got := bad.why("a"); !errors.Is(got, tt.want) {
					t.Errorf("punished for %v, want %v", got, tt.want)
				}
				if c.Tip().Header.Height != 0 || c.State(blocks[0].Header.Hash()) == chain.Condemned {
					t.Error("a bad sender changed the chain")
				}
			})
		})
	}
}

func TestSyncerTakesWhatIsOffered(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 2, 1)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		c := node(t, n, nil)
		s := start(t, c, &served{})
		if _, err := c.AddHeaders(coretest.Headers(blocks), core.Work{}); err != nil {
			t.Fatal(err)
		}
		s.Offer(blocks[1])
		s.Offer(blocks[0])
		settle(t, c, blocks[1].Header.Hash())
	})
}

// outgrown has a peer's chain of 2 blocks grow to 5 when it is in sync with ours, and then what is to be
// heard of that.
func outgrown(t *testing.T, hear func(s *Syncer, last *core.Header)) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 5, 1)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		x := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, blocks[:2])}}
		c := node(t, n, blocks[:2])
		s := start(t, c, x)
		s.PeerUp("a", claimOfChain(c))
		synctest.Wait()
		if _, err := x.chains["a"].AddBlocks(blocks); err != nil {
			t.Fatal(err)
		}
		hear(s, &blocks[4].Header)
		synctest.Wait()
		if got := c.Tip().Header.Height; got != 5 {
			t.Errorf("at height %d, want 5", got)
		}
	})
}

func TestSyncerFollowsAnnouncement(t *testing.T) {
	outgrown(t, func(s *Syncer, last *core.Header) { s.Announced("a", last) }) // no time passes
}

// Nobody announces anything: the poll finds it.
func TestSyncerPolls(t *testing.T) {
	outgrown(t, func(*Syncer, *core.Header) { time.Sleep(DefaultLimits().Poll + time.Second) })
}

func TestLimitsValidate(t *testing.T) {
	l := DefaultLimits()
	if err := l.Validate(); err != nil {
		t.Errorf("the default limits: %v", err)
	}
	l.Window, l.Chunk, l.MaxPatience = 0, 17, time.Millisecond
	if err := l.Validate(); err == nil || len(err.(interface{ Unwrap() []error }).Unwrap()) != 3 {
		t.Errorf("Validate = %v, want three errors", err)
	}
}
