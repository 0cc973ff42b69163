package api

import (
	"errors"
	"fmt"
	"io"
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

	mostPosition = 1<<20 - 1 // of a message in a block: more than any network allows
)

// getBlocks lists blocks of the best chain, newest first. As lines it is the whole chain with all
// messages, from a block on upwards.
func (s *Server) getBlocks(w *response, r *http.Request) error {
	if wantsNDJSON(w, r) {
		return s.streamLines(w, r, false, fullBlock())
	}
	limit, err := limitParam(r, usualBlocks, mostBlocks)
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	hash, page, err := s.blockCursor(r)
	if err != nil {
		return err
	}
	if unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return nil
	}
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
	height, want, rest, ok := parsePlace(text)
	if !ok || rest != "" {
		return core.Hash{}, page, badCursor(text)
	}
	at, err := s.deps.Chain.HashAt(height)
	if errors.Is(err, chain.ErrNotFound) {
		at, err = tip.Hash, nil
	}
	page.Reorged = at != want
	return at, page, err
}

// parsePlace reads HEIGHT-HASH, and returns what follows it and another hyphen.
func parsePlace(text string) (height uint64, hash core.Hash, rest string, ok bool) {
	number, digits, _ := strings.Cut(text, "-")
	digits, rest, more := strings.Cut(digits, "-")
	height, err1 := strconv.ParseUint(number, 10, 64)
	hash, err2 := core.ParseHash(digits)
	return height, hash, rest, err1 == nil && err2 == nil && more == (rest != "")
}

// badCursor is the problem of a cursor that no answer had.
func badCursor(text string) *Problem {
	return badRequest("bad_cursor", fmt.Sprintf("cursor %q: want the \"next\" of an earlier page", text))
}

// getBlock shows a block, named by its height, its hash, or as the tip, with its messages.
func (s *Server) getBlock(w *response, r *http.Request) error {
	tip := s.deps.Chain.Tip()
	hash, err := s.findBlock(mux.Vars(r)["block"])
	if err != nil {
		return err
	}
	one := reader{blocks: s.deps.Archive, hash: hash}
	p, err := one.read()
	if errors.Is(err, chain.ErrNotFound) {
		return problem(http.StatusNotFound, "block_not_found", "no such block is stored here")
	}
	if err != nil || unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	confirmed, appendPiece := s.describe(hash, &p.Header).Confirmations, fullBlock()
	for ; err == nil && out.err == nil; p, err = one.read() {
		out.buf = appendPiece(out.buf, p, confirmed)
		out.ship()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	out.raw("\n")
	return out.end()
}

// getBlockMessages shows some messages of a block, from a position on: a whole block may be megabytes.
func (s *Server) getBlockMessages(w *response, r *http.Request) error {
	limit, err := limitParam(r, usualPage, mostPage)
	if err != nil {
		return err
	}
	position, err := positionParam(r)
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	hash, err := s.findBlock(mux.Vars(r)["block"])
	if err != nil {
		return err
	}
	var pieces chain.Pieces
	err = s.deps.Archive.Pieces(&pieces, chain.Extract{Blocks: []core.Hash{hash}, From: position, Messages: limit, Bytes: pageBytes})
	if errors.Is(err, chain.ErrNotFound) {
		return problem(http.StatusNotFound, "block_not_found", "no such block is stored here")
	}
	if err != nil || unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return err
	}
	p := &pieces.List[0]
	part := BlockPart{Block: s.describe(hash, &p.Header), Position: position, Messages: make([]Content, 0, len(p.Messages))}
	for i := range p.Messages {
		part.Messages = append(part.Messages, contentOf(&p.Messages[i].Message, p.Messages[i].Erasure))
	}
	return writeJSON(w, http.StatusOK, part)
}

// positionParam returns the position in a block that was asked for, 0 where none was.
func positionParam(r *http.Request) (int, error) {
	text, err := queryParam(r, "position")
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > mostPosition {
		return 0, badRequest("bad_parameter", fmt.Sprintf("position %q: want 0 to %d", text, mostPosition))
	}
	return n, nil
}

// A reader reads one block piece by piece.
type reader struct {
	blocks Archive
	hash   core.Hash
	from   int
	ended  bool
	pieces chain.Pieces
}

// read returns the next piece, which is valid until the next call, io.EOF after the last one.
func (b *reader) read() (*chain.Piece, error) {
	if b.ended {
		return nil, io.EOF
	}
	err := b.blocks.Pieces(&b.pieces, chain.Extract{Blocks: []core.Hash{b.hash}, From: b.from, Messages: walkMessages, Bytes: walkBytes})
	if err != nil {
		return nil, err
	}
	p := &b.pieces.List[0]
	b.from, b.ended = p.To(), p.Whole()
	return p, nil
}

// fullBlock returns what appends a FullBlock, or its next part.
func fullBlock() func(dst []byte, p *chain.Piece, confirmations uint64) []byte {
	size := 0
	return func(dst []byte, p *chain.Piece, confirmations uint64) []byte {
		if p.From == 0 {
			size = core.HeaderSize
			dst = append(appendBlock(dst, p.Hash, &p.Header, confirmations), `,"messages":[`...)
		}
		for i := range p.Messages {
			if p.From+i > 0 {
				dst = append(dst, ',')
			}
			m := &p.Messages[i].Message
			dst = append(appendContent(dst, m, p.Messages[i].Erasure), '}')
			size += m.Size()
		}
		if !p.Whole() {
			return dst
		}
		return append(strconv.AppendInt(append(dst, `],"size":`...), int64(size), 10), '}')
	}
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
