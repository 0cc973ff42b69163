package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/miner"
)

// TestSetMining changes how a running node mines, which ends with it.
func TestSetMining(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.Mine = miner.Off
	var mu sync.Mutex
	var told []int
	cfg.OnMiners = func(threads int) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, threads)
	}
	n := start(t, cfg)
	added, err := n.client.Add(ctx, []byte("waits until somebody mines"), "")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := n.client.Mining(ctx); err != nil || m.Mode != "off" || m.Threads != 1 {
		t.Fatalf("at first %+v, %v", m, err)
	}
	if m, err := n.client.SetMining(ctx, "auto", 2); err != nil || m.Mode != "auto" || m.Threads != 2 {
		t.Fatalf("SetMining = %+v, %v", m, err)
	}
	if m, err := n.client.Await(ctx, added.ID); err != nil || m.Status != client.StatusConfirmed {
		t.Fatalf("the message is %+v, %v", m.Standing, err)
	}
	for _, wrong := range []struct {
		mode    string
		threads int
	}{{"sometimes", 0}, {"", miner.MaxThreads + 1}, {"sometimes", 1}} {
		if _, err := n.client.SetMining(ctx, wrong.mode, wrong.threads); !errors.Is(err, client.ErrRefused) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if m, err := n.client.SetMining(ctx, "off", 0); err != nil || m.Mode != "off" || m.Threads != 2 {
		t.Errorf("SetMining = %+v, %v", m, err)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 2, 0}; !slices.Equal(told, want) {
		t.Errorf("the process was told of %v threads, want %v", told, want)
	}
	cfg.Mine = miner.Auto
	again := start(t, cfg)
	if m, err := again.client.Mining(ctx); err != nil || m.Mode != "auto" || m.Threads != 1 {
		t.Errorf("after a restart %+v, %v: want what the configuration says", m, err)
	}
}

// TestSetMiningClassic has a network that knows no empty blocks.
func TestSetMiningClassic(t *testing.T) {
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.Network, cfg.Mine = builtin(t, "classic", 1), miner.Off
	n := start(t, cfg)
	_, err := n.client.SetMining(t.Context(), "always", 2)
	answer, ok := errors.AsType[*client.Error](err)
	if !ok || answer.Code != "mining_mode_not_possible" {
		t.Errorf("always: %v", err)
	}
	if m, err := n.client.Mining(t.Context()); err != nil || m.Mode != "off" || m.Threads != 1 {
		t.Errorf("then %+v, %v", m, err)
	}
}

// TestConnectPeers has two nodes meet and part through the API.
func TestConnectPeers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := start(t, config(t, filepath.Join(t.TempDir(), "a")))
	b := start(t, config(t, filepath.Join(t.TempDir(), "b")))
	done, err := a.client.Connect(ctx, b.Addrs()[0])
	if err != nil || done.ID != b.ID() || done.Peer == nil {
		t.Fatalf("Connect = %+v, %v", done, err)
	}
	if err := a.client.Disconnect(ctx, b.ID()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		addr string
		code string
	}{
		{a.Addrs()[0], "bad_address"},
		{"/ip4/127.0.0.1/tcp/1", "bad_address"},
		{"/ip4/127.0.0.1/tcp/1/p2p/" + b.ID(), "peer_unreachable"},
	} {
		// The peer book must not know a better address of b, so a third node asks.
		c := start(t, config(t, filepath.Join(t.TempDir(), "c")))
		if tt.addr == a.Addrs()[0] {
			c = a
		}
		_, err := c.client.Connect(ctx, tt.addr)
		answer, ok := errors.AsType[*client.Error](err)
		if !ok || answer.Code != tt.code {
			t.Errorf("%s: %v, want %s", tt.addr, err, tt.code)
		}
	}
	if err := a.client.Disconnect(ctx, "nobody"); !errors.Is(err, client.ErrRefused) {
		t.Errorf("no id: %v", err)
	}
	other := strings.Replace(b.ID(), b.ID(), start(t, config(t, filepath.Join(t.TempDir(), "d"))).ID(), 1)
	if err := a.client.Disconnect(ctx, other); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// TestImportRunning takes a chain file into a node that runs, twice, and a damaged one.
func TestImportRunning(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := newDepot(t)
	blocks := d.grow(nil, "from a stick", 300)
	n := start(t, d.config())
	last, err := n.client.Import(ctx, strings.NewReader(d.file(blocks)), nil)
	if err != nil || last.Blocks != 300 || last.Messages != 300 || last.Height != 300 {
		t.Fatalf("Import = %+v, %v", last, err)
	}
	if last, err = n.client.Import(ctx, strings.NewReader(d.file(blocks)), nil); err != nil || last.Blocks != 0 || last.Known != 300 {
		t.Errorf("again: %+v, %v", last, err)
	}
	more := d.grow(blocks, "more", 3)
	bad := *more[301].Messages[0]
	bad.Signature[0] ^= 1
	more[301] = &core.Block{Header: more[301].Header, Messages: []*core.Message{&bad}}
	last, err = n.client.Import(ctx, strings.NewReader(d.file(more)), nil)
	answer, ok := errors.AsType[*client.Error](err)
	if !ok || answer.Code != "bad_chain_file" || !strings.Contains(answer.Detail, fmt.Sprint("line ", 303)) || last.Blocks != 1 {
		t.Errorf("damaged: %+v, %v", last, err)
	}
	if tip, err := n.client.Block(ctx, "tip"); err != nil || tip.Height != 301 {
		t.Errorf("the tip is block %d, %v", tip.Height, err)
	}
}
