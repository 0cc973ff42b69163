package api_test

import (
	"context"
	"crypto/sha256"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// noTokens knows none.
func noTokens([sha256.Size]byte) (api.Scope, bool) { return "", false }

// oneToken knows one, which allows everything.
func oneToken(token string) func([sha256.Size]byte) (api.Scope, bool) {
	return func(sum [sha256.Size]byte) (api.Scope, bool) {
		return api.ScopeAdmin, sum == sha256.Sum256([]byte(token))
	}
}

// effects counts what requests changed, whatever it is.
type effects struct {
	*fixture
	others atomic.Int64 // settings, peers let go, imports

	cfg  api.Config
	deps api.Deps
}

type countingMiner struct {
	fakeMiner
	n *atomic.Int64
}

func (m countingMiner) Set(string, int) error { m.n.Add(1); return nil }

type countingHost struct {
	*fakeHost
	n *atomic.Int64
}

func (h countingHost) Disconnect(string) error { h.n.Add(1); return nil }

// startCounting is start for a node that counts what changes it.
func startCounting(t *testing.T, edits ...func(*api.Config, *api.Deps)) *effects {
	t.Helper()
	e := new(effects)
	edits = append(edits, func(c *api.Config, d *api.Deps) {
		d.Miner = countingMiner{n: &e.others}
		d.Host = countingHost{d.Host.(*fakeHost), &e.others}
		d.Import = func(context.Context, *chainfile.Reader, func(api.Imported)) (api.Imported, error) {
			e.others.Add(1)
			return api.Imported{}, nil
		}
		e.cfg, e.deps = *c, *d
	})
	e.fixture = start(t, edits...)
	e.host.peers = twoPeers()
	e.host.vote = func(context.Context, *core.Message) (int, int) { return 2, 2 }
	return e
}

// startMeasured is startCounting for tests that look at memory: nobody keeps the answers.
func startMeasured(t *testing.T, edits ...func(*api.Config, *api.Deps)) *effects {
	t.Helper()
	e := startCounting(t, edits...)
	s, err := api.New(e.cfg, e.deps)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := e.stop
	e.serve(s, l)
	stopThis := e.stop
	e.stop = func() { stopThis(); stop() }
	return e
}

// changes returns how much was changed so far.
func (e *effects) changes() int64 {
	e.pool.mu.Lock()
	adds := e.pool.adds
	e.pool.mu.Unlock()
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return int64(adds) + int64(len(e.host.dialled)) + e.others.Load()
}

// path returns a path of a route that reaches its handler and, for what changes something, would do so.
func path(r api.RouteLine) string {
	p := strings.NewReplacer(
		"{id}", strings.Repeat("a", 64), "{block}", "tip", "{profile:[a-z]*}", "", "/add", "/add?message=x",
	).Replace(r.Pattern)
	return p
}
