package p2p

import (
	"testing"
	"time"

	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// TestProtocolPage holds docs/protocol.md to what this package has: times of connections, penalties, places.
func TestProtocolPage(t *testing.T) {
	page, cfg := coretest.ReadPage(t, "../docs/protocol.md"), DefaultConfig()
	page.Says("No hello in %v s, and none in the %v s after that, tried again every second", helloTimeout/time.Second, helloGrace/time.Second)
	if helloRetry != time.Second {
		t.Errorf("a hello is tried again after %v", helloRetry)
	}
	page.Says("the one that answered after %v s, so that its answer arrives. For %v minutes the peer is not dialled again",
		foreignGrace/time.Second, foreignBan/time.Minute)
	page.Says("A peer that never said one is left alone for %v s", silentBan/time.Second)
	page.Says("is asked again about every %v s", cfg.HelloEvery/time.Second)
	page.Says("disconnected and neither dialled nor let in for %v minutes", faultBan/time.Minute)
	page.Says("ready and for %v s in neither topic is disconnected, at most once in %v minutes", cfg.GossipGrace/time.Second, lostRest/time.Minute)
	page.Says("IPv6 /56, may have %v connections", connsPerAddress)
	page.Says("at 1 every 2 s after the first %v.", 2*connsPerAddress)
	page.Says("| another genesis | at once, or after %v s | not dialled for %v min |", foreignGrace/time.Second, foreignBan/time.Minute)
	page.Says("| no hello, ever | %v s after it came | %v s |", (helloTimeout+helloGrace)/time.Second, silentBan/time.Second)
	page.Says("a flood (below) | at once | %v min, dialled neither | −%v, and", faultBan/time.Minute, brokenPoints)
	page.Says("| at once | no | −%v for a stall |", stallPoints)
	page.Says("outside of gossip halve every %v minutes", blameHalfLife/time.Minute)
	page.Says("places for `--max-peers` peers (%v)", cfg.MaxPeers)
	page.Says("and waits %v s for that hello", relayPatience/time.Second)
	page.Says("hello to its peers at once, at most every %v s", tellEvery/time.Second)
	page.Says("within %v minutes (up to %v peers), to an introducer within %v hour (up to %v; up to %v of one public IPv4 /24 or IPv6 /48",
		memberKeeps/time.Minute, memberMost, introducerKeeps/time.Hour, introducerMost, visitorsPerPlace)
	page.Says("no more than %v of one public IPv4 /16 or IPv6 /32 are told at once", toldPerPart)
	page.Says("of three quarters of the space | %v GiB |", mempool.DefaultConfig().MaxBytes>>30)
	page.Says("| bans, faults, peers of other networks | one each | %v each |", maxBans)
	if maxForeigners != maxBans {
		t.Errorf("%d foreigners are remembered, %d bans", maxForeigners, maxBans)
	}
}

// TestProtocolPageLimits holds the page to what a peer may have open, and to the memory of all.
func TestProtocolPageLimits(t *testing.T) {
	page, n := coretest.ReadPage(t, "../docs/protocol.md"), coretest.Network(t)
	limits, ids := protocolLimits(n), exchange.ProtocolsOf(n)
	page.Says("| hello | %v |", limits[ids.Hello].streams)
	page.Says("| headers | %v |", limits[ids.Headers].streams)
	page.Says("| blocks | %v |", limits[ids.Blocks].streams)
	page.Says("| fill, leaves | %v, %v |", limits[ids.Fill].streams, limits[ids.Leaves].streams)
	page.Says("| messages | %v |", limits[ids.Messages].streams)
	page.Says("| mempool | %v |", limits[ids.Mempool].streams)
	page.Says("| sketch | %v |", limits[ids.Sketch].streams)
	page.Says("| offer | %v |", limits[ids.Offer].streams)
	page.Says("| vote | %v |", limits[ids.Vote].streams)
	page.Says("| peers | %v |", limits[ids.Peers].streams)
	page.Says("as `%s`, k = 20", "/p2pchain/<id>"+string(dhtOf(n))[len("/p2pchain/")+len(n.ID()):])

	all, block := resourceLimits(n, DefaultConfig().MaxPeers).ToPartialLimitConfig(), int64(n.Params.MaxBlockBytes)
	page.Says("%v MiB and 32 blocks in all", (int64(all.System.Memory)-32*block)>>20)
	page.Says("| all streams of a peer | %v MiB and 8 blocks |", (int64(all.PeerDefault.Memory)-8*block)>>20)
}
