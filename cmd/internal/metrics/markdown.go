package metrics

import (
	"fmt"
	"strings"
)

// Markdown returns the reference of all metrics, as docs/metrics.md has it.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Written by the tests of cmd/internal/metrics: go test ./cmd/internal/metrics -update -->

A node serves these at ` + "`/metrics`" + ` of its API, for Prometheus. No label takes a value that strangers choose: there
is no series for a peer, an id, a path or an error text, so the number of series does not grow.

Beside them are those of the Go runtime (` + "`go_*`" + `), of the process (` + "`process_*`" + `) and of go-libp2p (` + "`libp2p_*`" + `), whose
names their makers may change. Gossip is measured by our own counters: the library has none.

What to watch first:

| question | look at |
|---|---|
| Does the node take messages? | ` + "`p2pchain_node_ready`, `p2pchain_disk_free_bytes`, `p2pchain_store_failed`" + ` |
| Is it where the others are? | ` + "`p2pchain_sync_state`, `p2pchain_chain_lag_blocks`, `p2pchain_p2p_peers`, `p2pchain_p2p_watchdog_events_total`" + ` |
| Do blocks come while messages wait? | ` + "`p2pchain_mempool_messages`, `p2pchain_chain_tip_age_seconds`, `p2pchain_miner_paused`" + ` |
| Are confirmations taken back? | ` + "`p2pchain_chain_reorg_depth_blocks`" + ` |
| Is the disk slow? | ` + "`p2pchain_store_fsync_duration_seconds`, `p2pchain_store_compaction_debt_bytes`" + ` |
`)
	for _, t := range tables(&Sources{}) {
		title, rows := t.rows()
		fmt.Fprintf(&b, "\n## %s\n\n| name | type | labels | meaning |\n|---|---|---|---|\n", title)
		for _, r := range rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.name, r.kind, strings.Join(r.labels, ", "), r.help)
		}
	}
	return b.String()
}
