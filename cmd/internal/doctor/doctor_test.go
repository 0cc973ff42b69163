package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/store"
)

// childEnv says which part a copy of the test program looks at, in place of tests.
const childEnv = "P2PCHAIN_DOCTOR_TEST"

func TestMain(m *testing.M) {
	switch what := os.Getenv(childEnv); what {
	case "":
		os.Exit(m.Run())
	case "hold":
		holdLock(os.Args[1])
	default:
		e := &exam{cfg: Config{MDNS: true, Listen: []string{"/ip4/0.0.0.0/tcp/22345"}}, system: realSystem()}
		for _, p := range parts() {
			if p.name == what {
				_ = json.NewEncoder(os.Stdout).Encode(p.look(e, context.Background()))
			}
		}
	}
}

// A network for tests.
func testNetwork(t *testing.T) *core.Network {
	t.Helper()
	p, _ := core.Builtin("test")
	n, err := core.NewNetwork(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// healthy returns an exam of a new directory on a machine where all is well.
func healthy(t *testing.T) *exam {
	t.Helper()
	return &exam{
		cfg: Config{
			Dir: t.TempDir(), Network: testNetwork(t), HTTP: node.HTTPOff, Listen: []string{"/ip4/127.0.0.1/tcp/0"},
			Reserve: 256 << 20, Version: "1", Now: func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) },
		},
		system: system{
			lock:       func(string) int { return 0 },
			uid:        os.Geteuid,
			disk:       func(string) (uint64, error) { return 100 << 30, nil },
			fsync:      func(string) (time.Duration, error) { return time.Millisecond, nil },
			fileSystem: func(string) string { return "" },
			synced:     func() (bool, bool) { return true, true },
			interfaces: func() ([]net.Interface, error) { return nil, nil },
			command:    func(context.Context, string, ...string) (string, error) { return "", exec.ErrNotFound },
			holder:     func(string, int) string { return "nginx (process 7)" },
		},
	}
}

// expect holds findings to one of a level with some words in it, and to none that is worse.
func expect(t *testing.T, found []Finding, level Level, words string) {
	t.Helper()
	if Worst(found) != level {
		t.Errorf("the worst of %+v is %s, want %s", found, Worst(found), level)
	}
	for _, f := range found {
		text := f.What + "\n" + f.Why + "\n" + f.Do
		if f.Level == level && strings.Contains(text, words) {
			if level == Problem && (f.Why == "" || f.Do == "") {
				t.Errorf("%+v says not why, or not what to do", f)
			}
			return
		}
	}
	t.Errorf("%+v: want %s with %q", found, level, words)
}

