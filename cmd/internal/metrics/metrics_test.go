package metrics

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/backup"
	"p2pchain/cmd/internal/logs"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/forget"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/store"
	"p2pchain/p2p"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

// sources are those of a node that is busy, and whose strangers are nasty.
func sources(peers int) *Sources {
	now := time.UnixMilli(1_700_000_060_000)
	tip := chain.Tip{Header: core.Header{Height: 100, TimeMS: 1_700_000_000_000, Work: core.NewWork(0, 5000)}}
	best := chain.Tip{Header: core.Header{Height: 107}}
	s := &Sources{
		Version: "v1", Network: "main", NetworkID: "0123456789abcdef", Started: now, Now: func() time.Time { return now },
		Ready: func() error { return nil },
		Tip:   func() chain.Tip { return tip }, BestHeader: func() chain.Tip { return best },
		ChainStats: func() chain.Stats {
			return chain.Stats{Connected: 9, Reverted: 3, Reorgs: 2, Depths: []uint64{1, 1, 0, 0, 0, 0, 0, 0}, LastReorg: now, LastDepth: 2}
		},
		Waiting: func() mempool.Totals {
			return mempool.Totals{Count: 4, Bytes: 400, MaxBytes: 1000, InMemory: 3, Memory: 600}
		},
		Added: func() mempool.Stats {
			return mempool.Stats{Local: mempool.Counts{Accepted: 5}, Foreign: mempool.Counts{Known: 6}}
		},
		Disk: func() (used, free uint64, err error) { return 1 << 20, 1 << 30, nil }, Reserve: 256 << 20,
		StoreStats: func() (store.Stats, error) {
			took := make([]uint64, len(store.SyncBuckets())+1)
			took[2] = 7
			return store.Stats{Log: store.SyncStats{Took: took, Total: time.Second}, Tables: store.SyncStats{Took: took}}, nil
		},
		Forgetting: func() forget.Status {
			return forget.Status{Pruning: forget.PruningRefused, Erased: 3, Due: 1, Gaps: 2, LowestFull: 9}
		},
		Introducers: func() []p2p.Peer { return nil }, Relays: func() int { return 0 },
		ClockSkew: func() (time.Duration, bool) { return time.Second, true },
		Watchdogs: func() p2p.Watchdogs { return p2p.Watchdogs{Lost: 1, Alone: 2, Behind: 3} },
		Bootstrap: func() bootstrap.Status {
			return bootstrap.Status{DHT: bootstrap.DHTStatus{Enabled: true}, Seeds: make([]bootstrap.SeedStatus, peers)}
		},
		Gossip: func() gossip.Stats {
			drops := map[string]uint64{"peer throttled": 3}
			for i := range peers {
				drops[strings.Repeat("x", i)] = 1
			}
			return gossip.Stats{Drops: drops}
		},
		Sync: func() syncer.Status { return syncer.Status{State: syncer.Synced} },
		Miner: func() miner.Status {
			return miner.Status{Mode: miner.Auto, HashRate: 12.5, Paused: []string{"low disk", "a new reason"}}
		},
		ChainFile: func() backup.Status { return backup.Status{Height: 94, Written: now} },
		API: func() api.Stats {
			took := make([]uint64, len(api.DurationBuckets())+1)
			return api.Stats{Routes: []api.RouteStats{{Pattern: "/livez", Method: "GET", Classes: [6]uint64{2: 8}, Took: took}}}
		},
		Log: func() logs.Stats { return logs.Stats{Shown: map[slog.Level]uint64{slog.LevelInfo: 4}} },
	}
	s.Peers = func() []p2p.Peer {
		var out []p2p.Peer
		for i := range peers {
			out = append(out, p2p.Peer{
				ID: strings.Repeat("p", i+1), Addrs: []string{"/ip4/1.2.3.4"}, Agent: "agent" + strings.Repeat("a", i),
				Direction: []p2p.Direction{p2p.Inbound, p2p.Outbound}[i%2], Latency: time.Duration(i+1) * time.Millisecond,
			})
		}
		return out
	}
	return s
}

func register(t *testing.T, s *Sources) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := Register(r, s); err != nil {
		t.Fatal(err)
	}
	return r
}

// seriesOf lists all series of a registry, without values.
func seriesOf(t *testing.T, r *prometheus.Registry) []string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out = append(out, f.GetName()+" "+strings.TrimSpace(labelsOf(m.GetLabel())))
		}
	}
	return out
}

func labelsOf[L interface {
	GetName() string
	GetValue() string
}](labels []L) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.GetName() + "=" + l.GetValue() + " ")
	}
	return b.String()
}

