package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/node"
)

const (
	// seedPatience is how long seeds have to answer.
	seedPatience = 8 * time.Second
	seedLook     = 50 * time.Millisecond
	// protocolPrefix begins the names of the protocols of all networks.
	protocolPrefix = "/p2pchain/"
)

// lookAtSeeds calls the nodes that this one is to join, as a stranger with a key of its own that says
// nothing and hangs up.
func (e *exam) lookAtSeeds(ctx context.Context) []Finding {
	kept, err := node.KeptSeeds(e.cfg.Dir)
	var found []Finding
	if errors.Is(err, node.ErrConfig) {
		found = one(Problem, err.Error(), "the node does not start", "put the line right, or delete it")
	}
	var seeds []bootstrap.Seed
	for _, text := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(e.cfg.Seeds), kept...)))) {
		seed, err := bootstrap.ParseSeed(text)
		if err != nil {
			found = append(found, Finding{Level: Problem, What: err.Error(), Why: "the node does not start", Do: "put the address right"})
			continue
		}
		seeds = append(seeds, seed)
	}
	if len(seeds) == 0 {
		return append(found, e.withoutSeeds()...)
	}
	if e.cfg.Network == nil {
		return found // there is nothing to compare them with
	}
	called, err := e.call(ctx, seeds[:min(len(seeds), 64)])
	if err != nil {
		return append(found, Finding{Level: Note, What: "the nodes to join were not called: " + err.Error()})
	}
	return append(found, called...)
}

// withoutSeeds says what it means that there is nobody to join.
func (e *exam) withoutSeeds() []Finding {
	switch {
	case e.node != nil && e.node.Links.Known > 0, e.cfg.MDNS:
		return one(OK, "no nodes to join were named; they are found otherwise", "", "")
	case e.node != nil && e.node.Peers > 0:
		return one(OK, "no nodes to join were named; others called this one", "", "")
	}
	return one(Warning, "there is nobody to join: no --bootstrap, no invite, and multicast is off", "the node stays alone until another one calls it", "join another one with --bootstrap or an invite")
}

// call connects to seeds and says what came of each.
func (e *exam) call(ctx context.Context, seeds []bootstrap.Seed) ([]Finding, error) {
	h, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	cfg := bootstrap.DefaultConfig(e.cfg.Network.ID())
	cfg.Seeds, cfg.MDNS, cfg.WantPeers = seeds, false, 0
	cfg.RetryMin, cfg.DialTimeout = 2*seedPatience, seedPatience // one try each
	b, err := bootstrap.New(h, new(bootstrap.MemoryBook), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, seedPatience)
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	tick := time.NewTicker(seedLook)
	defer tick.Stop()
	status := b.Status()
	for ctx.Err() == nil && !allTried(h, status.Seeds) {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		status = b.Status()
	}
	found := make([]Finding, len(status.Seeds))
	for i, s := range status.Seeds {
		found[i] = e.judgeSeed(h, s)
	}
	cancel()
	return soften(found), <-ended
}

// allTried reports whether it is known of every seed why it failed, or what it speaks: that comes a
// moment after the connection.
func allTried(h host.Host, seeds []bootstrap.SeedStatus) bool {
	return !slices.ContainsFunc(seeds, func(s bootstrap.SeedStatus) bool {
		return s.LastError == "" && (!s.Connected || len(spoken(h, s)) == 0)
	})
}

// spoken returns the protocols of the peers that a seed led to.
func spoken(h host.Host, s bootstrap.SeedStatus) []protocol.ID {
	var all []protocol.ID
	for _, id := range s.Peers {
		if len(h.Network().ConnsToPeer(id)) > 0 {
			protocols, _ := h.Peerstore().GetProtocols(id) // none, if it never said
			all = append(all, protocols...)
		}
	}
	return all
}

// judgeSeed says what came of one seed.
func (e *exam) judgeSeed(h host.Host, s bootstrap.SeedStatus) Finding {
	switch {
	case e.node != nil && len(s.Peers) > 0 && s.Peers[0].String() == e.node.PeerID:
		return Finding{Level: Note, What: s.Seed + " is this node itself", Why: "it needs no address of its own to join"}
	case s.Connected:
		return e.judgeNetwork(h, s)
	case s.LastError == "":
		return Finding{Level: Problem, What: s.Seed + " does not answer in time", Why: "the node cannot join through it", Do: "look whether it runs, and whether a firewall stands between"}
	}
	f := Finding{Level: Problem, What: s.Seed + ": " + s.LastError, Why: "the node cannot join through it"}
	switch words := s.LastError; {
	case strings.Contains(words, "wrong peer id"):
		f.Why, f.Do = "another node has that address, or it lost its key", "ask for its new invite or address"
	case strings.Contains(words, "no such host"), strings.Contains(words, "look up"), strings.Contains(words, "lookup"):
		f.Do = "look whether the name is right, and whether this machine can look up names"
	case strings.Contains(words, "refused"):
		f.Do = "look whether it runs, and at which port"
	case strings.Contains(words, "unreachable"), strings.Contains(words, "no route"):
		f.Do = "look whether this machine has a network that leads there"
	default:
		f.Do = "look whether it runs, and whether a firewall stands between"
	}
	return f
}

// judgeNetwork tells by the protocols of a connected seed whether it is of our network.
func (e *exam) judgeNetwork(h host.Host, s bootstrap.SeedStatus) Finding {
	other := ""
	for _, p := range spoken(h, s) {
		network, _, _ := strings.Cut(strings.TrimPrefix(string(p), protocolPrefix), "/")
		switch {
		case !strings.HasPrefix(string(p), protocolPrefix) || len(network) != 16:
		case network == e.cfg.Network.ID():
			return Finding{Level: OK, What: s.Seed + " answers, and is of this network"}
		default:
			other = network
		}
	}
	if other != "" {
		return Finding{Level: Problem, What: fmt.Sprintf("%s is a node of another network (%s, this one is %s)", s.Seed, other, e.cfg.Network.ID()),
			Why: "nodes with another genesis never mix", Do: "choose its network with --genesis or by its invite, or another node to join"}
	}
	return Finding{Level: Problem, What: s.Seed + " answers, but is no node of p2pchain", Why: "the node cannot join through it", Do: "ask for the right address"}
}

// soften makes warnings of problems with some seeds where others are fine: one is enough.
func soften(found []Finding) []Finding {
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Level == OK }) {
		return found
	}
	for i := range found {
		if found[i].Level == Problem {
			found[i].Level = Warning
		}
	}
	return found
}
