package main

import (
	"context"
	"errors"
	"fmt"

	"p2pchain/api/client"
	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/proof"
)

// tie ties a proof to what the user trusts. Without anything it is what the proof itself has cost.
func (a *app) tie(ctx context.Context, o *verifyOptions, s *proof.Statement) (evidence.Trust, error) {
	t := evidence.Trust{Weight: s.Shown(), Network: o.network != nil, HashRate: o.rate}
	switch {
	case o.header != "":
		return tieToHeader(t, s, o.trusted)
	case o.node != "":
		ctx, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		c, err := a.connect(ctx, &clientFlags{api: o.node, tokenFile: o.tokenFile, cert: o.cert})
		if err != nil {
			return t, err
		}
		defer c.Close()
		return tieToNode(ctx, c, t, s)
	}
	return t, nil
}

// tieToHeader ties a proof to a block that the user trusts.
func tieToHeader(t evidence.Trust, s *proof.Statement, hash core.Hash) (evidence.Trust, error) {
	w, ok := s.Anchored(hash)
	if !ok {
		return t, failed(errWeak, codeOtherHeader, "no header in it has the hash %v: its last one is %v, of block %d", hash, s.TipHash, s.Tip.Height)
	}
	t.Weight, t.Bounds = w, hash != s.BlockHash || s.Next == nil
	t.Network = true // the id that the block holds is made with the genesis hash
	which := "the message's block"
	switch {
	case hash == s.TipHash:
		which = "the last one"
	case hash != s.BlockHash:
		which = "the next one"
	}
	t.Anchor = fmt.Sprintf("the header that you trust, %s (%.16s…)", which, hash.String())
	return t, nil
}

// tieToNode asks a node that the user trusts which of the proof's headers are on its best chain. Where
// the message's block is, all that the node has on top of it counts.
func tieToNode(ctx context.Context, c *client.Client, t evidence.Trust, s *proof.Statement) (evidence.Trust, error) {
	n, err := c.Node(ctx)
	if err != nil {
		return t, err
	}
	if n.Network.Genesis != s.Network.Genesis {
		return t, failed(errOtherProof, codeOtherNetwork, "it is of network %v with genesis %v; the node at %s is of %s with %v",
			s.Network, s.Network.Genesis, c.Address(), n.Network.Name, n.Network.Genesis)
	}
	t.Network = true
	covered, err := highestOn(ctx, c, s)
	if err != nil {
		return t, err
	}
	if covered == (core.Hash{}) {
		return t, failed(errWeak, codeNotOnChain, "block %d, %v, is not on the best chain of the node at %s, which has %d blocks: the node is behind, or the proof is of another branch",
			s.Block.Height, s.BlockHash, c.Address(), n.Tip.Height)
	}
	t.Anchor = "the node at " + c.Address()
	t.Bounds = covered != s.BlockHash || s.Next == nil
	if n.Tip.Height >= s.Block.Height { // but where it has grown since it was asked
		t.Weight = proof.Weight{Confirmations: n.Tip.Height - s.Block.Height, Work: n.Tip.Work.Sub(s.Block.Work)}
	}
	if w, ok := s.Anchored(covered); ok && w.Confirmations > t.Weight.Confirmations {
		t.Weight = w
	}
	return t, nil
}

// highestOn returns the highest header of a proof that is on a node's best chain, zeros where none is.
func highestOn(ctx context.Context, c *client.Client, s *proof.Statement) (core.Hash, error) {
	hashes := []core.Hash{s.TipHash}
	if s.Next != nil {
		hashes = append(hashes, s.Next.Hash, s.BlockHash)
	}
	for _, hash := range hashes {
		page, err := c.Headers(ctx, hash.String(), "", 1)
		switch {
		case errors.Is(err, client.ErrNotFound):
			continue
		case err != nil:
			return core.Hash{}, err
		case len(page.Headers) == 1 && page.Headers[0].Hash == hash:
			return hash, nil
		}
	}
	return core.Hash{}, nil
}

// enough reports whether a proof shows what was asked for. Without an anchor only what the headers in
// the file have cost counts: whatever else they claim can be made up for that price.
func (o *verifyOptions) enough(s *proof.Statement, t evidence.Trust) error {
	more := ""
	if t.Anchor == "" {
		more = ", where nothing ties it to a chain that you trust"
		if s.Confirmations > t.Weight.Confirmations {
			more += fmt.Sprintf("; it claims %s with %s hashes", plural(s.Confirmations, "block"), s.WorkClaimed)
		}
	}
	if t.Weight.Confirmations < o.leastBlocks {
		return failed(errWeak, codeFewBlocks, "it shows %s on top, want at least %d%s", plural(t.Weight.Confirmations, "block"), o.leastBlocks, more)
	}
	if !s.PowBinds && o.leastWork != (core.Work{}) {
		return failed(errWeak, codeLittleWork, "its network has the classic proof of work, whose headers cost nothing to make up: no amount of it shows anything")
	}
	if t.Weight.Work.Cmp(o.leastWork) < 0 {
		return failed(errWeak, codeLittleWork, "it shows %s, want at least %s%s",
			evidence.Effort(t.Weight.Work, o.rate), evidence.Effort(o.leastWork, o.rate), more)
	}
	return nil
}
