package anchor_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
	"p2pchain/core/document"
)

var (
	errAway  = errors.New("the node is away")
	errNever = errors.New("refused for good")
)

// A chain takes anchors as a node does: once for each key, in the order in which they come.
type chain struct {
	mu       sync.Mutex // guards all below
	keys     map[string]core.Hash
	payloads [][]byte
	ids      []core.Hash
	away     bool
	never    bool
	lose     func() bool // an answer
	lost     int
	repeated int
}

func newChain() *chain { return &chain{keys: make(map[string]core.Hash)} }

func (c *chain) send(_ context.Context, key string, payload []byte) (core.Hash, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.never:
		return core.Hash{}, errNever
	case c.away:
		return core.Hash{}, errAway
	}
	id, known := c.keys[key]
	if known {
		c.repeated++
	} else {
		c.payloads = append(c.payloads, payload)
		id = sha256.Sum256(append([]byte{byte(len(c.payloads)), byte(len(c.payloads) >> 8)}, payload...))
		c.keys[key], c.ids = id, append(c.ids, id)
	}
	if c.lose != nil && c.lose() {
		c.lost++
		return core.Hash{}, errAway
	}
	return id, nil
}

func (c *chain) setAway(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

// loseNothing ends the losing of answers.
func (c *chain) loseNothing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = nil
}

func (c *chain) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.payloads)
}

// anchors returns what the chain has, in order.
func (c *chain) anchors(t testing.TB) []*document.Anchor {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*document.Anchor
	for _, p := range c.payloads {
		d, err := document.Decode(document.AnchorType, p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d.(*document.Anchor))
	}
	return out
}

// collection returns the same as a collection, each in a block of its own.
func (c *chain) collection() *anchor.Collection {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := anchor.NewCollection()
	for i, p := range c.payloads {
		out.Add(p, c.ids[i], core.PublicKey{1}, anchor.Place{Height: uint64(i + 1), BlockTime: anchor.Moment(i)})
	}
	return out
}

// A place is a folder with a log and a folder of states.
type place struct {
	t      testing.TB
	folder string
	log    string
	chain  *chain

	mu     sync.Mutex // guards events
	events []anchor.Event
}

func newPlace(t testing.TB) *place {
	dir := t.TempDir()
	return &place{t: t, folder: filepath.Join(dir, "state"), log: filepath.Join(dir, "app.log"), chain: newChain()}
}

func (p *place) config() anchor.Config {
	return anchor.Config{
		Folder: p.folder, Patterns: []string{p.log}, Interval: 10 * time.Second, Segment: 64 << 20, QueueMost: 1 << 20,
		Send:   p.chain.send,
		Passes: func(err error) bool { return errors.Is(err, errAway) },
		Told: func(e anchor.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
		},
		Now: time.Now,
	}
}

func (p *place) write(text string) {
	p.t.Helper()
	f, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// once is a single look.
func (p *place) once() {
	p.t.Helper()
	cfg := p.config()
	cfg.Once = true
	if err := anchor.Follow(context.Background(), cfg); err != nil {
		p.t.Fatal(err)
	}
}

// follow starts following, and returns what ends it.
func (p *place) follow(cfg anchor.Config) (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- anchor.Follow(ctx, cfg) }()
	return func() {
		p.t.Helper()
		cancel()
		if err := <-done; err != nil {
			p.t.Errorf("Follow: %v", err)
		}
	}
}

// check compares the log, or another file, with all anchors.
func (p *place) check(path string, choice anchor.Choice) *anchor.Report {
	p.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := p.chain.collection().Check(bytesReader(text), uint64(len(text)), filepath.Base(path), choice)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}
