package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"p2pchain/core"
	"p2pchain/core/proof"
)

// ErrNotConfirmed means that a message is in no block yet, so there is no proof of it.
var ErrNotConfirmed = errors.New("message is in no block yet")

// ErrBadProof means that a node sent a proof that does not hold, or not one of the message that was asked
// for.
var ErrBadProof = errors.New("the node sent a bad proof")

// Proof returns the proof of a message on the node's best chain, and what it says: it was verified here.
// ErrNotConfirmed is for a message that waits, ErrNotFound for one that is not known.
func (c *Client) Proof(ctx context.Context, id core.Hash) (*proof.Proof, *proof.Statement, error) {
	return c.ProofTo(ctx, id, "")
}

// ProofTo returns the proof of a message that ends in an earlier block of the best chain than its last
// one, a height or a hash: whoever noted that block's hash has an anchor for the proof. An empty tip is
// the last block.
func (c *Client) ProofTo(ctx context.Context, id core.Hash, tip string) (*proof.Proof, *proof.Statement, error) {
	query := url.Values{"format": {"json"}}
	if tip != "" {
		query.Set("tip", tip)
	}
	body, err := c.send(ctx, call{
		method: http.MethodGet, path: v1 + "/messages/" + id.String() + "/proof", query: query, accept: proof.MediaType,
	})
	if answer, ok := errors.AsType[*Error](err); ok && answer.Code == "not_confirmed" {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	file, err := io.ReadAll(io.LimitReader(body, proof.MaxSize+1))
	if err != nil {
		return nil, nil, err
	}
	p, err := proof.Decode(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBadProof, err)
	}
	s, err := p.Verify()
	switch {
	case err != nil:
	case s.ID != id:
		err = fmt.Errorf("it is of message %v", s.ID)
	case tip != "" && tip != "tip" && tip != s.TipHash.String() && tip != strconv.FormatUint(s.Tip.Height, 10):
		err = fmt.Errorf("it ends in block %d, %v, not in %.64s", s.Tip.Height, s.TipHash, tip)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBadProof, err)
	}
	return p, s, nil
}
