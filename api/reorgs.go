package api

import (
	"errors"
	"net/http"
	"strconv"

	"p2pchain/core/chain"
)

// getReorgs lists the reorgs that this node has seen, newest first.
func (s *Server) getReorgs(w *response, r *http.Request) error {
	limit, err := limitParam(r, usualPage, mostPage)
	if err != nil {
		return err
	}
	before, err := beforeParam(r)
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	past, err := s.deps.Archive.ReorgsBefore(before, limit)
	if err != nil || unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return err
	}
	page := ReorgPage{Reorgs: []Reorg{}}
	for i := range past {
		entry, err := s.reorgOf(&past[i])
		if err != nil {
			return err
		}
		page.Reorgs = append(page.Reorgs, entry)
	}
	if n := len(past); n == limit && past[n-1].Number > 0 {
		page.Next = strconv.FormatUint(past[n-1].Number+1, 10)
	}
	return writeJSON(w, http.StatusOK, page)
}

// reorgOf returns a reorg as JSON shows it.
func (s *Server) reorgOf(p *chain.PastReorg) (Reorg, error) {
	out := Reorg{
		Number: p.Number + 1, Time: Time(p.TimeMS), OldTip: p.OldTip, NewTip: p.NewTip, Fork: p.Fork,
		Reverted: p.Reverted, Applied: p.Applied,
	}
	if p.Returned >= 0 {
		out.Returned = &p.Returned
	}
	h, err := s.deps.Chain.Header(p.Fork)
	if errors.Is(err, chain.ErrNotFound) {
		return out, nil // a later reorg took it off the chain, and it was forgotten
	}
	if err == nil {
		out.ForkHeight = &h.Height
	}
	return out, err
}
