package chain_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// storyBlocks reads the first blocks of a chain file.
func storyBlocks(count int) (*core.Network, []*core.Block, error) {
	file, err := os.Open("../chainfile/testdata/story.chain")
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	in, err := chainfile.NewReader(file)
	if err != nil {
		return nil, nil, err
	}
	var blocks []*core.Block
	for range count {
		line, _, err := in.Next()
		if err != nil {
			return nil, nil, err
		}
		b, err := line.Block(in.Network())
		if err != nil {
			return nil, nil, err
		}
		blocks = append(blocks, b)
	}
	return in.Network(), blocks, nil
}

// Blocks come in, in any order of branches, and are judged; who follows the chain is poked, and pulls what
// changed since the block where it stands.
func Example() {
	network, blocks, err := storyBlocks(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := chain.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	best, err := chain.Open(network, coretest.NewMemStore(network), cfg) // a *store.Store where it has to last
	if err != nil {
		fmt.Println(err)
		return
	}
	poked, leave := best.Subscribe()
	defer leave()

	if _, err := best.AddBlocks(blocks); err != nil {
		fmt.Println(err)
	}
	<-poked
	update, err := best.UpdatesSince(network.Genesis, 100)
	fmt.Println(len(update.Applied), "blocks more, now at", best.Tip().Header.Height, err)

	// A block that breaks a rule is refused by the rule's name, and the tip stays.
	forged := &core.Block{Header: blocks[2].Header, Messages: blocks[2].Messages}
	forged.Header.TimeMS++ // under the old proof of work
	_, err = best.AddBlocks([]*core.Block{forged})
	fmt.Println(errors.Is(err, consensus.ErrHashAboveTarget), best.Tip().Header.Height)
	// Output:
	// 3 blocks more, now at 3 <nil>
	// true 3
}
