package syncer

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/store"
)

// A flood is an Exchange in which some peers have branches of headers, and one is honest.
type flood struct {
	served
	branches map[peer.ID][]core.Header
	places   map[core.Hash]int // of a header in its branch
	given    atomic.Int64
}

const (
	lineTime    = 50 * time.Millisecond // what an answer takes
	blockOnDisk = 2 << 10               // more than an honest block without messages takes
)

func (x *flood) Headers(ctx context.Context, p peer.ID, locator []core.Hash, limit int) ([]core.Header, error) {
	time.Sleep(lineTime)
	branch := x.branches[p]
	if branch == nil {
		return x.served.Headers(ctx, p, locator, limit)
	}
	from := 0
	if at, ok := x.places[locator[0]]; ok {
		from = at + 1
	}
	page := branch[min(from, len(branch)):min(from+limit, len(branch))]
	x.given.Add(int64(len(page)))
	return page, nil
}

func (x *flood) Blocks(ctx context.Context, p peer.ID, hashes []core.Hash, part func(int), each func(*core.Block) error) error {
	time.Sleep(lineTime)
	return x.served.Blocks(ctx, p, hashes, part, each)
}

// A follower measures, in virtual time, how long the honest peer's next block takes to get to our tip.
type follower struct {
	t      *testing.T
	n      *core.Network
	honest *chain.Chain
	ours   *chain.Chain
	syncer *Syncer
}

// next has the honest peer find a block. It is announced as gossip does it: header first.
func (f *follower) next() time.Duration {
	f.t.Helper()
	b := coretest.Next(f.t, f.n, coretest.Tip(f.honest.Tip()))
	if _, err := f.honest.AddBlocks([]*core.Block{b}); err != nil {
		f.t.Fatal(err)
	}
	begun := time.Now()
	if _, err := f.ours.AddHeaders([]core.Header{b.Header}, core.Work{}); err != nil {
		f.t.Fatal(err)
	}
	f.syncer.Announced("honest", &b.Header)
	for f.ours.Tip().Hash != b.Header.Hash() {
		if time.Since(begun) > time.Minute {
			f.t.Fatal("the honest peer's block did not come within a minute")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
	}
	return time.Since(begun)
}

// TestHeaderSpam shows a node branches of headers that have too little work: 64 of them with 1,000,000
// headers, or fewer in a short run. It remembers none, writes nothing, and meanwhile gets the honest
// peer's next blocks no later than twice the time that they took before.
func TestHeaderSpam(t *testing.T) {
	const branches = 64
	length := 500
	if os.Getenv("P2PCHAIN_LONG") != "" {
		length = 15_625
	}
	n := coretest.Network(t)
	ours := coretest.Chain(t, n, coretest.Genesis(n), length+400, 0)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		fs := vfs.NewMem()
		s, err := store.Open("store", n, store.Options{FS: fs, OnFatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		cfg := chain.DefaultConfig()
		cfg.Log = quiet()
		c, err := chain.Open(n, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.AddBlocks(ours); err != nil {
			t.Fatal(err)
		}
		x := &flood{branches: make(map[peer.ID][]core.Header), places: make(map[core.Hash]int)}
		honest := node(t, n, ours)
		x.chains = map[peer.ID]*chain.Chain{"honest": honest}
		for i := range branches {
			id := peer.ID(fmt.Sprint("spam ", i))
			x.branches[id] = spamBranch(t, n, uint64(i+1), length)
			for at := range x.branches[id] {
				x.places[x.branches[id][at].Hash()] = at
			}
		}
		config := DefaultConfig()
		config.Log = quiet()
		syncer, err := New(c, x, x, config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- syncer.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		syncer.PeerUp("honest", claimOfChain(honest))
		synctest.Wait()
		f := &follower{t, n, honest, c, syncer}
		calm := max(f.next(), f.next(), f.next())
		before, disk, most := heapBytes(), size(t, fs, "store"), uint64(0)
		for id, branch := range x.branches {
			last := branch[len(branch)-1]
			syncer.PeerUp(id, Claim{Tip: last.PreviousHash, Height: last.Height, Work: core.NewWork(1, 0)})
		}
		var spammed []time.Duration
		for range 600 {
			if len(spammed) < 20 && x.given.Load() > 0 {
				spammed = append(spammed, f.next())
			}
			time.Sleep(500 * time.Millisecond)
			most = max(most, heapBytes())
			if x.given.Load() >= int64(branches*length) {
				break
			}
		}
		grown := int64(most) - int64(before)
		t.Logf("%d headers in %d branches: %d KiB more memory, honest blocks after %v, %v before",
			x.given.Load(), branches, grown>>10, spammed, calm)
		if len(spammed) < 3 || slices.Max(spammed) > 2*calm {
			t.Errorf("honest blocks came after %v, want at most twice the %v of before", spammed, calm)
		}
		if x.given.Load() < int64(branches*length) {
			t.Errorf("only %d headers were asked for", x.given.Load())
		}
		if grown > 32<<20 {
			t.Errorf("%d bytes more memory, want at most 32 MiB", grown)
		}
		if more := size(t, fs, "store") - disk; more > int64(len(spammed))*blockOnDisk {
			t.Errorf("%d bytes more on disk, after %d blocks", more, len(spammed))
		}
		// The honest peer's next block is not held up.
		next := coretest.Next(t, n, coretest.Tip(honest.Tip()))
		if _, err := honest.AddBlocks([]*core.Block{next}); err != nil {
			t.Fatal(err)
		}
		syncer.PeerUp("honest", claimOfChain(honest))
		settle(t, c, next.Header.Hash())
		for id, branch := range x.branches {
			if _, err := c.Header(branch[len(branch)/2].Hash()); err == nil {
				t.Errorf("%s: a header of it is remembered", id)
			}
		}
	})
}

// spamBranch returns headers from genesis on, at the least work.
func spamBranch(t *testing.T, n *core.Network, salt uint64, length int) []core.Header {
	t.Helper()
	tip := coretest.Genesis(n)
	out := make([]core.Header, length)
	for i := range out {
		b := coretest.NextWith(t, n, tip, func(h *core.Header) { h.Nonce = salt << 32 })
		out[i], tip = b.Header, tip.After(b)
	}
	return out
}

// heapBytes returns the bytes in use after a collection.
func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// size returns the bytes of all files in a directory.
func size(t *testing.T, fs vfs.FS, dir string) (sum int64) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if info, err := fs.Stat(fs.PathJoin(dir, name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
