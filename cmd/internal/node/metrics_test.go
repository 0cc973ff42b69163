package node

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// get returns the status and the body of an address of a node's API.
func get(t *testing.T, n *running, path string) (int, string) {
	t.Helper()
	reply, err := http.Get(n.API() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// seriesOf returns what a node measures, without values and without the bounds of histograms.
func seriesOf(t *testing.T, n *running) []string {
	t.Helper()
	status, text := get(t, n, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", status, text)
	}
	var out []string
	for line := range strings.Lines(text) {
		if i := strings.LastIndex(line, " "); i > 0 && !strings.HasPrefix(line, "#") {
			out = append(out, line[:i])
		}
	}
	slices.Sort(out)
	return out
}

// strange connects hosts of another network to a node. Each has a name, a protocol and a path of its own.
func strange(t *testing.T, n *running, from, to int) (names []string) {
	t.Helper()
	target, err := peer.AddrInfoFromString(n.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		agent := fmt.Sprintf("stranger%d\n\"}", i)
		h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.UserAgent(agent))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := h.Connect(t.Context(), *target); err != nil {
			t.Fatal(err)
		}
		own := fmt.Sprintf("/own%d/1", i)
		if s, err := h.NewStream(t.Context(), target.ID, protocol.ID(own)); err == nil {
			s.Write([]byte("x"))
			s.Reset()
		}
		path := fmt.Sprintf("/path%d", i)
		get(t, n, path)
		names = append(names, agent, h.ID().String(), own, path)
	}
	return names
}

// TestMetrics has what every part measures in one answer, and no series for what strangers name.
func TestMetrics(t *testing.T) {
	n := start(t, config(t, t.TempDir()))
	seriesOf(t, n) // counts itself from now on
	strange(t, n, 0, 5)
	before := seriesOf(t, n)
	for _, want := range []string{
		"p2pchain_chain_height_blocks", `p2pchain_store_fsync_duration_seconds_count{file="log"}`, `p2pchain_p2p_peers{direction="inbound"}`,
		`p2pchain_api_requests_total{class="4xx",method="",route="other"}`, "p2pchain_chainfile_failing", "go_goroutines", "process_open_fds",
		`libp2p_rcmgr_limit{resource="conns",scope="system"}`,
	} {
		if !slices.Contains(before, want) {
			t.Errorf("%s is missing", want)
		}
	}
	names := strange(t, n, 5, 30)
	after := seriesOf(t, n)
	for _, s := range after {
		for _, name := range names {
			if strings.Contains(s, strings.TrimSuffix(name, "\n\"}")) {
				t.Errorf("%s names what a stranger chose", s)
			}
		}
	}
	// Those of libp2p appear with the first of their kind, as when the first connection has ended, so a few
	// may be new. All buckets of a histogram come together.
	bucket := regexp.MustCompile(`,?le="[^"]*"`)
	fresh := make(map[string]bool)
	for _, s := range after {
		if !slices.Contains(before, s) {
			fresh[bucket.ReplaceAllString(s, "")] = true
		}
	}
	if len(fresh) > 20 {
		t.Errorf("%d new series after 25 more strangers: %q", len(fresh), slices.Collect(maps.Keys(fresh)))
	}
	t.Logf("%d series, then %d", len(before), len(after))
}

// TestProfiles has them only where the operator asked for them.
func TestProfiles(t *testing.T) {
	for _, asked := range []bool{false, true} {
		cfg := config(t, t.TempDir())
		cfg.Profiles = asked
		n := start(t, cfg)
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"} {
			want := http.StatusNotFound
			if asked {
				want = http.StatusOK
			}
			if status, _ := get(t, n, path); status != want {
				t.Errorf("asked for: %t, %s: %d, want %d", asked, path, status, want)
			}
		}
	}
}

// TestReady follows the disk, which /livez does not.
func TestReady(t *testing.T) {
	cfg := config(t, t.TempDir())
	n := start(t, cfg)
	for _, path := range []string{"/livez", "/readyz"} {
		if status, body := get(t, n, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.ReserveBytes = 1 << 60
	n = start(t, cfg)
	if status, body := get(t, n, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "MiB of disk are free") {
		t.Errorf("with a full disk: %d %s", status, body)
	}
	if status, body := get(t, n, "/livez"); status != http.StatusOK {
		t.Errorf("with a full disk: %d %s, want it to live", status, body)
	}
}
