package api_test

import (
	"context"
	"encoding/binary"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/background"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/store"
)

var (
	readMessages = flag.Int("messages", 100_000, "messages of the store that reads are measured on; 1000000 for the figures")
	readBlock    = flag.Int("per-block", 1000, "messages of a block of that store")
)

// diskNode serves a node whose store lies on the disk, with messages of 200 bytes. They are not signed:
// a store judges nothing.
func diskNode(b *testing.B) string {
	b.Helper()
	likeNode(b)
	n := coretest.Network(b)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(b.TempDir(), n, store.Options{Log: log, OnFatal: func(err error) { b.Error(err) }, CreatedBy: "a benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	fillStore(b, n, s)
	ccfg, pcfg := chain.DefaultConfig(), mempool.DefaultConfig()
	ccfg.Log, pcfg.Log = log, log
	c, err := chain.Open(n, s, ccfg)
	if err != nil {
		b.Fatal(err)
	}
	p, err := mempool.Open(n, c, s, pcfg)
	if err != nil {
		b.Fatal(err)
	}
	cfg := api.DefaultConfig()
	cfg.Log = log
	server, err := api.New(cfg, api.Deps{
		Network: n, Key: coretest.Key(0), Chain: c, Pool: p, Messages: s, Archive: s, Branches: c,
		Miner: fakeMiner{}, Host: &fakeHost{}, Invite: noInvite,
	})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, l) }()
	b.Cleanup(func() {
		cancel()
		plainClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// likeNode sets the runtime up as cmd/p2pchain does. Each benchmark has to do that by itself, since
// package testing sets the number of processors anew.
func likeNode(b *testing.B) {
	procs := runtime.NumCPU()
	ballast := make([]byte, 16<<20)
	b.Cleanup(func() { runtime.KeepAlive(ballast) })
	runtime.GOMAXPROCS(background.Procs(procs, 1))
	b.Cleanup(func() { runtime.GOMAXPROCS(procs) })
}

// fillStore writes blocks that follow on each other.
func fillStore(b *testing.B, n *core.Network, s *store.Store) {
	text := []byte(strings.Repeat("p2pchain package:amd64 1.2.3 upgrade ", 6)[:200])
	parent, hash := n.Header, n.Genesis
	for made := 0; made < *readMessages; {
		block := &core.Block{Header: core.Header{
			Height: parent.Height + 1, PreviousHash: hash, TimeMS: parent.TimeMS + 200, BusyMS: 200, Bits: parent.Bits,
			Work: core.NewWork(0, parent.Height+1),
		}}
		for ; made < *readMessages && len(block.Messages) < *readBlock; made++ {
			body := &core.Body{Payload: slices.Clone(text)}
			binary.BigEndian.PutUint64(body.Salt[:], uint64(made))
			copy(body.Payload, strconv.Itoa(made))
			m := &core.Message{Body: body, Envelope: core.Envelope{
				Author: coretest.Author(0), TimeMS: parent.TimeMS, Seen: hash, Nonce: uint64(made), PayloadSize: 200,
				Commitment: core.Commit(body.Salt, body.Payload),
			}}
			m.ID = m.Envelope.ID(n.Genesis)
			block.Messages = append(block.Messages, m)
		}
		block.Header.MessageCount = uint32(len(block.Messages))
		hash, parent = block.Header.Hash(), block.Header
		change := chain.Change{Store: []chain.Stored{{Hash: hash, SeenMS: 1, Block: block}}, Apply: []core.Hash{hash}}
		if err := s.Commit(change); err != nil {
			b.Fatal(err)
		}
	}
}

// plainClient takes answers as they are.
var plainClient = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}

// readAll reads an answer and returns its size.
func readAll(b *testing.B, url, accept string) int64 {
	b.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	resp, err := plainClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	size, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}
	return size
}

// rss returns the memory that the process takes, in MiB.
func rss() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// BenchmarkRead reads the whole chain from a store on disk, in each form, and says how much memory node
// and client took more than after a first pass, which fills the database's cache.
func BenchmarkRead(b *testing.B) {
	url := diskNode(b)
	for _, tt := range []struct{ name, path, accept string }{
		{"chain", "/chain", ""},
		{"blocks", "/api/v1/blocks", "application/x-ndjson"},
		{"export", "/api/v1/export", ""},
		{"messages", "/api/v1/messages", "application/x-ndjson"},
		{"data", "/data", ""},
		{"headers", "/api/v1/headers", "application/x-ndjson"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			cold := rss()
			readAll(b, url+tt.path, tt.accept)
			before, most := rss(), 0.0
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				for tick := time.NewTicker(5 * time.Millisecond); ; {
					select {
					case <-tick.C:
						most = max(most, rss())
					case <-stop:
						return
					}
				}
			}()
			for b.Loop() {
				b.SetBytes(readAll(b, url+tt.path, tt.accept))
			}
			close(stop)
			<-ended
			b.ReportMetric(before-cold, "MiB-first")
			b.ReportMetric(most-before, "MiB-more")
		})
	}
}

