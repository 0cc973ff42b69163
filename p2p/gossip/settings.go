package gossip

import (
	"crypto/sha256"
	"net"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
)

// Topics are the names of the two topics of one network.
type Topics struct{ Messages, Blocks string }

// TopicsOf returns the topics of a network.
func TopicsOf(n *core.Network) Topics {
	return Topics{
		Messages: "/p2pchain/" + n.ID() + "/messages/1",
		Blocks:   "/p2pchain/" + n.ID() + "/blocks/1",
	}
}

const (
	// seenTime is for how long pubsub takes an id for known. Publishing the same bytes within it does
	// nothing, so republishing must be rarer.
	seenTime = 2 * time.Minute
	// maxFrame bounds an RPC, and with it a message, in both directions: pubsub does not account for
	// its memory.
	maxFrame = 256 << 10
	// maxSubscriptions in one RPC; an honest peer has two.
	maxSubscriptions = 16
	// peersPerAddress is from where on sharing a public address costs score. A room full of nodes behind
	// one router shares one.
	peersPerAddress = 64
)

// MessageID returns the id of what travels on a topic: SHA-256(topic ‖ 0 ‖ data). By the data alone,
// bytes sent on the wrong topic, where they are rejected, would count as seen on the right one too.
func MessageID(m *pb.Message) string {
	d := sha256.New()
	d.Write([]byte(m.GetTopic()))
	d.Write([]byte{0})
	d.Write(m.Data)
	return string(d.Sum(nil))
}

// options are the settings of GossipSub that docs/protocol.md names.
func (g *Gossip) options() []pubsub.Option {
	filter := pubsub.NewAllowlistSubscriptionFilter(g.topics.Messages, g.topics.Blocks)
	return []pubsub.Option{
		// Authors sign messages and work protects blocks: what a peer adds proves nothing.
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(MessageID),
		pubsub.WithGossipSubParams(overlay()),
		// No floodsub, and nothing before peer scoring.
		pubsub.WithGossipSubProtocols(
			[]protocol.ID{pubsub.GossipSubID_v12, pubsub.GossipSubID_v11}, pubsub.GossipSubDefaultFeatures),
		pubsub.WithFloodPublish(true), // without it an empty mesh loses what is published, silently
		pubsub.WithPeerExchange(false),
		pubsub.WithMaxMessageSize(maxFrame),
		pubsub.WithMaxControlMessageSize(maxFrame),
		pubsub.WithSeenMessagesTTL(seenTime),
		pubsub.WithPeerOutboundQueueSize(g.cfg.OutboundQueue),
		pubsub.WithValidateQueueSize(g.cfg.ValidateQueue),
		pubsub.WithValidateWorkers(g.cfg.ValidateWorkers),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(filter, maxSubscriptions)),
		pubsub.WithAppSpecificRpcInspector(g.inspect),
		pubsub.WithPeerScore(g.scoring(), thresholds()),
		pubsub.WithRawTracer(g.tracer),
		pubsub.WithLogger(g.cfg.Log.With("logger", "pubsub")),
		pubsub.WithRPCLogger(g.cfg.Log.With("logger", "pubsub")),
	}
}

// overlay returns the shape of the mesh.
func overlay() pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.D, p.Dlo, p.Dhi, p.Dlazy = 8, 6, 12, 12
	p.Dscore, p.Dout = 5, 3
	p.HistoryLength, p.HistoryGossip = 10, 5
	return p
}

// scoring makes invalid messages weigh more than anything else. A peer that delivers too little (P3)
// is not punished: on a quiet network everybody delivers little.
func (g *Gossip) scoring() *pubsub.PeerScoreParams {
	topic := func() *pubsub.TopicScoreParams {
		return &pubsub.TopicScoreParams{
			SkipAtomicValidation:           true,
			TopicWeight:                    1,
			TimeInMeshWeight:               0.01,
			TimeInMeshQuantum:              time.Second,
			TimeInMeshCap:                  300,
			FirstMessageDeliveriesWeight:   0.5,
			FirstMessageDeliveriesDecay:    pubsub.ScoreParameterDecay(10 * time.Minute),
			FirstMessageDeliveriesCap:      20,
			InvalidMessageDeliveriesWeight: -100,
			InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(time.Hour),
		}
	}
	return &pubsub.PeerScoreParams{
		SkipAtomicValidation:        true,
		Topics:                      map[string]*pubsub.TopicScoreParams{g.topics.Messages: topic(), g.topics.Blocks: topic()},
		TopicScoreCap:               30,
		AppSpecificScore:            g.cfg.Score,
		AppSpecificWeight:           1,
		IPColocationFactorWeight:    -5,
		IPColocationFactorThreshold: peersPerAddress,
		IPColocationFactorWhitelist: privateRanges(),
		BehaviourPenaltyWeight:      -10,
		BehaviourPenaltyThreshold:   6,
		BehaviourPenaltyDecay:       pubsub.ScoreParameterDecay(10 * time.Minute),
		DecayInterval:               pubsub.DefaultDecayInterval,
		DecayToZero:                 pubsub.DefaultDecayToZero,
		RetainScore:                 time.Hour, // coming back must not wash anybody clean
		SeenMsgTTL:                  seenTime,
	}
}

// thresholds cut a peer off with its first invalid message: no honest node forwards one.
func thresholds() *pubsub.PeerScoreThresholds {
	return &pubsub.PeerScoreThresholds{
		GossipThreshold:             -10,
		PublishThreshold:            -40,
		GraylistThreshold:           -60,
		AcceptPXThreshold:           1000, // nobody
		OpportunisticGraftThreshold: 2,
	}
}

// privateRanges are the addresses that many honest nodes share.
func privateRanges() []*net.IPNet {
	var out []*net.IPNet
	for _, cidr := range []string{
		"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fe80::/10", "fc00::/7",
	} {
		if _, ipnet, err := net.ParseCIDR(cidr); err == nil {
			out = append(out, ipnet)
		}
	}
	return out
}
