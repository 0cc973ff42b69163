package backup

import (
	"errors"
	"testing"
)

// TestStatus says how far the file is, and that it fails.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	w.chain.set(w.grow(nil, "a", 9)...)
	j := w.job()
	if got := j.Status(); got != (Status{}) {
		t.Errorf("before the first pass: %+v", got)
	}
	j.try(t.Context(), true)
	defer j.forget()
	got := j.Status()
	if want := (Status{Height: 9, Bytes: int64(len(w.read("test.chain"))), Written: got.Written}); got != want || got.Written.IsZero() {
		t.Errorf("%+v, want %+v", got, want)
	}
	j.cfg.Room = func() error { return errors.New("no room") }
	j.try(t.Context(), true)
	if failing := j.Status(); !failing.Failing || failing.Height != 9 || failing.Written != got.Written {
		t.Errorf("after a failure: %+v", failing)
	}
}
