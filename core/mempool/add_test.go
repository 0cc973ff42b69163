package mempool_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

var (
	local   = mempool.Origin{}
	foreign = mempool.Origin{Peer: "peer"}
)

func TestAddVerdicts(t *testing.T) {
	w := newWorld(t)
	waits, sealed := w.messages("waits", 1)[0], w.messages("sealed", 1)[0]
	w.add(local, waits, sealed)
	w.seal("genesis", "a1", sealed)
	edited := func(text string, edit func(*core.Message)) *core.Message {
		m := *coretest.Message(t, w.n, coretest.Key(0), text)
		edit(&m)
		return &m
	}
	other := coretest.Network(t, func(p *core.Params) { p.Name = "other" })
	for _, tt := range []struct {
		name string
		m    *core.Message
		want error
	}{
		{"new", w.messages("new", 1)[0], nil},
		{"waits already", waits, mempool.ErrKnown},
		{"sealed already", sealed, mempool.ErrKnown},
		{"without its body", edited("bare", func(m *core.Message) { m.Body = nil }), consensus.ErrBodyMissing},
		{"with another body", edited("swap", func(m *core.Message) { m.Body = waits.Body }), core.ErrBodyMismatch},
		{"bad signature", edited("sig", func(m *core.Message) { m.Signature[5] ^= 1 }), consensus.ErrSignature},
		{"payload too large", coretest.Message(t, w.n, coretest.Key(0), strings.Repeat("x", 16385)), consensus.ErrPayloadSize},
		{"of another network", coretest.Message(t, other, coretest.Key(0), "x"), consensus.ErrMessageID},
	} {
		for _, from := range []mempool.Origin{local, foreign} {
			t.Run(tt.name+" from "+from.Peer, func(t *testing.T) {
				m := tt.m
				if tt.want == nil { // new to each of the two
					m = coretest.Message(t, w.n, coretest.Key(0), "new from "+from.Peer)
				}
				if err := w.pool.Add([]*core.Message{m}, from)[0]; !errors.Is(err, tt.want) {
					t.Errorf("Add = %v, want %v", err, tt.want)
				}
				if tt.want == nil && !w.pool.Has(m.ID) {
					t.Error("accepted, but Has says no")
				}
			})
		}
	}
}

func TestAddManyNamesEachBadOne(t *testing.T) {
	w := newWorld(t)
	msgs := w.messages("m", 200)
	bad := map[int]error{3: consensus.ErrSignature, 150: consensus.ErrSignature, 40: consensus.ErrBodyMissing, 199: mempool.ErrKnown}
	for _, i := range []int{3, 150} {
		m := *msgs[i]
		m.Signature[0] ^= 1
		msgs[i] = &m
	}
	bare := *msgs[40]
	bare.Body = nil
	msgs[40] = &bare
	msgs[199] = msgs[0] // twice in one call
	for i, err := range w.pool.Add(msgs, foreign) {
		if !errors.Is(err, bad[i]) {
			t.Errorf("message %d: %v, want %v", i, err, bad[i])
		}
	}
	if got := w.pool.Totals().Count; got != 196 {
		t.Errorf("%d messages wait, want 196", got)
	}
	if got := len(w.template()); got != 196 {
		t.Errorf("template of %d messages, want 196", got)
	}
}

// TestKnownIsNotVerified holds that a repeated message costs no signature check.
func TestKnownIsNotVerified(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 1)[0]
	w.add(foreign, m)
	forged := *m
	forged.Signature[0] ^= 1
	if err := w.pool.Add([]*core.Message{&forged}, foreign)[0]; !errors.Is(err, mempool.ErrKnown) {
		t.Errorf("Add = %v, want ErrKnown", err)
	}
}

// TestLocalKnownWaitsForTheDisk holds that ErrKnown of a local message passed through Accept, which
// alone can say that the first copy is durable.
func TestLocalKnownWaitsForTheDisk(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 1)[0]
	w.add(local, m)
	var calls int
	w.ledger.onAccept = func([]*core.Message) error { calls++; return nil }
	if err := w.pool.Add([]*core.Message{m}, local)[0]; !errors.Is(err, mempool.ErrKnown) || calls != 1 {
		t.Errorf("Add = %v after %d calls of Accept, want ErrKnown after 1", err, calls)
	}
}

func TestStoreFailureIsOurFault(t *testing.T) {
	w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = 2000 })
	broken := errors.New("disk broken")
	w.ledger.onAccept = func([]*core.Message) error { return broken }
	for range 20 { // must release what each call reserved
		err := w.pool.Add(w.messages("m", 1), local)[0]
		if !errors.Is(err, broken) || consensus.ClassOf(err) != consensus.Fault {
			t.Fatalf("Add = %v of class %v", err, consensus.ClassOf(err))
		}
	}
	w.ledger.onAccept = nil
	w.add(local, w.messages("m", 1)...)
}

// TestConcurrentAddsShareAnFsync holds that no lock is held over Accept: every one of 64 calls waits
// in it for all the others.
func TestConcurrentAddsShareAnFsync(t *testing.T) {
	w := newWorld(t)
	const clients = 64
	arrived, all := make(chan struct{}, clients), make(chan struct{})
	w.ledger.onAccept = func([]*core.Message) error {
		arrived <- struct{}{}
		<-all
		return nil
	}
	done := make(chan error, clients)
	for _, m := range w.messages("m", clients) {
		go func() { done <- w.pool.Add([]*core.Message{m}, local)[0] }()
	}
	limit := time.After(20 * time.Second)
	for i := range clients {
		select {
		case <-arrived:
		case <-limit:
			t.Fatalf("only %d of %d calls are in Accept", i, clients)
		}
	}
	w.template() // not held up either
	close(all)
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestSealedBeforeAddReturns seals a message while the Add that brought it still waits for the disk.
func TestSealedBeforeAddReturns(t *testing.T) {
	w := newWorld(t)
	w.template() // memory is complete: what is added now would be kept
	m := w.messages("m", 1)[0]
	w.ledger.onStored = func() {
		w.wantTemplate(m)
		w.seal("genesis", "a1", m)
		w.wantTemplate()
	}
	w.add(local, m)
	if w.pool.Has(m.ID) || w.pool.Totals().InMemory != 0 {
		t.Error("the pool holds a message that is sealed")
	}
	w.wantTemplate()
}

func TestSubscribe(t *testing.T) {
	w := newWorld(t)
	pokes, stop := w.pool.Subscribe()
	w.add(foreign, w.messages("m", 3)...)
	select {
	case <-pokes:
	default:
		t.Error("no poke after new messages")
	}
	w.pool.Add(w.messages("m", 3), foreign)
	stop()
	w.add(foreign, w.messages("n", 1)...)
	select {
	case <-pokes:
		t.Error("a poke for known messages, or after the end")
	default:
	}
}

// Good signatures are remembered for whoever judges blocks; bad ones are not.
func TestAddRemembersSignatures(t *testing.T) {
	verified := consensus.NewVerified()
	w := newWorld(t, func(c *mempool.Config) { c.Verified = verified })
	msgs := w.messages("m", 40)
	forged := *msgs[7]
	forged.Signature[0] ^= 1
	msgs[7] = &forged
	w.pool.Add(msgs, foreign)
	for i, m := range msgs {
		if got := verified.Has(m); got != (i != 7) {
			t.Errorf("message %d: remembered %v", i, got)
		}
	}
}
