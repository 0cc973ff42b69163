package gossip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// A yard is a desk whose rebuilder runs, and peers that are asked for parts of blocks.
type yard struct {
	*desk
	t *testing.T
	n *core.Network

	mu        sync.Mutex // guards what is below
	sources   map[peer.ID]*source
	questions []string // to whom, what
	filled    int      // messages asked for
	offered   []*core.Block
	told      []peer.ID // announcers that the syncer was told of
}

// A source is a peer that is asked.
type source struct {
	block  *core.Block
	absent int // answers by which it does not have the block yet
	delay  time.Duration
	silent bool // it never answers
	edit   func(i int, m *core.Message) *core.Message
	leaves error // its answer to a question for leaves
}

// newYard must be called in a bubble. Its rebuilder runs until the test ends.
func newYard(t *testing.T, n *core.Network, edits ...func(*mempool.Config)) *yard {
	t.Helper()
	y := &yard{desk: newDesk(t, n, edits...), t: t, n: n, sources: make(map[peer.ID]*source)}
	y.rebuilder.parts, y.rebuilder.syncer, y.syncer = y, y, y
	return y
}

// run lets the rebuilder work until all that it does has ended, or for this long.
func (y *yard) run(limit time.Duration) (took time.Duration) {
	y.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { y.rebuilder.run(ctx) })
	begun := time.Now()
	for synctest.Wait(); y.busy() && time.Since(begun) < limit; synctest.Wait() {
		time.Sleep(time.Millisecond)
	}
	took = time.Since(begun)
	cancel()
	running.Wait()
	return took
}

func (y *yard) busy() bool {
	y.rebuilder.mu.Lock()
	defer y.rebuilder.mu.Unlock()
	return len(y.rebuilder.all) > 0
}

func (y *yard) source(p peer.ID, what string) *source {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.questions = append(y.questions, string(p)+" "+what)
	s := y.sources[p]
	if s == nil {
		y.t.Errorf("%s was asked for %s", string(p), what)
		return &source{}
	}
	return s
}

// has waits as long as the peer does.
func (s *source) has(ctx context.Context, block core.Hash) error {
	if s.silent {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", exchange.ErrTransport, ctx.Err())
	}
	time.Sleep(s.delay)
	if s.absent--; s.absent >= 0 || s.block == nil || s.block.Header.Hash() != block {
		return exchange.ErrAbsent
	}
	return nil
}

func (y *yard) Fill(ctx context.Context, p peer.ID, block core.Hash, at []int) ([]*core.Message, error) {
	s := y.source(p, fmt.Sprintf("%d messages", len(at)))
	if err := s.has(ctx, block); err != nil {
		return nil, err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.filled += len(at)
	var out []*core.Message
	for _, i := range at {
		m := s.block.Messages[i]
		if s.edit != nil {
			m = s.edit(i, m)
		}
		out = append(out, m)
	}
	return out, nil
}

func (y *yard) Leaves(ctx context.Context, p peer.ID, h *core.Header) ([]core.Leaf, error) {
	s := y.source(p, "leaves")
	if err := s.has(ctx, h.Hash()); err != nil || s.leaves != nil {
		return nil, errors.Join(err, s.leaves)
	}
	return s.block.Leaves(), nil
}

func (y *yard) Announced(p peer.ID, _ *core.Header) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.told = append(y.told, p)
}

func (y *yard) Offer(b *core.Block) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.offered = append(y.offered, b)
}

// announce gives the announcement of a block as it comes from a peer, and says whether it is to be
// forwarded.
func (y *yard) announce(p peer.ID, data []byte) bool {
	y.t.Helper()
	err := y.takeAnnouncement(p, data)
	if err != nil && !errors.Is(err, errNotForwarded) {
		y.t.Fatalf("takeAnnouncement = %v", err)
	}
	return err == nil
}

// seal puts a block on the chain.
func (y *yard) seal(b *core.Block) {
	y.t.Helper()
	if _, err := y.chain.AddBlocks([]*core.Block{b}); err != nil {
		y.t.Fatal(err)
	}
}

// wantBlock fails unless exactly this block was rebuilt, in a form that the chain takes.
func (y *yard) wantBlock(b *core.Block) {
	y.t.Helper()
	if len(y.offered) != 1 || y.offered[0].Header != b.Header {
		y.t.Fatalf("%d blocks rebuilt, asked %q, stats %+v", len(y.offered), y.questions, y.Stats().Rebuilds)
	}
	for i, m := range y.offered[0].Messages {
		if string(m.Bytes()) != string(b.Messages[i].Bytes()) {
			y.t.Errorf("message %d is another one", i)
		}
	}
	y.seal(y.offered[0])
}
