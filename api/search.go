package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	mostFound  = 20 // messages that a search shows, and blocks
	leastHex   = 4  // digits that are a prefix; fewer name too many
	searchRead = 64 // ids with a prefix that are looked at
)

// getSearch finds what a text may name: the block at a height, blocks and messages whose hash begins
// with some digits, and the messages that have all of its words. A request looks at a bounded number of
// messages; the list of messages goes on where it stopped.
func (s *Server) getSearch(w *response, r *http.Request) error {
	query, err := queryParam(r, "q")
	if err != nil {
		return err
	}
	query = strings.TrimSpace(query)
	f := &filter{before: core.MaxTimeMS + 1}
	if query == "" {
		return badRequest("bad_parameter", "q: want a height, the beginning of a hash, or words")
	}
	if err := f.setText(query); err != nil {
		return badRequest("bad_parameter", "q: "+err.Error())
	}
	return s.withList(w, r, func() ([]byte, error) { return s.search(r, query, f) })
}

// search makes a SearchResult.
func (s *Server) search(r *http.Request, query string, f *filter) ([]byte, error) {
	blocks, err := s.searchBlocks(query)
	if err != nil {
		return nil, err
	}
	named, ids, err := s.searchIDs(query)
	if err != nil {
		return nil, err
	}
	l := s.newList(f)
	l.left, f.skip = mostFound, ids
	dst := appendString([]byte(`{"query":`), query)
	dst, err = appendJSON(append(dst, `,"blocks":`...), blocks)
	if err != nil {
		return nil, err
	}
	if dst, err = l.messages(r, append(dst, ','), named); err != nil {
		return nil, err
	}
	if next := l.cursor(); next != "" {
		dst = appendString(append(dst, `,"next":`...), next)
	}
	dst = strconv.AppendInt(append(dst, `,"looked_at":`...), int64(l.looked), 10)
	return append(dst, "}\n"...), nil
}

// searchBlocks returns the block at a height, and those whose hash begins with the digits.
func (s *Server) searchBlocks(query string) ([]Block, error) {
	out := []Block{}
	add := func(hash core.Hash) error {
		h, err := s.deps.Chain.Header(hash)
		if err == nil {
			out = append(out, s.describe(hash, &h))
		}
		if errors.Is(err, chain.ErrNotFound) {
			return nil // forgotten meanwhile
		}
		return err
	}
	if height, err := strconv.ParseUint(query, 10, 64); err == nil {
		hash, err := s.deps.Chain.HashAt(height)
		if err == nil {
			err = add(hash)
		}
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return nil, err
		}
	}
	if !isPrefix(query) {
		return out, nil
	}
	hashes, err := s.deps.Archive.BlocksNamed(strings.ToLower(query), mostFound)
	for _, hash := range hashes {
		if err == nil {
			err = add(hash)
		}
	}
	return out, err
}

// searchIDs returns the messages, waiting or on the best chain, whose id begins with the digits, or that
// notarise a file with this hash, with commas between them, and their ids. Where they are large, some
// fill the page.
func (s *Server) searchIDs(query string) (dst []byte, shown []core.Hash, err error) {
	if !isPrefix(query) {
		return nil, nil, nil
	}
	ids, err := s.deps.Archive.MessagesNamed(strings.ToLower(query), searchRead)
	if err != nil {
		return nil, nil, err
	}
	files, err := s.notarised(query)
	if err != nil {
		return nil, nil, err
	}
	ids = append(ids, files...)
	for _, id := range ids {
		if len(shown) == mostFound || len(dst) >= pageBytes {
			break
		}
		m, err := s.named(id)
		if errors.Is(err, chain.ErrNotFound) {
			continue // only a side branch has it
		}
		if err != nil {
			return nil, nil, err
		}
		if len(shown) > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, m); err != nil {
			return nil, nil, err
		}
		shown = append(shown, id)
	}
	return dst, shown, nil
}

// named returns a message that waits or is on the best chain; chain.ErrNotFound.
func (s *Server) named(id core.Hash) (Message, error) {
	at, err := s.standing(id)
	if err != nil {
		return Message{}, err
	}
	return s.message(id, at)
}

// isPrefix reports whether a text may be the beginning of a hash.
func isPrefix(text string) bool {
	return len(text) >= leastHex && len(text) <= 2*core.HashSize && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// appendJSON appends any value.
func appendJSON(dst []byte, v any) ([]byte, error) {
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	return append(dst, text[:len(text)-1]...), nil
}
