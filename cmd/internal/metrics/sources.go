package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/backup"
	"p2pchain/cmd/internal/logs"
	"p2pchain/core/chain"
	"p2pchain/core/forget"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/store"
	"p2pchain/p2p"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// Sources are the functions that a scrape calls. All must be set but those of parts that a node may do
// without: API and ChainFile. They may be called at any time, several at once.
type Sources struct {
	Version, Network, NetworkID string
	Started                     time.Time
	Now                         func() time.Time
	Ready                       func() error

	Tip, BestHeader func() chain.Tip
	ChainStats      func() chain.Stats

	Waiting func() mempool.Totals
	Added   func() mempool.Stats

	Disk       func() (used, free uint64, err error)
	Reserve    uint64 // bytes of free disk under which nothing is written
	StoreStats func() (store.Stats, error)
	Forgetting func() forget.Status

	Peers       func() []p2p.Peer
	Introducers func() []p2p.Peer
	Relays      func() int
	ClockSkew   func() (time.Duration, bool)
	Watchdogs   func() p2p.Watchdogs
	Bootstrap   func() bootstrap.Status
	Gossip      func() gossip.Stats
	Sync        func() syncer.Status

	Miner     func() miner.Status
	ChainFile func() backup.Status // nil: there is none
	API       func() api.Stats     // nil: there is none
	Log       func() logs.Stats    // nil: nobody counts
}

// Register puts all metrics of a node into a registry.
func Register(r *prometheus.Registry, s *Sources) error {
	for _, t := range tables(s) {
		if err := r.Register(t.collector()); err != nil {
			return err
		}
	}
	return nil
}

// tables returns every metric, part by part.
func tables(s *Sources) []table {
	return []table{
		nodeTable(s), chainTable(s), mempoolTable(s), storeTable(s), forgetTable(s), diskTable(s),
		peersTable(s), watchdogTable(s), searchTable(s), gossipTable(s), syncTable(s),
		minerTable(s), chainFileTable(s), apiTable(s), logTable(s),
	}
}
