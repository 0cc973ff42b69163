package miner_test

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/background"
	"p2pchain/core/coretest"
	"p2pchain/core/miner"
)

// mineOnAllCores runs a miner that finds nothing on every processor until the test ends.
func mineOnAllCores(t testing.TB) *miner.Miner {
	t.Helper()
	n := coretest.Network(t, func(p *core.Params) { p.Difficulty = 16 })
	procs := runtime.GOMAXPROCS(0)
	s := newSite(t, n, always, func(c *miner.Config) { c.Threads = procs })
	runtime.GOMAXPROCS(background.Procs(procs, procs))
	stop := s.run()
	t.Cleanup(func() {
		stop()
		runtime.GOMAXPROCS(procs)
	})
	return s.miner
}

// TestNodeComesFirst collects garbage and answers requests while miners run on all cores. Were a
// search not to be stopped by the runtime, this would hang.
func TestNodeComesFirst(t *testing.T) {
	current := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, current) }) // the last one to run
	m := mineOnAllCores(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for range 100 {
			runtime.GC()
		}
	}()
	url, client := server(t)
	for i := range 1000 {
		if err := get(ctx, client, url); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	select {
	case <-collected:
	case <-ctx.Done():
		t.Fatal("100 garbage collections did not end within a minute")
	}
	if got := m.Status(); !got.Working || got.HashRate == 0 {
		t.Errorf("status while mining: %+v", got)
	}
}

func server(t testing.TB) (string, *http.Client) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 1000))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, srv.Client()
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// BenchmarkRequest gives the times of requests on loopback without mining and with a miner on every
// core.
func BenchmarkRequest(b *testing.B) {
	for _, mining := range []bool{false, true} {
		b.Run(map[bool]string{false: "idle", true: "mining"}[mining], func(b *testing.B) {
			url, client := server(b)
			var m *miner.Miner
			if mining {
				m = mineOnAllCores(b)
			}
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				start := time.Now()
				if err := get(b.Context(), client, url); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.SortFunc(took, cmp.Compare)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
			if m != nil {
				b.ReportMetric(m.Status().HashRate/1e6, "MH/s")
			}
		})
	}
}
