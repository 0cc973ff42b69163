package consensus_test

import (
	"errors"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// onChain judges the header that follows three blocks of the test network, edited and then sealed.
func onChain(edit func(parent coretest.Tip, h *core.Header)) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := coretest.Network(t)
		tip := coretest.Genesis(n)
		for _, b := range coretest.Chain(t, n, tip, 3, 0) {
			tip = tip.After(b)
		}
		return judgeHeader(t, n, tip, edit)
	}
}

// onParent judges a sealed header on a block of height 1 whose header is edited, but not judged.
func onParent(network func(t *testing.T) *core.Network, parent func(*core.Header), edit func(parent coretest.Tip, h *core.Header)) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := network(t)
		genesis := coretest.Genesis(n)
		b := coretest.Next(t, n, genesis)
		parent(&b.Header)
		return judgeHeader(t, n, genesis.After(b), edit)
	}
}

func judgeHeader(t *testing.T, n *core.Network, parent coretest.Tip, edit func(parent coretest.Tip, h *core.Header)) error {
	t.Helper()
	b := coretest.NextWith(t, n, parent, func(h *core.Header) {
		if n.Params.Pow == core.PowClassic {
			h.MessageCount = 1
		}
		edit(parent, h)
	})
	return consensus.CheckHeader(n, &parent.Header, parent.Hash, parent.History, &b.Header)
}

func testNetwork(t *testing.T) *core.Network { return coretest.Network(t) }

func fixedNetwork(t *testing.T) *core.Network {
	return coretest.Network(t, func(p *core.Params) { p.BlockIntervalMS = 0 })
}

func classicNetwork(t *testing.T) *core.Network {
	return coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 2 })
}

func asIs(*core.Header) {}

func headerCases() []ruleCase {
	var out []ruleCase
	keep := func(rule error, name string, edit func(parent coretest.Tip, h *core.Header)) {
		out = append(out, keeps(rule, name, onChain(edit)))
	}
	brk := func(rule error, name string, edit func(parent coretest.Tip, h *core.Header)) {
		out = append(out, breaks(rule, name, onChain(edit)))
	}
	keep(consensus.ErrHeight, "one more", func(_ coretest.Tip, h *core.Header) { h.Height = 4 })
	brk(consensus.ErrHeight, "the same", func(_ coretest.Tip, h *core.Header) { h.Height = 3 })
	brk(consensus.ErrHeight, "two more", func(_ coretest.Tip, h *core.Header) { h.Height = 5 })
	brk(consensus.ErrHeight, "none", func(_ coretest.Tip, h *core.Header) { h.Height = 0 })

	keep(consensus.ErrPrevious, "the parent", func(p coretest.Tip, h *core.Header) { h.PreviousHash = p.Hash })
	brk(consensus.ErrPrevious, "the grandparent", func(p coretest.Tip, h *core.Header) { h.PreviousHash = p.Header.PreviousHash })

	keep(consensus.ErrHistoryRoot, "blocks 0 to 3", func(p coretest.Tip, h *core.Header) { h.HistoryRoot = p.History.Root() })
	brk(consensus.ErrHistoryRoot, "the parent's", func(p coretest.Tip, h *core.Header) { h.HistoryRoot = p.Header.HistoryRoot })
	brk(consensus.ErrHistoryRoot, "one block too many", func(p coretest.Tip, h *core.Header) {
		h.HistoryRoot = p.History.Append(core.Hash{}).Root()
	})

	keep(consensus.ErrTimeNotAfterParent, "1 ms later", func(p coretest.Tip, h *core.Header) { h.TimeMS, h.BusyMS = p.Header.TimeMS+1, 1 })
	brk(consensus.ErrTimeNotAfterParent, "the same time", func(p coretest.Tip, h *core.Header) { h.TimeMS = p.Header.TimeMS })
	brk(consensus.ErrTimeNotAfterParent, "1 ms earlier", func(p coretest.Tip, h *core.Header) { h.TimeMS = p.Header.TimeMS - 1 })
	brk(consensus.ErrTimeNotAfterParent, "time 0", func(_ coretest.Tip, h *core.Header) { h.TimeMS = 0 })

	keep(consensus.ErrTimeRange, "the last ms of 9999", func(_ coretest.Tip, h *core.Header) { h.TimeMS = core.MaxTimeMS })
	brk(consensus.ErrTimeRange, "the first ms of 10000", func(_ coretest.Tip, h *core.Header) { h.TimeMS = core.MaxTimeMS + 1 })
	brk(consensus.ErrTimeRange, "2⁶⁴ − 1", func(_ coretest.Tip, h *core.Header) { h.TimeMS = 1<<64 - 1 })

	keep(consensus.ErrMessageCount, "as many as may be", func(_ coretest.Tip, h *core.Header) { h.MessageCount = 32768 })
	brk(consensus.ErrMessageCount, "one too many", func(_ coretest.Tip, h *core.Header) { h.MessageCount = 32769 })

	out = append(out,
		keeps(consensus.ErrNonce, "2⁵³ − 1", judgeNonce(1<<53-1)),
		breaks(consensus.ErrNonce, "2⁵³", judgeNonce(1<<53)),
		breaks(consensus.ErrNonce, "2⁶⁴ − 1", judgeNonce(1<<64-1)))
	return slices.Concat(out, busyCases(), bitsCases(), workCases(), powCases())
}

