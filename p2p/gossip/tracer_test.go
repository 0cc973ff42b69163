package gossip

import (
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Nothing is kept of peers that left, though what they brought may be judged after that.
func TestNewsOfPeersThatLeft(t *testing.T) {
	topics := Topics{Messages: "messages", Blocks: "blocks"}
	tr := newTracer(topics, func(peer.ID, string) {})
	m := &pubsub.Message{Message: &pb.Message{Topic: &topics.Messages}, ReceivedFrom: "a"}
	tr.OnNewOutboundStream("a", "")
	tr.DeliverMessage(m)
	if tr.news["a"].IsZero() {
		t.Error("news of a peer are not noted")
	}
	tr.OnClosedOutboundStream("a")
	tr.DeliverMessage(m)
	if len(tr.news)+len(tr.open) > 0 || tr.snapshot().Messages.Accepted != 2 {
		t.Errorf("%v is kept of a peer that left; %+v", tr.news, tr.snapshot().Messages)
	}
}
