package store

import (
	"bytes"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// fuzz checks that a decoder never panics, and that what it takes encodes to the same bytes.
func fuzz[T any](f *testing.F, decode func([]byte) (T, error), encode func(T) []byte, seeds ...T) {
	for _, v := range seeds {
		b := encode(v)
		if got, err := decode(b); err != nil || !bytes.Equal(encode(got), b) {
			f.Fatalf("decoding %x = %v, %v", b, got, err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b[:len(b):len(b)], 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(v); !bytes.Equal(again, b) {
			t.Errorf("%x decodes, and encodes to %x", b, again)
		}
	})
}

func FuzzMeta(f *testing.F) {
	fuzz(f, decodeMeta, meta.encode, meta{core.Hash{1}, "main (0123)", "p2pchain 1.0"})
}

func FuzzTip(f *testing.F) {
	fuzz(f, decodeTip, tip.encode, tip{core.Hash{1}, 7})
}

func FuzzNumber(f *testing.F) { fuzz(f, decodeNumber, encodeNumber, 0, 1<<63) }

func FuzzHash(f *testing.F) { fuzz(f, decodeHash, encodeHash, core.Hash{1}) }

func FuzzEntry(f *testing.F) {
	n := coretest.Network(f)
	fuzz(f, func(b []byte) (chain.Entry, error) { return decodeEntry(core.Hash{}, false, b) }, encodeEntry,
		chain.Entry{SeenMS: 5, Header: n.Header})
}

func FuzzCondemned(f *testing.F) {
	n := coretest.Network(f)
	fuzz(f, func(b []byte) (chain.Entry, error) { return decodeEntry(core.Hash{}, true, b) }, encodeEntry,
		chain.Entry{SeenMS: 5, Header: n.Header, Condemned: "work is too low"})
}

func FuzzLeaves(f *testing.F) {
	fuzz(f, decodeLeaves, encodeLeaves, nil, []keptLeaf{{core.Leaf{ID: core.Hash{1}}, 0}, {core.Leaf{ID: core.Hash{2}, Signature: core.Signature{3}}, 5}})
}

func FuzzRecord(f *testing.F) {
	m := coretest.Message(f, coretest.Network(f), coretest.Key(0), "text")
	fuzz(f, decodeRecord, (*record).encode,
		&record{flags: flagLocal, acceptedMS: 7, signature: m.Signature, envelope: m.Envelope, body: m.Body},
		&record{signature: m.Signature, envelope: m.Envelope})
}

func FuzzNote(f *testing.F) {
	fuzz(f, decodeNote, func(n mempool.Note) []byte { return encodeNote(&n) }, mempool.Note{AtMS: 7, Print: core.Hash{1}, Last: true},
		mempool.Note{Messages: []mempool.NotedResult{{ID: core.Hash{2}}, {ID: core.Hash{3}, Result: mempool.Refused}}})
}

func FuzzIndex(f *testing.F) {
	fuzz(f, decodeIndex, index.encode, index{},
		index{flagNoBody, 9, []chain.Place{{Height: 5, Position: 7, Block: core.Hash{1}}, {}}})
}

func FuzzWaiting(f *testing.F) {
	fuzz(f, func(b []byte) (mempool.Waiting, error) { return decodeWaiting(1, b) }, encodeWaiting,
		mempool.Waiting{ID: core.Hash{1}, Size: 9, Local: true, Again: true, AcceptedMS: 8}, mempool.Waiting{})
}

func FuzzWaitingPointer(f *testing.F) {
	fuzz(f, decodeWaitingPointer, waitingPointer.encode, waitingPointer{5, 9})
}

func FuzzReorg(f *testing.F) {
	fuzz(f, decodeReorg, func(r chain.ReorgRecord) []byte { return encodeReorg(&r) },
		chain.ReorgRecord{TimeMS: 1, OldTip: core.Hash{1}, NewTip: core.Hash{2}, Fork: core.Hash{3}, Reverted: 4, Applied: 5, Returned: 6},
		chain.ReorgRecord{Reverted: 1, Applied: 2, Returned: -1})
}

func FuzzJournal(f *testing.F) {
	fuzz(f, decodeJournal, (*journal).encode, &journal{
		phase: phasePreparing, firstSeq: 5, old: tip{core.Hash{1}, 2}, new: tip{core.Hash{3}, 4},
		stored: []core.Hash{{5}}, applied: []core.Hash{{6}, {7}}, forgets: nil,
	})
}
