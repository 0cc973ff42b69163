package store

import (
	"errors"
	"fmt"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/document"
)

// A claim is noted in the batch that brings the message that makes it, so none is ever overlooked; which
// of the two messages comes first makes no difference. Claims on messages that are not here stay.

// maxClaimed bounds how many messages with claims are remembered to be looked at; with more, all claims
// are looked at.
const maxClaimed = 1 << 16

// claimed are messages on which there are new claims, or which have come and had some.
type claimed struct {
	mu   sync.Mutex
	all  bool // look at every claim
	list []core.Hash
	from []byte // of all: where to go on
}

func (c *claimed) add(ids []core.Hash) {
	if len(ids) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list)+len(ids) > maxClaimed {
		c.all, c.from, c.list = true, nil, nil
		return
	}
	c.list = append(c.list, ids...)
}

// noteClaim notes what a message asks to forget, if its body has just come and says so.
func (w *write) noteClaim(id core.Hash, e *core.Envelope, body *core.Body) {
	if e.MediaType != document.EraseType {
		return
	}
	target, ok := document.Erased(&core.Message{Envelope: *e, Body: body})
	if !ok {
		return
	}
	key := claimKey(target, e.Author)
	again, err := w.has(key)
	w.keep(err)
	if !again {
		w.set(key, claim{e.TimeMS, id}.encode())
		w.claims++
	}
	w.claimed = append(w.claimed, target)
}

// Claim notes what messages ask to forget that are not here, and may never be: a block without the bodies
// of which they speak is to come. That their authors signed them is the caller's to know. A claim costs an
// entry, as those of messages that are stored do.
func (s *Store) Claim(asks []*core.Message) error {
	_, err := s.forgetting(func(w *write) (int, error) {
		for _, m := range asks {
			w.noteClaim(m.ID, &m.Envelope, m.Body)
		}
		return 0, w.err
	})
	if err != nil {
		return fmt.Errorf("noting the wishes of authors: %w", err)
	}
	return nil
}

// Excused reports whether nobody need bring the body of a message: it was erased here for good, or its
// author asked for that, by a message that is here or in Claim. Where that cannot be read it is false.
func (s *Store) Excused(m *core.Message) bool {
	if s.erasures.Load() == 0 && s.claims.Load() == 0 {
		return false
	}
	excused, err := snapshot(s, func(r reader) (bool, error) {
		e, err := get(r, hashKey(prefixErasure, m.ID), erasureOf(m.ID))
		if err == nil && (e.Settled || e.ByAuthor) || err != nil && !errors.Is(err, chain.ErrNotFound) {
			return err == nil, err
		}
		if m.MediaType == document.EraseType {
			return false, nil
		}
		return r.has(claimKey(m.ID, m.Author))
	})
	return err == nil && excused
}

// answerClaims notes those of some messages, which have just come, on which there are claims.
func (w *write) answerClaims(ids ...core.Hash) error {
	if w.store.claims.Load() == 0 || len(ids) == 0 {
		return nil
	}
	it, err := w.NewIter(rangeOf(prefixClaim))
	if err != nil {
		return wrap(err)
	}
	for _, id := range ids {
		if it.SeekGE(hashKey(prefixClaim, id)) && core.Hash(it.Key()[1:]) == id {
			w.claimed = append(w.claimed, id)
		}
	}
	return wrap(it.Close())
}

// claimsEnd is more than any author.
func claimsEnd() []byte {
	end := make([]byte, core.HashSize+1)
	for i := range end {
		end[i] = 0xff
	}
	return end
}

// HonourClaims looks at up to limit messages on which there are claims that were not looked at: those of
// their own authors erase them, other ones are dropped. It returns how many were erased and whether there
// is more to look at. A message that only asks to forget another one is not erased: it holds nothing but
// an id, and without it nodes to come would not learn of the wish.
func (s *Store) HonourClaims(nowMS uint64, limit int) (erased int, more bool, err error) {
	targets, more, err := s.nextClaimed(min(limit, erasePage))
	if err != nil || len(targets) == 0 {
		return 0, more, err
	}
	erased, err = s.forgetting(func(w *write) (int, error) {
		n := 0
		for _, id := range targets {
			is, err := w.honour(id, nowMS)
			if err != nil {
				return 0, fmt.Errorf("message %v: %w", id, err)
			}
			if is {
				n++
			}
		}
		return n, nil
	})
	if err != nil {
		s.claimed.add(targets)
		return 0, true, fmt.Errorf("honouring the wishes of authors: %w", err)
	}
	return erased, more, nil
}

// nextClaimed returns messages to look at.
func (s *Store) nextClaimed(limit int) (targets []core.Hash, more bool, err error) {
	c := &s.claimed
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.all {
		n := min(limit, len(c.list))
		targets = append(targets, c.list[:n]...)
		c.list = append(c.list[:0], c.list[n:]...)
		return targets, len(c.list) > 0, nil
	}
	from := c.from
	if from == nil {
		from = []byte{prefixClaim}
	}
	err = s.read(func(r reader) error {
		return r.scan(from, []byte{prefixClaim + 1}, func(key, _ []byte) error {
			target, _, ok := keyClaim(key)
			if !ok {
				return errValue
			}
			if len(targets) == limit {
				more = true
				return errStop
			}
			if len(targets) == 0 || targets[len(targets)-1] != target {
				targets = append(targets, target)
			}
			from = append(hashKey(prefixClaim, target), claimsEnd()...)
			return nil
		})
	})
	if err == nil {
		c.all, c.from = more, from
	}
	return targets, more || len(c.list) > 0, err
}

// honour erases a message if its author asked for it, and drops claims that are settled by that.
func (w *write) honour(target core.Hash, nowMS uint64) (bool, error) {
	x, err := w.index(target)
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return false, missing(err, "record")
	}
	c, err := get(w.reader, claimKey(target, rec.envelope.Author), decodeClaim)
	own := err == nil && rec.envelope.MediaType != document.EraseType
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return false, err
	}
	if err := w.dropClaims(target); err != nil || !own {
		return false, err
	}
	return w.erase(chain.Erasure{ID: target, TimeMS: nowMS, ByAuthor: true, Author: rec.envelope.Author, Message: c.message})
}

func (w *write) dropClaims(target core.Hash) error {
	from := hashKey(prefixClaim, target)
	var keys [][]byte
	err := w.scan(from, append(append([]byte{}, from...), claimsEnd()...), func(key, _ []byte) error {
		keys = append(keys, append([]byte{}, key...))
		return nil
	})
	for _, key := range keys {
		w.delete(key)
		w.claims--
	}
	return err
}
