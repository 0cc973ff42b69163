package mempool_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// fillFrom adds messages one by one until one is refused; it returns those that were taken.
func (w *world) fillFrom(from mempool.Origin, prefix string, author int) (taken []*core.Message) {
	w.t.Helper()
	for i := range 100_000 {
		m := coretest.Message(w.t, w.n, coretest.Key(author), fmt.Sprintf("%s/%d/%4d", prefix, author, i))
		err := w.pool.Add([]*core.Message{m}, from)[0]
		if errors.Is(err, mempool.ErrFull) {
			return taken
		}
		if err != nil {
			w.t.Fatal(err)
		}
		taken = append(taken, m)
	}
	w.t.Fatal("never full")
	return nil
}

func bytesOf(msgs []*core.Message) (sum int64) {
	for _, m := range msgs {
		sum += int64(m.Size())
	}
	return sum
}

func TestFullForLocalMessages(t *testing.T) {
	const limit = 40_000
	w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = limit })
	taken := w.fillFrom(local, "m", 0)
	if got := bytesOf(taken); got > limit || got < limit-300 {
		t.Fatalf("%d bytes were taken, limit is %d", got, limit)
	}
	if err := w.pool.Add(taken[:1], local)[0]; !errors.Is(err, mempool.ErrKnown) {
		t.Errorf("a known message in a full pool: %v, want ErrKnown", err)
	}
	w.seal("genesis", "a1", taken[:10]...)
	w.add(local, w.messages("later", 8)...)

	// A reorg gives back more than there is room for, and all of it counts.
	w.seal("genesis", "b1")
	w.seal("b1", "b2")
	if got, want := w.pool.Totals().Count, len(taken)+8; got != want {
		t.Errorf("%d messages wait after the reorg, want %d", got, want)
	}
	if len(w.fillFrom(local, "more", 0)) != 0 {
		t.Error("took more over the limit")
	}
}

func TestForeignLeaveRoomForLocal(t *testing.T) {
	const limit = 200_000
	w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = limit })
	var foreignBytes int64
	for i := range 40 {
		foreignBytes += bytesOf(w.fillFrom(mempool.Origin{Peer: fmt.Sprint(i)}, "f", i))
	}
	if foreignBytes > limit*3/4 {
		t.Errorf("peers got %d bytes of %d", foreignBytes, limit)
	}
	if got := bytesOf(w.fillFrom(local, "l", 0)); got < limit/4-300 {
		t.Errorf("local messages got %d bytes of %d", got, limit)
	}
}

// TestShares holds that a flood of one peer, or of one author through many peers, leaves half of the
// foreign space to others, and that what was sealed counts no longer.
func TestShares(t *testing.T) {
	const limit, space = 400_000, 300_000
	for name, origin := range map[string]func(i int) (mempool.Origin, int){
		"one peer with many authors": func(i int) (mempool.Origin, int) { return foreign, i },
		"one author by many peers":   func(i int) (mempool.Origin, int) { return mempool.Origin{Peer: fmt.Sprint(i)}, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = limit })
			var flood []*core.Message
			for i := range 20 {
				from, author := origin(i)
				flood = append(flood, w.fillFrom(from, fmt.Sprint("flood", i), author)...)
			}
			if got := bytesOf(flood); got < space/2-1000 || got > space/2+1000 {
				t.Errorf("the flood got %d bytes of %d, want half", got, space)
			}
			got := int64(0)
			for i := 0; i < 2 && got < space/4-1000; i++ { // one in a million shares all slots of a flood
				got = bytesOf(w.fillFrom(mempool.Origin{Peer: fmt.Sprint("honest", i)}, "honest", 999+i))
			}
			if got < space/4-1000 {
				t.Errorf("an honest peer got %d bytes, want a quarter of %d", got, space)
			}
			w.seal("genesis", "a1", flood...)
			from, author := origin(0)
			if got := bytesOf(w.fillFrom(from, "again", author)); got < space/4 {
				t.Errorf("after its messages were sealed it got %d bytes", got)
			}
		})
	}
}