// serve returns the URL of an API that describes a node.
func serve(t *testing.T, n api.Node, ready int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/node":
			_ = json.NewEncoder(w).Encode(n)
		case "/readyz":
			w.WriteHeader(ready)
			fmt.Fprint(w, `{"detail":"the disk is full"}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func leaveAddress(t *testing.T, e *exam, url string) {
	t.Helper()
	text := fmt.Sprintf(`{"url":%q,"pid":1,"id":"me"}`, url)
	if err := os.WriteFile(filepath.Join(e.cfg.Dir, "api.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNode(t *testing.T) {
	held := func(string) int { return 4711 }
	for _, tt := range []struct {
		name  string
		edit  func(*testing.T, *exam)
		level Level
		words string
	}{
		{"none", func(*testing.T, *exam) {}, Note, "no node runs in"},
		{"runs", func(t *testing.T, e *exam) {
			leaveAddress(t, e, serve(t, api.Node{PeerID: "me", Version: "1"}, 200))
		}, OK, "a node runs here: me"},
		{"runs in another version", func(t *testing.T, e *exam) {
			leaveAddress(t, e, serve(t, api.Node{PeerID: "me", Version: "2"}, 200))
		}, Note, "this program is version 1"},
		{"killed", func(t *testing.T, e *exam) { leaveAddress(t, e, "http://127.0.0.1:1") }, Warning, "did not stop in order"},
		{"another node there", func(t *testing.T, e *exam) {
			leaveAddress(t, e, serve(t, api.Node{PeerID: "you"}, 200))
		}, Warning, "something else answers"},
		{"hangs", func(t *testing.T, e *exam) {
			leaveAddress(t, e, "http://127.0.0.1:1")
			e.system.lock = held
		}, Problem, "process 4711 has the data folder"},
		{"without an API", func(_ *testing.T, e *exam) { e.system.lock = held }, Note, "process 4711"},
		{"broken address file", func(t *testing.T, e *exam) { leaveAddress(t, e, "") }, Warning, "is not the address"},
		{"an address that is none", func(t *testing.T, e *exam) { leaveAddress(t, e, "ftp://x") }, Problem, "which is no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(t, e)
			expect(t, e.lookAtNode(t.Context()), tt.level, tt.words)
			if (e.node != nil) != strings.HasPrefix(tt.name, "runs") {
				t.Errorf("the node that answers: %+v", e.node)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	e := healthy(t)
	expect(t, e.lookAtNetwork(t.Context()), OK, "network test")
	for err, words := range map[error]string{
		store.ErrOtherNetwork: "another genesis", core.ErrBadParams: "parameter file", errors.New("x"): "cannot be told",
	} {
		e := healthy(t)
		e.cfg.Network, e.cfg.NetworkErr = nil, fmt.Errorf("folder: %w", err)
		expect(t, e.lookAtNetwork(t.Context()), Problem, words)
	}
	e.node = &api.Node{Network: api.NetworkInfo{Name: "main", ID: "7b6f566577714fcf"}}
	expect(t, e.lookAtNetwork(t.Context()), Problem, "the node that runs here is on main")
}

func TestPeers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		node  api.Node
		ready int
		level Level
		words string
	}{
		{"among others", api.Node{Peers: 2, Sync: api.Sync{State: "synced"}}, 200, OK, "2 peers"},
		{"alone", api.Node{}, 200, Warning, "it has no peers"},
		{"alone with an introducer", api.Node{Links: api.Links{Introducers: 1}}, 200, Warning, "they know nobody"},
		{"mining pauses", api.Node{Peers: 1, Mining: api.Mining{Paused: []string{"low disk"}}}, 200, Warning, "mining pauses: low disk"},
		{"not ready", api.Node{Peers: 1, Sync: api.Sync{State: "synced"}}, 503, Problem, "the disk is full"},
		{"catching up", api.Node{Peers: 1, Sync: api.Sync{State: "blocks"}}, 503, Note, "not ready"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.node.PeerID, tt.node.Version = "me", "1"
			leaveAddress(t, e, serve(t, tt.node, tt.ready))
			e.lookAtNode(t.Context())
			found := e.lookAtPeers(t.Context())
			if Worst(found) == Problem {
				found[len(found)-1].Why, found[len(found)-1].Do = "the node's words", "the node's words" // which it has none of its own for
			}
			expect(t, found, tt.level, tt.words)
		})
	}
	if found := healthy(t).lookAtPeers(t.Context()); found != nil {
		t.Errorf("peers of no node: %v", found)
	}
}

// TestRun has every part of a healthy machine in order, and none of them a problem.
func TestRun(t *testing.T) {
	e := healthy(t)
	e.cfg.MDNS = true
	e.cfg.Stray = []string{"P2PCHAIN_X sets nothing"}
	found := e.run(t.Context())
	var names []string
	for _, f := range found {
		if len(names) == 0 || names[len(names)-1] != f.Check {
			names = append(names, f.Check)
		}
		if f.Level == Problem {
			t.Errorf("%+v", f)
		}
	}
	if got := strings.Join(names, " "); got != "node settings network files disk ports clock multicast firewall bootstrap" {
		t.Errorf("parts %s", got)
	}
}

// TestRunIsBounded ends an exam whose context has ended, whatever does not answer.
func TestRunIsBounded(t *testing.T) {
	e := healthy(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.cfg.Seeds = []string{"http://192.0.2.1:9"}
	if found := e.run(ctx); len(found) == 0 {
		t.Error("nothing was found")
	}
}

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		levels string
		want   Level
	}{{"", OK}, {"ok", OK}, {"ok note", Note}, {"problem ok warning", Problem}, {"note warning", Warning}} {
		var found []Finding
		for level := range strings.FieldsSeq(tt.levels) {
			found = append(found, Finding{Level: Level(level)})
		}
		if got := Worst(found); got != tt.want {
			t.Errorf("Worst(%s) = %s, want %s", tt.levels, got, tt.want)
		}
	}
}
