package node

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// BenchmarkPages asks a node with a chain on disk for every kind of page, without a connection. The time that counts
// is the slowest of a hundred: somebody waits for each of them.
func BenchmarkPages(b *testing.B) {
	for _, blocks := range []int{1000, 10_000} {
		const perBlock = 10
		cfg := benchConfig(b)
		cfg.Listen, cfg.MDNS, cfg.HTTP = []string{"/ip4/127.0.0.1/tcp/0"}, false, "127.0.0.1:0"
		benchImport(b, cfg, benchFile(b, blocks, perBlock))
		n, err := Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		tip := n.chain.Tip()
		block, err := n.chain.Block(tip.Hash)
		if err != nil {
			b.Fatal(err)
		}
		for name, path := range pagePaths(block) {
			b.Run(fmt.Sprintf("%d blocks%s", blocks, name), func(b *testing.B) { benchPage(b, n, path) })
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// pagePaths are pages by a name, at the end and in the middle of the lists.
func pagePaths(tip *core.Block) map[string]string {
	middle := tip.Header.Height / 2
	return map[string]string{
		"/": "/", "/blocks": "/ui/blocks", "/block": fmt.Sprintf("/ui/blocks/%d", middle), "/messages": "/ui/messages",
		"/message": "/ui/messages/" + tip.Messages[0].ID.String(), "/author": "/ui/messages?author=" + fmt.Sprintf("%v", coretest.Author(0)),
		"/peers": "/ui/peers", "/forks": "/ui/forks", "/search-height": fmt.Sprintf("/ui/search?q=%d", middle), "/search-words": "/ui/search?q=nowhere+to+be+found",
	}
}

// benchPage asks for one page over and over.
func benchPage(b *testing.B, n *Node, path string) {
	var took []time.Duration
	size := 0
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "GET", path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		begun := time.Now()
		n.api.Handler().ServeHTTP(w, r)
		took = append(took, time.Since(begun))
		if w.Code != http.StatusOK {
			b.Fatalf("%s: %d %.300s", path, w.Code, w.Body)
		}
		size = w.Body.Len()
	}
	slices.Sort(took)
	at := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1e3 }
	b.ReportMetric(at(0.5), "ms-p50")
	b.ReportMetric(at(0.99), "ms-p99")
	b.ReportMetric(float64(size), "B-page")
	b.ReportMetric(0, "ns/op")
}
