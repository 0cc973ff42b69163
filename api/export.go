package api

import (
	"errors"
	"io"
	"net/http"

	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
)

// getExport streams the chain as the lines of a chain file: genesis, then every block of the best
// chain, or every one above a block that "since" names. A reorg meanwhile is handled as in a walk.
func (s *Server) getExport(w *response, r *http.Request) error {
	steps, err := s.walkAbove(r)
	if err != nil || unchanged(w, r, s.tagOf(w, steps.tip, formLines)) {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	w.Header().Set("Content-Type", ndjson)
	lines := chainfile.NewWriter(out)
	if out.err == nil {
		out.err = lines.Genesis(s.deps.Network)
	}
	for out.err == nil {
		list, err := steps.read(r.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for i := range list {
			if err := writePiece(lines, &list[i]); err != nil {
				break // it is out's
			}
		}
	}
	return out.end()
}

// writePiece writes a block, or its next part, as a line of a chain file.
func writePiece(lines *chainfile.Writer, p *chain.Piece) error {
	if p.From == 0 {
		lines.Begin(&p.Header)
	}
	for i := range p.Messages {
		if err := lines.Message(&p.Messages[i].Message); err != nil {
			return err
		}
	}
	if !p.Whole() {
		return nil
	}
	return lines.End(&p.Header)
}

// walkAbove starts a walk on top of the block that "since" names, genesis where the request does not
// say.
func (s *Server) walkAbove(r *http.Request) (*walk, error) {
	name, err := queryParam(r, "since")
	if err != nil {
		return nil, err
	}
	steps := s.walk()
	if name == "" {
		steps.next = 1
		steps.last, err = s.deps.Chain.HashAt(0)
		return steps, err
	}
	if steps.last, err = s.onBest(name); err != nil {
		return nil, err
	}
	h, err := s.deps.Chain.Header(steps.last)
	steps.next = h.Height + 1
	return steps, err
}
