package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pchain/core/chainfile"
)

// TestChainFile stops a node, after which the chain file holds all that it sealed, and starts it
// again without one.
func TestChainFile(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "data")
	n := start(t, config(t, dir))
	for i := range 3 {
		receipt, err := n.client.Add(ctx, fmt.Append(nil, "message ", i), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.client.Await(ctx, receipt.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.chain")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := chainfile.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for {
		line, _, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := line.Block(r.Network())
		if err != nil {
			t.Fatal(err)
		}
		messages += len(b.Messages)
	}
	digits, err := os.ReadFile(filepath.Join(dir, "test.hash"))
	if err != nil || string(digits) != fmt.Sprintf("%x\n", sha256.Sum256(text)) || messages != 3 {
		t.Errorf("%d messages in the file, its hash is %s (%v)", messages, digits, err)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, dir)
	cfg.ChainFile = false
	n = start(t, cfg)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a chain file that nobody wanted: %v", err)
	}
}
