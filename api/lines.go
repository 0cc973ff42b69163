package api

import (
	"errors"
	"io"
	"net/http"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// fromParam returns the block at which a list that goes upwards is to begin: genesis, where the request
// does not say.
func (s *Server) fromParam(r *http.Request) (core.Header, error) {
	name, err := queryParam(r, "from")
	if err != nil || name == "" {
		return core.Header{}, err
	}
	hash, err := s.onBest(name)
	if err != nil {
		return core.Header{}, err
	}
	return s.deps.Chain.Header(hash)
}

// onBest returns a block of the best chain, named as findBlock wants it.
func (s *Server) onBest(name string) (core.Hash, error) {
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
	at, err := s.deps.Chain.HashAt(h.Height)
	if errors.Is(err, chain.ErrNotFound) || err == nil && at != hash {
		return hash, problem(http.StatusNotFound, "block_not_on_best_chain", "the block of this name is not on the best chain")
	}
	return hash, err
}

// streamLines answers with a block of the best chain on each line, from a block on upwards, the whole
// of them or their headers alone, until the tip or as many as the request wants.
func (s *Server) streamLines(w *response, r *http.Request, bare bool, appendPiece func([]byte, *chain.Piece, uint64) []byte) error {
	left, err := linesParam(r)
	if err != nil {
		return err
	}
	steps := s.walk()
	first, err := s.fromParam(r)
	if err != nil || unchanged(w, r, s.tagOf(w, steps.tip, formLines)) {
		return err
	}
	steps.next, steps.last = first.Height, first.PreviousHash
	steps.bare = bare
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	w.Header().Set("Content-Type", ndjson)
	for out.err == nil && left > 0 {
		list, err := steps.read(r.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for i := range list {
			p := &list[i]
			if left == 0 {
				break
			}
			out.buf = appendPiece(out.buf, p, steps.confirmations(p.Header.Height))
			if bare || p.Whole() {
				out.buf = append(out.buf, '\n')
				left--
			}
			out.ship()
		}
	}
	return out.end()
}