// TestLint has no metric that Prometheus' own rules find fault with.
func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(register(t, sources(3)))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestAllAreShown has every metric of the table among what is served, and nothing else.
func TestAllAreShown(t *testing.T) {
	shown := make(map[string]bool)
	for _, s := range seriesOf(t, register(t, sources(3))) {
		name, _, _ := strings.Cut(s, " ")
		shown[name] = true
	}
	for _, table := range tables(&Sources{}) {
		_, rows := table.rows()
		for _, r := range rows {
			if !shown[r.name] {
				t.Errorf("%s is described and not shown", r.name)
			}
			delete(shown, r.name)
		}
	}
	if len(shown) > 0 {
		t.Errorf("shown and not described: %v", slices.Sorted(maps.Keys(shown)))
	}
}

// TestSeriesDoNotGrow has the same series for 2 peers and for 200, whatever these call themselves.
func TestSeriesDoNotGrow(t *testing.T) {
	few, many := seriesOf(t, register(t, sources(2))), seriesOf(t, register(t, sources(200)))
	if !slices.Equal(few, many) {
		t.Errorf("%d series with 2 peers, %d with 200", len(few), len(many))
	}
}

// TestValues has some values as they should be.
func TestValues(t *testing.T) {
	want := `
# HELP p2pchain_chain_lag_blocks Blocks between the last block and the best valid header that are still missing.
# TYPE p2pchain_chain_lag_blocks gauge
p2pchain_chain_lag_blocks 7
# HELP p2pchain_chain_reorg_depth_blocks Reorgs by how many blocks they reverted.
# TYPE p2pchain_chain_reorg_depth_blocks histogram
p2pchain_chain_reorg_depth_blocks_bucket{le="1"} 1
p2pchain_chain_reorg_depth_blocks_bucket{le="2"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="3"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="6"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="12"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="24"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="144"} 2
p2pchain_chain_reorg_depth_blocks_bucket{le="+Inf"} 2
p2pchain_chain_reorg_depth_blocks_sum 3
p2pchain_chain_reorg_depth_blocks_count 2
# HELP p2pchain_chain_tip_age_seconds How long ago the last block was made, by its own clock. It grows while nothing is written, unless nodes mine always.
# TYPE p2pchain_chain_tip_age_seconds gauge
p2pchain_chain_tip_age_seconds 60
# HELP p2pchain_p2p_peers Peers past hello, by who called whom. Introducers are not among them.
# TYPE p2pchain_p2p_peers gauge
p2pchain_p2p_peers{direction="inbound"} 2
p2pchain_p2p_peers{direction="outbound"} 1
# HELP p2pchain_p2p_latency_seconds How long peers took to answer the last hello: the quickest and the slowest of them. Absent without peers.
# TYPE p2pchain_p2p_latency_seconds gauge
p2pchain_p2p_latency_seconds{peer="quickest"} 0.001
p2pchain_p2p_latency_seconds{peer="slowest"} 0.003
# HELP p2pchain_miner_paused 1 for each reason for which the node must not mine now.
# TYPE p2pchain_miner_paused gauge
p2pchain_miner_paused{reason="catching_up"} 0
p2pchain_miner_paused{reason="clock"} 0
p2pchain_miner_paused{reason="low_disk"} 1
p2pchain_miner_paused{reason="other"} 1
`
	err := testutil.GatherAndCompare(register(t, sources(3)), strings.NewReader(want), "p2pchain_chain_lag_blocks",
		"p2pchain_chain_reorg_depth_blocks", "p2pchain_chain_tip_age_seconds", "p2pchain_p2p_peers", "p2pchain_p2p_latency_seconds", "p2pchain_miner_paused")
	if err != nil {
		t.Error(err)
	}
}

// TestWhatCannotBeReadIsLeftOut serves the rest where a part has nothing to say.
func TestWhatCannotBeReadIsLeftOut(t *testing.T) {
	s := sources(1)
	s.Disk = func() (used, free uint64, err error) { return 0, 0, errors.New("no such disk") }
	s.StoreStats = func() (store.Stats, error) { return store.Stats{}, store.ErrClosed }
	s.API, s.ChainFile, s.Log = nil, nil, nil
	server := httptest.NewServer(Handler(register(t, s), slog.New(slog.DiscardHandler)))
	defer server.Close()
	reply, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", reply.StatusCode, err)
	}
	if !bytes.Contains(body, []byte("p2pchain_chain_height_blocks 100\n")) {
		t.Error("the height is missing")
	}
	for _, gone := range []string{"p2pchain_disk_", "p2pchain_store_", "p2pchain_api_", "p2pchain_chainfile_", "p2pchain_log_"} {
		if bytes.Contains(body, []byte(gone)) {
			t.Errorf("%s is there", gone)
		}
	}
}

// TestReference holds docs/metrics.md to the code.
func TestReference(t *testing.T) {
	const path = "../../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Markdown() {
		t.Error("docs/metrics.md is out of date: go test ./cmd/internal/metrics -update")
	}
}

// BenchmarkScrape is what a scrape of all parts' metrics costs, without those of libraries.
func BenchmarkScrape(b *testing.B) {
	r := prometheus.NewRegistry()
	if err := Register(r, sources(50)); err != nil {
		b.Fatal(err)
	}
	h := Handler(r, slog.New(slog.DiscardHandler))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	}
}
