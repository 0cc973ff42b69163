package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"p2pchain/core/store"
)

// ErrNoChain means that a data directory holds no chain yet.
var ErrNoChain = errors.New("no chain is here")

// Checked says what a check found.
type Checked struct {
	store.Report
	// Repaired is what a repair did, nil where none was needed or asked for. The problems are those
	// before it.
	Repaired *Repaired `json:"repaired,omitempty"`
}

// Check walks the stored chain of a node that does not run: that all tables fit each other and, if deep,
// every byte down to the hashes. Where fix says so, a damaged store is repaired. Of cfg it uses what
// concerns directory, network, disk and log.
//
// Errors: ErrNoChain, store.ErrCorrupt where there is damage that was not repaired, and those of Open.
func Check(ctx context.Context, cfg Config, deep, fix bool) (Checked, error) {
	cfg.Repair = false // the report says it first
	n := &Node{cfg: cfg, log: cfg.Log, failed: make(chan error, 1)}
	var out Checked
	if err := n.finishRepair(); err != nil {
		return out, err
	}
	if !HasChain(cfg.Dir) {
		return out, fmt.Errorf("%w: %s", ErrNoChain, cfg.Dir)
	}
	opts := n.storeOptions()
	err := n.check(ctx, opts, deep, &out)
	if err == nil {
		return out, removeIfThere(n.suspicion(), deep)
	}
	if len(out.Problems) == 0 {
		out.Problems = []string{err.Error()}
	}
	if !fix || !errors.Is(err, store.ErrCorrupt) {
		return out, err
	}
	done, err := n.repair(ctx, opts)
	if err != nil {
		return out, err
	}
	out.Repaired = &done
	return out, nil
}

// check opens the store and walks it.
func (n *Node) check(ctx context.Context, opts store.Options, deep bool, out *Checked) error {
	s, err := n.openPatiently(ctx, filepath.Join(n.cfg.Dir, storeFolder), opts)
	if err != nil {
		return err
	}
	out.Report, err = s.Check(ctx, deep)
	return errors.Join(err, out.Err(), s.Close())
}

func removeIfThere(path string, remove bool) error {
	if !remove || !exists(path) {
		return nil
	}
	return os.Remove(path)
}
