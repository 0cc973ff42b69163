package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/miner"
)

// A slowSearch asks its context before each batch, as the real search does, and never finds anything.
type slowSearch struct{ batches int }

func (s *slowSearch) Search(ctx context.Context, _ *miner.Job, l miner.Lane) (core.Header, bool) {
	for ctx.Err() == nil {
		s.batches++
		l.Tried(batch, 0)
	}
	return core.Header{}, false
}

// TestPace holds a search to its pace, across templates that change all the time and through a change of pace.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		search := new(slowSearch)
		p := &pacer{search: search}
		p.set(10 * batch)
		during := func(whole, each time.Duration) int {
			before := search.batches
			for start := time.Now(); time.Since(start) < whole; {
				ctx, cancel := context.WithTimeout(t.Context(), each)
				p.Search(ctx, nil, miner.Lane{Threads: 1})
				cancel()
			}
			return search.batches - before
		}
		for _, each := range []time.Duration{20 * time.Second, 30 * time.Millisecond} {
			if got := during(20*time.Second, each); got < 195 || got > 205 {
				t.Errorf("%d batches in 20 s of templates of %v each, want 200", got, each)
			}
		}
		p.set(40 * batch)
		if got := during(10*time.Second, time.Second); got < 395 || got > 405 {
			t.Errorf("%d batches in 10 s, want 400", got)
		}
		time.Sleep(time.Hour) // nothing to search
		if got := during(time.Second, time.Second); got > 41 {
			t.Errorf("%d batches in a second after an idle hour, want 40", got)
		}
	})
}

