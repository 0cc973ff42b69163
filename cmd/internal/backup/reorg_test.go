package backup

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// TestReorgs has reorgs while the job runs and while it does not, above and below the settled blocks.
func TestReorgs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		shared  int // height up to which both branches agree
		running bool
		kept    bool
	}{
		{"the unsettled end of the run before", 16, false, false},
		{"settled blocks, while stopped", 12, false, true},
		{"settled blocks, while running", 12, true, true},
		{"everything", 0, false, true},
		{"anything, where the state is lost", 16, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			old := w.grow(nil, "a", 20)
			w.chain.set(old...)
			j := w.job()
			defer j.forget()
			if err := j.pass(t.Context(), !tt.running); err != nil {
				t.Fatal(err)
			}
			written := len(old)
			if tt.running {
				written -= 6
			} else {
				j = w.job()
			}
			if strings.Contains(tt.name, "lost") {
				os.Remove(filepath.Join(w.dir, "test.chain.state"))
			}
			came := w.grow(old[:tt.shared+1], "b", 25)
			w.chain.set(came...)
			for _, all := range []bool{false, true} {
				if err := j.pass(t.Context(), all); err != nil {
					t.Fatal(err)
				}
			}
			w.want(came)
			switch found := w.aside(); {
			case !tt.kept && len(found) > 0:
				t.Errorf("%v was kept", found)
			case tt.kept && (len(found) != 1 || found[0] != "test_2000-01-01_123000.chain"):
				t.Errorf("%v was kept, want test_2000-01-01_123000.chain", found)
			case tt.kept:
				if got := w.read(found[0]); got != w.lines(old[tt.shared+1:written]) {
					t.Errorf("%s has %d lines, want blocks %d to %d", found[0], strings.Count(got, "\n"), tt.shared+1, written-1)
				}
			}
			// The next one does not take the name of the first.
			w.chain.set(w.grow(nil, "c", 30)...)
			w.run()
			if tt.kept && !slices.Contains(w.aside(), "test_2000-01-01_123000-2.chain") {
				t.Errorf("%v was kept", w.aside())
			}
		})
	}
}

// TestKill stops the program, or the power, at every single change of the disk, in a story with
// everything that can happen. The next start must make the file what it has to be, and no settled
// line may be lost.
func TestKill(t *testing.T) {
	first := newWorld(t)
	old := first.grow(nil, "a", 14)
	came := first.grow(old[:5], "b", 16)
	told := 0
	killEverywhere(t, 25, func(w *world, arm func()) (err error) {
		arm()
		told, err = w.tell(old[:10], old, came)
		return err
	}, func(w *world, where string) {
		w.chain.set(came...)
		w.run()
		w.want(came)
		w.checkAside(old, came)
		if told == 2 && !slices.ContainsFunc(w.aside(), func(name string) bool { return w.read(name) == w.lines(old[5:]) }) {
			t.Fatalf("%s: the settled blocks are lost, there is %v\n%s", where, w.aside(), w.log)
		}
	})
}

// tell makes one run of the program on each of several best chains, and returns how many ended well.
func (w *world) tell(chains ...[]*core.Block) (int, error) {
	for i, best := range chains {
		w.chain.set(best...)
		j := w.job()
		for _, all := range []bool{false, true} {
			if err := j.pass(context.Background(), all); err != nil {
				j.forget()
				return i, err
			}
		}
		j.forget()
	}
	return len(chains), nil
}

// checkAside holds that what was set aside is whole, and of the old branch.
func (w *world) checkAside(old, came []*core.Block) {
	w.t.Helper()
	for _, name := range w.aside() {
		r, err := chainfile.NewReader(strings.NewReader(w.read(name)))
		if err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		for {
			_, h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || h != old[h.Height].Header || h == came[h.Height].Header {
				w.t.Fatalf("%s: block %d, %v", name, h.Height, err)
			}
		}
	}
}
