package gossip

import (
	"maps"
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

// A peer is in the mesh of each topic by itself, and in none once it is gone.
func TestMesh(t *testing.T) {
	topics := Topics{Messages: "messages", Blocks: "blocks"}
	tr := newTracer(topics, func(peer.ID, string) {})
	for _, p := range []peer.ID{"a", "b", "c", "d", "e"} {
		tr.OnNewOutboundStream(p, "")
	}
	tr.Graft("a", topics.Messages)
	tr.Graft("b", topics.Blocks)
	for _, topic := range []string{topics.Messages, topics.Blocks, "another"} {
		tr.Graft("c", topic)
		tr.Graft("d", topic)
		tr.Graft("e", topic)
	}
	tr.Prune("c", topics.Messages)
	tr.OnClosedOutboundStream("d")
	want := map[peer.ID]Mesh{"a": {Messages: true}, "b": {Blocks: true}, "c": {Blocks: true}, "e": {Messages: true, Blocks: true}}
	if got := tr.mesh(); !maps.Equal(got, want) {
		t.Errorf("mesh() = %v, want %v", got, want)
	}
}
