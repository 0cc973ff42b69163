package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// TestRehearsalHolds has somebody try to take the addresses of a new node between the rehearsal of its start
// and the start.
func TestRehearsalHolds(t *testing.T) {
	port := freePort(20_000 + rand.IntN(10_000))
	http := freePort(port + 1)
	addrs := []string{
		fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/ws", port),
		fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", port), fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port),
	}
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.Listen, cfg.HTTP = addrs, fmt.Sprintf("127.0.0.1:%d", http)
	n := &Node{cfg: cfg, log: cfg.Log}
	if err := n.rehearse(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := append(addrs, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", http))
	for _, addr := range all {
		if probe(addr) == nil {
			t.Errorf("anybody can take %s", addr)
		}
	}
	if err := errors.Join(n.Close(), n.Close()); err != nil || exists(cfg.Dir) {
		t.Errorf("Close = %v, folder there: %v", err, exists(cfg.Dir))
	}
	for _, addr := range all {
		if err := probe(addr); err != nil {
			t.Error(err)
		}
	}
	whole := start(t, cfg)
	if err := whole.stop(); err != nil {
		t.Error(err)
	}
}
