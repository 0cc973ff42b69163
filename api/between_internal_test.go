package api

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A movingChain has headers, of which a reorg may have put some where others were.
type movingChain struct {
	Chain
	headers []core.Header
}

func (c *movingChain) HashAt(height uint64) (core.Hash, error) {
	if height >= uint64(len(c.headers)) {
		return core.Hash{}, chain.ErrNotFound
	}
	return c.headers[height].Hash(), nil
}

func (c *movingChain) Header(hash core.Hash) (core.Header, error) {
	for _, h := range c.headers {
		if h.Hash() == hash {
			return h, nil
		}
	}
	return core.Header{}, chain.ErrNotFound
}

// TestSpansDoubt holds that no block bounds a time which is not on the branch of the message's own.
func TestSpansDoubt(t *testing.T) {
	c := &movingChain{headers: make([]core.Header, 4)}
	for i := range c.headers {
		c.headers[i].Height = uint64(i)
		if i > 0 {
			c.headers[i].PreviousHash = c.headers[i-1].Hash()
		}
	}
	c.headers[3].PreviousHash = core.Hash{1} // the block that was at height 2 when the message was located is gone
	s := &spans{chain: c, bounds: make(map[core.Hash]*Bound), next: make(map[core.Hash]*Bound)}
	for _, tt := range []struct {
		name                string
		seen, own           int
		hasAfter, hasBefore bool
	}{
		{"as it should be", 0, 1, true, true},
		{"seen is the own block", 1, 1, false, true},
		{"seen is above the own block", 2, 1, false, true},
		{"what is above is not on top", 1, 2, true, false},
	} {
		m := &core.Message{Envelope: core.Envelope{Seen: c.headers[tt.seen].Hash()}}
		w, err := s.of(m, c.headers[tt.own].Hash(), uint64(tt.own))
		if err != nil || (w.After != nil) != tt.hasAfter || (w.Before != nil) != tt.hasBefore {
			t.Errorf("%s: %+v, %v", tt.name, w, err)
		}
	}
}

// TestSpansForget holds that a long list does not remember all of the chain.
func TestSpansForget(t *testing.T) {
	c := &movingChain{headers: make([]core.Header, 1)}
	s := &spans{chain: c, bounds: make(map[core.Hash]*Bound), next: make(map[core.Hash]*Bound)}
	for i := range 3 * mostBounds {
		m := &core.Message{Envelope: core.Envelope{Seen: core.Hash{1, byte(i), byte(i >> 8)}}}
		if _, err := s.of(m, core.Hash{2, byte(i), byte(i >> 8)}, uint64(i)); err != nil {
			t.Fatal(err)
		}
		if n := len(s.bounds) + len(s.next); n > mostBounds+2 {
			t.Fatalf("%d blocks are remembered", n)
		}
	}
}
