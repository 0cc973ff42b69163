package filler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/p2p/exchange"
)

// A Store knows which bodies are missing; it is the node's store but for tests.
type Store interface {
	// LowestFull returns the first height from which on no body is missing, but for erased ones. Hello tells
	// it to peers; the filler does without.
	LowestFull() (uint64, error)
	// Gaps returns up to limit gaps after a place, in the order of places; the zero Place is before all.
	Gaps(after chain.Place, limit int) ([]chain.Gap, error)
	// Fill takes in bodies that were missing and returns how many; what is no gap is left out.
	Fill(msgs []*core.Message) (int, error)
}

// An Exchange asks a peer for messages, as exchange.Client does.
type Exchange interface {
	Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error)
}

// Peers says who is past hello, and hears who broke a rule.
type Peers interface {
	// Ready returns the peers that are past hello, the longest connected first.
	Ready() []exchange.Remote
	Punish(p peer.ID, why error)
}

// Config holds how much is asked, and how often.
type Config struct {
	Batch    int           // messages of one request
	Pause    time.Duration // between two requests
	Timeout  time.Duration // of one request
	Again    time.Duration // until a peer that had nothing for us is asked again; doubles each time
	AgainMax time.Duration // but is at most this
	Now      func() time.Time
	Log      *slog.Logger
}

// DefaultConfig asks for up to 128 messages a second. That is 8 MiB of the largest ones.
func DefaultConfig() Config {
	return Config{
		Batch: 128, Pause: time.Second, Timeout: 30 * time.Second, Again: 30 * time.Second, AgainMax: time.Hour,
		Now: time.Now, Log: slog.Default(),
	}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Batch < 1 || c.Batch > exchange.MaxIDs {
		errs = append(errs, fmt.Errorf("filler: Batch is %d, want 1 to %d", c.Batch, exchange.MaxIDs))
	}
	if c.Pause <= 0 || c.Timeout <= 0 || c.Again <= 0 || c.AgainMax < c.Again {
		errs = append(errs, errors.New("filler: Pause, Timeout and Again must be over 0, and AgainMax no less than Again"))
	}
	if c.Now == nil || c.Log == nil {
		errs = append(errs, errors.New("filler: Now or Log is not set"))
	}
	return errors.Join(errs...)
}

// A Filler fills gaps. One goroutine, that of Run, owns all of its state.
type Filler struct {
	store    Store
	exchange Exchange
	peers    Peers
	cfg      Config
	visits   map[peer.ID]*visit
}

// A visit is how far the list of gaps was gone through with a peer.
type visit struct {
	session uint64
	after   chain.Place   // the last gap that it was asked for
	gave    bool          // something, since the start of the list
	pause   time.Duration // after the next time that it gives nothing
	due     time.Time     // not asked before
}

// New returns a filler that does nothing before Run.
func New(s Store, x Exchange, peers Peers, cfg Config) (*Filler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Filler{store: s, exchange: x, peers: peers, cfg: cfg, visits: make(map[peer.ID]*visit)}, nil
}

// Run fills gaps until ctx ends and then returns nil.
func (f *Filler) Run(ctx context.Context) error {
	tick := time.NewTicker(f.cfg.Pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.step(ctx)
		}
	}
}

// step makes one request at most, of the peer that has waited longest for its turn.
func (f *Filler) step(ctx context.Context) {
	next := f.next()
	if next.visit == nil {
		return
	}
	if next.after.Height < next.lowestFull {
		next.after = chain.Place{Height: next.lowestFull - 1, Position: math.MaxInt32}
	}
	gaps, err := f.store.Gaps(next.after, f.cfg.Batch)
	if err != nil {
		f.cfg.Log.Error("reading which bodies are missing", "err", err)
		f.rest(next.visit)
		return
	}
	ids := make([]core.Hash, len(gaps))
	for i, g := range gaps {
		ids[i], next.after = g.ID, g.Place
	}
	next.due = f.cfg.Now() // behind the others
	if len(ids) > 0 && !f.ask(ctx, next.id, next.visit, ids) {
		f.rest(next.visit) // whoever cannot answer is not asked for more at once
		return
	}
	if len(gaps) < f.cfg.Batch {
		f.end(next.visit)
	}
}

// A turn is a peer that may be asked now.
type turn struct {
	*visit     // nil: nobody
	id         peer.ID
	lowestFull uint64
}

// next returns whose turn it is, and forgets who is gone. While nothing is missing it is nobody's, and
// what was missing before counts no more.
func (f *Filler) next() turn {
	if gaps, err := f.store.Gaps(chain.Place{}, 1); err == nil && len(gaps) == 0 {
		clear(f.visits)
		return turn{}
	}
	ready, now := f.peers.Ready(), f.cfg.Now()
	known := make(map[peer.ID]*visit, len(ready))
	var best turn
	for i := range ready {
		r := &ready[i]
		v := f.visits[r.ID]
		if v == nil || v.session != r.Session {
			v = &visit{session: r.Session, pause: f.cfg.Again, due: now}
		}
		known[r.ID] = v
		if !v.due.After(now) && (best.visit == nil || v.due.Before(best.due)) {
			best = turn{v, r.ID, r.Hello.LowestFull}
		}
	}
	f.visits = known
	return best
}

// ask asks a peer for bodies and takes them in. It reports whether the peer answered.
func (f *Filler) ask(ctx context.Context, p peer.ID, v *visit, ids []core.Hash) bool {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	msgs, err := f.exchange.Messages(ctx, p, ids)
	if err != nil {
		if errors.Is(err, exchange.ErrProtocol) {
			f.peers.Punish(p, err)
		}
		return false
	}
	whole := msgs[:0]
	for _, m := range msgs {
		if err := m.CheckBody(); err != nil {
			f.peers.Punish(p, fmt.Errorf("message %v: %w", m.ID, err))
			return false
		}
		if m.Body != nil {
			whole = append(whole, m)
		}
	}
	if len(whole) == 0 {
		return true
	}
	filled, err := f.store.Fill(whole)
	if err != nil {
		f.cfg.Log.Error("storing bodies that were missing", "err", err)
		return false
	}
	v.gave = v.gave || filled > 0
	f.cfg.Log.Info("bodies that were missing are here", "peer", p, "messages", filled)
	return true
}

// end goes back to the start of the list of gaps. A peer that gave nothing all the way waits longer each
// time.
func (f *Filler) end(v *visit) {
	if v.gave {
		v.pause = f.cfg.Again
	}
	v.gave, v.after = false, chain.Place{}
	f.rest(v)
}

// rest lets a peer be for a while.
func (f *Filler) rest(v *visit) {
	v.due = f.cfg.Now().Add(v.pause)
	v.pause = min(2*v.pause, f.cfg.AgainMax)
}
