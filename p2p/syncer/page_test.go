package syncer

import (
	"testing"
	"time"

	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// TestProtocolPage holds docs/protocol.md to what is asked of peers, for how long, and what ends a peer's turn.
func TestProtocolPage(t *testing.T) {
	page, l := coretest.ReadPage(t, "../../docs/protocol.md"), DefaultLimits()
	page.Says("is asked again after 100 ms, 200 ms, … for 13 s")
	if sum := (1<<maxEarly - 1) * 100 * time.Millisecond; sum/time.Second != 12 { // 12.7 s, and 13 s in words
		t.Errorf("an early peer is asked for %v", sum)
	}
	page.Says("*hello* three times in a row, a second apart")
	if maxLies != 3 || lieRetry != time.Second || maxDenials != 3 || unbackedAfter != time.Second {
		t.Error("lies are counted otherwise than the page says")
	}
	page.Says("After %v pages it counts no more, and goes on at one page a second", fastPages)
	page.Says("Blocks are asked for eight at a time, small ones up to %v at a time of peers that answer within a second; two such requests", l.MaxChunk)
	if l.Chunk != 8 || l.InFlight/l.Chunk != 2 || quickAnswer != time.Second || slowPage != time.Second || l.Sessions != 4 {
		t.Error("blocks are asked for otherwise than the page says")
	}
	page.Says("Of a large block every %v KiB count as progress", minProgress>>10)
	page.Says("no other block came whole for %v s", asideAfter/time.Second)
	page.Says("If for %v s nobody has the next block of a branch, or for %v min nobody brings it, other branches go first for %v minutes",
		asideAfter/time.Second, asideAtLast/time.Minute, shunTime/time.Minute)
	page.Says("| events for the syncer that nobody asked for | | %v,", maxOffers)
	page.Says("| blocks ahead of the first missing one | %v asked for | window of %v and %v MiB |", l.InFlight, l.Window, l.WindowBytes>>20)
	c := chain.DefaultConfig()
	page.Says("| headers ahead of their blocks | | %v, and %v on side branches |", c.MaxAhead, c.MaxSide)
	page.Says("A block needs all its bodies until it is **settled**: six blocks on top")
	if settledDepth != 6 {
		t.Errorf("settled at %d blocks", settledDepth)
	}
}
