package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"p2pchain/api/client"
)

// TestWindow holds what reaches a node through the window, and who gets through.
func TestWindow(t *testing.T) {
	var got *http.Request
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		io.WriteString(w, "the node's answer")
	}))
	t.Cleanup(node.Close)
	c, err := client.New(node.URL, client.WithToken("secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := Window(newSite(t, &fakeSource{payload: text("x")}), c, []string{"lab"}, slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		name, method, target string
		header               map[string]string
		status               int
		reaches              bool
	}{
		{"a page", "GET", "http://127.0.0.1:1/ui/blocks", nil, 200, false},
		{"the API", "GET", "http://localhost:1/api/v1/node?x=1", nil, 200, true},
		{"IPv6", "GET", "http://[::1]:1/api/v1/node", nil, 200, true},
		{"a known name", "GET", "http://LAB:1/api/v1/node", nil, 200, true},
		{"a stranger's name", "GET", "http://evil.example/api/v1/node", nil, 421, false},
		{"a name like ours", "GET", "http://localhost.evil.example/api/v1/node", nil, 421, false},
		{"its own page adds", "POST", "http://127.0.0.1:1/api/v1/messages", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:1"}, 200, true},
		{"another page adds", "POST", "http://127.0.0.1:1/api/v1/messages", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, 403, false},
		{"an old browser's other page adds", "POST", "http://127.0.0.1:1/api/v1/messages", map[string]string{"Origin": "http://evil.example"}, 403, false},
		{"another page reads", "GET", "http://127.0.0.1:1/api/v1/backup", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, false},
		{"another port of this machine reads", "GET", "http://127.0.0.1:1/api/v1/backup", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403, false},
		{"another page leads to the API", "GET", "http://127.0.0.1:1/api/v1/backup", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403, false},
		{"a frame in another page", "GET", "http://127.0.0.1:1/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403, false},
		{"a link to a page", "GET", "http://127.0.0.1:1/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200, false},
		{"its own page leads to the API", "GET", "http://127.0.0.1:1/api/v1/backup", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200, true},
		{"outside of the API", "GET", "http://127.0.0.1:1/debug/pprof/", nil, 404, false},
	} {
		got = nil
		r := httptest.NewRequest(tt.method, tt.target, strings.NewReader("{}"))
		for name, value := range tt.header {
			r.Header.Set(name, value)
		}
		out := httptest.NewRecorder()
		w.ServeHTTP(out, r)
		if out.Code != tt.status || (got != nil) != tt.reaches {
			t.Errorf("%s: %d, reaches the node: %v", tt.name, out.Code, got != nil)
		}
		if got != nil && (got.Header.Get("Authorization") != "Bearer secret" || got.Header.Get("Origin") != "" || got.Method != tt.method || got.URL.Path != r.URL.Path || got.URL.RawQuery != r.URL.RawQuery) {
			t.Errorf("%s: the node got %s %s %v", tt.name, got.Method, got.URL, got.Header)
		}
	}
	r := httptest.NewRequest("GET", "http://127.0.0.1/api/v1/node", nil)
	r.Header.Set("Authorization", "Bearer visitor")
	w.ServeHTTP(httptest.NewRecorder(), r)
	if got.Header.Get("Authorization") != "Bearer visitor" {
		t.Errorf("the visitor's own token became %q", got.Header.Get("Authorization"))
	}
	node.Close()
	out := httptest.NewRecorder()
	w.ServeHTTP(out, httptest.NewRequest("GET", "http://127.0.0.1/api/v1/node", nil))
	if out.Code != http.StatusBadGateway || strings.Contains(out.Body.String(), "127.0.0.1") {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}
