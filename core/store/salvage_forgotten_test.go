package store

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A store that is built anew of a damaged one does not get back what was erased or pruned, even where all
// bodies are at hand, and still knows who erased what.
func TestForgottenIsSalvaged(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	m := coretest.Messages(t, n, "m", 12)
	blocks := tall(t, n, 10, m[:3], m[3:6], m[6:9])
	connect(t, s, blocks...)
	accept(t, s, true, mempool.Accepted, m[9:]...)
	pruneTo(t, s, 1)
	erase(t, s, early, m[3], m[10], m[0])
	lost := hashKey(prefixErased, core.Hash{})[:1]
	if err := s.db.Delete(append(lost, make([]byte, 8)...), pebble.Sync); err != nil { // the number of m[3]
		t.Fatal(err)
	}
	for _, x := range []*core.Message{m[1], m[3]} { // only an older version of their records can be read
		at, err := reader{s.db}.index(x.ID)
		if err != nil {
			t.Fatal(err)
		}
		rec := &record{signature: x.Signature, envelope: x.Envelope, body: x.Body}
		if err := s.db.Set(numberKey(prefixRecord, at.slot), rec.encode(), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	closeNow(t, s)

	from, err := OpenSalvage(t.Context(), dir, filepath.Join(t.TempDir(), "scratch"), n, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs := vfs.NewMem()
	fresh := open(t, n, fs)
	if err := fresh.RestoreForgotten(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	sent := slices.Clone(blocks) // of a chain file, say, that has all but what was pruned
	sent[0] = coretest.WithoutBodies(blocks[0])
	connect(t, fresh, sent...)
	_, err = fresh.Restore(t.Context(), from, func(msgs []*core.Message) []error { return make([]error, len(msgs)) })
	if err := errors.Join(err, from.Close()); err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, fresh, m...); !slices.Equal(got, []bool{false, false, false, false, true, true, true, true, true, true, true, true}) {
		t.Errorf("bodies are there: %v", got)
	}
	list, err := fresh.ErasuresBefore(100, 100)
	if err != nil || len(list) != 3 || list[2].ID != m[10].ID || list[1].ID != m[0].ID || list[0].ID != m[3].ID || !list[0].Settled || list[2].Settled {
		t.Errorf("ErasuresBefore = %+v, %v", list, err)
	}
	if gaps, err := fresh.Gaps(chain.Place{}, 10); len(gaps) != 0 || err != nil {
		t.Errorf("Gaps = %v, %v", gaps, err)
	}
	if list, err := fresh.Dropped(); len(list) != 2 || err != nil {
		t.Errorf("Dropped = %v, %v, want the two that were not tidied up after", list, err)
	}
	lowestFull(t, fresh, 2)
	check(t, fresh)
	closeNow(t, fresh)
	lowestFull(t, open(t, n, fs), 2)
}
