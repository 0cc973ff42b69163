package exchange

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
)

// MaxPeers is how many records an answer to a request for peers may have.
const MaxPeers = 32

const (
	maxPeersFrame = MaxPeers*(maxRecord+4) + maxSmallFrame
	recordsOfPeer = 2 // in one answer
)

// A Directory knows peers that may be introduced to others. It must not wait for anything.
type Directory interface {
	// Records returns up to limit records of peers other than the one that asks, which those in the
	// realm that it asks from may have.
	Records(asker peer.ID, from Realm, limit int) []Record
}

// NewIntroducer returns a server for a host without a chain: it answers hellos and, from a directory,
// requests for peers; nobody before Run.
func NewIntroducer(h host.Host, n *core.Network, peers Peers, d Directory, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{host: h, network: n, peers: peers, cfg: cfg, guests: newGuests()}
	s.handlers = []handler{{HelloProtocol, kindHello, maxHelloFrame, s.serveHello}}
	s.ServePeers(d)
	return s, nil
}

// ServePeers makes the server answer requests for peers from a directory. It is called before Run.
func (s *Server) ServePeers(d Directory) {
	s.handlers = append(s.handlers, handler{
		ProtocolsOf(s.network).Peers, kindPeers, maxSmallFrame,
		func(ctx context.Context, c *call) error { return s.servePeers(ctx, c, d) },
	})
}

func (s *Server) servePeers(ctx context.Context, c *call, d Directory) error {
	var request wire.PeersRequest
	if err := c.read(&request, maxSmallFrame); err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindPeers, 1, s.cfg.FrameTimeout); err != nil {
		return err
	}
	limit := int(min(request.Limit, MaxPeers))
	if err := c.reserve(2 * (limit*(maxRecord+4) + maxSmallFrame)); err != nil { // as records and as a frame
		return err
	}
	reply := &wire.PeersReply{}
	for _, r := range d.Records(c.peer, RealmOf(c.stream.Conn().RemoteMultiaddr()), limit) {
		reply.Records = append(reply.Records, []byte(r))
	}
	return c.write(reply)
}

// Peers asks a peer for up to limit others, and returns those that can be dialled from where that
// peer is: one that is reached over the internet cannot send us to private addresses. Whatever it
// does, every address was signed by its owner; nothing else is known of them.
func (c *Client) Peers(ctx context.Context, p peer.ID, limit int) ([]peer.AddrInfo, error) {
	limit = max(0, min(limit, MaxPeers))
	var reply wire.PeersReply
	request := &wire.PeersRequest{Limit: uint32(limit)}
	if err := c.askOnce(ctx, p, c.protocols.Peers, request, &reply, maxPeersFrame); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	return decodePeers(reply.Records, limit, c.realmOf(p), c.host.ID())
}

// realmOf returns the largest realm among the connections to a peer.
func (c *Client) realmOf(p peer.ID) Realm {
	widest := Machine
	conns := c.host.Network().ConnsToPeer(p)
	for _, conn := range conns {
		widest = max(widest, RealmOf(conn.RemoteMultiaddr()))
	}
	if len(conns) == 0 {
		return World // it is gone, so nothing is known of where it was
	}
	return widest
}

// decodePeers checks an answer, and keeps of it what can be dialled from a realm.
func decodePeers(records [][]byte, limit int, from Realm, self peer.ID) ([]peer.AddrInfo, error) {
	if len(records) > limit {
		return nil, broken("%d records, %d were asked for", len(records), limit)
	}
	var out []peer.AddrInfo
	at := make(map[peer.ID]int)
	count := make(map[peer.ID]int)
	for _, raw := range records {
		info, err := Record(raw).Open()
		if err != nil {
			return nil, broken("record of a peer: %w", err)
		}
		if count[info.ID]++; count[info.ID] > recordsOfPeer {
			return nil, broken("%d records of one peer", count[info.ID])
		}
		if info.ID == self {
			continue
		}
		kept := peer.AddrInfo{ID: info.ID}
		for _, a := range info.Addrs {
			if RealmOf(a) >= from {
				kept.Addrs = append(kept.Addrs, a)
			}
		}
		if i, twice := at[info.ID]; twice {
			out[i].Addrs = append(out[i].Addrs, kept.Addrs...)
		} else if len(kept.Addrs) > 0 {
			at[info.ID] = len(out)
			out = append(out, kept)
		}
	}
	return out, nil
}
