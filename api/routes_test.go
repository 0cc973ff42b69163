package api

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"p2pchain/core/chain"
)

// bare returns a server without a node behind it, for what happens before a handler.
func bare(t *testing.T, edit func(*Config)) *Server {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	if edit != nil {
		edit(&cfg)
	}
	return &Server{
		deps: Deps{Erasures: nothingErased{}},
		cfg:  cfg, reads: newGate(cfg.MaxReads, 0), bodies: newGate(maxBodies, 0),
		changes: newLimiter(0, 0, 0), wrongTokens: newLimiter(0, 0, 0), stats: newRouteCounters(),
	}
}

// TestRouteTable holds the table and what is served to each other: every route answers to its
// methods and to no other, and nothing is served that is not in the table.
func TestRouteTable(t *testing.T) {
	served := make(map[string]bool)
	err := bare(t, nil).router().Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		pattern, err := r.GetPathTemplate()
		served[pattern] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	methods := make(map[string][]string)
	for _, r := range routes() {
		if slices.Contains(methods[r.pattern], r.method) {
			t.Errorf("%s %s stands twice in the table", r.method, r.pattern)
		}
		methods[r.pattern] = append(methods[r.pattern], r.method)
		if !served[r.pattern] {
			t.Errorf("%s is in the table but is not served", r.pattern)
		}
	}
	for pattern := range served {
		if methods[pattern] == nil {
			t.Errorf("%s is served but is not in the table", pattern)
		}
	}
	for pattern, allowed := range methods {
		checkMethods(t, pattern, allowed)
	}
}

func checkMethods(t *testing.T, pattern string, allowed []string) {
	t.Helper()
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
	for _, method := range all {
		var reached string
		s := bare(t, nil)
		byMethod := make(map[string]route)
		for _, m := range allowed {
			byMethod[m] = route{method: m, scope: scopeRead, handle: func(*Server, *response, *http.Request) error {
				reached = m
				return nil
			}}
		}
		w := httptest.NewRecorder()
		s.dispatch(byMethod).ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		want := method
		if method == "HEAD" {
			want = "GET"
		}
		switch {
		case slices.Contains(allowed, want):
			if reached != want {
				t.Errorf("%s %s reached %q", method, pattern, reached)
			}
		case method == "OPTIONS":
			if w.Code != http.StatusNoContent || reached != "" {
				t.Errorf("OPTIONS %s: %d", pattern, w.Code)
			}
			checkAllow(t, pattern, w.Header().Get("Allow"), allowed)
		default:
			if w.Code != http.StatusMethodNotAllowed || reached != "" {
				t.Errorf("%s %s: %d, reached %q", method, pattern, w.Code, reached)
			}
			checkAllow(t, pattern, w.Header().Get("Allow"), allowed)
		}
	}
}

func checkAllow(t *testing.T, pattern, got string, allowed []string) {
	t.Helper()
	want := append([]string{"OPTIONS"}, allowed...)
	if slices.Contains(allowed, "GET") {
		want = append(want, "HEAD")
	}
	slices.Sort(want)
	if got != strings.Join(want, ", ") {
		t.Errorf("%s: Allow %q, want %q", pattern, got, want)
	}
}

func TestReadsAtOnce(t *testing.T) {
	s := bare(t, func(c *Config) { c.MaxReads = 1 })
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.dispatch(map[string]route{"GET": {scope: scopeRead, handle: func(*Server, *response, *http.Request) error { return nil }}}).
			ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w
	}
	s.reads.enter(t.Context())
	if w := get(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d", w.Code)
	}
	s.reads.leave(t.Context())
	for range 3 {
		if w := get(); w.Code != http.StatusOK {
			t.Errorf("one at a time: %d", w.Code)
		}
	}
}

// TestPanic has handlers fail in every way before and after the answer began.
func TestPanic(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle func(*response, *http.Request) error
		status int // 0: the connection is cut
	}{
		{"panic", func(*response, *http.Request) error { panic("ours") }, 500},
		{"error", func(*response, *http.Request) error { return errors.New("ours") }, 500},
		{"problem", func(*response, *http.Request) error { return badRequest("x", "y") }, 400},
		{"wrapped problem", func(*response, *http.Request) error { return fmt.Errorf("z: %w", badRequest("x", "y")) }, 400},
		{"not found", func(*response, *http.Request) error { return fmt.Errorf("z: %w", chain.ErrNotFound) }, 404},
		{"panic in the middle", func(w *response, _ *http.Request) error { w.Write([]byte("{")); panic("ours") }, 0},
		{"error in the middle", func(w *response, _ *http.Request) error { w.Write([]byte("{")); return errors.New("ours") }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := bare(t, nil)
			server := httptest.NewServer(s.guard(s.serve(tt.handle)))
			defer server.Close()
			defer http.DefaultClient.CloseIdleConnections()
			resp, err := http.Get(server.URL)
			if err == nil {
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
			}
			if tt.status == 0 {
				if err == nil {
					t.Error("the answer looks whole")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
			}
		})
	}
}
