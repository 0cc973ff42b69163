package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"p2pchain/api/client"
	"p2pchain/core/store"
)

// config returns a node on loopback that seals in no time.
func config(t *testing.T, dir string) Config {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.Network = dir, builtin(t, "test", 0)
	cfg.Listen, cfg.HTTP, cfg.MDNS = []string{"/ip4/127.0.0.1/tcp/0"}, "127.0.0.1:0", false
	cfg.ReserveBytes = 1
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	return cfg
}

// A running node, and how to end it.
type running struct {
	*Node
	client *client.Client
	stop   func() error
}

// start opens and runs a node; it is stopped at the end of the test at the latest.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	c, err := client.New(n.API())
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	r := &running{n, c, func() error {
		if stopped {
			return nil
		}
		stopped = true
		c.Close()
		cancel()
		return <-done
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return r
}

// TestLife starts a node, adds a message, sees it sealed, and finds all of it again after a restart.
func TestLife(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "data")

	n := start(t, config(t, dir))
	address, err := ReadAddress(dir)
	if err != nil || address.URL != n.API() || address.PID != os.Getpid() || address.ID != n.ID() {
		t.Errorf("address file %+v, %v", address, err)
	}
	receipt, err := n.client.Add(ctx, []byte("hello"), "")
	if err != nil {
		t.Fatal(err)
	}
	before, err := n.client.Await(ctx, receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	id := n.ID()
	if err := n.stop(); err != nil {
		t.Fatalf("Run = %v", err)
	}
	if _, err := ReadAddress(dir); !errors.Is(err, ErrNoAddress) {
		t.Errorf("the address file of a stopped node: %v, want ErrNoAddress", err)
	}

	again := config(t, dir)
	if again.Network, err = FindNetwork(dir, NetworkChoice{}); err != nil {
		t.Fatal(err)
	}
	n = start(t, again)
	after, err := n.client.Message(ctx, receipt.ID)
	if err != nil || after.Status != client.StatusConfirmed || *after.Block != *before.Block || *after.Message != "hello" {
		t.Errorf("after the restart: %+v, %v; want what was before: %+v", after, err, before)
	}
	if n.ID() != id {
		t.Errorf("the node is %s now, was %s", n.ID(), id)
	}
	if err := n.stop(); err != nil {
		t.Fatalf("Run = %v", err)
	}
}

// TestOpenRefuses opens what cannot be opened; nothing stays open after it, and no folder that was not there.
func TestOpenRefuses(t *testing.T) {
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	free := freePort(20_000 + rand.IntN(10_000))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	port := busy.Addr().(*net.TCPAddr).AddrPort()
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want error
		says string
	}{
		{"API's port is taken", func(c *Config) { c.HTTP = port.String() }, ErrAddressInUse, "--http " + port.String()},
		{"port for peers is taken", func(c *Config) {
			c.Listen = []string{"/ip4/127.0.0.1/tcp/" + port.String()[strings.LastIndex(port.String(), ":")+1:]}
		}, ErrAddressInUse, "--listen"},
		{"somebody else's address", func(c *Config) { c.Listen = []string{"/ip4/192.0.2.1/tcp/0"} }, ErrAddressInUse, "192.0.2.1"},
		{"one port for peers and API", func(c *Config) {
			c.HTTP = fmt.Sprintf("127.0.0.1:%d", free)
			c.Listen = []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", free)}
		}, ErrAddressInUse, "--http"},
		{"folder is a file", func(c *Config) { c.Dir = file }, ErrDirectory, file},
		{"key open to others", func(c *Config) {
			if err := os.Mkdir(c.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := Identity(c.Dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(c.Dir, identityFile), 0o644); err != nil {
				t.Fatal(err)
			}
		}, ErrDirectory, "chmod 600"},
		{"no certificate", func(c *Config) { c.HTTPCert, c.HTTPKey = file+".crt", file+".key" }, ErrConfig, file + ".crt"},
		{"no network", func(c *Config) { c.Network = nil }, ErrConfig, "network"},
		{"wrong seed", func(c *Config) { c.Bootstrap = []string{"nowhere"} }, ErrConfig, "nowhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			cfg := config(t, filepath.Join(t.TempDir(), "data"))
			tt.edit(&cfg)
			before := exists(cfg.Dir)
			n, err := Open(t.Context(), cfg)
			if err == nil {
				err = errors.Join(errors.New("it opened"), n.Close())
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Open = %v, want %v with %q", err, tt.want, tt.says)
			}
			if !before && exists(cfg.Dir) {
				t.Errorf("it left %s", cfg.Dir)
			}
		})
	}
}

