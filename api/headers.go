package api

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// getHeaders lists headers of the best chain, lowest first: from genesis, a block or a cursor on. As
// lines it is all of them up to the tip.
func (s *Server) getHeaders(w *response, r *http.Request) error {
	if wantsNDJSON(w, r) {
		return s.streamLines(w, r, true, func(dst []byte, p *chain.Piece, confirmations uint64) []byte {
			return append(appendBlock(dst, p.Hash, &p.Header, confirmations), '}')
		})
	}
	limit, err := limitParam(r, usualPage, mostPage)
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	next, page, err := s.headerCursor(r)
	if err != nil || unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return err
	}
	var last core.Hash
	for len(page.Headers) < limit {
		hash, err := s.deps.Chain.HashAt(next)
		if errors.Is(err, chain.ErrNotFound) {
			return writeJSON(w, http.StatusOK, page) // the tip was the last one
		}
		if err != nil {
			return err
		}
		h, err := s.deps.Chain.Header(hash)
		if err != nil {
			return err
		}
		if len(page.Headers) > 0 && h.PreviousHash != last {
			break // a reorg came in between: the next page will say so
		}
		page.Headers = append(page.Headers, s.describe(hash, &h))
		next, last = next+1, hash
	}
	if next <= s.deps.Chain.Tip().Header.Height {
		page.Next = strconv.FormatUint(next-1, 10) + "-" + last.String()
	}
	return writeJSON(w, http.StatusOK, page)
}

// headerCursor returns the height at which a page begins: a cursor is HEIGHT-HASH of the last block of
// the page before. Where that left the best chain, the page begins above the fork and says so.
func (s *Server) headerCursor(r *http.Request) (uint64, HeaderPage, error) {
	page := HeaderPage{Headers: []Block{}}
	text, err := queryParam(r, "cursor")
	if err != nil {
		return 0, page, err
	}
	if text == "" {
		first, err := s.fromParam(r)
		return first.Height, page, err
	}
	height, last, rest, ok := parsePlace(text)
	if !ok || rest != "" || height == math.MaxUint64 {
		return 0, page, badCursor(text)
	}
	at, err := s.deps.Chain.HashAt(height)
	if err == nil && at == last {
		return height + 1, page, nil
	}
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return 0, page, err
	}
	page.Reorged = true
	fork, err := s.forkOf(last)
	if errors.Is(err, chain.ErrNotFound) { // it was forgotten: nobody knows, so all of it
		return 0, page, nil
	}
	return fork.Height + 1, page, err
}

// forkOf returns the last block below a known one, or itself, that is on the best chain.
func (s *Server) forkOf(hash core.Hash) (BlockName, error) {
	update, err := s.deps.Chain.UpdatesSince(hash, 0)
	if err != nil {
		return BlockName{}, err
	}
	h, err := s.deps.Chain.Header(update.Tip)
	return BlockName{update.Tip, h.Height}, err
}
