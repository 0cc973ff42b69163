package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/chain"
)

// TestErase erases a message of a running node: it is hidden at once, and later no file below the data
// directory has a byte of its payload. A repair and a restart do not bring it back.
func TestErase(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "data")
	n := start(t, config(t, dir))
	secret := "a secret that nobody must find 0123456789abcdef"
	var ids []core.Hash
	for i := range 9 {
		text := fmt.Append(nil, "message ", i)
		if i == 1 {
			text = []byte(secret)
		}
		receipt, err := n.client.Add(ctx, text, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.client.Await(ctx, receipt.ID); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, receipt.ID)
	}
	if err := n.stop(); err != nil { // now the chain file has all of it
		t.Fatal(err)
	}
	if found := filesWith(t, dir, secret); len(found) < 2 {
		t.Fatalf("the secret is in %v, so the test would find nothing", found)
	}
	n = start(t, config(t, dir))
	if _, err := n.client.Erase(ctx, ids[1], client.ScopeLocal); err != nil {
		t.Fatal(err)
	}
	if m, err := n.client.Message(ctx, ids[1]); err != nil || m.Erasure == nil {
		t.Errorf("message = %+v, %v, want an erasure", m, err)
	}
	for {
		m, err := n.client.Message(ctx, ids[1])
		if err != nil {
			t.Fatal(err)
		}
		if m.Erasure.Gone {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("its bytes are not gone: %+v", m.Erasure)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if found := filesWith(t, dir, secret); len(found) > 0 {
		t.Errorf("the secret is still in %v", found)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, dir, secret); len(found) > 0 {
		t.Errorf("the secret is in %v after the end", found)
	}
	repairedStaysErased(t, dir, ids[1])
}

// filesWith returns the files below a directory that hold a text.
func filesWith(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// repairedStaysErased damages a store, and repairs it.
func repairedStaysErased(t *testing.T, dir string, id core.Hash) {
	t.Helper()
	manifests, err := filepath.Glob(filepath.Join(dir, storeFolder, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("manifests: %v, %v", manifests, err)
	}
	if err := os.Remove(manifests[len(manifests)-1]); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, dir)
	cfg.Repair = true
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	found, err := n.store.Erased(id)
	if err != nil || found[0] == nil || !found[0].Settled {
		t.Errorf("Erased after a repair = %+v, %v", found, err)
	}
	if gaps, err := n.store.Gaps(chain.Place{}, 10); err != nil || len(gaps) > 0 {
		t.Errorf("Gaps = %v, %v: nobody misses what was erased", gaps, err)
	}
	if m, err := n.store.Message(id); err != nil || m.Body != nil {
		t.Errorf("message after a repair = %+v, %v, want no body", m, err)
	}
	report, err := n.store.Check(t.Context(), true)
	if err := errors.Join(err, report.Err(), n.Close()); err != nil {
		t.Error(err)
	}
}
