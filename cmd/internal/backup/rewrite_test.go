package backup

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
)

// goneIDs is a Gone for some messages.
func goneIDs(ids ...core.Hash) Gone {
	return func(_ uint64, all []core.Hash) ([]bool, error) {
		out := make([]bool, len(all))
		for i, id := range all {
			out[i] = slices.Contains(ids, id)
		}
		return out, nil
	}
}

// without returns the blocks with those of some heights without bodies.
func without(blocks []*core.Block, heights ...uint64) []*core.Block {
	out := slices.Clone(blocks)
	for i, b := range out {
		if !slices.Contains(heights, b.Header.Height) {
			continue
		}
		m := *b.Messages[0]
		m.Body = nil
		out[i] = &core.Block{Header: b.Header, Messages: []*core.Message{&m}}
	}
	return out
}

// rewriteAll runs a job that is asked to take the bodies of some blocks out, and then ends.
func (w *world) rewriteAll(gone Gone) error {
	j := w.job()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	err := j.Rewrite(ctx, gone)
	cancel()
	return errors.Join(err, <-ended)
}

// What was erased leaves the current file and what reorgs left; everything else of them stays, and the job
// goes on with the new file without reading it again.
func TestRewrite(t *testing.T) {
	w := newWorld(t)
	old := w.grow(nil, "a", 20)
	w.chain.set(old...)
	w.run()
	came := w.grow(old[:5], "b", 250)
	w.chain.set(came...)
	w.run()
	if len(w.aside()) != 1 {
		t.Fatalf("%v was kept", w.aside())
	}
	stale := filepath.Join(w.dir, ".test.aside.new")
	if err := os.WriteFile(stale, []byte("a body"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := "other_2000-01-01_123000.chain"
	if err := os.WriteFile(filepath.Join(w.dir, foreign), []byte(old[7].Messages[0].ID.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := goneIDs(old[3].Messages[0].ID, old[7].Messages[0].ID, came[30].Messages[0].ID)
	w.chain.set(without(came, 3, 30)...) // what the store has by then
	if err := w.rewriteAll(gone); err != nil {
		t.Fatal(err)
	}
	w.want(without(came, 3, 30))
	if got := w.read(w.aside()[0]); got != w.lines(without(old, 7)[5:]) {
		t.Errorf("%s is not what it should be:\n%s", w.aside()[0], got)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a kill left is still there: %v", err)
	}
	if got := w.read(foreign); got != old[7].Messages[0].ID.String() {
		t.Error("a file of another network was changed")
	}
	for _, name := range []string{"test.chain", w.aside()[0]} {
		for _, b := range []*core.Block{old[3], old[7], came[30]} {
			if payload := b.Messages[0].Body.Payload; strings.Contains(w.read(name), `"`+string(payload)+`"`) {
				t.Errorf("%s still has %q", name, payload)
			}
		}
	}
	state, ok := readState(osDisk{}, filepath.Join(w.dir, "test.chain.state"))
	if !ok || state.End.Hash != came[len(came)-1].Header.Hash() || !bytes.Contains(w.log.Bytes(), []byte("written anew")) {
		t.Errorf("state %+v, %v; log %s", state, ok, w.log)
	}

	// A second time nothing is written, and the job starts where it was.
	renames := w.disk.renames
	if err := RewriteFiles(t.Context(), w.n, w.job().cfg, gone); err != nil {
		t.Fatal(err)
	}
	if w.disk.renames != renames {
		t.Errorf("%d renames for nothing", w.disk.renames-renames)
	}
	w.disk.read = 0
	longer := w.grow(came, "c", 10)
	w.chain.set(append(without(came, 3, 30), longer[len(came):]...)...)
	w.run()
	w.want(append(without(came, 3, 30), longer[len(came):]...))
	if size := len(w.read("test.chain")); w.disk.read > int64(size)/2 || size < 200<<10 {
		t.Errorf("%d bytes of %d were read to go on", w.disk.read, size)
	}
}

// A kill or a power cut at any change of the disk leaves a file as it was or as it should be, and the next
// time makes it so.
func TestKillDuringRewrite(t *testing.T) {
	first := newWorld(t)
	blocks := first.grow(nil, "a", 12)
	gone := goneIDs(blocks[2].Messages[0].ID, blocks[9].Messages[0].ID)
	before := ""
	killEverywhere(t, 8, func(w *world, arm func()) error {
		w.chain.set(blocks...)
		w.run()
		before = w.read("test.chain")
		w.chain.set(without(blocks, 2, 9)...)
		arm()
		return RewriteFiles(t.Context(), w.n, w.job().cfg, gone)
	}, func(w *world, where string) {
		if got := w.read("test.chain"); got != before && got != w.lines(without(blocks, 2, 9)) {
			t.Fatalf("%s: the file is neither the old nor the new one", where)
		}
		if err := RewriteFiles(t.Context(), w.n, w.job().cfg, gone); err != nil {
			t.Fatal(err)
		}
		w.run()
		w.want(without(blocks, 2, 9))
		if aside := w.aside(); len(aside) > 0 {
			t.Fatalf("%s: %v was kept", where, aside)
		}
	})
}