// TestFolderInUse opens the folder of a running node: it is left alone, even where its chain was to be
// set aside.
func TestFolderInUse(t *testing.T) {
	used := start(t, config(t, filepath.Join(t.TempDir(), "used")))
	for _, aside := range []bool{false, true} {
		cfg := config(t, used.Dir())
		cfg.SetAside = aside
		if _, err := Open(t.Context(), cfg); !errors.Is(err, store.ErrLocked) {
			t.Errorf("Open = %v, want ErrLocked", err)
		}
	}
	moved, err := filepath.Glob(filepath.Join(used.Dir(), storeFolder+"_*"))
	if err != nil || len(moved) > 0 {
		t.Errorf("the store in use was moved to %q, %v", moved, err)
	}
	if _, err := ReadAddress(used.Dir()); err != nil {
		t.Errorf("its address file: %v", err)
	}
}

// TestOtherNetwork opens a store that was made for another network, with the note of that lost.
func TestOtherNetwork(t *testing.T) {
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	if err := start(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(cfg.Dir, networkFile)); err != nil {
		t.Fatal(err)
	}
	cfg.Network = builtin(t, "test", 2)
	if _, err := Open(t.Context(), cfg); !errors.Is(err, store.ErrOtherNetwork) {
		t.Errorf("Open = %v, want ErrOtherNetwork", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, networkFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the wrong network was noted: %v", err)
	}
}

// TestSetAside starts a new chain in a folder that has one, even of another network.
func TestSetAside(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	n := start(t, cfg)
	receipt, err := n.client.Add(ctx, []byte("old"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.Network, cfg.SetAside = builtin(t, "test", 2), true
	n = start(t, cfg)
	if _, err := n.client.Message(ctx, receipt.ID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the old message in the new chain: %v, want ErrNotFound", err)
	}
	if kept, err := FindNetwork(cfg.Dir, NetworkChoice{}); err != nil || kept.Genesis != cfg.Network.Genesis {
		t.Errorf("the folder is for %v, %v, want %v", kept, err, cfg.Network)
	}
	old, err := filepath.Glob(filepath.Join(cfg.Dir, storeFolder+"_*"))
	if err != nil || len(old) != 1 || !strings.Contains(strings.Join(n.Notes(), "\n"), old[0]) {
		t.Errorf("the old chain is in %q, %v; the notes say %q", old, err, n.Notes())
	}
}

// TestSyncFailure lets the disk fail under a running node: it must tell at once, acknowledge nothing
// more and end with ErrSync.
func TestSyncFailure(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	broken := errors.New("input/output error")
	var failing atomic.Bool
	told := make(chan error, 1) // never more than once
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.OnSyncFailure = func(err error) { told <- err }
	cfg.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if sync && failing.Load() {
			return broken
		}
		return nil
	}))
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	c, err := client.New(n.API())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Add(ctx, []byte("kept"), ""); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	if _, err := c.Add(ctx, []byte("not kept"), ""); err == nil {
		t.Error("a message was acknowledged that the disk did not take")
	}
	if err := <-told; !errors.Is(err, ErrSync) || !errors.Is(err, broken) {
		t.Errorf("OnSyncFailure got %v, want ErrSync and its cause", err)
	}
	if err := <-done; !errors.Is(err, ErrSync) || !errors.Is(err, broken) {
		t.Errorf("Run = %v, want ErrSync and its cause", err)
	}
}

// TestTokenOutsideLoopback serves on all addresses: writes need the token, reads do not.
func TestTokenOutsideLoopback(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.HTTP = "0.0.0.0:0"
	n := start(t, cfg)
	if !strings.HasPrefix(n.API(), "http://127.0.0.1:") {
		t.Errorf("API = %s, want its loopback address", n.API())
	}
	if _, err := n.client.Node(ctx); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := n.client.Add(ctx, []byte("hello"), ""); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("writing without the token: %v, want ErrUnauthorized", err)
	}
	token, err := ReadToken(cfg.Dir)
	if err != nil || len(token) != 2*tokenBytes {
		t.Fatalf("ReadToken = %q, %v", token, err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, tokenFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("token file: %v, %v; want mode 0600", info.Mode(), err)
	}
	c, err := client.New(n.API(), client.WithToken(token))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Add(ctx, []byte("hello"), ""); err != nil {
		t.Errorf("writing with the token: %v", err)
	}
}

// TestLowDisk wants more free disk than any machine has: reading goes on, writing and mining do not.
func TestLowDisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.ReserveBytes = 1 << 60
	n := start(t, cfg)
	if _, err := n.client.Add(ctx, []byte("hello"), ""); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Add = %v, want ErrBusy", err)
	}
	if err := n.client.Ready(ctx); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Ready = %v, want ErrBusy", err)
	}
	// The guard's first look is the first thing that it does, but it is in another goroutine.
	for {
		status, err := n.client.Node(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(status.Mining.Paused, []string{reasonDisk}) {
			break
		}
	}
}
