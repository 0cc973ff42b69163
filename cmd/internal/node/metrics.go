package node

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"p2pchain/api"
	"p2pchain/cmd/internal/backup"
	"p2pchain/cmd/internal/metrics"
)

// measure registers what the parts count, and returns what serves it.
func (n *Node) measure() (http.Handler, error) {
	s := &metrics.Sources{
		Version: n.cfg.Version, Network: n.cfg.Network.Params.Name, NetworkID: n.cfg.Network.ID(),
		Started: n.started, Now: n.cfg.Now, Ready: n.ready,
		Tip: n.chain.Tip, BestHeader: n.chain.BestHeader, ChainStats: n.chain.Stats,
		Waiting: n.pool.Totals, Added: n.pool.Stats,
		Disk: n.store.Disk, Reserve: n.cfg.ReserveBytes, StoreStats: n.store.Stats, Forgetting: n.forget.Status,
		Peers: n.p2p.Peers, Introducers: n.p2p.Introducers, Relays: n.p2p.Relays, ClockSkew: n.p2p.ClockSkew,
		Watchdogs: n.p2p.Watchdogs, Bootstrap: n.bootstrap.Status, Gossip: n.p2p.Gossip, Sync: n.p2p.Sync,
		Miner: n.miner.Status, Log: n.cfg.LogStats,
		API: func() api.Stats { return n.api.Stats() }, // it is not made yet
	}
	if n.cfg.ChainFile {
		s.ChainFile = func() backup.Status { return n.backup.Status() }
	}
	if err := metrics.Register(n.metrics, s); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return metrics.Handler(n.metrics, n.log.With("part", "api")), nil
}

// profiles serves Go's own profiles, if the operator asked for them. They are not those of http.DefaultServeMux, which anybody could
// add to.
func (n *Node) profiles() http.Handler {
	if !n.cfg.Profiles {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
		case "cmdline":
			pprof.Cmdline(w, r)
		case "profile":
			pprof.Profile(w, r)
		case "symbol":
			pprof.Symbol(w, r)
		case "trace":
			pprof.Trace(w, r)
		default:
			pprof.Index(w, r)
		}
	})
}
