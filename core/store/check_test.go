package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

// free are the bytes of values that nothing else depends on, so that no check can miss them.
func free(key byte, value string, at int) bool {
	switch key {
	case prefixPeer, prefixReorg:
		return at > 0
	case prefixMeta:
		return at > 44 // names
	case prefixEntry:
		return at >= 1 && at < 9 // first seen
	case prefixCondemned:
		return at >= 1 && at < 9 || at > 160 // first seen, reason
	case prefixSequence:
		return at > 0
	case prefixRecord: // local or not, accepted when, first signature: checked for some
		signature := 10 + 118 + int(value[10+81])
		return at >= 1 && at < 10 || at >= signature && at < signature+64
	case prefixNote: // the time within its day, what was asked and answered
		return at >= 6
	case prefixForgotten: // all but the number of erasures
		return at < 9 || at >= 17
	case prefixErasure: // when, and by which message
		return at >= 10 && at < 18 || at >= 50
	case prefixErrand: // whether the index of digests had it, and where it was
		return true
	case prefixClaim:
		return true
	case prefixWaiting:
		return at == 1 // local for another reason
	}
	return false
}

// Check notices when any key is missing, and when any byte that means something is another.
func TestCheckFindsEveryDamage(t *testing.T) {
	coretest.Sequential(t)
	n := coretest.Network(t)
	s := damaged(t, n)
	forgetSome(t, s, coretest.Messages(t, n, "m", 30))
	rng := random.Source(t)
	checks := 0
	all := dump(t, s)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := all[key]
		finds := func(what string, change func() error) {
			t.Helper()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			report, err := s.Check(t.Context(), true)
			if err != nil || report.Err() == nil {
				t.Errorf("Check after %s of key %x = %v, %v, want a problem", what, key, report.Problems, err)
			}
			if err := s.db.Set([]byte(key), []byte(value), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			checks++
		}
		if !slices.Contains([]byte{prefixPeer, prefixCondemned, prefixReorg, prefixNote, prefixErrand, prefixClaim}, key[0]) {
			finds("the loss", func() error { return s.db.Delete([]byte(key), pebble.NoSync) })
		}
		for range 6 {
			at := rng.IntN(len(value))
			if free(key[0], value, at) {
				continue
			}
			other := []byte(value)
			other[at] ^= byte(1 << rng.IntN(8))
			finds(fmt.Sprintf("damage to byte %d", at), func() error { return s.db.Set([]byte(key), other, pebble.NoSync) })
		}
		if !slices.Contains([]byte{prefixPeer, prefixCondemned}, key[0]) {
			finds("an addition", func() error { return s.db.Set([]byte(key), append([]byte(value), 0), pebble.NoSync) })
		}
	}
	if checks < 500 {
		t.Errorf("only %d checks", checks)
	}
}

// damaged returns a store with something in every table. Its bodies hold text, so that none is empty.
func damaged(t *testing.T, n *core.Network) *Store {
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 30)
	accept(t, s, false, mempool.Accepted, m[:10]...)
	accept(t, s, false, mempool.Accepted, fileMessage(t, n, "a", "content"))
	old := branch(t, n, coretest.Genesis(n), m[4:8], m[12:14])
	connect(t, s, old...)
	commit(t, s, reorg(old, branch(t, n, coretest.Genesis(n), m[6:9], m[14:16], m[16:20], m[20:21])))
	bad := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.TimeMS += 9 })
	commit(t, s, chain.Change{Condemn: []chain.Entry{{Hash: bad.Header.Hash(), Header: bad.Header, Condemned: "x"}}})
	if err := s.PutPeer("a", []byte("b")); err != nil {
		t.Fatal(err)
	}
	acceptNoted(t, s, 1000, mempool.Note{Key: core.Hash{1}}, m[0])
	return s
}

