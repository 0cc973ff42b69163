package deploytest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"p2pchain/cmd/internal/logs"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
)

// Exported is what nodes export: the values of each label of each metric, by their names.
type exported map[string]map[string]map[string]bool

// fromNodes reads what real nodes export: one with three peers, since some series need as many.
func fromNodes(t *testing.T) exported {
	t.Helper()
	first := open(t, nil)
	for range 3 {
		open(t, first.Addrs())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		found := read(t, first.API()+"/metrics")
		if found["p2pchain_p2p_clock_ahead_seconds"] != nil {
			return found
		}
		select {
		case <-ctx.Done():
			t.Fatal("the node does not find three peers")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// open starts a node on loopback that is stopped at the end of the test.
func open(t *testing.T, seeds []string) *node.Node {
	t.Helper()
	p, _ := core.Builtin("test")
	network, err := core.NewNetwork(p)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Dir, cfg.Network, cfg.Bootstrap = t.TempDir(), network, seeds
	cfg.Listen, cfg.HTTP, cfg.MDNS = []string{"/ip4/127.0.0.1/tcp/0"}, "127.0.0.1:0", false
	cfg.ReserveBytes = 1
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.LogStats = func() logs.Stats { return logs.Stats{} } // as the program sets it
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

// read returns what an address exports.
func read(t *testing.T, address string) exported {
	t.Helper()
	reply, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, reply.StatusCode, err)
	}
	found := make(exported)
	for line := range strings.Lines(string(text)) {
		if s := series().FindStringSubmatch(line); s != nil {
			found.add(s[1], s[2])
		}
	}
	return found
}

// series matches a line of the exposition format, and a series of a test of rules.
func series() *regexp.Regexp { return regexp.MustCompile(`^([a-zA-Z_]\w*)(?:\{(.*)\})?(?:\s|$)`) }

// matchers matches each label of a selector or series: its name, an operator and a value.
func matchers() *regexp.Regexp {
	return regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)
}

// add takes in a series.
func (e exported) add(name, labels string) {
	if e[name] == nil {
		e[name] = make(map[string]map[string]bool)
	}
	for _, m := range matchers().FindAllStringSubmatch(labels, -1) {
		if e[name][m[1]] == nil {
			e[name][m[1]] = make(map[string]bool)
		}
		e[name][m[1]][m[3]] = true
	}
}