// BenchmarkOthers asks for ten blocks while nothing else happens, and while another process reads the
// chain over and over, and compares the slowest percent of the answers; then the same on a node that mines.
func BenchmarkOthers(b *testing.B) {
	url := diskNode(b)
	b.Run("idle", func(b *testing.B) { likeNode(b); compareOthers(b, url) })
	b.Run("mining", func(b *testing.B) {
		rate := mineInVain(b)
		compareOthers(b, url)
		b.ReportMetric(rate()/1e6, "MH/s")
	})
}

// slowest returns the least of the slowest percent, and sorts the rest, too.
func slowest(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}

// mineInVain mines on one thread, as a node does, until the benchmark ends; it never finds a block. The
// function that it returns tells the rate.
func mineInVain(b *testing.B) func() float64 {
	b.Helper()
	likeNode(b)
	n := coretest.Network(b, func(p *core.Params) { p.Difficulty = 16 })
	tips := &oneTip{chain.Tip{Hash: n.Genesis, Header: n.Header}}
	cfg := miner.DefaultConfig()
	cfg.Mode = miner.Always
	m, err := miner.New(n, tips, tips, func(context.Context, *core.Block) error { return nil }, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return func() float64 { return m.Status().HashRate }
}

// oneTip is a chain that stays as it is.
type oneTip struct{ tip chain.Tip }

func (o *oneTip) Tip() chain.Tip                                        { return o.tip }
func (o *oneTip) Subscribe() (<-chan struct{}, func())                  { return nil, func() {} }
func (o *oneTip) Template(int, int) (chain.Tip, []*core.Message, error) { return o.tip, nil, nil }

// compareOthers asks in turns of a second, so that both kinds of seconds meet the same machine.
func compareOthers(b *testing.B, url string) {
	ask := func(n int) []time.Duration {
		took := make([]time.Duration, n)
		for i := range took {
			start := time.Now()
			readAll(b, url+"/api/v1/blocks?limit=10", "")
			took[i] = time.Since(start)
			time.Sleep(time.Millisecond)
		}
		return took
	}
	var alones, durings []time.Duration
	var read int64
	var spent time.Duration
	const asked = 1000
	ask(100)
	for range b.N {
		alones = append(alones, ask(asked)...)
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				out, err := exec.CommandContext(ctx, "curl", "-s", "-o", os.DevNull, "-w", "%{size_download}", url+"/chain").Output()
				if err != nil && ctx.Err() == nil {
					b.Error(err)
					break
				}
				size, _ := strconv.ParseInt(string(out), 10, 64) // nothing of the pass that was cut off
				read += size
			}
		}()
		start := time.Now()
		durings = append(durings, ask(asked)...)
		spent += time.Since(start)
		stop()
		<-ended
	}
	alone, during := slowest(alones), slowest(durings)
	b.ReportMetric(float64(alone.Microseconds()), "µs-alone")
	b.ReportMetric(float64(during.Microseconds()), "µs-during")
	b.ReportMetric(float64(during)/float64(alone), "ratio")
	b.ReportMetric(float64(read)/1e6/spent.Seconds(), "MB/s-at-least")
}
