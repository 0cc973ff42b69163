package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/core"
	"p2pchain/p2p"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// openPeers opens the host.
func (n *Node) openPeers(context.Context) error {
	if err := n.held.release(); err != nil {
		return err
	}
	note, err := listenSomewhere(n.cfg.Listen, n.listenOn)
	if err == nil && note != "" {
		n.note("%s", note)
	}
	return err
}

// listenSomewhere opens a host. Addresses that the user chose must all work; the default ones move to
// the next free port, since several nodes on one machine are the usual way to try this out; a note
// then says so.
func listenSomewhere(chosen []string, open func(addrs []string) error) (note string, err error) {
	if len(chosen) > 0 {
		err := open(chosen)
		if errors.Is(err, p2p.ErrListen) {
			return "", fmt.Errorf("--listen: %w: %w", err, ErrAddressInUse)
		}
		return "", err
	}
	port := DefaultPort
	for range portTries {
		port = freePort(port)
		err := open(defaultListen(port))
		if err == nil {
			if port != DefaultPort {
				note = fmt.Sprintf("port %d is taken, so this node listens on %s", DefaultPort, portName(port))
			}
			return note, nil
		}
		if !errors.Is(err, p2p.ErrListen) || port == 0 {
			return "", err
		}
		port++ // somebody was faster
	}
	return "", fmt.Errorf("no free port from %d on for other nodes: %w", DefaultPort, ErrAddressInUse)
}

func portName(port int) string {
	if port == 0 {
		return "numbers that the system chose"
	}
	return strconv.Itoa(port)
}

func (n *Node) listenOn(addrs []string) error {
	log := n.log.With("part", "p2p")
	cfg := p2p.DefaultConfig()
	cfg.Key, cfg.Listen, cfg.Announce = n.priv, addrs, n.cfg.Announce
	cfg.NAT = n.cfg.Reach.settings()
	cfg.MaxPeers, cfg.Agent = n.cfg.MaxPeers, "p2pchain/"+n.cfg.Version
	cfg.Now, cfg.Log = n.cfg.Now, log
	cfg.Syncer.Now, cfg.Syncer.Log = n.cfg.Now, n.log.With("part", "syncer")
	cfg.Exchange.Log, cfg.Filler.Log = n.log.With("part", "exchange"), n.log.With("part", "filler")
	cfg.Metrics, cfg.Bodies = n.metrics, n.store
	cfg.Gossip.Now, cfg.Gossip.Log = n.cfg.Now, n.log.With("part", "gossip")
	if allows := n.cfg.Gate; allows != nil {
		cfg.Gate = func(p peer.ID) bool { return allows(p.String()) }
	}
	host, err := p2p.Open(n.cfg.Network, n.chain, n.pool, cfg)
	if err != nil {
		return err
	}
	n.p2p = host
	n.onClose(host.Close)
	return nil
}

// peers is the node among its peers as the API sees it.
type peers struct {
	p2p       *p2p.Node
	bootstrap *bootstrap.Bootstrap
	reach     Reach
}

// ID returns the peer id.
func (p peers) ID() string { return p.p2p.ID() }

// Addrs returns the multiaddrs under which peers reach the node.
func (p peers) Addrs() []string { return p.p2p.Addrs() }

// Peers returns the peers past hello.
func (p peers) Peers() []api.Peer {
	known := p.p2p.Peers()
	out := make([]api.Peer, len(known))
	for i, k := range known {
		out[i] = api.Peer{
			ID: k.ID, Addresses: k.Addrs, Direction: string(k.Direction), Agent: k.Agent,
			Tip: k.Tip, Height: k.Height, Work: k.Work, LowestFull: k.LowestFull,
			LatencyMS: float64(k.Latency) / float64(time.Millisecond),
			Connected: api.Time(max(0, k.ConnectedSince.UnixMilli())), ClockOffsetMS: k.ClockOffset.Milliseconds(),
			Mesh: topics(k.Mesh),
		}
	}
	return out
}

// topics names the topics of a mesh.
func topics(m gossip.Mesh) []string {
	names := []string{} // never null
	if m.Messages {
		names = append(names, api.TopicMessages)
	}
	if m.Blocks {
		names = append(names, api.TopicBlocks)
	}
	return names
}

// Connect dials a peer; errors as api.Host wants them.
func (p peers) Connect(ctx context.Context, addr string) error {
	err := p.p2p.Connect(ctx, addr)
	switch {
	case errors.Is(err, p2p.ErrBadAddress):
		return fmt.Errorf("%w: %w", api.ErrAddress, err)
	case errors.Is(err, p2p.ErrOtherNetwork):
		return fmt.Errorf("%w: %w", api.ErrOtherNetwork, err)
	}
	return err
}

// Vote asks every peer whether it would take a message.
func (p peers) Vote(ctx context.Context, m *core.Message) (yes, asked int) { return p.p2p.Vote(ctx, m) }

// Sync says how far the node is behind its peers.
func (p peers) Sync() api.Sync { return syncOf(p.p2p.Sync()) }

// syncOf turns the syncer's words into the API's.
func syncOf(s syncer.Status) api.Sync {
	out := api.Sync{
		State: string(s.State), Height: s.Height, BestHeader: s.BestHeader, Walked: s.Walked, Target: s.Target,
		BlocksPerSecond: s.Rate, MessagesPerSecond: s.MessageRate, BytesPerSecond: s.ByteRate,
	}
	out.Estimate()
	return out
}

// Links says how the node is tied into its network.
func (p peers) Links() api.Links {
	found := p.bootstrap.Status()
	links := api.Links{
		Introducers: len(p.p2p.Introducers()), Relays: p.p2p.Relays(), Known: found.Known,
		Reach: string(p.reach), Reachable: string(p.p2p.Reachability()),
	}
	if found.DHT.Enabled {
		links.DHTNodes = &found.DHT.Peers
	}
	return links
}
