package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/core/store"
)

// An order is what a member is to do.
type order string

const (
	orderStart  order = "start"
	orderStop   order = "stop"
	orderDamage order = "damage"
	orderRepair order = "repair" // start a member that failed
)

var (
	// ErrOrder means that there is no such order.
	ErrOrder = errors.New("no such order")
	// ErrPhase means that a member cannot take an order now.
	ErrPhase = errors.New("the node cannot do that now")
)

const (
	loopback    = "/ip4/127.0.0.1/tcp/0"
	freeHTTP    = "127.0.0.1:0"
	storeFolder = "store"
	// backPatience is how long a repaired member may take to catch up before nobody waits for it.
	backPatience = 20 * time.Second
)

// A member is a node of the demo. It is safe for concurrent use.
type member struct {
	number  int
	cfg     node.Config // of the next start; keep's own
	orders  chan order  // of capacity 1
	changed chan<- struct{}

	mu     sync.Mutex // guards what is below
	phase  Phase
	err    error
	steps  []Step
	client *client.Client // nil unless its API answers
	peerID string
	addr   string
}

func newMember(number int, cfg node.Config, changed chan<- struct{}) *member {
	return &member{number: number, cfg: cfg, orders: make(chan order, 1), changed: changed, phase: Starting}
}

// give has a member obey an order, or says why it does not: ErrOrder or ErrPhase.
func (m *member) give(o order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next, from := Starting, []Phase{Stopped, Failed}
	switch o {
	case orderStart:
		if m.phase == Failed {
			o = orderRepair
		}
	case orderStop:
		next, from = Stopping, []Phase{Running}
	case orderDamage:
		next, from = Damaging, []Phase{Running, Stopped}
	default:
		return fmt.Errorf("%q: %w", o, ErrOrder)
	}
	if !slices.Contains(from, m.phase) {
		return fmt.Errorf("node %d is %s: %w", m.number, m.phase, ErrPhase)
	}
	m.phase, m.err = next, nil
	m.orders <- o // there is room: only a phase in which it waits for orders leads here
	poke(m.changed)
	return nil
}

// keep lets the node live, and obeys orders, until ctx ends and the node has stopped.
func (m *member) keep(ctx context.Context) error {
	l := m.begin(ctx, false)
	for {
		select {
		case <-ctx.Done():
			return l.end()
		case err := <-l.over():
			m.show(Failed, err)
			l = nil
		case o := <-m.orders:
			switch o {
			case orderStart, orderRepair:
				l = m.begin(ctx, o == orderRepair)
			case orderStop:
				m.show(Stopped, l.end())
				l = nil
			case orderDamage:
				l = m.damage(ctx, l)
			}
		}
	}
}

// begin starts the node and shows what came of it.
func (m *member) begin(ctx context.Context, repair bool) *life {
	l, err := m.start(ctx, repair)
	if err != nil {
		m.show(Failed, err)
		return nil
	}
	m.show(Running, nil)
	return l
}

// damage stops the node, damages its store, and starts it again, with a repair where it asks for one.
func (m *member) damage(ctx context.Context, l *life) *life {
	fail := func(err error) *life {
		m.show(Failed, err)
		return nil
	}
	m.forgetSteps()
	if err := l.end(); err != nil {
		return fail(err)
	}
	m.step(stepStopped)
	if err := m.settle(ctx); err != nil {
		return fail(err)
	}
	d, err := flip(filepath.Join(m.cfg.Dir, storeFolder))
	if err != nil {
		return fail(err)
	}
	m.step(stepFlipped, d.File, strconv.Itoa(d.Offset), fmt.Sprintf("% x", d.Before), fmt.Sprintf("% x", d.After))
	l, err = m.start(ctx, false)
	switch {
	case err == nil:
		m.step(stepUnnoticed)
	case errors.Is(err, store.ErrCorrupt):
		m.step(stepRefused, m.words(err))
		if l, err = m.start(ctx, true); err == nil {
			m.step(stepRepaired)
		}
	}
	if err != nil {
		return fail(err)
	}
	if height, ok := m.awaitSync(ctx); ok {
		m.step(stepBack, strconv.FormatUint(height, 10))
	}
	m.show(Running, nil)
	return l
}