func busyCases() []ruleCase {
	// T of the test network is 200 ms.
	set := func(sinceParent uint64, busy uint32) func(coretest.Tip, *core.Header) {
		return func(p coretest.Tip, h *core.Header) { h.TimeMS, h.BusyMS = p.Header.TimeMS+sinceParent, busy }
	}
	none := onParent(fixedNetwork, asIs, set(1000, 0))
	some := onParent(fixedNetwork, asIs, set(1000, 1))
	return []ruleCase{
		keeps(consensus.ErrBusy, "1 ms", onChain(set(5000, 1))),
		keeps(consensus.ErrBusy, "all the time since the parent", onChain(set(7, 7))),
		keeps(consensus.ErrBusy, "four intervals", onChain(set(5000, 800))),
		keeps(consensus.ErrBusy, "four intervals, all the time", onChain(set(800, 800))),
		breaks(consensus.ErrBusy, "not at all", onChain(set(5000, 0))),
		breaks(consensus.ErrBusy, "longer than the parent is old", onChain(set(7, 8))),
		breaks(consensus.ErrBusy, "over four intervals", onChain(set(5000, 801))),
		breaks(consensus.ErrBusy, "2³² − 1", onChain(set(core.MaxTimeMS/2, 1<<32-1))),
		keeps(consensus.ErrBusy, "none without an interval", none),
		breaks(consensus.ErrBusy, "some without an interval", some),
	}
}

func bitsCases() []ruleCase {
	lazy := func(h *core.Header) { h.BusyMS = 1 }
	same := func(coretest.Tip, *core.Header) {}
	bits := func(bits core.Bits) func(coretest.Tip, *core.Header) {
		return func(_ coretest.Tip, h *core.Header) { h.Bits = bits }
	}
	parents := func(p coretest.Tip, h *core.Header) { h.Bits = p.Header.Bits }
	return []ruleCase{
		keeps(consensus.ErrBits, "the floor after a busy parent", onParent(testNetwork, asIs, bits(0x200fffff))),
		keeps(consensus.ErrBits, "harder after a parent that found at once", onParent(testNetwork, lazy, same)),
		keeps(consensus.ErrBits, "the parent's without an interval", onParent(fixedNetwork, asIs, parents)),
		breaks(consensus.ErrBits, "the parent's after a parent that found at once", onParent(testNetwork, lazy, parents)),
		breaks(consensus.ErrBits, "one off", onParent(testNetwork, asIs, bits(0x200ffffe))),
		breaks(consensus.ErrBits, "harder than asked", onParent(testNetwork, asIs, bits(0x1f7fffff))),
		breaks(consensus.ErrBits, "easier than the floor", onParent(testNetwork, asIs, bits(0x20100000))),
		breaks(consensus.ErrBits, "harder without an interval", onParent(fixedNetwork, asIs, bits(0x200ffffe))),
		breaks(consensus.ErrBits, "harder on classic", onParent(classicNetwork, asIs, bits(0x1f00fffe))),
		breaks(consensus.ErrBits, "none", onParent(testNetwork, asIs, bits(0))),
		breaks(consensus.ErrBits, "none, as the parent has none", judgeChildOf(testNetwork, 0)),
	}
}

func workCases() []ruleCase {
	// A block at the floor of difficulty 1, bits 0x200fffff, is worth ⌊2²⁵⁶ / (target + 1)⌋ = 16.
	own := core.NewWork(0, 16)
	largest := core.NewWork(1<<64-1, 1<<64-1)
	work := func(w core.Work) func(coretest.Tip, *core.Header) {
		return func(_ coretest.Tip, h *core.Header) { h.Work = w }
	}
	parent := func(w core.Work) func(*core.Header) { return func(h *core.Header) { h.Work = w } }
	return []ruleCase{
		keeps(consensus.ErrWork, "the parent's and 16", onParent(testNetwork, parent(core.NewWork(7, 1<<64-1)), work(core.NewWork(8, 15)))),
		keeps(consensus.ErrWork, "2¹²⁸ − 1", onParent(testNetwork, parent(largest.Sub(own)), work(largest))),
		breaks(consensus.ErrWork, "the parent's", onParent(testNetwork, parent(own), work(own))),
		breaks(consensus.ErrWork, "one too much", onParent(testNetwork, parent(own), work(core.NewWork(0, 33)))),
		breaks(consensus.ErrWork, "one too little", onParent(testNetwork, parent(own), work(core.NewWork(0, 31)))),
		breaks(consensus.ErrWork, "in the high half", onParent(testNetwork, parent(own), work(core.NewWork(1, 32)))),
		breaks(consensus.ErrWork, "2¹²⁸ as 0", judgeOverflow),
		breaks(consensus.ErrWork, "2¹²⁸ in one block", judgeChildOf(fixedNetwork, 0x107fffff)),
	}
}

