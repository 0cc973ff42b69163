package mempool_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

var made = mempool.Origin{Made: true}

// Of two copies of a message in one call the first may be bad: that says nothing about the second.
func TestTwiceInOneCall(t *testing.T) {
	for _, from := range []mempool.Origin{local, foreign} {
		w := newWorld(t)
		good := w.messages("m", 1)[0]
		bad := *good
		bad.Signature[0] ^= 1
		errs := w.pool.Add([]*core.Message{&bad, good, good}, from)
		if !errors.Is(errs[0], consensus.ErrSignature) || errs[1] != nil || !errors.Is(errs[2], mempool.ErrKnown) {
			t.Errorf("Add = %v, want a bad signature, nil, known", errs)
		}
		if !w.pool.Has(good.ID) {
			t.Error("acknowledged, and lost")
		}
	}
}

// A message that the node made is judged by everything but its signature.
func TestMadeMessages(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 2)
	bare := *m[1]
	bare.Body = nil
	for _, tt := range []struct {
		name string
		m    *core.Message
		want error
	}{
		{"good", m[0], nil},
		{"without its body", &bare, consensus.ErrBodyMissing},
		{"with another body", func() *core.Message { x := *m[1]; x.Body = m[0].Body; return &x }(), core.ErrBodyMismatch},
	} {
		if err := w.pool.Add([]*core.Message{tt.m}, made)[0]; !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if list, err := w.pool.List(0, 10); err != nil || len(list) != 1 || !list[0].Local {
		t.Errorf("List = %v, %v", list, err)
	}
}

// A note tells what became of each message, and is there only if something was stored.
func TestAddNoted(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 3)
	bad := *m[2]
	bad.Signature[0] ^= 1
	w.add(local, m[0])
	key := core.Hash{1}
	errs := w.pool.AddNoted([]*core.Message{&bad}, local, mempool.Note{Key: key})
	if _, err := w.pool.Note(key, 0); !errors.Is(err, chain.ErrNotFound) || errs[0] == nil {
		t.Errorf("%v for a bad message, and Note = %v", errs[0], err)
	}
	w.pool.AddNoted([]*core.Message{m[0], m[1], &bad}, local, mempool.Note{Key: key, First: 4, Last: true, Print: core.Hash{7}})
	got, err := w.pool.Note(key, 4)
	want := []mempool.NotedResult{{m[0].ID, mempool.AlreadyWaiting}, {m[1].ID, mempool.Accepted}, {m[2].ID, mempool.Refused}}
	if err != nil || !slices.Equal(got.Messages, want) || !got.Last || got.Print != (core.Hash{7}) {
		t.Errorf("Note = %v, %v, want %v", got, err, want)
	}
}

// Messages with a note are all taken, or none is for want of room.
func TestAddNotedAllOrNone(t *testing.T) {
	w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = 1000 })
	m := coretest.Messages(t, w.n, "m", 9)
	for i, err := range w.pool.AddNoted(m, made, mempool.Note{Key: core.Hash{1}}) {
		if !errors.Is(err, mempool.ErrFull) {
			t.Errorf("message %d: %v, want ErrFull", i, err)
		}
	}
	if _, err := w.pool.Note(core.Hash{1}, 0); !errors.Is(err, chain.ErrNotFound) || w.pool.Totals().Count != 0 {
		t.Errorf("Note = %v with %d messages, want neither", err, w.pool.Totals().Count)
	}
	w.add(made, m[:2]...) // what was reserved is free again
}

// Whatever comes together, each caller is told about his own messages.
func TestConcurrentAdds(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 400)
	var callers sync.WaitGroup
	for i := range 40 {
		callers.Go(func() {
			for k := range 10 {
				msg := m[10*i+k]
				bad := k%5 == 4
				if bad {
					x := *msg
					x.Body = m[(10*i+k+1)%len(m)].Body
					msg = &x
				}
				err := w.pool.AddNoted([]*core.Message{msg}, made, mempool.Note{Key: core.Hash(msg.ID)})[0]
				if bad != errors.Is(err, core.ErrBodyMismatch) || !bad && err != nil {
					t.Errorf("message %d/%d: %v", i, k, err)
				}
				if note, err := w.pool.Note(core.Hash(msg.ID), 0); !bad && (err != nil || len(note.Messages) != 1 || note.Messages[0].ID != msg.ID) {
					t.Errorf("note %d/%d: %v, %v", i, k, note, err)
				}
			}
		})
	}
	callers.Wait()
	if got := w.pool.Totals().Count; got != 320 {
		t.Errorf("%d messages wait, want 320", got)
	}
}
