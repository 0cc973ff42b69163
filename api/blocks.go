package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	usualBlocks = 20
	mostBlocks  = 200
)

// getBlocks lists blocks of the best chain, newest first.
func (s *Server) getBlocks(w *response, r *http.Request) error {
	limit, err := limitParam(r, usualBlocks, mostBlocks)
	if err != nil {
		return err
	}
	from, page, err := s.blockCursor(r)
	if err != nil {
		return err
	}
	hash := from
	for len(page.Blocks) < limit {
		h, err := s.deps.Chain.Header(hash)
		if err != nil {
			return fmt.Errorf("block %v: %w", hash, err)
		}
		page.Blocks = append(page.Blocks, s.describe(hash, &h))
		if h.Height == 0 {
			page.Next = ""
			return writeJSON(w, http.StatusOK, page)
		}
		hash = h.PreviousHash
		page.Next = strconv.FormatUint(h.Height-1, 10) + "-" + hash.String()
	}
	return writeJSON(w, http.StatusOK, page)
}

// blockCursor returns the block that a page begins with: a cursor is HEIGHT-HASH. Where that block
// left the best chain, the page begins with the one in its place and says so.
func (s *Server) blockCursor(r *http.Request) (core.Hash, BlockPage, error) {
	page := BlockPage{Blocks: []Block{}}
	tip := s.deps.Chain.Tip()
	text, err := queryParam(r, "cursor")
	if err != nil || text == "" {
		return tip.Hash, page, err
	}
	number, digits, _ := strings.Cut(text, "-")
	height, err1 := strconv.ParseUint(number, 10, 64)
	want, err2 := core.ParseHash(digits)
	if err1 != nil || err2 != nil {
		return core.Hash{}, page, badRequest("bad_cursor", fmt.Sprintf("cursor %q: want the \"next\" of an earlier page", text))
	}
	at, err := s.deps.Chain.HashAt(height)
	if errors.Is(err, chain.ErrNotFound) {
		at, err = tip.Hash, nil
	}
	page.Reorged = at != want
	return at, page, err
}

// getBlock shows a block, named by its height, its hash, or as the tip, with its messages.
func (s *Server) getBlock(w *response, r *http.Request) error {
	hash, err := s.findBlock(mux.Vars(r)["block"])
	if err != nil {
		return err
	}
	b, err := s.deps.Chain.Block(hash)
	if errors.Is(err, chain.ErrNotFound) {
		return problem(http.StatusNotFound, "block_not_found", "no such block is stored here")
	}
	if err != nil {
		return err
	}
	head, err := encode(s.describe(hash, &b.Header))
	if err != nil {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	out.raw(strings.TrimSuffix(string(head), "}\n"), `,"size":`, strconv.Itoa(b.Size()), `,"messages":[`)
	for i, m := range b.Messages {
		if i > 0 {
			out.raw(",")
		}
		out.value(contentOf(m))
	}
	out.raw("]}\n")
	return out.end()
}

// findBlock returns the hash of the block that a path names.
func (s *Server) findBlock(name string) (core.Hash, error) {
	if name == "tip" {
		return s.deps.Chain.Tip().Hash, nil
	}
	if len(name) == 2*core.HashSize {
		return hashParam("block", name)
	}
	height, err := strconv.ParseUint(name, 10, 64)
	if err != nil || strconv.FormatUint(height, 10) != name {
		return core.Hash{}, badRequest("bad_block", fmt.Sprintf("block %q: want a height, a hash of 64 lower-case hex digits, or tip", name))
	}
	hash, err := s.deps.Chain.HashAt(height)
	if errors.Is(err, chain.ErrNotFound) {
		return hash, problem(http.StatusNotFound, "block_not_found", "the best chain is not that high")
	}
	return hash, err
}

// describe returns a block's header and whether it is on the best chain.
func (s *Server) describe(hash core.Hash, h *core.Header) Block {
	b := blockOf(hash, h)
	if at, err := s.deps.Chain.HashAt(h.Height); err == nil && at == hash {
		b.Connected = true
		b.Confirmations = confirmations(s.deps.Chain.Tip(), h.Height)
	}
	return b
}
