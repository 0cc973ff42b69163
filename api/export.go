package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
)

// getExport streams the chain as the lines of a chain file: genesis, then every block of the best
// chain, or every one above a block that "since" names. A reorg meanwhile is handled as in a walk.
func (s *Server) getExport(w *response, r *http.Request) error {
	since, err := s.sinceParam(r)
	if err != nil {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	steps, err := s.walkAbove(r.Context(), since)
	if err != nil {
		return err
	}
	lines := chainfile.NewWriter(out.buf)
	if out.err == nil {
		out.err = lines.Genesis(s.deps.Network)
	}
	for out.err == nil {
		_, b, err := steps.step(r.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		out.err = lines.Block(b)
	}
	return out.end()
}

// sinceParam returns the block above which a client wants all others: genesis unless it says so.
func (s *Server) sinceParam(r *http.Request) (core.Hash, error) {
	name, err := queryParam(r, "since")
	if err != nil || name == "" {
		return s.deps.Network.Genesis, err
	}
	hash, err := s.findBlock(name)
	if err != nil {
		return hash, err
	}
	h, err := s.deps.Chain.Header(hash)
	if errors.Is(err, chain.ErrNotFound) {
		return hash, problem(http.StatusNotFound, "block_not_found", "this node does not know the block; name one below the place where the chains part")
	}
	if err != nil {
		return hash, err
	}
	if at, err := s.deps.Chain.HashAt(h.Height); err != nil || at != hash {
		return hash, problem(http.StatusNotFound, "block_not_on_best_chain", fmt.Sprintf("block %d of this name is not on the best chain", h.Height))
	}
	return hash, nil
}

// walkAbove starts a walk on top of a block that was on the best chain a moment ago.
func (s *Server) walkAbove(ctx context.Context, since core.Hash) (*walk, error) {
	steps := s.walk()
	if since == s.deps.Network.Genesis {
		_, _, err := steps.step(ctx)
		return steps, err
	}
	h, err := s.deps.Chain.Header(since)
	if err != nil {
		return nil, fmt.Errorf("block %v: %w", since, err)
	}
	steps.next, steps.last = h.Height+1, since
	return steps, nil
}
