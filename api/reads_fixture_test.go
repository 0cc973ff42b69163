package api_test

import (
	"slices"
	"strings"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/mempool"
)

// seenMS is when the node of a fixture first had any message.
const seenMS = 946684805000

// An archive is what a fixture's node has stored. It reads blocks through its chain, so that whoever
// wraps that sees it.
type archive struct {
	*coretest.MemStore
	chain api.Chain
	pool  *fakePool
}

// Pieces implements api.Archive.
func (a *archive) Pieces(into *chain.Pieces, want chain.Extract) error {
	into.Reset()
	from := want.From
	for i, hash := range want.Blocks {
		if i > 0 && (want.Messages <= 0 || want.Bytes <= 0) {
			return nil
		}
		b, err := a.chain.Block(hash)
		if err != nil {
			if i > 0 && err == chain.ErrNotFound {
				return nil
			}
			return err
		}
		h := b.Header
		h.MessageCount = uint32(len(b.Messages)) // that of an endless chain is none
		into.Begin(hash, &h, from)
		want.Bytes -= 256
		if want.Bare || len(b.Messages) == 0 {
			want.Messages--
			continue
		}
		for n, m := range b.Messages[min(from, len(b.Messages)):] {
			if n > 0 && (want.Messages <= 0 || want.Bytes <= 0) {
				break
			}
			leaf := m.Leaf()
			if err := into.Add(&leaf, m.Bytes(), chain.FirstSeen{MS: seenMS}); err != nil {
				return err
			}
			want.Messages--
			want.Bytes -= m.Size()
		}
		from = 0
	}
	return nil
}

func (a *archive) Seen(core.Hash) (chain.FirstSeen, error) { return chain.FirstSeen{MS: seenMS}, nil }

func (a *archive) WaitingBefore(before uint64, limit int) ([]mempool.Waiting, error) {
	all, err := a.pool.List(0, 1<<30)
	all = slices.DeleteFunc(all, func(w mempool.Waiting) bool { return w.Seq >= before })
	slices.Reverse(all)
	return all[:min(limit, len(all))], err
}

// WithDigest implements api.Archive. Waiting messages came last.
func (a *archive) WithDigest(digest core.Hash, before uint64, limit int) ([]chain.Arrival, error) {
	out, err := a.MemStore.WithDigest(digest, before, limit)
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	for i, m := range a.pool.waiting {
		if d, ok := document.Digest(m.MediaType, m.Body.Payload); ok && d == digest && uint64(1<<40+i) < before {
			out = append([]chain.Arrival{{ID: m.ID, Number: uint64(1<<40 + i)}}, out...)
		}
	}
	return out[:min(limit, len(out))], err
}

func (a *archive) MessagesNamed(digits string, limit int) ([]core.Hash, error) {
	out, err := a.MemStore.MessagesNamed(digits, limit)
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	for _, m := range a.pool.waiting {
		if strings.HasPrefix(m.ID.String(), digits) {
			out = append(out, m.ID)
		}
	}
	return out, err
}
