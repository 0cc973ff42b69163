//go:build linux

package integration

import (
	"context"
	"crypto/ed25519"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/store"
)

var (
	syncMessages = flag.Int("sync-messages", 1_000_000, "messages that BenchmarkSync fetches in large blocks")
	syncBlocks   = flag.Int("sync-blocks", 100_000, "one-message blocks that BenchmarkSync fetches")
	syncChains   = flag.String("sync-chains", "", "`directory` that keeps the generated chains for later runs")
)

const (
	syncPayload = 200 // bytes
	syncAuthors = 16  // nodes write, and each has one key
	maxSyncRSS  = 256 // MiB
)

// A load is a chain to be synced.
type load struct{ blocks, perBlock int }

func (l load) messages() int { return l.blocks * l.perBlock }

// BenchmarkSync lets a fresh node fetch a whole chain from another one over loopback. Both are the
// real binary and share the cores of the machine; every rule is checked, and every write is synced.
func BenchmarkSync(b *testing.B) {
	for _, l := range []load{{*syncMessages / 1000, 1000}, {*syncBlocks, 1}} {
		b.Run(fmt.Sprintf("blocks=%d/messages=%d", l.blocks, l.messages()), func(b *testing.B) {
			served := servedChain(b, l)
			for range b.N {
				r := syncFresh(b, served)
				b.ReportMetric(float64(l.messages())/r.took.Seconds(), "messages/s")
				b.ReportMetric(float64(l.blocks)/r.took.Seconds(), "blocks/s")
				b.ReportMetric(r.peak, "MiB-peak")
				b.ReportMetric(r.cpu.Seconds()*1e6/float64(l.messages()), "cpu-µs/message")
				b.ReportMetric(r.serverCPU.Seconds()*1e6/float64(l.messages()), "server-cpu-µs/message")
			}
		})
	}
}

