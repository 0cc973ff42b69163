package node

import (
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// An adder hands blocks to a chain, many at a time, with the headers of a batch one batch ahead: a block
// that lacks an erased body is taken only with blocks on top of it. What the chain does not take is left
// out: blocks above a gap, of old branches, and those that break a rule.
type adder struct {
	chain  *chain.Chain
	before []*core.Block // whose headers were handed over
	next   []*core.Block
	bytes  int
	added  int
}

// add takes a block. Blocks that follow each other go together.
func (a *adder) add(b *core.Block) error {
	if n := len(a.next); n > 0 && (b.Header.PreviousHash != a.next[n-1].Header.Hash() || n == batchBlocks || a.bytes > batchBytes) {
		if err := a.push(); err != nil {
			return err
		}
	}
	a.next = append(a.next, b)
	a.bytes += b.Size()
	return nil
}

// end hands over what is left.
func (a *adder) end() error {
	if err := a.push(); err != nil {
		return err
	}
	return a.push()
}

// push announces the gathered blocks, and adds those before.
func (a *adder) push() error {
	if len(a.next) > 0 {
		headers := make([]core.Header, len(a.next))
		for i, b := range a.next {
			headers[i] = b.Header
		}
		_, _ = a.chain.AddHeaders(headers, core.Work{}) // what is wrong with them is found again below
	}
	blocks := a.before
	a.before, a.next, a.bytes = a.next, nil, 0
	if len(blocks) == 0 {
		return nil
	}
	n, err := a.chain.AddBlocks(blocks)
	a.added += n
	if err != nil && consensus.ClassOf(err) == consensus.Fault {
		return err
	}
	return nil
}
