package api

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// listDigest is how many messages with a digest are read at once.
const listDigest = 64

// resumeDigest reads came-NUMBER.
func (l *list) resumeDigest(text string) error {
	rest, ok := strings.CutPrefix(text, digestCursor)
	n, err := strconv.ParseUint(rest, 10, 64)
	if !ok || err != nil {
		return badCursor(text)
	}
	l.seq = n
	return nil
}

// passDigest goes through the next messages with a digest, those that came last first. What only a side
// branch has is left out.
func (l *list) passDigest() error {
	found, err := l.server.deps.Archive.WithDigest(*l.filter.digest, l.seq, listDigest)
	if err != nil {
		return err
	}
	for _, at := range found {
		if l.enough() {
			return nil
		}
		switch err := l.passArrival(at.ID); {
		case errors.Is(err, chain.ErrNotFound):
			l.looked++
		case err != nil:
			return err
		}
		l.seq = at.Number
	}
	l.ended = len(found) < listDigest
	return nil
}

// passArrival looks at a message of which only the id is known.
func (l *list) passArrival(id core.Hash) error {
	at, err := l.server.standing(id)
	if err != nil {
		return err
	}
	if l.filter.status != "" && l.filter.status != at.Status {
		l.looked++
		return nil
	}
	m, erasure, err := l.server.find(id)
	if err != nil || erasure != nil || !l.passes(m) { // what was erased is not found by what it said
		return err
	}
	where := &place{at: at}
	if where.first, err = l.server.deps.Archive.Seen(id); err != nil {
		return err
	}
	if at.Block != nil {
		h, err := l.server.deps.Chain.Header(*at.Block)
		if err != nil {
			return err
		}
		where.block = &h
		if where.written, err = l.spans.of(m, *at.Block, h.Height); err != nil {
			return err
		}
	}
	l.emit(m, where)
	return nil
}

// notarised returns the ids of messages that notarise the file or manifest whose SHA-256 a text is, the
// last ones only where they are many; none for another text.
func (s *Server) notarised(text string) ([]core.Hash, error) {
	digest, err := core.ParseHash(strings.ToLower(text))
	if err != nil {
		return nil, nil // it may be words
	}
	found, err := s.deps.Archive.WithDigest(digest, math.MaxUint64, searchRead)
	if err != nil {
		return nil, err
	}
	var ids []core.Hash
	for _, at := range found {
		switch e, err := s.erasure(at.ID); {
		case err != nil:
			return nil, err
		case e == nil: // what was erased is not found by what it said
			ids = append(ids, at.ID)
		}
	}
	return ids, nil
}