// judgeOverflow judges a block whose work would be exactly 2¹²⁸.
func judgeOverflow(t *testing.T) error {
	n := testNetwork(t)
	genesis := coretest.Genesis(n)
	b := coretest.Next(t, n, genesis)
	child := coretest.Next(t, n, genesis.After(b))
	b.Header.Work = core.NewWork(1<<64-1, 1<<64-16)
	tip := genesis.After(b)
	child.Header.PreviousHash, child.Header.HistoryRoot, child.Header.Work = tip.Hash, tip.History.Root(), core.Work{}
	coretest.Seal(t, n, &tip.Header, &child.Header)
	return consensus.CheckHeader(n, &tip.Header, tip.Hash, tip.History, &child.Header)
}

// judgeChildOf judges a header with the bits of its parent, whatever they are.
func judgeChildOf(network func(t *testing.T) *core.Network, bits core.Bits) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := network(t)
		genesis := coretest.Genesis(n)
		b := coretest.Next(t, n, genesis)
		child := coretest.Next(t, n, genesis.After(b))
		b.Header.Bits = bits
		tip := genesis.After(b)
		child.Header.PreviousHash, child.Header.Bits = tip.Hash, bits
		return consensus.CheckHeader(n, &tip.Header, tip.Hash, tip.History, &child.Header)
	}
}

func powCases() []ruleCase {
	judge := func(network func(t *testing.T) *core.Network, nonce func(n *core.Network, parent, h *core.Header)) func(t *testing.T) error {
		return func(t *testing.T) error {
			n := network(t)
			tip := coretest.Genesis(n)
			b := coretest.NextWith(t, n, tip, func(h *core.Header) {
				if n.Params.Pow == core.PowClassic {
					h.MessageCount = 1
				}
			})
			nonce(n, &tip.Header, &b.Header)
			return consensus.CheckHeader(n, &tip.Header, tip.Hash, tip.History, &b.Header)
		}
	}
	sealed := func(*core.Network, *core.Header, *core.Header) {}
	unsealed := func(n *core.Network, parent, h *core.Header) {
		for consensus.CheckPow(n, parent, h) == nil {
			h.Nonce++
		}
	}
	proof := func(proof uint64) func(n *core.Network, parent, h *core.Header) {
		return func(_ *core.Network, _, h *core.Header) { h.Nonce = proof }
	}
	return []ruleCase{
		keeps(consensus.ErrHashAboveTarget, "header", judge(testNetwork, sealed)),
		breaks(consensus.ErrHashAboveTarget, "header", judge(testNetwork, unsealed)),
		keeps(consensus.ErrHashAboveTarget, "classic", judge(classicNetwork, proof(350))),
		breaks(consensus.ErrHashAboveTarget, "classic, one zero of two", judge(classicNetwork, proof(1))),
		keeps(consensus.ErrMessageCount, "classic, one", judge(classicNetwork, sealed)),
		breaks(consensus.ErrMessageCount, "classic, none", judge(classicNetwork, func(_ *core.Network, _, h *core.Header) { h.MessageCount = 0 })),
		breaks(consensus.ErrMessageCount, "classic, two", judge(classicNetwork, func(_ *core.Network, _, h *core.Header) { h.MessageCount = 2 })),
	}
}

// judgeNonce varies the time until a nonce meets the target.
func judgeNonce(nonce uint64) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := testNetwork(t)
		tip := coretest.Genesis(n)
		b := coretest.Next(t, n, tip)
		b.Header.Nonce = nonce
		for consensus.CheckPow(n, nil, &b.Header) != nil {
			b.Header.TimeMS++
		}
		return consensus.CheckHeader(n, &tip.Header, tip.Hash, tip.History, &b.Header)
	}
}

// TestCheckHeaderHistory holds that a history of the wrong blocks is our fault, not the header's.
func TestCheckHeaderHistory(t *testing.T) {
	n := testNetwork(t)
	tip := coretest.Genesis(n)
	b := coretest.Next(t, n, tip)
	for _, history := range []core.Frontier{{}, tip.History.Append(tip.Hash)} {
		err := consensus.CheckHeader(n, &tip.Header, tip.Hash, history, &b.Header)
		if consensus.ClassOf(err) != consensus.Fault {
			t.Errorf("history of %d blocks: %v is %v", history.Size(), err, consensus.ClassOf(err))
		}
	}
}

// TestCheckHeaderHighest holds that heights do not wrap around.
func TestCheckHeaderHighest(t *testing.T) {
	n := testNetwork(t)
	tip := coretest.Genesis(n)
	h := coretest.Next(t, n, tip).Header
	tip.Header.Height, h.Height = 1<<64-1, 0
	if err := consensus.CheckHeader(n, &tip.Header, tip.Hash, core.Frontier{}, &h); !errors.Is(err, consensus.ErrHeight) {
		t.Errorf("height 0 on 2⁶⁴ − 1: %v", err)
	}
}
