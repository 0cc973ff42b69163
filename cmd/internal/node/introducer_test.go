package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// TestIntroducer opens an introducer twice: it is the same one, says so in an invite, and leaves
// nothing running.
func TestIntroducer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	parent := t.TempDir()
	cfg := config(t, IntroducerDir(parent))
	cfg.DHT, cfg.Keep = true, []string{"/ip4/127.0.0.1/tcp/1" + somebody}
	var ids []string
	for range 2 {
		i, err := OpenIntroducer(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		made, err := i.Invite()
		if err != nil || !slices.Equal(made.Addresses, i.Addrs()) || made.NetworkID != cfg.Network.ID() {
			t.Errorf("invite %+v, %v; it listens on %q", made, err, i.Addrs())
		}
		if kept, err := KeptInvite(i.Dir(), nil); err != nil || kept.Invite != made.Invite {
			t.Errorf("kept invite %+v, %v", kept, err)
		}
		if !slices.Equal(i.seeds, cfg.Keep) {
			t.Errorf("it joins %q", i.seeds)
		}
		ids = append(ids, i.ID())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- i.Run(ctx) }()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("another introducer after a restart: %q", ids)
	}
	if key, err := Identity(parent); err != nil || key.PeerID == ids[0] {
		t.Errorf("the node beside it is %s, %v", key.PeerID, err)
	}
	like, err := FindNetwork(filepath.Join(parent, "other"), NetworkChoice{Like: cfg.Dir})
	if err != nil || like.Genesis != cfg.Network.Genesis {
		t.Errorf("FindNetwork = %v, %v", like, err)
	}
}

func TestIntroducerRefuses(t *testing.T) {
	node := t.TempDir()
	if err := os.Mkdir(filepath.Join(node, storeFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want error
	}{
		{"the folder of a node", func(c *Config) { c.Dir = node }, ErrDirectory},
		{"no peers", func(c *Config) { c.MaxPeers = 0 }, ErrConfig},
		{"somebody else's address", func(c *Config) { c.Listen = []string{"/ip4/192.0.2.1/tcp/0"} }, ErrAddressInUse},
		{"nonsense to keep", func(c *Config) { c.Keep = []string{"nonsense"} }, ErrConfig},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(t, t.TempDir())
			tt.edit(&cfg)
			if i, err := OpenIntroducer(t.Context(), cfg); !errors.Is(err, tt.want) {
				t.Errorf("OpenIntroducer = %v, %v, want %v", i, err, tt.want)
			}
		})
	}
}

// TestNodeInIntroducersFolder refuses to give a node the key of an introducer.
func TestNodeInIntroducersFolder(t *testing.T) {
	cfg := config(t, t.TempDir())
	i, err := OpenIntroducer(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), cfg)
	if err == nil {
		err = errors.Join(errors.New("it opened"), n.Close())
	}
	if !errors.Is(err, ErrDirectory) || exists(filepath.Join(cfg.Dir, storeFolder)) {
		t.Errorf("Open = %v, store there: %v; want ErrDirectory and none", err, exists(filepath.Join(cfg.Dir, storeFolder)))
	}
}

// TestListenSomewhere holds that only default addresses move.
func TestListenSomewhere(t *testing.T) {
	tries := 0
	note, err := listenSomewhere(nil, func([]string) error { tries++; return nil })
	if err != nil || tries != 1 || note != "" && freePort(DefaultPort) == DefaultPort {
		t.Errorf("note %q, %v after %d tries", note, err, tries)
	}
	broken := errors.New("broken")
	if _, err := listenSomewhere(nil, func([]string) error { return fmt.Errorf("x: %w", broken) }); !errors.Is(err, broken) {
		t.Errorf("a fault that no other port mends: %v", err)
	}
}
