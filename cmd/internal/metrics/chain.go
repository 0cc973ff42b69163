package metrics

import (
	"time"

	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// yes turns a truth into a value.
func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func nodeTable(s *Sources) table {
	return part[*Sources]{"The node", func() (*Sources, bool) { return s, true }, []family[*Sources]{
		{"p2pchain_node_info", gauge, "Always 1: which program runs, and on which network.",
			[]string{"version", "network", "network_id"},
			func(s *Sources, out *series) { out.value(1, s.Version, s.Network, s.NetworkID) }},
		one("p2pchain_node_start_time_seconds", gauge, "When the node was started, in Unix time.",
			func(s *Sources) float64 { return float64(s.Started.UnixMilli()) / 1000 }),
		one("p2pchain_node_ready", gauge, "Whether the node takes messages, as /readyz says but for the sync: 1 or 0.",
			func(s *Sources) float64 { return yes(s.Ready() == nil) }),
	}}
}

// A chainView is the best chain at one moment.
type chainView struct {
	tip, best chain.Tip
	stats     chain.Stats
	now       time.Time
}

func chainTable(s *Sources) table {
	view := func() (chainView, bool) { return chainView{s.Tip(), s.BestHeader(), s.ChainStats(), s.Now()}, true }
	return part[chainView]{"Chain", view, []family[chainView]{
		one("p2pchain_chain_height_blocks", gauge, "Height of the last block of the best chain.",
			func(v chainView) float64 { return float64(v.tip.Header.Height) }),
		one("p2pchain_chain_header_height_blocks", gauge, "Height of the best valid header.",
			func(v chainView) float64 { return float64(v.best.Header.Height) }),
		one("p2pchain_chain_lag_blocks", gauge, "Blocks between the last block and the best valid header that are still missing.",
			func(v chainView) float64 {
				return float64(v.best.Header.Height - min(v.tip.Header.Height, v.best.Header.Height))
			}),
		one("p2pchain_chain_tip_age_seconds", gauge, "How long ago the last block was made, by its own clock. It grows while nothing is written, unless nodes mine always.",
			func(v chainView) float64 {
				return float64(v.now.UnixMilli()-int64(v.tip.Header.TimeMS)) / 1000
			}),
		one("p2pchain_chain_work_hashes", gauge, "Expected number of hashes behind the best chain. The chain with the most is the best.",
			func(v chainView) float64 { return v.tip.Header.Work.Float() }),
		one("p2pchain_chain_blocks_connected_total", counter, "Blocks that joined the best chain, also again after a reorg.",
			func(v chainView) float64 { return float64(v.stats.Connected) }),
		one("p2pchain_chain_blocks_reverted_total", counter, "Blocks that left the best chain in a reorg.",
			func(v chainView) float64 { return float64(v.stats.Reverted) }),
		{"p2pchain_chain_reorg_depth_blocks", histogram, "Reorgs by how many blocks they reverted.", nil,
			func(v chainView, out *series) {
				var bounds []float64
				for _, b := range chain.DepthBuckets() {
					bounds = append(bounds, float64(b))
				}
				out.buckets(bounds, v.stats.Depths, float64(v.stats.Reverted))
			}},
		one("p2pchain_chain_last_reorg_depth_blocks", gauge, "Blocks that the last reorg since the start reverted; 0 if there was none.",
			func(v chainView) float64 { return float64(v.stats.LastDepth) }),
		{"p2pchain_chain_last_reorg_time_seconds", gauge, "When the last reorg since the start was, in Unix time. Absent if there was none.", nil,
			func(v chainView, out *series) {
				if !v.stats.LastReorg.IsZero() {
					out.value(float64(v.stats.LastReorg.UnixMilli()) / 1000)
				}
			}},
	}}
}

// A poolView is what waits, and what came.
type poolView struct {
	totals mempool.Totals
	added  mempool.Stats
}

func mempoolTable(s *Sources) table {
	view := func() (poolView, bool) { return poolView{s.Waiting(), s.Added()}, true }
	origin := []string{"origin"}
	return part[poolView]{"Waiting messages", view, []family[poolView]{
		one("p2pchain_mempool_messages", gauge, "Messages that wait for a block.",
			func(v poolView) float64 { return float64(v.totals.Count) }),
		one("p2pchain_mempool_size_bytes", gauge, "Sum of their sizes.",
			func(v poolView) float64 { return float64(v.totals.Bytes) }),
		one("p2pchain_mempool_limit_bytes", gauge, "The most that may wait.",
			func(v poolView) float64 { return float64(v.totals.MaxBytes) }),
		one("p2pchain_mempool_memory_messages", gauge, "Waiting messages that are held in memory, too.",
			func(v poolView) float64 { return float64(v.totals.InMemory) }),
		one("p2pchain_mempool_memory_bytes", gauge, "What these cost there.",
			func(v poolView) float64 { return float64(v.totals.Memory) }),
		{"p2pchain_mempool_accepted_total", counter, "Messages that were new and valid and are durable, by who sent them: a user of this node (local) or a peer.", origin,
			func(v poolView, out *series) {
				out.value(float64(v.added.Local.Accepted), "local")
				out.value(float64(v.added.Foreign.Accepted), "peer")
			}},
		{"p2pchain_mempool_refused_total", counter, "Messages that were not accepted: known already, no room (full), a rule broken (invalid), or the store failed.", []string{"origin", "reason"},
			func(v poolView, out *series) {
				refused(out, "local", v.added.Local)
				refused(out, "peer", v.added.Foreign)
			}},
	}}
}

func refused(out *series, origin string, c mempool.Counts) {
	out.value(float64(c.Known), origin, "known")
	out.value(float64(c.Full), origin, "full")
	out.value(float64(c.Invalid), origin, "invalid")
	out.value(float64(c.Failed), origin, "failed")
}

func storeTable(s *Sources) table {
	view := func() (store.Stats, bool) {
		stats, err := s.StoreStats()
		return stats, err == nil
	}
	return part[store.Stats]{"Store", view, []family[store.Stats]{
		{"p2pchain_store_fsync_duration_seconds", histogram, "How long the disk took to keep what it was given: the log, which every accepted message waits for, or anything else (tables).", []string{"file"},
			func(v store.Stats, out *series) {
				var bounds []float64
				for _, b := range store.SyncBuckets() {
					bounds = append(bounds, b.Seconds())
				}
				out.buckets(bounds, v.Log.Took, v.Log.Total.Seconds(), "log")
				out.buckets(bounds, v.Tables.Took, v.Tables.Total.Seconds(), "tables")
			}},
		one("p2pchain_store_batches_total", counter, "Changes that were made durable. Requests that come together share one.",
			func(v store.Stats) float64 { return float64(v.Batches) }),
		one("p2pchain_store_failed", gauge, "Whether a write failed, so that nothing is written any more: 1 or 0.",
			func(v store.Stats) float64 { return yes(v.Failed) }),
		one("p2pchain_store_log_written_bytes_total", counter, "Bytes written to the log.",
			func(v store.Stats) float64 { return float64(v.LogBytes) }),
		one("p2pchain_store_cache_bytes", gauge, "Memory that holds blocks of tables.",
			func(v store.Stats) float64 { return float64(v.CacheBytes) }),
		{"p2pchain_store_cache_lookups_total", counter, "Blocks of tables that were found in memory (hit), or read from the disk (miss).", []string{"result"},
			func(v store.Stats, out *series) {
				out.value(float64(v.CacheHits), "hit")
				out.value(float64(v.CacheMiss), "miss")
			}},
		one("p2pchain_store_memtable_bytes", gauge, "Memory that holds what no table has yet.",
			func(v store.Stats) float64 { return float64(v.MemtableBytes) }),
		one("p2pchain_store_compactions_total", counter, "Times that tables were merged.",
			func(v store.Stats) float64 { return float64(v.Tidied) }),
		one("p2pchain_store_compactions_running", gauge, "Merges of tables that run now.",
			func(v store.Stats) float64 { return float64(v.Tidying) }),
		one("p2pchain_store_compaction_debt_bytes", gauge, "What merges still have to write. Where it only grows, the disk is too slow.",
			func(v store.Stats) float64 { return float64(v.Debt) }),
		one("p2pchain_store_read_amplification", gauge, "Places that a look-up may have to look at.",
			func(v store.Stats) float64 { return float64(v.ReadAmplification) }),
	}}
}

// A diskView is the space on the data directory's disk.
type diskView struct{ used, free, reserve uint64 }

func diskTable(s *Sources) table {
	view := func() (diskView, bool) {
		used, free, err := s.Disk()
		return diskView{used, free, s.Reserve}, err == nil
	}
	return part[diskView]{"Disk", view, []family[diskView]{
		one("p2pchain_disk_used_bytes", gauge, "What the store takes on the disk.",
			func(v diskView) float64 { return float64(v.used) }),
		one("p2pchain_disk_free_bytes", gauge, "What is free on the store's disk.",
			func(v diskView) float64 { return float64(v.free) }),
		one("p2pchain_disk_reserve_bytes", gauge, "Below this much free disk nothing is accepted (507) and mining pauses.",
			func(v diskView) float64 { return float64(v.reserve) }),
	}}
}
