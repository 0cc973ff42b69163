package exchange_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
	"p2pchain/p2p/sketch"
)

// ids returns hashes that no message has.
func ids(from, to int) []core.Hash {
	out := make([]core.Hash, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i))))
	}
	return out
}

// A rack is a pool of ids alone, which counts how often its list is read from the start.
type rack struct {
	*pool
	mu    sync.Mutex
	ids   []core.Hash
	walks int
}

func (r *rack) List(after uint64, limit int) ([]mempool.Waiting, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after == 0 {
		r.walks++
	}
	var out []mempool.Waiting
	for i := int(after); i < len(r.ids) && len(out) < limit; i++ {
		out = append(out, mempool.Waiting{Seq: uint64(i + 1), ID: r.ids[i]})
	}
	return out, nil
}

func TestSketch(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, nil)
	r := &rack{pool: w.pool, ids: ids(0, 20_000)}
	w.stop()
	<-w.running
	w.running = make(chan struct{})
	w.servePool(w.chain, r)
	sum, err := w.client.Sketch(t.Context(), w.server.ID(), 1024)
	if err != nil || sum.Count != 20_000 || sum.Sketch == nil || sum.Sketch.Cells() != 1024 {
		t.Fatalf("Sketch = %+v, %v", sum, err)
	}
	own := sketch.New(sum.Sketch.Key(), 1024)
	for _, id := range ids(100, 20_300) {
		own.Add(id)
	}
	ours, theirs, ok := own.Minus(sum.Sketch).Differences()
	if !ok || !same(ours, ids(20_000, 20_300)) || !same(theirs, ids(0, 100)) {
		t.Errorf("%d only ours, %d only theirs, %v; want 300 and 100", len(ours), len(theirs), ok)
	}
	r.mu.Lock()
	r.ids = r.ids[:500]
	r.mu.Unlock()
	deadline := time.Now().Add(10 * time.Second)
	for sum.Count != 500 { // a sketch lives for a moment
		if sum, err = w.client.Sketch(t.Context(), w.server.ID(), 512); err != nil || time.Now().After(deadline) {
			t.Fatalf("Sketch = %d waiting, %v", sum.Count, err)
		}
	}
	if sum.Sketch != nil || !slices.Equal(sum.IDs, ids(0, 500)) {
		t.Errorf("a short list: %d ids", len(sum.IDs))
	}
}

func same(a, b []core.Hash) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), core.Hash.Compare), slices.SortedFunc(slices.Values(b), core.Hash.Compare))
}

// However many ask, the list is walked over only now and then.
func TestSketchesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRack{rack: &rack{ids: ids(0, 200)}}
		begin := time.Now()
		if err := exchange.Walks(t.Context(), r, 1000, 0); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); r.walks != 1 || took != time.Second {
			t.Errorf("%d walks and %v for 1,000 askers, want one walk of 1 s", r.walks, took)
		}
		r.walks = 0
		if err := exchange.Walks(t.Context(), r, 3, 5*time.Second); err != nil || r.walks != 2 {
			t.Errorf("%d walks, %v; want one that serves the second asker, and one for the third", r.walks, err)
		}
	})
}

// A slow rack takes a second for a walk.
type slowRack struct{ *rack }

func (r *slowRack) List(after uint64, limit int) ([]mempool.Waiting, error) {
	time.Sleep(time.Second)
	return r.rack.List(after, limit)
}

func TestOffer(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, nil)
	took, err := w.client.Offer(t.Context(), w.server.ID(), ids(0, exchange.MaxOffer+1))
	if err != nil || took != exchange.MaxOffer || !slices.Equal(w.peers.offered, ids(0, exchange.MaxOffer)) {
		t.Errorf("Offer = %d, %v, want %d", took, err, exchange.MaxOffer)
	}
}

func (v *victim) askSketch() error {
	_, err := v.world.client.Sketch(v.t.Context(), v.world.server.ID(), 128)
	return err
}

func (v *victim) askOffer() error {
	_, err := v.world.client.Offer(v.t.Context(), v.world.server.ID(), ids(0, 2))
	return err
}

func (v *victim) sketchScripts() []script {
	const cells = 128 * sketch.CellBytes
	reply := func(count uint64, ids, key, cells int) []byte {
		return frame(&wire.SketchReply{Count: count, Ids: make([]byte, ids), Key: make([]byte, key), Cells: make([]byte, cells)})
	}
	return append(lines(),
		script{"fine", reply(1000, 0, 16, cells), nil},
		script{"fine list", reply(2, 64, 0, 0), nil},
		script{"nothing waits", reply(0, 0, 0, 0), nil},
		script{"short key", reply(1000, 0, 15, cells), exchange.ErrProtocol},
		script{"too few cells", reply(1000, 0, 16, cells-sketch.CellBytes), exchange.ErrProtocol},
		script{"too many cells", reply(1000, 0, 16, 2*cells), exchange.ErrProtocol},
		script{"no cells", reply(1000, 0, 16, 0), exchange.ErrProtocol},
		script{"ids and cells", reply(2, 64, 16, cells), exchange.ErrProtocol},
		script{"cells without a key", reply(0, 0, 0, cells), exchange.ErrProtocol},
		script{"more ids than counted", reply(1, 64, 0, 0), exchange.ErrProtocol},
		script{"more counted than ids", reply(3, 64, 0, 0), exchange.ErrProtocol},
		script{"no whole ids", reply(1, 33, 0, 0), exchange.ErrProtocol},
		script{"more ids than asked for", reply(129, 129*32, 0, 0), exchange.ErrProtocol},
		script{"absurd count", reply(1<<33, 0, 16, cells), exchange.ErrProtocol},
	)
}

func (v *victim) offerScripts() []script {
	return append(lines(),
		script{"fine", frame(&wire.OfferReply{Taken: 2}), nil},
		script{"none", frame(&wire.OfferReply{}), nil},
		script{"more than offered", frame(&wire.OfferReply{Taken: 3}), exchange.ErrProtocol},
	)
}

// FuzzSketchReply decodes answers; those that pass are what was asked for.
func FuzzSketchReply(f *testing.F) {
	for _, m := range []*wire.SketchReply{
		{},
		{Count: 2, Ids: make([]byte, 64)},
		{Count: 500, Key: make([]byte, 16), Cells: sketch.New(sketch.Key{}, 128).Encode()},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum, err := exchange.DecodeSummary(b, 128)
		if err != nil {
			if !errors.Is(err, exchange.ErrProtocol) {
				t.Fatalf("not the peer's fault: %v", err)
			}
			return
		}
		if sum.Sketch == nil && len(sum.IDs) != sum.Count || sum.Sketch != nil && sum.Sketch.Cells() != 128 {
			t.Fatalf("%d ids of %d", len(sum.IDs), sum.Count)
		}
	})
}
