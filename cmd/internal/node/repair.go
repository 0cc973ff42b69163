package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// A damaged file of a database cannot be mended in place, so a repair builds a store anew beside it, from
// all that can be read and proven, and then lets the two change places:
//
//	store                  the damaged store, untouched until the end
//	store.repair/scratch   what was read of it
//	store.repair/store     the new store
//	store.repair/complete  the name under which the old one is set aside: the new one is whole
//	store.damaged-…        the old one afterwards
//
// A crash before complete is written leaves the damaged store as it was, and the next repair begins anew;
// after it, whoever opens the directory next finishes the two renames.
const (
	repairFolder  = "store.repair"
	repairScratch = "scratch"
	repairMark    = "complete"
	damagedFormat = "store.damaged-2006-01-02_150405"
)

// Repaired says what a repair did.
type Repaired struct {
	store.Losses
	Aside    string `json:"aside"`  // where the damaged store is
	Height   uint64 `json:"height"` // of the new one
	Blocks   int    `json:"blocks"` // salvaged, the first one not counted
	Missing  int    `json:"missing"`
	FromFile int    `json:"from_file"` // blocks that came from the chain file
	store.Restored
}

// repair builds the store of the data directory anew. The directory's store must not be open.
func (n *Node) repair(ctx context.Context, opts store.Options) (Repaired, error) {
	r := &repair{node: n, opts: opts, work: filepath.Join(n.cfg.Dir, repairFolder)}
	opts.Log.Warn("store is repaired", "path", filepath.Join(n.cfg.Dir, storeFolder))
	err := r.run(ctx)
	if err != nil {
		err = fmt.Errorf("repairing the store in %s: %w", n.cfg.Dir, err)
	}
	return r.done, err
}

// A repair is one call of Node.repair.
type repair struct {
	node *Node
	opts store.Options
	work string
	done Repaired

	salvage *store.Salvage
	fresh   *store.Store
	chain   *chain.Chain
}

func (r *repair) run(ctx context.Context) (err error) {
	if err := r.checkRoom(); err != nil {
		return err
	}
	old := filepath.Join(r.node.cfg.Dir, storeFolder)
	lock, err := store.Lock(old, r.opts)
	if err != nil {
		return err
	}
	unlock := sync.OnceValue(lock.Close)
	defer unlock()
	fsys := r.node.fileSystem()
	if err := fsys.RemoveAll(r.work); err != nil {
		return err
	}
	if err := fsys.MkdirAll(r.work, 0o700); err != nil {
		return err
	}
	r.salvage, err = store.OpenSalvage(ctx, old, filepath.Join(r.work, repairScratch), r.node.cfg.Network, r.opts)
	if err != nil {
		return err
	}
	err = r.salvage.CheckNetwork()
	if err == nil {
		err = r.rebuild(ctx)
	}
	r.done.Losses = r.salvage.Losses()
	if err := errors.Join(err, r.salvage.Close()); err != nil {
		return err
	}
	err = r.finish()
	if err != nil && unlock() == nil { // some systems move no folder with an open file in it
		err = r.node.finishRepair()
	}
	return err
}

// checkRoom refuses to begin what cannot end: everything is written twice.
func (r *repair) checkRoom() error {
	size := uint64(0)
	err := filepath.WalkDir(filepath.Join(r.node.cfg.Dir, storeFolder), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += uint64(info.Size())
		}
		return err
	})
	if err != nil {
		return err
	}
	usage, err := r.node.fileSystem().GetDiskUsage(r.node.cfg.Dir)
	if err != nil {
		return nil // where it is unknown, it is tried
	}
	if need := 2*size + r.node.cfg.ReserveBytes; usage.AvailBytes < need {
		return fmt.Errorf("%d MiB are free, a repair needs %d: %w", usage.AvailBytes>>20, need>>20, store.ErrDiskFull)
	}
	return nil
}

// rebuild fills a new store and checks all of it.
func (r *repair) rebuild(ctx context.Context) (err error) {
	r.fresh, err = store.Open(filepath.Join(r.work, storeFolder), r.node.cfg.Network, r.opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.fresh.Close()) }()
	cfg := chain.DefaultConfig()
	cfg.Now, cfg.Log, cfg.Verified = r.node.cfg.Now, r.opts.Log, consensus.NewVerified()
	cfg.Erased = r.fresh.Refuses
	if err := r.fresh.RestoreForgotten(ctx, r.salvage); err != nil {
		return err
	}
	if r.chain, err = chain.Open(r.node.cfg.Network, r.fresh, cfg); err != nil {
		return err
	}
	if err := r.addSalvaged(ctx); err != nil {
		return err
	}
	before := r.chain.Tip().Header.Height
	if err := r.importFile(ctx, cfg); err != nil {
		return err
	}
	if r.done.FromFile > 0 && r.chain.Tip().Header.Height > before { // a gap may be closed
		if err := r.addSalvaged(ctx); err != nil {
			return err
		}
	}
	if r.done.Restored, err = r.fresh.Restore(ctx, r.salvage, r.judge); err != nil {
		return err
	}
	r.done.Height = r.chain.Tip().Header.Height
	report, err := r.fresh.Check(ctx, true)
	return errors.Join(err, report.Err())
}

// addSalvaged hands every salvaged block to the chain, which holds it to every rule.
func (r *repair) addSalvaged(ctx context.Context) error {
	a := &adder{chain: r.chain}
	missing, err := r.salvage.Blocks(ctx, func(b store.SalvagedBlock) error {
		if state := r.chain.State(b.Hash); state == chain.Connected || state == chain.SideBlock {
			return nil
		}
		return a.add(b.Block)
	})
	if err == nil {
		err = a.end()
	}
	r.done.Missing = missing
	r.done.Blocks += a.added
	return err
}

// importFile takes in what the chain file beside the store has more. Damage of the file, or that there is
// none, is no obstacle.
func (r *repair) importFile(ctx context.Context, cfg chain.Config) error {
	path := filepath.Join(r.node.cfg.Dir, r.node.cfg.Network.Params.Name+".chain")
	f, err := os.Open(path)
	if err != nil {
		return nil // nothing to take
	}
	defer f.Close()
	lines, err := chainfile.NewReader(f)
	if err != nil || lines.Network().Genesis != r.node.cfg.Network.Genesis {
		return nil // as above
	}
	poolCfg := mempool.DefaultConfig()
	poolCfg.Now, poolCfg.Log, poolCfg.Verified = cfg.Now, cfg.Log, cfg.Verified
	pool, err := mempool.Open(r.node.cfg.Network, r.chain, r.fresh, poolCfg)
	if err != nil {
		return err
	}
	s := &Stopped{&Node{cfg: r.node.cfg, log: r.opts.Log, store: r.fresh, verified: cfg.Verified, chain: r.chain, pool: pool}}
	done, err := s.Import(ctx, Import{File: lines})
	r.done.FromFile = done.Blocks
	if errors.Is(err, chainfile.ErrUnverified) {
		r.opts.Log.Warn("chain file is damaged, too, or does not fit", "path", path, "err", err)
		return nil
	}
	return err
}

// judge says which messages may wait for a block.
func (r *repair) judge(msgs []*core.Message) []error {
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		if errs[i] = consensus.CheckMessage(r.node.cfg.Network, m); errs[i] == nil {
			errs[i] = consensus.CheckSignature(m)
		}
	}
	return errs
}

// HasRepair reports whether a data directory holds a repair that was interrupted.
func HasRepair(dir string) bool { return exists(filepath.Join(dir, repairFolder, repairMark)) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
