package coretest

import (
	"cmp"
	"slices"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/document"
)

// Condemned returns the entries of condemned blocks, at most limit.
func (s *MemStore) Condemned(limit int) ([]chain.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chain.Entry
	for _, e := range s.entries {
		if e.Condemned != "" {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b chain.Entry) int { return a.Hash.Compare(b.Hash) })
	return out[:min(limit, len(out))], nil
}

// ReorgsBefore returns up to limit reorgs with a number below before, newest first.
func (s *MemStore) ReorgsBefore(before uint64, limit int) ([]chain.PastReorg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chain.PastReorg
	for n := min(before, uint64(len(s.reorgs))); n > 0 && len(out) < limit; n-- {
		out = append(out, chain.PastReorg{Number: n - 1, ReorgRecord: s.reorgs[n-1]})
	}
	return out, nil
}

// BlocksNamed returns stored blocks whose hash begins with these hex digits.
func (s *MemStore) BlocksNamed(digits string, limit int) ([]core.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []core.Hash
	for hash := range s.blocks {
		out = append(out, hash)
	}
	return named(out, digits, limit), nil
}

// MessagesNamed returns messages in stored blocks whose id begins with these hex digits.
func (s *MemStore) MessagesNamed(digits string, limit int) ([]core.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []core.Hash
	for id, places := range s.places {
		if len(places) > 0 {
			out = append(out, id)
		}
	}
	return named(out, digits, limit), nil
}

// WithDigest returns messages of stored blocks that notarise a file, those of the highest blocks first.
func (s *MemStore) WithDigest(digest core.Hash, before uint64, limit int) ([]chain.Arrival, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chain.Arrival
	for _, b := range s.blocks {
		for i, m := range b.Messages {
			if m.Body == nil {
				continue
			}
			number := b.Header.Height<<16 + uint64(i)
			if d, ok := document.Digest(m.MediaType, m.Body.Payload); ok && d == digest && number < before {
				out = append(out, chain.Arrival{ID: m.ID, Number: number})
			}
		}
	}
	slices.SortFunc(out, func(a, b chain.Arrival) int { return cmp.Compare(b.Number, a.Number) })
	return out[:min(limit, len(out))], nil
}

func named(hashes []core.Hash, digits string, limit int) []core.Hash {
	hashes = slices.DeleteFunc(hashes, func(h core.Hash) bool { return !strings.HasPrefix(h.String(), digits) })
	slices.SortFunc(hashes, core.Hash.Compare)
	return hashes[:min(limit, len(hashes))]
}
