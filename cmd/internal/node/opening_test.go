package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/store"
)

// A stuckFS is a disk on which nothing ends, with some free space.
type stuckFS struct {
	vfs.FS
	free uint64
	stop chan struct{}
}

// MkdirAll waits until the test is over.
func (f stuckFS) MkdirAll(string, fs.FileMode) error { <-f.stop; return fs.ErrInvalid }

// GetDiskUsage returns the free space.
func (f stuckFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free}, nil
}

// TestOpenOnFullDisk gives up a store that waits for space, and no other one.
func TestOpenOnFullDisk(t *testing.T) {
	for _, tt := range []struct {
		name string
		free uint64
		want error
		took time.Duration
	}{
		{"full", 0, store.ErrDiskFull, fullPatience},
		{"slow", 1 << 30, fs.ErrInvalid, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := stuckFS{vfs.NewMem(), tt.free, make(chan struct{})}
				release := time.AfterFunc(time.Hour, func() { close(disk.stop) })
				n := &Node{cfg: Config{Dir: "data", Network: builtin(t, "test", 0), FS: disk}}
				begun := time.Now()
				_, err := n.openPatiently(context.Background(), "data/store", store.Options{FS: disk, Log: slog.New(slog.DiscardHandler)})
				if !errors.Is(err, tt.want) || time.Since(begun) != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(begun), tt.want, tt.took)
				}
				if release.Stop() {
					close(disk.stop)
				}
			})
		})
	}
}

// TestSetAsideNothing starts anew where no chain is: none is claimed to be kept.
func TestSetAsideNothing(t *testing.T) {
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.SetAside = true
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if notes := n.Notes(); len(notes) != 0 {
		t.Errorf("notes %q, want none", notes)
	}
}

// TestSetAsideNotOnFullDisk leaves the old chain where it is: its store may still be waiting for space,
// and a new one would not start either.
func TestSetAsideNotOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, storeFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		disk := stuckFS{vfs.NewMem(), 0, make(chan struct{})}
		defer close(disk.stop)
		cfg := Config{Dir: dir, Network: builtin(t, "test", 0), FS: disk, SetAside: true, Now: time.Now}
		n := &Node{cfg: cfg, log: slog.New(slog.DiscardHandler)}
		if err := n.openStore(context.Background()); !errors.Is(err, store.ErrDiskFull) {
			t.Errorf("%v, want store.ErrDiskFull", err)
		}
	})
	if _, err := os.Stat(filepath.Join(dir, storeFolder)); err != nil {
		t.Errorf("the old chain was moved: %v", err)
	}
}