// TestMemoryIsBounded holds that memory keeps to its limit, that nothing is lost by that, and that
// it is filled again when the oldest leave.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 100_000
	w := newWorld(t, func(c *mempool.Config) { c.MemoryBytes = limit })
	msgs := w.messages("m", 1000)
	for i := 0; i < len(msgs); i += 50 {
		w.add(local, msgs[i:i+50]...)
	}
	check := func(first int) {
		t.Helper()
		got := w.template()
		totals := w.pool.Totals()
		if totals.Memory > limit || totals.InMemory < 100 || len(got) != totals.InMemory {
			t.Fatalf("template of %d messages with %+v", len(got), totals)
		}
		for i, m := range got {
			if m.ID != msgs[first+i].ID {
				t.Fatalf("message %d of the template is %q", i, m.Body.Payload)
			}
		}
	}
	check(0)
	w.seal("genesis", "a1", msgs[:60]...)
	check(60)
	w.seal("a1", "a2", msgs[60:900]...) // most of these were never in memory
	w.wantTemplate(msgs[900:]...)

	w.open(func(c *mempool.Config) { c.MemoryBytes = 1 }) // no message fits, and still they get out
	w.wantTemplate(msgs[900])
	if m, err := w.pool.Message(msgs[999].ID); err != nil || m.ID != msgs[999].ID {
		t.Errorf("a message on disk: %v", err)
	}
	if _, err := w.pool.Message(msgs[0].ID); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("a sealed message: %v, want ErrNotFound", err)
	}
	if !w.pool.Has(msgs[999].ID) || w.pool.Has(msgs[0].ID) || !w.pool.Known(msgs[0].ID) {
		t.Error("Has or Known is wrong about messages on disk")
	}
}

func TestListPagesOverAll(t *testing.T) {
	w := newWorld(t, func(c *mempool.Config) { c.MemoryBytes = 20_000 })
	msgs := w.messages("m", 500)
	w.add(local, msgs...)
	var after uint64
	var got []core.Hash
	for {
		page, err := w.pool.List(after, 33)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.ID)
		}
		after = page[len(page)-1].Seq
	}
	if len(got) != len(msgs) {
		t.Fatalf("%d messages listed, want %d", len(got), len(msgs))
	}
	for i := range got {
		if got[i] != msgs[i].ID {
			t.Fatalf("entry %d is out of order", i)
		}
	}
}

// TestMemoryIsAccounted holds entryOverhead against the heap, for the smallest messages.
func TestMemoryIsAccounted(t *testing.T) {
	const count = 5_000
	w := newWorld(t)
	raw := make([][]byte, count)
	for i, m := range w.messages("m", count) {
		raw[i] = m.Bytes()
	}
	before := heap()
	held := make([]*core.Message, 0, 256)
	for i, b := range raw {
		m, err := core.DecodeMessage(w.n.Genesis, b)
		if err != nil {
			t.Fatal(err)
		}
		if held = append(held, m); len(held) == cap(held) || i == count-1 {
			w.ledger.onlyIDs(held)
			held = held[:0]
		}
	}
	clear(held[:cap(held)])
	own := heap() - before // what the test's store holds: the messages and its list
	_, msgs, err := w.pool.Template(count, 32<<20)
	if err != nil || len(msgs) != count {
		t.Fatalf("template of %d messages, %v", len(msgs), err)
	}
	index := heap() - before - own // what the pool adds to the messages
	between := heap()
	leaves := mempool.IndexOf(msgs) // has a bound of its own
	index -= heap() - between
	runtime.KeepAlive(leaves)
	accounted := w.pool.Totals().Memory
	if w.pool.Totals().InMemory != count {
		t.Fatalf("%d messages in memory, want %d", w.pool.Totals().InMemory, count)
	}
	t.Logf("%d bytes accounted; on the heap %d of messages with the test's list, and %d of the pool", accounted, own, index)
	if own+index > accounted {
		t.Errorf("%d bytes on the heap, %d accounted", own+index, accounted)
	}
}

// onlyIDs makes messages wait without Add, which would verify them all.
func (l *ledger) onlyIDs(msgs []*core.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range msgs {
		l.wait(m, true, 0)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
