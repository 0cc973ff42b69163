package store

import (
	"context"
	"errors"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// checkForgotten looks at the record of what was forgotten, at every erasure and at what is left to do.
func (c *checker) checkForgotten(ctx context.Context) error {
	f, err := get(c.reader, []byte{prefixForgotten}, decodeForgotten)
	if ok, err := c.found(err, "record of what was forgotten"); !ok {
		return err
	}
	if f.pruned > c.tip.height {
		c.problem("bodies are pruned up to height %d, the tip is at %d", f.pruned, c.tip.height)
	}
	c.forgotten = f
	next := uint64(0)
	err = c.eachNumber(ctx, prefixErased, func(n uint64, value []byte) error {
		if n != next {
			c.problem("erasure %d follows %d", n, int64(next)-1)
		}
		next = n + 1
		id, err := decodeHash(value)
		if ok, err := c.found(err, "erasure %d", n); !ok {
			return err
		}
		e, err := get(c.reader, hashKey(prefixErasure, id), erasureOf(id))
		if ok, err := c.found(err, "erasure %d, of message %v", n, id); err != nil || !ok {
			return err
		}
		if e.Number != n {
			c.problem("erasure %d, of message %v, has the number %d", n, id, e.Number)
		}
		return nil
	})
	if next != f.erasures {
		c.problem("%d erasures, the next one is %d", next, f.erasures)
	}
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, uint64) error{c.checkErasures, c.checkErrands, c.checkClaims, c.checkGaps} {
		if err := step(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// checkErasures looks at the erasures by their messages.
func (c *checker) checkErasures(ctx context.Context, numbers uint64) error {
	count := uint64(0)
	err := c.each(ctx, prefixErasure, func(id core.Hash, value []byte) error {
		count++
		e, err := decodeErasure(id, value)
		if ok, err := c.found(err, "erasure of message %v", id); !ok {
			return err
		}
		if !e.Settled {
			errand, err := get(c.reader, hashKey(prefixErrand, id), decodeErrand)
			if ok, err := c.found(err, "errand for erased message %v", id); err != nil {
				return err
			} else if ok && errand.stage != stageDue {
				c.problem("erased message %v is not settled, and its body is dropped", id)
			}
		}
		if e.ByAuthor != (e.Message != core.Hash{}) {
			c.problem("erasure of message %v names a message, or does not, and is the author's: %v", id, e.ByAuthor)
		}
		x, err := c.index(id)
		if errors.Is(err, chain.ErrNotFound) {
			return nil
		}
		if ok, err := c.found(err, "index of erased message %v", id); !ok {
			return err
		}
		rec, err := c.record(x.slot)
		if ok, err := c.found(err, "record of erased message %v", id); !ok {
			return err
		}
		if e.Settled && rec.body != nil || e.Author != rec.envelope.Author {
			c.problem("erased message %v has a body still, or another author", id)
		}
		return nil
	})
	if count != numbers {
		c.problem("%d erasures with %d numbers", count, numbers)
	}
	return err
}

func (c *checker) checkErrands(ctx context.Context, _ uint64) error {
	return c.each(ctx, prefixErrand, func(id core.Hash, value []byte) error {
		r, err := decodeErrand(value)
		if ok, err := c.found(err, "errand for message %v", id); !ok {
			return err
		}
		e, err := get(c.reader, hashKey(prefixErasure, id), erasureOf(id))
		if ok, err := c.found(err, "erasure of message %v", id); !ok {
			return err
		}
		if e.Settled != (r.stage != stageDue) {
			c.problem("errand of stage %d for message %v, which is settled: %v", r.stage, id, e.Settled)
		}
		return nil
	})
}

func (c *checker) checkClaims(ctx context.Context, _ uint64) error {
	return c.table(prefixClaim, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		if _, _, ok := keyClaim(key); !ok {
			c.problem("key %x has a wrong length", key)
		}
		_, err := decodeClaim(value)
		_, err = c.found(err, "claim %x", key)
		return err
	})
}

// checkGaps looks whether every gap is one. That none is missing is seen where the index is.
func (c *checker) checkGaps(ctx context.Context, _ uint64) error {
	return c.table(prefixGap, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		g, err := gap(key, value)
		if err != nil {
			c.problem("gap %x is out of form", key)
			return nil
		}
		x, err := c.index(g.ID)
		if ok, err := c.found(err, "index of message %v, which has a gap", g.ID); !ok {
			return err
		}
		if c.forgotten.covers(g.Place) || x.flags&flagNoBody == 0 || !x.isIn(g.Place) {
			c.problem("message %v has a gap at height %d position %d, and should not", g.ID, g.Height, g.Position)
		}
		return nil
	})
}

// isIn reports whether a message has a place.
func (x *index) isIn(at chain.Place) bool {
	for _, p := range x.places {
		if p == at {
			return true
		}
	}
	return false
}

// checkBodiless looks whether somebody knows why a body is missing.
func (c *checker) checkBodiless(id core.Hash, x *index) error {
	if x.flags&flagNoBody == 0 {
		return nil
	}
	refused, err := c.refuses(id)
	if ok, err := c.found(err, "erasure of message %v", id); !ok {
		return err
	}
	for _, at := range x.places {
		is, err := c.has(gapKey(at))
		if err != nil {
			return err
		}
		if is == (refused || c.forgotten.covers(at)) {
			c.problem("message %v has no body at height %d position %d: a gap %v, erased %v", id, at.Height, at.Position, is, refused)
		}
	}
	return nil
}
