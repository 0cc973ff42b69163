package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/background"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

const (
	// benchServerEnv says which server a child process is: benchBare, benchBlind, or benchNode and its
	// directory.
	benchServerEnv = "P2PCHAIN_BENCH_SERVER"
	benchBare      = "bare"
	benchBlind     = "blind"
	benchNode      = "node:"

	benchClients = 64
	benchMemory  = 208 << 20 // as cmd/p2pchain limits it
)

// BenchmarkWrites adds messages as users do: 64 clients that keep their connections, one message a
// request, each on disk before its 200. The servers are processes of their own, and the clients' work
// counts for all: a bare handler that reads the JSON body and answers, one that does not look at what it
// reads, and a node with its real pool and store. What counts is "percent", of the requests per second
// of the first one in the same run; "percent-blind" is of the second.
func BenchmarkWrites(b *testing.B) {
	bare := startBenchServer(b, benchBare)
	blind := startBenchServer(b, benchBlind)
	node := startBenchServer(b, benchNode+b.TempDir())
	client, end := keepAlive()
	defer end()
	var bareTook, blindTook, nodeTook time.Duration
	requests := 0
	for b.Loop() {
		const each = 8000
		bareTook += benchRequests(b, client, bare, each)
		blindTook += benchRequests(b, client, blind, each)
		nodeTook += benchRequests(b, client, node, each)
		requests += each
	}
	b.ReportMetric(0, "ns/op") // of all together: says nothing
	b.ReportMetric(float64(requests)/bareTook.Seconds(), "bare/s")
	b.ReportMetric(float64(requests)/nodeTook.Seconds(), "requests/s")
	b.ReportMetric(100*bareTook.Seconds()/nodeTook.Seconds(), "percent")
	b.ReportMetric(100*blindTook.Seconds()/nodeTook.Seconds(), "percent-blind")
}

// BenchmarkDurableBatch adds messages of 200 bytes in NDJSON batches of 8,192, from two clients at once,
// to a node in a process of its own.
func BenchmarkDurableBatch(b *testing.B) {
	const lines, clients = 8192, 2
	node := startBenchServer(b, benchNode+b.TempDir())
	client, end := keepAlive()
	defer end()
	body := []byte(strings.Repeat(`"`+strings.Repeat("x", 200)+"\"\n", lines))
	accepted := 0
	for b.Loop() {
		var g errgroup.Group
		for range clients {
			g.Go(func() error { return benchBatch(client, node, body, lines) })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		accepted += clients * lines
	}
	b.ReportMetric(float64(accepted)/b.Elapsed().Seconds(), "messages/s")
}

// keepAlive returns a client that keeps its connections, and what closes them.
func keepAlive() (*http.Client, func()) {
	t := &http.Transport{MaxIdleConnsPerHost: 2 * benchClients}
	return &http.Client{Transport: t}, t.CloseIdleConnections
}

// benchRequests sends requests of one message and returns how long all of them took.
func benchRequests(b *testing.B, client *http.Client, url string, count int) time.Duration {
	body := []byte(`{"message":"` + strings.Repeat("x", 285) + `"}`)
	todo := make(chan struct{}, count)
	for range count {
		todo <- struct{}{}
	}
	close(todo)
	var clients sync.WaitGroup
	begun := time.Now()
	for range benchClients {
		clients.Go(func() {
			for range todo {
				resp, err := client.Post(url, "application/json", bytes.NewReader(body))
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
		})
	}
	clients.Wait()
	return time.Since(begun)
}

// benchBatch sends a batch and wants every line accepted.
func benchBatch(client *http.Client, url string, body []byte, lines int) error {
	resp, err := client.Post(url, "application/x-ndjson", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if n := bytes.Count(answer, []byte(`"status":"`+api.LineAccepted+`"`)); n != lines || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %d lines accepted of %d", resp.Status, n, lines)
	}
	return nil
}

// startBenchServer starts a server as a child process and returns where messages are posted to it. It
// ends with its input.
func startBenchServer(b *testing.B, kind string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServerEnv+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("server %s: %v", kind, err)
		}
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("server %s does not say where it is: %v", kind, err)
	}
	return "http://" + strings.TrimSpace(addr) + "/api/v1/messages"
}

// serveBench is the child process: it says where it serves, and ends with its input.
func serveBench(kind string) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println(l.Addr())
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		if dir, node := strings.CutPrefix(kind, benchNode); node {
			err = serveNode(ctx, l, dir)
		} else {
			err = serveBare(ctx, l, kind == benchBlind)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serveBare reads the body, as JSON unless it is blind, and answers.
func serveBare(ctx context.Context, l net.Listener, blind bool) error {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ Message string }
		if blind {
			io.Copy(io.Discard, r.Body)
		} else if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"0123456789abcdef0123456789abcdef"}`)
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveNode is a node as cmd/p2pchain runs it, without peers and without mining.
func serveNode(ctx context.Context, l net.Listener, dir string) error {
	debug.SetMemoryLimit(benchMemory)
	runtime.GOMAXPROCS(background.Procs(runtime.GOMAXPROCS(0), 1))
	params, _ := core.Builtin("test")
	n, err := core.NewNetwork(params)
	if err != nil {
		return err
	}
	s, err := store.Open(dir, n, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	verified := consensus.NewVerified()
	rules := chain.DefaultConfig()
	rules.Verified = verified
	c, err := chain.Open(n, s, rules)
	if err != nil {
		return err
	}
	limits := mempool.DefaultConfig()
	limits.Log, limits.Verified = slog.New(slog.DiscardHandler), verified
	pool, err := mempool.Open(n, c, s, limits)
	if err != nil {
		return err
	}
	cfg := api.DefaultConfig()
	cfg.Log = limits.Log
	server, err := api.New(cfg, api.Deps{
		Network: n, Key: coretest.Key(0), Chain: c, Pool: pool, Messages: s, Archive: s, Branches: c,
		Miner: fakeMiner{}, Host: &fakeHost{}, Invite: noInvite,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pool.Run(ctx) })
	g.Go(func() error { return server.Run(ctx, l) })
	return g.Wait()
}
