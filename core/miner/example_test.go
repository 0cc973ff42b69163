package miner_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/store"
)

// A message on its way into a block: the parts of a node that need no network, as
// cmd/internal/node puts them together.
func Example() {
	params, _ := core.Builtin("test")
	network, _ := core.NewNetwork(params)
	disk, _ := store.Open("store", network, store.Options{FS: vfs.NewMem()})
	defer disk.Close()
	best, _ := chain.Open(network, disk, chain.DefaultConfig())
	pool, _ := mempool.Open(network, best, disk, mempool.DefaultConfig())

	message, _ := core.Compose(network, coretest.Key(0), core.Draft{
		TimeMS: 1_800_000_000_000, Seen: best.Tip().Hash, Payload: []byte("hello"),
	})
	if err := pool.Add([]*core.Message{message}, mempool.Origin{})[0]; err != nil {
		fmt.Println(err)
		return
	}

	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	submit := func(_ context.Context, b *core.Block) error {
		defer enough()
		_, err := best.AddBlocks([]*core.Block{b})
		return err
	}
	m, _ := miner.New(network, pool, best, submit, miner.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err := m.Run(ctx); err != nil {
		fmt.Println(err)
	}

	tip := best.Tip()
	block, _ := best.Block(tip.Hash)
	fmt.Printf("block %d holds %q\n", tip.Header.Height, block.Messages[0].Body.Payload)
	// Output: block 1 holds "hello"
}
