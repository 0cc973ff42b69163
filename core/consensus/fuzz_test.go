package consensus_test

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// FuzzCheckHeader judges any header on genesis: a verdict about it is never our fault.
func FuzzCheckHeader(f *testing.F) {
	n := coretest.Network(f)
	genesis := coretest.Genesis(n)
	for _, b := range coretest.Chain(f, n, genesis, 2, 1) {
		header := b.Header.Encode()
		f.Add(header[:], b.Header.TimeMS)
	}
	classic := coretest.Builtin(f, "classic")
	f.Fuzz(func(t *testing.T, raw []byte, nowMS uint64) {
		h, err := core.DecodeHeader(raw)
		if err != nil {
			return
		}
		notOurs(t, consensus.CheckHeader(n, &genesis.Header, genesis.Hash, genesis.History, &h))
		parent, child := h, h
		parent.Height, child.Height = 0, 1
		child.PreviousHash, child.Bits = parent.Hash(), consensus.NextBits(n, &parent)
		notOurs(t, consensus.CheckHeader(n, &parent, parent.Hash(), genesis.History, &child))
		notOurs(t, consensus.CheckPow(n, nil, &h))
		notOurs(t, consensus.CheckPow(classic, &h, &h))
		notOurs(t, consensus.CheckClock(&h, nowMS))
		if bits := consensus.NextBits(n, &h); bits != 0 {
			if target, err := bits.Target(); err != nil || target.Cmp(n.Floor) > 0 {
				t.Errorf("bits %08x after %08x, busy %d", uint32(bits), uint32(h.Bits), h.BusyMS)
			}
		}
	})
}

// FuzzCheckMessage judges any message, alone and twice in a batch.
func FuzzCheckMessage(f *testing.F) {
	n := coretest.Network(f)
	f.Add(coretest.Message(f, n, coretest.Key(0), "text").Bytes())
	f.Add(coretest.Message(f, n, coretest.Key(1), "").Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := core.DecodeMessage(n.Genesis, raw)
		if err != nil {
			return
		}
		notOurs(t, consensus.CheckMessage(n, m))
		single, batch := consensus.CheckSignature(m), consensus.CheckSignatures([]*core.Message{m, m})
		if (single == nil) != (batch == nil) {
			t.Errorf("single %v, batch %v", single, batch)
		}
		notOurs(t, batch)
		notOurs(t, consensus.CheckBlock(n, &core.Block{Messages: []*core.Message{m}}))
	})
}

func notOurs(t *testing.T, err error) {
	t.Helper()
	if consensus.ClassOf(err) == consensus.Fault {
		t.Errorf("%v counts as our fault", err)
	}
}
