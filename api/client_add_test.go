package api_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// TestClientKeys repeats requests of each kind under their keys.
func TestClientKeys(t *testing.T) {
	f := start(t)
	c, ctx := f.client(), t.Context()
	signed := coretest.Message(t, f.network, coretest.Key(3), "signed")
	var ids []core.Hash
	for range 2 {
		text, err := c.Add(ctx, []byte("text"), "", client.WithKey("text"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := c.AddSigned(ctx, signed, client.WithKey("signed"))
		if err != nil || theirs.ID != signed.ID {
			t.Fatalf("AddSigned = %+v, %v", theirs, err)
		}
		results, err := c.Batch(ctx, []byte("\"a\"\n1\n\"b\""), client.WithKey("batch"))
		if err != nil || len(results) != 3 || results[1].Code != "bad_json" {
			t.Fatalf("Batch = %+v, %v", results, err)
		}
		ids = append(ids, text.ID, *results[0].ID, *results[2].ID)
	}
	if ids[0] != ids[3] || ids[1] != ids[4] || ids[2] != ids[5] || len(f.pool.waiting) != 4 {
		t.Errorf("ids %v, %d messages, want each once", ids, len(f.pool.waiting))
	}
	if _, err := c.Add(ctx, []byte("other"), "", client.WithKey("text")); !errors.Is(err, client.ErrRefused) {
		t.Errorf("another request under a key: %v, want ErrRefused", err)
	}
}

// TestClientKeyInUse holds what whoever comes too early is told.
func TestClientKeyInUse(t *testing.T) {
	f := start(t)
	inside, goOn := make(chan struct{}), make(chan struct{})
	f.pool.enter = sync.OnceFunc(func() { close(inside); <-goOn })
	c := f.client()
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := c.Add(t.Context(), []byte("x"), "", client.WithKey("k")); err != nil {
			t.Error(err)
		}
	})
	<-inside
	_, err := c.Add(t.Context(), []byte("x"), "", client.WithKey("k"))
	if e, ok := errors.AsType[*client.Error](err); !errors.Is(err, client.ErrBusy) || !ok || e.RetryAfter != time.Second {
		t.Errorf("%v, want ErrBusy for a second", err)
	}
	close(goOn)
	first.Wait()
}

// TestClientConfirmation waits for a block in the request that adds the message.
func TestClientConfirmation(t *testing.T) {
	f := start(t)
	stored := make(chan struct{}, 1)
	f.pool.refuse = func(int, *core.Message) error { stored <- struct{}{}; return nil }
	var sealer sync.WaitGroup
	sealer.Go(func() { <-stored; f.sealOnceWaiting() })
	r, err := f.client().Add(t.Context(), []byte("x"), "", client.WithConfirmation(time.Minute))
	sealer.Wait()
	if err != nil || r.Status != api.StatusConfirmed {
		t.Errorf("Add = %+v, %v", r, err)
	}
	f.pool.refuse = nil
	r, err = f.client().Add(t.Context(), []byte("y"), "", client.WithConfirmation(time.Millisecond))
	if err != nil || r.Status != api.StatusWaiting {
		t.Errorf("Add = %+v, %v, want one that waits", r, err)
	}
	f.pool.refuse = func(int, *core.Message) error { return mempool.ErrFull }
	if _, err := f.client().Add(t.Context(), []byte("z"), "", client.WithConfirmation(time.Minute)); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Add = %v, want ErrBusy", err)
	}
}

// sealOnceWaiting seals what waits, as soon as anything does.
func (f *fixture) sealOnceWaiting() {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if len(f.pool.texts()) > 0 {
			f.sealWaiting()
			return
		}
	}
}
