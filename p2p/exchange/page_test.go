package exchange

import (
	"strings"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/sketch"
)

// TestProtocolPage holds docs/protocol.md to the ids, sizes and times of the request protocols.
func TestProtocolPage(t *testing.T) {
	page, cfg := coretest.ReadPage(t, "../../docs/protocol.md"), DefaultConfig()
	if HelloProtocol != "/p2pchain/hello/1" {
		t.Errorf("hello is %s", HelloProtocol)
	}
	page.Says("| `%s` | `Hello`, %v KiB | `Hello`, %v KiB |", HelloProtocol, maxHelloFrame>>10, maxHelloFrame>>10)
	page.Says("up to %v hashes of a locator, newest first, and a limit of up to %v;", MaxLocator, MaxHeaders)
	page.Says("up to %v hashes, or up to %v heights from one on", MaxBlocks, MaxBlocks)
	page.Says("1 to %v positions in it", MaxPositions)
	page.Says("all leaves of the block, of %v bytes each", core.LeafSize)
	page.Says("`MessagesRequest`: up to %v ids", MaxIDs)
	page.Says("and a limit of up to %v; 64 B", MaxPage)
	page.Says("a power of two from %v to %v; 64 B", sketch.MinCells, sketch.MaxCells)
	page.Says("A cell has %v bytes", sketch.CellBytes)
	page.Says("`OfferRequest`: up to %v ids", MaxOffer)
	page.Says("`PeersRequest`: a limit of up to %v;", MaxPeers)
	page.Says("No frame is larger than %v MiB", maxFrame>>20)
	page.Says("printable ASCII, up to %v characters", maxAgent)
	page.Says("Senders end a part at about %v KiB", targetFrame>>10)
	page.Says("up to two records of the sender's own addresses")
	if OwnRecords != 2 || recordsOfPeer != 2 {
		t.Errorf("%d own records, %d of a peer", OwnRecords, recordsOfPeer)
	}
	page.Says("whole, of up to %v KiB, with 1 to %v addresses of up to %v bytes each", maxRecord>>10, MaxRecordAddrs, maxRecordAddr)

	page.Says("A frame must be complete %v s after the last one, in either direction; a stream lasts %v minutes at most; a vote is answered within %v s",
		cfg.FrameTimeout/time.Second, cfg.StreamTimeout/time.Minute, cfg.VoteTimeout/time.Second)
	page.Says("less than about %v KiB of it has **stalled**", leastMoved>>10)
	page.Says("one that would have to wait for more than %v s is reset", cfg.FrameTimeout/time.Second)
	page.Says("and %v MiB of them for all", cfg.BlockMemory>>20)
	page.Says("the slowest block is reset every %v s, if its peer had %v s and read less than %v KiB/s",
		cfg.FrameTimeout/5/time.Second, cfg.FrameTimeout/5/time.Second, minBlockRate>>10)
	page.Says("| blocks being sent | %v | %v MiB |", blocksPerGuest, cfg.BlockMemory>>20)
	page.Says("| pages of headers being read | 4 | %v |", headersAtOnce)
	page.Says("| rates of requests and of gossip | some numbers | %v peers", manyGuests)
	page.Says("for nine times as long as reading the ids took")
	if restFactor != 9 {
		t.Errorf("the rest is %d times", restFactor)
	}
}

// TestProtocolPageRequests holds the table of requests to what the server takes, protocol by protocol.
func TestProtocolPageRequests(t *testing.T) {
	page, n := coretest.ReadPage(t, "../../docs/protocol.md"), coretest.Network(t)
	frames := map[string]int{
		"headers": MaxLocator*core.HashSize + maxSmallFrame, "blocks": MaxBlocks*core.HashSize + maxSmallFrame,
		"fill": maxFillFrame, "leaves": core.HashSize + maxSmallFrame, "messages": MaxIDs*core.HashSize + maxSmallFrame,
		"mempool": maxSmallFrame, "sketch": maxSmallFrame, "offer": MaxOffer*core.HashSize + maxSmallFrame,
		"vote": core.MaxMessageSize + maxSmallFrame, "peers": maxSmallFrame,
	}
	requests := map[string]string{}
	for line := range strings.SplitSeq(page.Text(), "| `/p2pchain/") {
		if cells := strings.Split(line, " | "); len(cells) > 1 {
			requests["/p2pchain/"+strings.Trim(cells[0], "` ")] = cells[1]
		}
	}
	ids := ProtocolsOf(n)
	for _, id := range []string{string(ids.Headers), string(ids.Blocks), string(ids.Fill), string(ids.Leaves), string(ids.Messages),
		string(ids.Mempool), string(ids.Vote), string(ids.Peers), string(ids.Sketch), string(ids.Offer)} {
		name := strings.Replace(id, n.ID(), "<id>", 1)
		kind := strings.Split(name, "/")[3]
		if want := coretest.Number(frames[kind]) + " B"; !strings.HasSuffix(requests[name], "; "+want) {
			t.Errorf("%s: the page has %q, the largest request has %s", name, requests[name], want)
		}
	}
}

// TestProtocolPageRates holds the table of rates to what the server lets through.
func TestProtocolPageRates(t *testing.T) {
	page := coretest.ReadPage(t, "../../docs/protocol.md")
	says := func(k kind, format string, unit int) {
		t.Helper()
		perSecond, burst := rateOf(k)
		page.Says(format, int(perSecond)/unit, burst/unit)
	}
	says(kindHello, "| hello | 4 | %v/s | %v |", 1)
	says(kindHeaders, "| headers | 4 | %v/s | %v |", 1)
	says(kindBlocks, "| blocks | 16 | %v MiB/s, a block counting 4 KiB more than its size | %v MiB |", 1<<10)
	says(kindMessages, "| messages | 8 | %v messages/s | %v |", 1)
	says(kindMempool, "| mempool | 4 | %v/s | %v |", 1)
	says(kindOffer, "| offer | 2 | %v ids/s | %v |", 1)
	says(kindVote, "| vote | 16 | %v/s | %v |", 1)
	perSecond, burst := rateOf(kindSketch)
	page.Says("| sketch | 4 | %v KiB/s, a sketch counting 1 KiB more than its cells | %v MiB |", int(perSecond), burst>>10)
	perSecond, burst = rateOf(kindPeers)
	page.Says("| peers | 4 | 1 every %v s | %v |", int(1/perSecond), burst)
}