// Keys that nobody asked for are found too.
func TestCheckFindsStrays(t *testing.T) {
	n := coretest.Network(t)
	s := damaged(t, n)
	genesis, err := s.Block(n.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	m := coretest.Message(t, n, coretest.Key(0), "stray")
	rec := &record{envelope: m.Envelope, signature: m.Signature, body: m.Body}
	stray := core.Hash{1}
	for name, kv := range map[string][2][]byte{
		"unknown table":     {{0x7f}, nil},
		"last prefix":       {{0xff, 1}, nil},
		"short hash key":    {{prefixEntry, 1}, {1}},
		"short number key":  {{prefixHeight, 1}, {1}},
		"height over tip":   {numberKey(prefixHeight, 5), encodeHash(n.Genesis)},
		"history node":      {historyKey(9, 0), encodeHash(stray)},
		"leaves":            {blockKey(prefixLeaves, 1, stray), encodeLeaves(nil)},
		"short block key":   {numberKey(prefixLeaves, 1), encodeLeaves(nil)},
		"side":              {hashKey(prefixSide, stray), {valueVersion}},
		"side on best":      {hashKey(prefixSide, n.Genesis), {valueVersion}},
		"condemned on best": {hashKey(prefixCondemned, n.Genesis), encodeEntry(chain.Entry{Header: genesis.Header, Condemned: "x"})},
		"record":            {numberKey(prefixRecord, 1000), rec.encode()},
		"index":             {hashKey(prefixIndex, m.ID), index{slot: 1}.encode()},
		"index with place":  {hashKey(prefixIndex, m.ID), index{places: []chain.Place{{Block: n.Genesis}}}.encode()},
		"waiting":           {numberKey(prefixWaiting, 1000), encodeWaiting(waitingOf(m.ID, rec))},
		"waiting id":        {hashKey(prefixWaitingID, m.ID), waitingPointer{1000, 5}.encode()},
		"reorg":             {numberKey(prefixReorg, 7), encodeReorg(&chain.ReorgRecord{})},
		"journal":           {{prefixJournal}, (&journal{phase: phaseSweeping}).encode()},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.db.Set(kv[0], kv[1], pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			report, err := s.Check(t.Context(), true)
			if err != nil || !errors.Is(report.Err(), ErrCorrupt) {
				t.Errorf("Check = %v, %v, want a problem", report.Problems, err)
			}
			if err := s.db.Delete(kv[0], pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCheckReport(t *testing.T) {
	n := coretest.Network(t)
	s := damaged(t, n)
	tip, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	want := Report{Deep: true, Tip: tip, Height: 4, Sides: 2, Condemned: 1, Messages: 20, Bodies: 20, Waiting: 10}
	report, err := s.Check(t.Context(), true)
	equal(t, "Check", report, want, err)
	want.Deep, want.Messages, want.Bodies = false, 0, 0
	report, err = s.Check(t.Context(), false)
	equal(t, "shallow Check", report, want, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ended, true); !errors.Is(err, context.Canceled) {
		t.Errorf("Check with an ended context = %v", err)
	}
	r := &checker{}
	for i := range maxProblems + 5 {
		r.problem("%d", i)
	}
	if len(r.report.Problems) != maxProblems || r.report.More != 5 || !bytes.Contains([]byte(r.report.Err().Error()), []byte("105 problems")) {
		t.Errorf("%d problems and %d more: %v", len(r.report.Problems), r.report.More, r.report.Err())
	}
}

// Closing ends a walk that is under way, and nobody waits for a walk.
func TestCheckAndClose(t *testing.T) {
	n := coretest.Network(t)
	s := damaged(t, n)
	snap, err := s.checkpoint() // as Check does
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s, coretest.Next(t, n, tipOf(t, n, s))) // a change of any size goes on
	s.show(s.db)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing
	c := &checker{reader: reader{snap}, net: n, closing: s.closing}
	if err := c.walk(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("walk = %v, want ErrClosed", err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	s.pending.Done()
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := s.Check(t.Context(), false); !errors.Is(err, ErrClosed) {
		t.Errorf("Check of a closed store = %v, want ErrClosed", err)
	}
}

// tipOf returns the tip of a store to build on.
func tipOf(t *testing.T, n *core.Network, s *Store) coretest.Tip {
	t.Helper()
	hash, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Entry(hash)
	if err != nil {
		t.Fatal(err)
	}
	history, err := s.Frontier(e.Header.Height)
	if err != nil {
		t.Fatal(err)
	}
	return coretest.Tip{Hash: hash, Header: e.Header, History: history}
}
