package api_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
)

// said serves a handler that says what it was asked for.
func said(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "you asked for "+r.URL.Path) }

// statusOf asks for a path and returns the status and the body.
func statusOf(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// TestOperations has the routes for those who run a node, with and without what they need.
func TestOperations(t *testing.T) {
	stuck, full := errors.New("the store has not answered for 20s"), errors.New("3 MiB of disk are free")
	for _, tt := range []struct {
		name, path string
		edit       func(*api.Config, *api.Deps)
		status     int
		want       string
	}{
		{"no metrics", "/metrics", nil, 404, "no_such_endpoint"},
		{"metrics", "/metrics", func(_ *api.Config, d *api.Deps) { d.Metrics = http.HandlerFunc(said) }, 200, "you asked for /metrics"},
		{"no profiles", "/debug/pprof/", nil, 404, "no_such_endpoint"},
		{"profiles", "/debug/pprof/", func(_ *api.Config, d *api.Deps) { d.Profiles = http.HandlerFunc(said) }, 200, "you asked for /debug/pprof/"},
		{"a profile", "/debug/pprof/heap", func(_ *api.Config, d *api.Deps) { d.Profiles = http.HandlerFunc(said) }, 200, "you asked for /debug/pprof/heap"},
		{"live", "/livez", nil, 200, `"ok"`},
		{"stuck", "/livez", func(_ *api.Config, d *api.Deps) { d.Live = func() error { return stuck } }, 503, stuck.Error()},
		{"ready", "/readyz", func(_ *api.Config, d *api.Deps) { d.Ready = func() error { return nil } }, 200, `"ready"`},
		{"not ready", "/readyz", func(_ *api.Config, d *api.Deps) { d.Ready = func() error { return full } }, 503, full.Error()},
		{"disk full", "/readyz", func(c *api.Config, d *api.Deps) { c.DiskFull, d.Ready = full, func() error { return full } }, 503, `"disk_full"`},
		{"not ready is live", "/livez", func(_ *api.Config, d *api.Deps) { d.Ready = func() error { return full } }, 200, `"ok"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edits := []func(*api.Config, *api.Deps){}
			if tt.edit != nil {
				edits = append(edits, tt.edit)
			}
			f := start(t, edits...)
			if status, body := statusOf(t, "GET", f.url+tt.path); status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d with %s", status, body, tt.status, tt.want)
			}
		})
	}
}

// TestRequestsAreCounted counts by line of the route table, whatever strangers ask for.
func TestRequestsAreCounted(t *testing.T) {
	var cfg api.Config
	var deps api.Deps
	f := start(t, func(c *api.Config, d *api.Deps) { cfg, deps = *c, *d })
	f.stop()
	s, err := api.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	api.Record(t, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serve(s, l)
	lines := len(s.Stats().Routes)
	ask := func(method, path string) { statusOf(t, method, f.url+path) }
	ask("GET", "/api/v1/blocks/tip")
	ask("HEAD", "/livez")
	ask("GET", "/api/v1/blocks/77")
	ask("GET", "/livez")
	ask("DELETE", "/livez")
	for _, path := range []string{"/a", "/b", "/c%0a{}\"", "/api/v1/nothing"} {
		ask("GET", path)
	}
	f.stop() // a request is counted after its answer

	got := s.Stats()
	if len(got.Routes) != lines {
		t.Errorf("%d lines after strange requests, %d before", len(got.Routes), lines)
	}
	want := map[string][6]uint64{
		"GET /api/v1/blocks/{block}": {2: 1, 4: 1}, "GET /livez": {2: 2}, " " + api.RouteOther: {4: 5},
	}
	for _, r := range got.Routes {
		var sum, took uint64
		for _, n := range r.Classes {
			sum += n
		}
		for _, n := range r.Took {
			took += n
		}
		if sum != took || len(r.Took) != len(api.DurationBuckets())+1 {
			t.Errorf("%s %s: %d requests, %d durations", r.Method, r.Pattern, sum, took)
		}
		if r.Classes != want[r.Method+" "+r.Pattern] {
			t.Errorf("%s %s: %v, want %v", r.Method, r.Pattern, r.Classes, want[r.Method+" "+r.Pattern])
		}
	}
	if last := got.Routes[lines-1]; last.Pattern != api.RouteOther {
		t.Errorf("the last line is %s %s", last.Method, last.Pattern)
	}
}
