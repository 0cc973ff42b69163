package bootstrap

import (
	"testing"
	"time"

	"p2pchain/core/coretest"
)

// TestProtocolPage holds docs/protocol.md to how peers are found.
func TestProtocolPage(t *testing.T) {
	page, cfg := coretest.ReadPage(t, "../docs/protocol.md"), DefaultConfig("0123456789abcdef")
	page.Says("service `%s` in `%s.`", mdnsService("<id>"), mdnsDomain)
	page.Says("`%s` and a multiaddr that ends in `/p2p/` and the peer id, at most %v bytes, %v in all", txtPrefix, maxTXT, maxTXTBytes)
	page.Says("The TTL is %v s", mdnsTTL)
	page.Says("the one with the lower id (as bytes) dials at once, the other one a second later")
	if higherIDWaits != time.Second {
		t.Errorf("the higher id waits %v", higherIDWaits)
	}
	page.Says("A node asks while it has fewer peers than it wants (%v): introducers first, at once and then every %v s to %v s",
		cfg.WantPeers, cfg.RetryMin/time.Second, cfg.RetryMax/time.Second)
	page.Says("as `/p2pchain/<id>%s`", dhtSuffix)
	page.Says("again every %v minutes and when their addresses change; it is believed for %v hours", dhtProvide/time.Minute, dhtRecord/time.Hour)
	page.Says("closes the connection %v s after it was made, unless the introducer is its relay, and visits again after %v minutes",
		visitLasts/time.Second, visitEvery/time.Minute)
	page.Says("and up to every %v minutes", peerRetryMax/time.Minute)
}
