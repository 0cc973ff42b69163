package store

import (
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A Chain on a Store: a reorg of 200 blocks that loses nothing, and a restart in between.
func TestChainOnStore(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n, fs := coretest.Network(t), vfs.NewMem()
		f := coretest.NewForks(t, n)
		f.Chain("genesis", coretest.Names("a", 1, 200)...)
		f.Chain("genesis", coretest.Names("b", 1, 201)...)
		add := func(c *chain.Chain, names ...string) {
			t.Helper()
			var blocks []*core.Block
			for _, name := range names {
				blocks = append(blocks, f.Block(name))
			}
			if _, err := c.AddBlocks(blocks); err != nil {
				t.Fatal(err)
			}
		}
		cfg := chain.DefaultConfig()
		cfg.Log = slog.New(slog.DiscardHandler)
		cfg.Now = func() time.Time { return time.UnixMilli(int64(n.Params.GenesisTimeMS)).Add(time.Hour) }

		s := open(t, n, fs, size)
		c, err := chain.Open(n, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		waits := coretest.Message(t, n, coretest.Key(1), "waits")
		accept(t, s, true, mempool.Accepted, waits, f.Block("a7").Messages[0], f.Block("b9").Messages[0])
		add(c, coretest.Names("a", 1, 200)...)
		add(c, coretest.Names("b", 1, 150)...)
		closeNow(t, s)

		s = open(t, n, fs, size)
		if c, err = chain.Open(n, s, cfg); err != nil {
			t.Fatal(err)
		}
		add(c, coretest.Names("b", 151, 201)...)
		if tip := c.Tip(); tip.Hash != f.Hash("b201") {
			t.Fatalf("tip at height %d, want b201", tip.Header.Height)
		}
		want := map[core.Hash]bool{waits.ID: true}
		for _, name := range coretest.Names("a", 1, 200) {
			want[f.Block(name).Messages[0].ID] = true
		}
		got := waiting(t, s)
		for _, id := range got {
			delete(want, id)
		}
		if len(got) != 201 || len(want) != 0 {
			t.Errorf("%d messages wait, %d are missing", len(got), len(want))
		}
	})
}
