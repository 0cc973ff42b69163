package node

import (
	"context"
	"fmt"

	"p2pchain/api"
	"p2pchain/cmd/internal/backup"
	"p2pchain/core/forget"
)

// openForget makes the part that forgets what was erased or is old.
func (n *Node) openForget(context.Context) error {
	cfg := forget.DefaultConfig()
	cfg.Honour, cfg.PruneAfter = n.cfg.HonourErasures, n.cfg.PruneAfter
	cfg.Archive, cfg.Files = n.hasArchive, n.rewriteFiles
	cfg.Now, cfg.Log = n.cfg.Now, n.log.With("part", "forget")
	var err error
	n.forget, err = forget.New(n.store, n.chain, n.pool, cfg)
	return err
}

// hasArchive reports whether a connected peer says that it has every payload.
func (n *Node) hasArchive() bool {
	for _, p := range n.p2p.Peers() {
		if p.LowestFull <= 1 {
			return true
		}
	}
	return false
}

// rewriteFiles takes out of the chain files what the store forgot. With --no-chain-file there may be some of
// earlier runs.
func (n *Node) rewriteFiles(ctx context.Context) error {
	if err := n.ready(); err != nil {
		return fmt.Errorf("writing chain files anew: %w", err)
	}
	if n.backup != nil {
		return n.backup.Rewrite(ctx, n.store.Forgets)
	}
	return backup.RewriteFiles(ctx, n.cfg.Network, n.backupConfig(), n.store.Forgets)
}

// forgetting is what the API says about it.
func (n *Node) forgetting() api.Forgetting {
	s := n.forget.Status()
	return api.Forgetting{
		Honour: s.Honour, PruneAfterSeconds: int64(s.PruneAfter.Seconds()), Pruning: string(s.Pruning),
		PrunedHeight: s.Pruned.Height, Pruned: s.Pruned.Bodies, Erased: s.Erased, Missing: s.Gaps, LowestFull: s.LowestFull,
	}
}