func TestPower(t *testing.T) {
	network, err := newNetwork(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := newPower(network, 5)
	for _, tt := range []struct {
		boss int
		want []float64
	}{
		{0, []float64{.2, .2, .2, .2, .2}},
		{2, []float64{.05, .8, .05, .05, .05}},
		{5, []float64{.05, .05, .05, .05, .8}},
		{0, []float64{.2, .2, .2, .2, .2}},
	} {
		p.set(tt.boss)
		for i, pacer := range p.pacers {
			share := batch / pacer.every.Seconds() / hashRate
			if math.Abs(share-tt.want[i]) > .001 {
				t.Errorf("boss %d: node %d has %.3f of the hash rate, want %v", tt.boss, i+1, share, tt.want[i])
			}
		}
		if p.get() != tt.boss {
			t.Errorf("get = %d, want %d", p.get(), tt.boss)
		}
	}
}

func TestCut(t *testing.T) {
	c := newCut(5)
	for i := 1; i <= 5; i++ {
		c.know(fmt.Sprint("peer", i), i)
	}
	reach := func(number int) (others []int) {
		for i := 1; i <= 5; i++ {
			if i != number && c.gate(number)(fmt.Sprint("peer", i)) {
				others = append(others, i)
			}
		}
		return others
	}
	if got := reach(1); !slices.Equal(got, []int{2, 3, 4, 5}) {
		t.Errorf("whole: 1 reaches %v", got)
	}
	c.set(true)
	for number, want := range map[int][]int{1: {2}, 2: {1}, 3: {4, 5}, 5: {3, 4}} {
		if got := reach(number); !slices.Equal(got, want) {
			t.Errorf("cut: %d reaches %v, want %v", number, got, want)
		}
	}
	c.set(false)
	if got := reach(3); !slices.Equal(got, []int{1, 2, 4, 5}) {
		t.Errorf("healed: 3 reaches %v", got)
	}
}

func TestFlip(t *testing.T) {
	dir := t.TempDir()
	if _, err := flip(dir); !errors.Is(err, errNothing) {
		t.Errorf("flip of nothing = %v", err)
	}
	content := bytes.Repeat([]byte("content of a table, "), 100)
	log := bytes.Repeat([]byte("content of a log, "), 1000)
	for name, b := range map[string][]byte{"2.log": log, "3.log": append([]byte("short"), make([]byte, 1<<16)...), "LOCK": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := flip(dir); err != nil || d.File != "2.log" {
		t.Errorf("without a table: %+v, %v", d, err)
	}
	for name, b := range map[string][]byte{"1.sst": content, "4.sst": content[:100]} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := flip(dir)
	if err != nil || d.File != "1.sst" {
		t.Fatalf("flip = %+v, %v", d, err)
	}
	got, err := os.ReadFile(filepath.Join(dir, d.File))
	if err != nil {
		t.Fatal(err)
	}
	for i := range content {
		want := content[i]
		if i >= d.Offset && i < d.Offset+flipped {
			want = ^want
			if d.Before[i-d.Offset] != content[i] || d.After[i-d.Offset] != want {
				t.Errorf("it says %x became %x", d.Before, d.After)
			}
		}
		if got[i] != want {
			t.Fatalf("byte %d is %x, want %x", i, got[i], want)
		}
	}
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var texts []string
		s := newStream(func(_ context.Context, _ int, text string) { texts = append(texts, text) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.run(ctx) }()
		for _, tt := range []struct{ perSecond, want int }{{0, 0}, {2, 20}, {20, 200}, {0, 0}} {
			texts = nil
			s.set(tt.perSecond)
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if len(texts) != tt.want {
				t.Errorf("%d messages in 10 s at %d a second", len(texts), tt.perSecond)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestOrders gives a member every order in every phase.
func TestOrders(t *testing.T) {
	taken := map[order][]Phase{
		orderStart:  {Stopped, Failed},
		orderStop:   {Running},
		orderDamage: {Running, Stopped},
	}
	for o, phases := range taken {
		for _, p := range []Phase{Starting, Running, Stopping, Stopped, Damaging, Failed} {
			m := newMember(1, node.Config{}, make(chan struct{}, 1))
			m.show(p, nil)
			err, want := m.give(o), slices.Contains(phases, p)
			if want != (err == nil) || !want && !errors.Is(err, ErrPhase) {
				t.Errorf("%s while %s: %v", o, p, err)
			}
			if want && !errors.Is(m.give(o), ErrPhase) {
				t.Errorf("%s while %s is taken twice", o, p)
			}
		}
	}
	if err := newMember(1, node.Config{}, make(chan struct{}, 1)).give("explode"); !errors.Is(err, ErrOrder) {
		t.Errorf("explode: %v", err)
	}
}

// open opens a demo that does not run.
func open(t *testing.T, nodes int) *Demo {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Dir = nodes, t.TempDir()
	d, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestControl sends orders that are refused, each for its reason.
func TestControl(t *testing.T) {
	d := open(t, 2)
	for _, tt := range []struct {
		method, path, body string
		host, site         string
		want               int
	}{
		{"POST", "/demo/cut", `{"cut":true}`, "", "", 204},
		{"POST", "/demo/cut", `{"cut":true}`, "evil.example", "", 421},
		{"POST", "/demo/cut", `{"cut":true}`, "", "cross-site", 403},
		{"POST", "/demo/cut", `{"cut":true}`, "", "same-site", 403},
		{"GET", "/demo/state", "", "", "cross-site", 403},
		{"POST", "/demo/cut", `{"cute":true}`, "", "", 400},
		{"POST", "/demo/cut", `[`, "", "", 400},
		{"POST", "/demo/cut", `{"cut":true} `, "", "", 204},
		{"POST", "/demo/cut", `{"cut":true}}`, "", "", 400},
		{"POST", "/demo/cut", `{"cut":true}{"cut":false}`, "", "", 400},
		{"POST", "/demo/cut", `{"cut":true}` + strings.Repeat(" ", maxOrder), "", "", 400},
		{"POST", "/demo/cut", `{"x":"` + strings.Repeat("x", maxOrder) + `"}`, "", "", 400},
		{"GET", "/demo/cut", "", "", "", 404},
		{"POST", "/demo/power", `{"node":3}`, "", "", 400},
		{"POST", "/demo/power", `{"node":2}`, "", "", 204},
		{"POST", "/demo/stream", `{"per_second":51}`, "", "", 400},
		{"POST", "/demo/stream", `{"per_second":-1}`, "", "", 400},
		{"POST", "/demo/stream", `{"per_second":50}`, "", "", 204},
		{"POST", "/demo/nodes/3/stop", "", "", "", 404},
		{"POST", "/demo/nodes/x/stop", "", "", "", 404},
		{"POST", "/demo/nodes/1/repair", "", "", "", 404},
		{"POST", "/demo/nodes/1/stop", "", "", "", 409}, // it has not started
		{"GET", "/demo/state", "", "", "", 200},
		{"GET", "/", "", "", "", 200},
		{"GET", "/ui/blocks", "", "", "", 404},
		{"GET", "/api/v1/node", "", "", "", 404},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		if r.Host = "127.0.0.1:12390"; tt.host != "" {
			r.Host = tt.host
		}
		if tt.site != "" {
			r.Header.Set("Sec-Fetch-Site", tt.site)
		}
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %s %.40s host %q site %q: %d %s, want %d", tt.method, tt.path, tt.body, tt.host, tt.site, w.Code, w.Body, tt.want)
		}
		if w.Code == http.StatusBadRequest && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: the problem is %s", tt.method, tt.path, w.Header())
		}
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		nodes int
		dir   string
	}{{1, "x"}, {13, "x"}, {5, ""}} {
		cfg := DefaultConfig()
		cfg.Nodes, cfg.Dir = tt.nodes, tt.dir
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// TestBoard pokes whoever looks at the board on a change, and on nothing else.
func TestBoard(t *testing.T) {
	b := newBoard()
	changed := func(s State) bool {
		t.Helper()
		_, _, next := b.look()
		if err := b.put(s); err != nil {
			t.Fatal(err)
		}
		select {
		case <-next:
			return true
		default:
			return false
		}
	}
	if !changed(State{Boss: 1}) || changed(State{Boss: 1}) || !changed(State{Boss: 2}) {
		t.Error("the board does not tell of changes alone")
	}
	if s, encoded, _ := b.look(); s.Boss != 2 || !bytes.Contains(encoded, []byte(`"boss":2`)) {
		t.Errorf("the board has %+v, %s", s, encoded)
	}
}

// TestAwaitEnded holds that nobody waits for ever for a damaged node that ends by itself, nor stumbles over it.
func TestAwaitEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(1, node.DefaultConfig(), make(chan struct{}, 1))
		if height, ok := m.awaitSync(t.Context()); ok {
			t.Errorf("a node that ended is back at %d", height)
		}
	})
}