// settle opens and closes the store, which moves what it wrote last from a log into a table. Damage near the
// end of a log looks as after a crash, so it would show nothing.
func (m *member) settle(ctx context.Context) error {
	cfg := m.cfg
	cfg.HTTP, cfg.Listen, cfg.Repair = node.HTTPOff, []string{loopback}, false
	n, err := node.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return n.Close()
}

// awaitSync waits until the node has what its peers have, and returns the height of its tip.
func (m *member) awaitSync(ctx context.Context) (uint64, bool) {
	ctx, cancel := context.WithTimeout(ctx, backPatience)
	defer cancel()
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		if c := m.api(); c != nil { // else it ended by itself, which keep tells of
			n, err := c.Node(ctx)
			if err == nil && n.Sync.State == api.SyncSynced {
				return n.Tip.Height, true
			}
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-look.C:
		}
	}
}

// start opens and runs the node. Its addresses are those of the first start, so that links to its pages hold,
// unless somebody else has them by now.
func (m *member) start(ctx context.Context, repair bool) (*life, error) {
	m.cfg.Repair = repair
	n, err := node.Open(ctx, m.cfg)
	if errors.Is(err, node.ErrAddressInUse) {
		m.cfg.HTTP, m.cfg.Listen = freeHTTP, []string{loopback}
		n, err = node.Open(ctx, m.cfg)
	}
	if err != nil {
		return nil, err
	}
	c, err := client.New(n.API())
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	addr := n.Addrs()[0]
	m.cfg.HTTP = strings.TrimPrefix(n.API(), "http://")
	m.cfg.Listen = []string{strings.TrimSuffix(addr, "/p2p/"+n.ID())}
	m.setClient(c, n.ID(), addr)

	ctx, cancel := context.WithCancel(ctx)
	l := &life{cancel: cancel, done: make(chan error, 1)}
	go func() {
		var following sync.WaitGroup
		following.Go(func() { m.follow(ctx, c) })
		err := n.Run(ctx)
		m.setClient(nil, n.ID(), "")
		cancel()
		following.Wait()
		c.Close()
		l.done <- err
	}()
	return l, nil
}

// follow pokes the watcher as long as the node has something to tell. The watcher looks by itself, too, though
// less often, so that it is no loss where this fails.
func (m *member) follow(ctx context.Context, c *client.Client) {
	err := c.Events(ctx, client.EventOptions{}, func(client.Event) error {
		poke(m.changed)
		return nil
	})
	if ctx.Err() == nil {
		m.cfg.Log.Warn("the events of a node are not followed", "err", err)
	}
}

// A life is one run of a node; nil is none.
type life struct {
	cancel context.CancelFunc
	done   chan error // of capacity 1
}

// over returns what tells that the node ended by itself.
func (l *life) over() <-chan error {
	if l == nil {
		return nil
	}
	return l.done
}

// end ends the node and waits for it.
func (l *life) end() error {
	if l == nil {
		return nil
	}
	l.cancel()
	return <-l.done
}

func (m *member) show(p Phase, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase, m.err = p, err; err != nil {
		m.phase = Failed
	}
	poke(m.changed)
}

func (m *member) step(kind string, args ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps = append(m.steps, Step{Kind: kind, Args: args})
	poke(m.changed)
}

func (m *member) forgetSteps() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps = nil
}

func (m *member) setClient(c *client.Client, peerID, addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.client, m.peerID, m.addr = c, peerID, addr
	poke(m.changed)
}

// api returns the client of the node's API; nil if it does not run.
func (m *member) api() *client.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client
}

// contact returns under which id and address peers reach the node.
func (m *member) contact() (peerID, addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peerID, m.addr
}

// describe fills in what the member knows of itself.
func (m *member) describe(to *Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	to.Number, to.Phase, to.Steps = m.number, m.phase, slices.Clone(m.steps)
	to.URL, to.Error = "", ""
	if m.client != nil {
		to.URL = m.client.Address()
	}
	if m.err != nil {
		to.Error = m.words(m.err)
	}
}

// words returns an error without the machine's folders.
func (m *member) words(err error) string {
	return strings.ReplaceAll(err.Error(), m.cfg.Dir+string(filepath.Separator), "")
}