// TestSyncIsComplete is BenchmarkSync in small: nothing is missing, and memory has its bound.
func TestSyncIsComplete(t *testing.T) {
	for _, l := range []load{{40, 1000}, {4000, 1}} {
		t.Run(fmt.Sprintf("blocks=%d", l.blocks), func(t *testing.T) {
			served := servedChain(t, l)
			r := syncFresh(t, served)
			t.Logf("%d messages in %d blocks: %v, peak of memory %.0f MiB", l.messages(), l.blocks, r.took.Round(time.Millisecond), r.peak)
			if r.peak > maxSyncRSS {
				t.Errorf("the syncing node took %.0f MiB, want %d at most", r.peak, maxSyncRSS)
			}
			s, err := store.Open(filepath.Join(r.dir, "store"), served.network, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			report, err := s.Check(context.Background(), true)
			if err != nil || len(report.Problems) > 0 {
				t.Errorf("check: %v, %v", report.Problems, err)
			}
			if report.Messages != l.messages() || report.Bodies != l.messages() || report.Height != uint64(l.blocks) {
				t.Errorf("%d messages, %d bodies, height %d, want %d and %d", report.Messages, report.Bodies, report.Height, l.messages(), l.blocks)
			}
		})
	}
}

// A served is a data directory with a chain in it.
type served struct {
	network *core.Network
	genesis string // its parameter file
	dir     string
	tip     core.Hash
}

// A synced is how a sync went.
type synced struct {
	dir            string
	took           time.Duration
	peak           float64 // MiB
	cpu, serverCPU time.Duration
}

// syncFresh starts a node on the chain and a fresh one that fetches it.
func syncFresh(t testing.TB, from served) synced {
	t.Helper()
	flags := []string{"--genesis", from.genesis, "--no-mdns", "--listen", anyPort, "--mine", "off"}
	server := newMachine(t, "server", flags...)
	server.dir = from.dir
	server.start()
	client := newMachine(t, "client", append(flags, server.joinFlag())...)
	started := time.Now()
	client.start()
	deadline := started.Add(15 * time.Minute)
	var at struct{ Tip struct{ Hash string } }
	for ; at.Tip.Hash != from.tip.String(); time.Sleep(20 * time.Millisecond) {
		if err := client.get("/api/v1/node", &at); err != nil || time.Now().After(deadline) {
			t.Fatalf("tip %v, want %v: %v", at.Tip.Hash, from.tip, err)
		}
	}
	r := synced{dir: client.dir, took: time.Since(started)}
	_, r.peak = client.rss()
	r.cpu, r.serverCPU = client.stopCounting(), server.stopCounting()
	return r
}

// stopCounting stops a node and returns the time of the processors that it took.
func (m *machine) stopCounting() time.Duration {
	cmd := m.cmd
	m.stop()
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// servedChain makes a chain in a data directory, or finds the one of a run before.
func servedChain(t testing.TB, l load) served {
	t.Helper()
	n := coretest.Network(t, func(p *core.Params) { p.Name = "sync" })
	root := *syncChains
	if root == "" {
		root = t.TempDir()
	}
	from := served{network: n, dir: filepath.Join(root, fmt.Sprintf("chain-%d-%d", l.blocks, l.perBlock))}
	from.genesis = filepath.Join(t.TempDir(), "sync.json")
	if err := os.WriteFile(from.genesis, n.Params.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(from.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(from.dir, "store"), n, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if from.tip, err = s.Tip(); err != nil {
		t.Fatal(err)
	}
	if from.tip == n.Genesis {
		from.tip = generate(t, n, s, l)
	}
	return from
}

// generate stores a chain without judging it, which is for the one who syncs it.
func generate(t testing.TB, n *core.Network, s *store.Store, l load) core.Hash {
	t.Helper()
	keys := make([]ed25519.PrivateKey, syncAuthors)
	for i := range keys {
		keys[i] = coretest.Key(i)
	}
	tip := coretest.Genesis(n)
	group := max(1, 4000/l.perBlock) // blocks of one batch
	for made := 0; made < l.blocks; made += group {
		group = min(group, l.blocks-made)
		msgs := signedMessages(n, keys, made*l.perBlock, group*l.perBlock)
		var change chain.Change
		for i := range group {
			b := coretest.Next(t, n, tip, msgs[i*l.perBlock:(i+1)*l.perBlock]...)
			tip = tip.After(b)
			change.Store = append(change.Store, chain.Stored{Hash: tip.Hash, SeenMS: 1, Block: b})
			change.Apply = append(change.Apply, tip.Hash)
		}
		if err := s.Commit(change); err != nil {
			t.Fatal(err)
		}
	}
	return tip.Hash
}

// signedMessages signs on all processors. Their payloads are no text, and do not compress.
func signedMessages(n *core.Network, keys []ed25519.PrivateKey, first, count int) []*core.Message {
	msgs := make([]*core.Message, count)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < count; i += workers {
				msgs[i] = signedMessage(n, keys[(first+i)%len(keys)], uint64(first+i))
			}
		})
	}
	wg.Wait()
	return msgs
}

func signedMessage(n *core.Network, key ed25519.PrivateKey, number uint64) *core.Message {
	body := &core.Body{Payload: make([]byte, 0, syncPayload)}
	for part := 0; len(body.Payload) < syncPayload; part++ {
		h := core.LeafHash(fmt.Append(nil, number, " ", part))
		body.Payload = append(body.Payload, h[:min(len(h), syncPayload-len(body.Payload))]...)
	}
	m := &core.Message{Body: body, Envelope: core.Envelope{
		Author: core.PublicKey(key.Public().(ed25519.PublicKey)), TimeMS: n.Params.GenesisTimeMS, Seen: n.Genesis,
		Nonce: number, PayloadSize: syncPayload, Commitment: core.Commit(body.Salt, body.Payload),
	}}
	m.ID = m.Envelope.ID(n.Genesis)
	m.Signature = core.Signature(ed25519.Sign(key, m.ID[:]))
	return m
}
