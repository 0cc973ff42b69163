package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestInBackground holds that a handler in the background ends as one in the foreground does.
func TestInBackground(t *testing.T) {
	s := &Server{cfg: DefaultConfig()}
	want := errors.New("an error")
	if err := s.inBackground(func() error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	panics := func(cause any) (got any) {
		defer func() { got = recover() }()
		_ = s.inBackground(func() error { panic(cause) })
		return nil
	}
	if got := panics(http.ErrAbortHandler); got != http.ErrAbortHandler {
		t.Errorf("the request was to be cut off, got %v", got)
	}
	if got, _ := panics("a bug").(string); !strings.HasPrefix(got, "a bug, at\n") || !strings.Contains(got, "TestInBackground") {
		t.Errorf("got %q, want what panicked and where", got)
	}
}
