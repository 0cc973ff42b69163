package miner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Mode says when the miner works.
type Mode string

// The modes of a miner.
const (
	Auto   Mode = "auto"   // while messages wait, as seed 1 did
	Always Mode = "always" // also on empty blocks, where the network allows them
	Off    Mode = "off"
)

// ParseMode reads the name of a mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Auto, Always, Off:
		return m, nil
	}
	return "", fmt.Errorf("mode %q, want auto, always or off", s)
}

// MaxThreads is the largest number of search threads.
const MaxThreads = 256

// A Source has the messages to seal; it is *mempool.Pool but for tests.
type Source interface {
	// Template returns the tip and messages that are valid on exactly that tip.
	Template(maxMessages, maxBlockBytes int) (chain.Tip, []*core.Message, error)
	// Subscribe returns a channel of capacity 1, poked on new messages, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// Tips tell of the best chain; they are *chain.Chain but for tests.
type Tips interface {
	// Tip returns the best chain's last block without waiting.
	Tip() chain.Tip
	// Subscribe returns a channel of capacity 1, poked on a new tip, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// A Submit takes a sealed block. On return without an error the block is on the chain, or another
// one was faster.
type Submit func(ctx context.Context, b *core.Block) error

// Config holds what a node may choose about its miner.
type Config struct {
	Mode    Mode
	Threads int              // search threads, 1 to MaxThreads
	Search  Searcher         // nil means to search in earnest; simulations draw lots instead
	Now     func() time.Time // for block times; busy times come from the monotonic clock
}

// DefaultConfig returns one thread that works while messages wait.
func DefaultConfig() Config { return Config{Mode: Auto, Threads: 1, Now: time.Now} }

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if _, err := ParseMode(string(c.Mode)); err != nil {
		errs = append(errs, fmt.Errorf("miner: %w", err))
	}
	if c.Threads < 1 || c.Threads > MaxThreads {
		errs = append(errs, fmt.Errorf("miner: %d threads, want 1 to %d", c.Threads, MaxThreads))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("miner: Now is not set"))
	}
	return errors.Join(errs...)
}

// A Miner seals blocks while Run runs. It is safe for concurrent use.
type Miner struct {
	network *core.Network
	source  Source
	tips    Tips
	submit  Submit
	cfg     Config
	log     *slog.Logger
	earnest bool          // whether the search costs processor time
	changed chan struct{} // poked when a setting changed

	mu       sync.Mutex // guards what is below
	settings settings
	status   Status
	meters   []*meter // of the search threads, once they were started
}

// settings are what others may change while a miner runs.
type settings struct {
	mode    Mode
	threads int
	paused  []string // reasons, sorted
}

func (s *settings) idle() bool { return s.mode == Off || len(s.paused) > 0 }

// New returns a miner that does nothing before Run. Mined blocks go to submit.
func New(n *core.Network, source Source, tips Tips, submit Submit, cfg Config, log *slog.Logger) (*Miner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	earnest := cfg.Search == nil
	if earnest {
		cfg.Search = Search(n)
	}
	return &Miner{
		network: n, source: source, tips: tips, submit: submit, cfg: cfg, log: log,
		earnest: earnest, changed: make(chan struct{}, 1),
		settings: settings{mode: cfg.Mode, threads: cfg.Threads},
	}, nil
}

// Status says what a miner does.
type Status struct {
	Mode     Mode
	Threads  int
	Paused   []string // why it must not work, sorted; empty if it may
	Working  bool     // whether it searches now
	Height   uint64   // of the block that it searches; 0 if none
	HashRate float64  // tries per second while it searches, smoothed, over all threads; 0 before the first
	Sealed   uint64   // blocks since the start, of which some may have lost against others
}

// Status returns what the miner does now.
func (m *Miner) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Mode, s.Threads, s.Paused = m.settings.mode, m.settings.threads, slices.Clone(m.settings.paused)
	for _, meter := range m.meters {
		s.HashRate += meter.rate()
	}
	return s
}

// SetMode changes when the miner works, at once.
func (m *Miner) SetMode(mode Mode) error {
	if _, err := ParseMode(string(mode)); err != nil {
		return err
	}
	m.change(func(s *settings) { s.mode = mode })
	return nil
}

// SetThreads changes the number of search threads, at once. GOMAXPROCS should follow: see background.Procs.
func (m *Miner) SetThreads(threads int) error {
	if threads < 1 || threads > MaxThreads {
		return fmt.Errorf("%d threads, want 1 to %d", threads, MaxThreads)
	}
	m.change(func(s *settings) { s.threads = threads })
	return nil
}

// Pause stops the search, whatever the mode, until each reason that was given is taken back by
// Resume. The reason stands in Status: "low disk", "clock is wrong".
func (m *Miner) Pause(reason string) {
	m.change(func(s *settings) {
		if at, found := slices.BinarySearch(s.paused, reason); !found {
			s.paused = slices.Insert(s.paused, at, reason)
		}
	})
}

// Resume takes a reason of Pause back.
func (m *Miner) Resume(reason string) {
	m.change(func(s *settings) {
		if at, found := slices.BinarySearch(s.paused, reason); found {
			s.paused = slices.Delete(slices.Clone(s.paused), at, at+1)
		}
	})
}

func (m *Miner) change(f func(*settings)) {
	m.mu.Lock()
	f(&m.settings)
	m.mu.Unlock()
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

func (m *Miner) currentSettings() settings {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settings
}

func (m *Miner) setStatus(f func(*Status)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.status)
}
