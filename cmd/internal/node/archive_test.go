package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// TestBackupUnderLoad backs a store up while blocks and messages come, and restores each backup: all that
// was acknowledged before it began is in it. One that ends at any other place than its end is refused.
func TestBackupUnderLoad(t *testing.T) {
	tr := &truth{network: builtin(t, "test", 0)}
	s, err := OpenStopped(t.Context(), tr.config(filepath.Join(t.TempDir(), "data")))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	blocks := coretest.Chain(t, tr.network, coretest.Genesis(tr.network), 60, 5)
	msgs := coretest.Messages(t, tr.network, "m", 400)
	var mu sync.Mutex
	var acked []core.Hash
	var load sync.WaitGroup
	load.Go(func() {
		for _, b := range blocks {
			if _, err := s.node.chain.AddBlocks([]*core.Block{b}); err != nil {
				t.Error(err)
			}
		}
	})
	load.Go(func() {
		for _, m := range msgs {
			if err := s.node.pool.Add([]*core.Message{m}, mempool.Origin{})[0]; err != nil {
				t.Error(err)
			}
			mu.Lock()
			acked = append(acked, m.ID)
			mu.Unlock()
		}
	})
	for range 4 {
		mu.Lock()
		before := slices.Clone(acked)
		mu.Unlock()
		height, _ := s.Tip()
		var archive bytes.Buffer
		if err := s.Backup(t.Context(), &archive); err != nil {
			t.Fatal(err)
		}
		cut := bytes.NewReader(archive.Bytes()[:archive.Len()*2/3])
		if _, err := Restore(t.Context(), tr.config(filepath.Join(t.TempDir(), "cut")), cut); !errors.Is(err, ErrArchive) {
			t.Errorf("restoring a part = %v, want ErrArchive", err)
		}
		cfg := tr.config(filepath.Join(t.TempDir(), "clone"))
		info, err := Restore(t.Context(), cfg, &archive)
		if err != nil || info.Height < height {
			t.Fatalf("Restore = block %d, %v, want at least %d", info.Height, err, height)
		}
		if _, err := Restore(t.Context(), cfg, &archive); !errors.Is(err, ErrHasChain) {
			t.Errorf("restoring over a chain = %v, want ErrHasChain", err)
		}
		clone, err := OpenStopped(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range before {
			if !clone.node.pool.Known(id) {
				t.Errorf("message %v was acknowledged before the backup, and is not in it", id)
			}
		}
		if err := clone.Close(); err != nil {
			t.Error(err)
		}
	}
	load.Wait()
}

// TestBackupEnds stops where the reader goes away, and leaves no copy behind.
func TestBackupEnds(t *testing.T) {
	tr := &truth{network: builtin(t, "test", 0)}
	dir := filepath.Join(t.TempDir(), "data")
	s, err := OpenStopped(t.Context(), tr.config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ended, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup = %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "store.copy-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
