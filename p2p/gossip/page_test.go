package gossip

import (
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

const protocolPage = "../../docs/protocol.md"

// TestProtocolPage holds docs/protocol.md to the topics, their formats, and what a peer may send.
func TestProtocolPage(t *testing.T) {
	page := coretest.ReadPage(t, protocolPage)
	id := coretest.Network(t).ID()
	topics := TopicsOf(coretest.Network(t))
	page.Says("`/p2pchain/<id>/%s`: byte %v, %v random bytes", topics.Messages[len("/p2pchain/"+id+"/"):], kindBundle, bundleHead-1)
	page.Says("then 1 to %v messages with their bodies, each after its size as %v bytes, big-endian; %v KiB in all, and no id twice",
		maxBundleMessages, prefixBytes, maxBundleBytes>>10)
	page.Says("`/p2pchain/<id>/%s`, up to %v KiB", topics.Blocks[len("/p2pchain/"+id+"/"):], maxAnnouncementBytes>>10)
	page.Says("byte %v, a header and, as above, all messages of its block with their bodies: blocks that so take up to %v KiB", kindWhole, wholeBytes>>10)
	page.Says("byte %v, a header and the short ids of all its messages, %v bytes each", kindCompact, core.ShortIDSize)
	page.Says("byte %v and a header alone", kindHeader)
	page.Says("RPCs up to %v KiB", maxFrame>>10)
	p := overlay()
	page.Says("D %v / %v / %v, Dlazy %v, history %v / %v", p.D, p.Dlo, p.Dhi, p.Dlazy, p.HistoryLength, p.HistoryGossip)
	page.Says("a peer may send %v MiB at once and %v MiB/s, each counting %v KiB at least", vainBurst>>20, vainRate>>20, minVain>>10)
	page.Says("Of headers of the classic proof of work a peer may send %v at once and %v/s", headerBurst, headerRate)
	page.Says("More than %v peers of one public address lose score", peersPerAddress)
	page.Says("publishes it again every %v minutes", DefaultConfig().Republish/time.Minute)
	page.Says("| ids of gossip | %v min each", seenTime/time.Minute)
	page.Says("two of %v KiB | %v messages wait for a verdict", maxFrame>>10, DefaultConfig().ValidateQueue)
	page.Says("whose time is more than %v s ahead is kept until it is due, unless that is more than %v minutes more: %v in all, %v of a peer, three of a block",
		consensus.MaxFutureMS/1000, maxHeldTime/time.Minute, maxHeld, heldPerPeer)
	page.Says("a share | %v, %v min |", maxHeld, maxHeldTime/time.Minute)
	s := thresholds()
	page.Says("Below %v a peer hears no gossip, below %v nothing is published to it, below %v nothing is taken from it",
		minus(s.GossipThreshold), minus(s.PublishThreshold), minus(s.GraylistThreshold))
	page.Says("and %v for invalid gossip |", minus((&Gossip{}).scoring().Topics[""].InvalidMessageDeliveriesWeight))
	page.Says("%v MiB at once and %v KiB/s, in which announcements whose parent is unknown count %v KiB each, those after the first %v and over %v/s",
		floodBurst>>20, floodRate>>10, minVain>>10, orphanBurst, orphanRate)
	page.Says("of changes of subscriptions, %v in an RPC, %v at once and %v/s", maxSubscriptions, subscribeBurst, subscribeRate)
	page.Says("of streams of the topics, %v at once and one every %v s", openBurst, int(1/openRate))
	page.Says("is read at %v MiB/s after the first %v MiB, a frame counting %v bytes at least", streamRate>>20, streamBurst>>20, minFrame)
}

// TestProtocolPageBlocks holds the page to how announced blocks are rebuilt.
func TestProtocolPageBlocks(t *testing.T) {
	page := coretest.ReadPage(t, protocolPage)
	const three = 3 // versions of a block, which the page has as a word
	if maxVersions != three {
		t.Errorf("%d versions are tried", maxVersions)
	}
	page.Says("%v s each at most; when all have said that the block is not there", askTime.Seconds())
	page.Says("again after 20, 40, … %v ms", maxPause/time.Millisecond)
	page.Says("After %v s, or where too much is unknown", rebuildTime/time.Second)
	page.Says("| announced blocks being rebuilt | %v | %v, and %v that wait, for %v s |", rebuildsPerPeer, rebuildWorkers, maxRebuilds-rebuildWorkers, maxQueued/time.Second)
	page.Says("and %v more wait", maxRebuilds-rebuildWorkers)
	page.Says("A block that still needs answers %v s after it was announced", maxAlone/time.Second)
}

// TestProtocolPageRounds holds the page to how waiting messages are reconciled.
func TestProtocolPageRounds(t *testing.T) {
	page := coretest.ReadPage(t, protocolPage)
	page.Says("others wait for %v s at most, a second one of a peer is reset", maxOfferWait/time.Second)
	page.Says("whoever does not bring what it offered in %v s offers in vain for the next minute", maxOfferTime/time.Second)
	page.Says("every %v s with the one that was asked the longest ago: four at a time, each for %v s at most", DefaultConfig().Reconcile/time.Second, maxRound/time.Second)
	for _, word := range []struct{ have, want int }{{maxRounds, 4}, {maxSketches, 4}, {maxVain, 4}, {int(offerRest / time.Minute), 1}} {
		if word.have != word.want { // the page has them as words
			t.Errorf("%d, the page says %d", word.have, word.want)
		}
	}
	page.Says("begin with 128 cells and ask for four sketches at most")
	page.Says("nothing four times in a row is left until its next turn")
}

// minus writes a negative number as the page does.
func minus(n float64) string { return "−" + coretest.Number(int(-n)) }
