package demo

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience bounds what a test waits for.
const patience = time.Minute

// A trial is a demo that runs until its test ends.
type trial struct {
	*Demo
	t    *testing.T
	stop func() error
}

// run runs a demo of so many nodes.
func run(t *testing.T, nodes int) *trial {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Dir = nodes, t.TempDir()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	ended := false
	tr := &trial{Demo: d, t: t, stop: func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-done
	}}
	t.Cleanup(func() {
		if err := tr.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return tr
}

// post sends an order and returns the status of the answer.
func (tr *trial) post(path, body string) int {
	tr.t.Helper()
	r, err := http.Post(tr.URL()+path, "application/json", strings.NewReader(body))
	if err != nil {
		tr.t.Fatal(err)
	}
	defer r.Body.Close()
	answer, _ := io.ReadAll(r.Body)
	if r.StatusCode >= 300 {
		tr.t.Logf("%s %s: %d %s", path, body, r.StatusCode, answer)
	}
	return r.StatusCode
}

// obey sends an order that is to be taken.
func (tr *trial) obey(path, body string) {
	tr.t.Helper()
	if status := tr.post(path, body); status != http.StatusNoContent {
		tr.t.Fatalf("POST %s %s: status %d", path, body, status)
	}
}

// until follows the states of the demo until one is as it should be, and returns that.
func (tr *trial) until(what string, is func(State) bool) State {
	tr.t.Helper()
	limit := time.After(patience)
	for {
		s, _, next := tr.board.look()
		if is(s) {
			return s
		}
		select {
		case <-next:
		case <-limit:
			text, _ := json.Marshal(s)
			tr.t.Fatalf("waiting for %s: %s", what, text)
		}
	}
}

// isWhole reports whether all nodes run, and are connected as the cut lets them.
func isWhole(s State) bool {
	for _, m := range s.Members {
		want := 0
		for _, other := range s.Members {
			if other.Number != m.Number && (!s.Cut || other.Side == m.Side) {
				want++
			}
		}
		if m.Phase != Running || len(m.Peers) != want {
			return false
		}
	}
	return true
}

// agree reports whether all nodes stand on one block, above a height.
func agree(s State, above uint64) bool {
	return s.Tips == 1 && s.Members[0].Height > above && isWhole(s)
}
