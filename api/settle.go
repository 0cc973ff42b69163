package api

import (
	"context"
	"fmt"
	"math"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// An answer waits for so long, at most, until the disk has a block that was just written.
const settleWait, settlePause = 10 * time.Second, 2 * time.Millisecond

// settled returns the tip as soon as the chain tells of every block that readers of the store have seen. These
// see a block when it is written, and the chain tells of it when the disk has it; between the two its messages
// wait no longer, and are in no block that the chain tells of. Whoever has read to the end of the waiting messages
// calls this, so that what he missed there is on the chain.
func (s *Server) settled(ctx context.Context) (chain.Tip, error) {
	page, err := s.deps.Pool.Page(math.MaxUint64, 0)
	if err != nil {
		return chain.Tip{}, fmt.Errorf("reading the tip of the store: %w", err)
	}
	for end := time.Now().Add(settleWait); ; {
		tip := s.deps.Chain.Tip()
		if !s.ahead(page.Tip, &tip) || time.Now().After(end) {
			return tip, nil
		}
		select {
		case <-ctx.Done():
			return tip, ctx.Err()
		case <-time.After(settlePause):
		}
	}
}

// ahead reports whether a block comes before the tip, which the chain is about to tell of then.
func (s *Server) ahead(block core.Hash, tip *chain.Tip) bool {
	if block == tip.Hash {
		return false
	}
	h, err := s.deps.Chain.Header(block)
	return err == nil && consensus.Better(h.Work, block, tip.Header.Work, tip.Hash) // else the chain has gone on meanwhile
}
