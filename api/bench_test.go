package api_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A sink takes every message and keeps none, so that the API alone is measured: reading, composing
// and signing, answering.
type sink struct{ api.Pool }

func (sink) Add(msgs []*core.Message, _ mempool.Origin) []error { return make([]error, len(msgs)) }

// benchServer serves a node with a sink and an endless chain, and returns its URL.
func benchServer(b *testing.B, top uint64) string {
	b.Helper()
	n := coretest.Network(b)
	c, err := chain.Open(n, coretest.NewMemStore(n), chain.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	full := &core.Block{Messages: coretest.Messages(b, n, strings.Repeat("x", 250), 100)}
	cfg := api.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	endless := &endlessChain{Chain: c, top: top, full: full}
	s, err := api.New(cfg, api.Deps{
		Network: n, Key: coretest.Key(0), Chain: endless, Pool: sink{},
		Messages: &fixture{}, Archive: &archive{chain: endless}, Branches: c, Miner: fakeMiner{}, Host: &fakeHost{},
		Invite: noInvite,
	})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error)
	ctx := b.Context()
	go func() { ended <- s.Run(ctx, l) }()
	b.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// post sends a body and wants success.
func post(b *testing.B, client *http.Client, url, mediaType, body string) {
	resp, err := client.Post(url, mediaType, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Error(resp.Status)
	}
}

func benchPosts(b *testing.B, url string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	body := `{"message":"` + strings.Repeat("x", 285) + `"}`
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			post(b, client, url, "application/json", body)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkAdd adds one message a request, from 32 clients a core; BenchmarkBareHandler is the same
// without a node.
func BenchmarkAdd(b *testing.B) { benchPosts(b, benchServer(b, 1)+"/api/v1/messages") }

func BenchmarkBareHandler(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"0123456789abcdef0123456789abcdef"}`)
	})}
	go server.Serve(l)
	defer server.Close()
	benchPosts(b, "http://"+l.Addr().String())
}

// BenchmarkBatch adds messages of 285 bytes in batches of 4,096.
func BenchmarkBatch(b *testing.B) {
	url := benchServer(b, 1) + "/api/v1/messages"
	line := `"` + strings.Repeat("x", 285) + "\"\n"
	for n := b.N; n > 0; n -= 4096 {
		post(b, http.DefaultClient, url, "application/x-ndjson", strings.Repeat(line, min(n, 4096)))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkChain reads blocks of 100 messages of 250 bytes from GET /chain.
func BenchmarkChain(b *testing.B) { benchRead(b, "/chain") }

// BenchmarkExport reads the same blocks as a chain file.
func BenchmarkExport(b *testing.B) { benchRead(b, "/api/v1/export") }

// benchRead reads a chain of b.N blocks.
func benchRead(b *testing.B, path string) {
	resp, err := http.Get(benchServer(b, uint64(b.N)) + path)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(n / int64(b.N))
}
