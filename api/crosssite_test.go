package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"p2pchain/api"
)

// stranger is what a browser says of a request that a page of a stranger makes it send.
type stranger struct {
	name    string
	headers []string
}

// strangers returns every kind of them. port is that of the node.
func strangers(port string) []stranger {
	var list []stranger
	for _, site := range []string{"cross-site", "same-site", "CROSS-SITE", "unknown", "same-origin, cross-site"} {
		for _, mode := range []string{"no-cors", "cors", "navigate", "same-origin", "websocket"} {
			for _, origin := range []string{"https://evil.example", "null", ""} {
				list = append(list, stranger{fmt.Sprintf("%s %s from %q", site, mode, origin),
					[]string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", "empty", "Origin", origin}})
			}
		}
	}
	for _, origin := range []string{
		"null", "https://evil.example", "http://127.0.0.1:3000", "http://localhost:" + port, "http://127.0.0.1",
		"http://127.0.0.1:" + port + ".evil.example", "http://evil.example:" + port, "http://user@evil.example", "file://",
		"http://127.0.0.1:" + port + "0", "http://[::1]:" + port, "junk", "http://", "https://evil.example http://127.0.0.1:" + port,
	} {
		list = append(list, stranger{"old browser, from " + origin, []string{"Origin", origin}})
	}
	for _, host := range []string{"evil.example", "evil.example:" + port, "127.0.0.1.evil.example", "localhost.evil.example:" + port} {
		list = append(list,
			stranger{"rebound to " + host, []string{"Host", host, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Origin", "http://" + host}},
			stranger{"rebound to " + host + ", old browser", []string{"Host", host, "Origin", "http://" + host}},
			stranger{"rebound to " + host + ", no browser", []string{"Host", host}})
	}
	return list
}

// bodies are what forms and scripts send, each with its type. A form cannot send JSON, but text that
// is JSON.
func bodies() [][2]string {
	return [][2]string{
		{"", ""},
		{"application/x-www-form-urlencoded", "message=x&data=x"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nx\r\n--b--\r\n"},
		{"text/plain", `{"data":"x","multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A","ignored":"="}`},
		{"text/plain;charset=UTF-8", "x"},
		{"application/json", `{"data":"x"}`},
		{"application/x-ndjson", `"x"`},
		{"application/octet-stream", "x"},
		{"application/csp-report", `{"data":"x"}`},
	}
}

// TestCrossSiteChanges has pages of strangers send everything to every route that changes something.
func TestCrossSiteChanges(t *testing.T) {
	f := startCounting(t)
	port := f.url[strings.LastIndexByte(f.url, ':')+1:]
	sent := 0
	for _, r := range api.RouteLines() {
		if r.Method == http.MethodGet {
			continue
		}
		for i, who := range strangers(port) {
			body := bodies()[i%len(bodies())] // each meets each route with most of them
			for _, method := range []string{r.Method, "POST"} {
				a := f.do(method, path(r), body[1], append([]string{"Content-Type", body[0]}, who.headers...)...)
				if code := f.code(a); code != "cross_origin" && code != "host_not_allowed" {
					t.Errorf("%s: %s %s as %q: %d %s", who.name, method, path(r), body[0], a.status, a.body)
				}
				sent++
			}
		}
	}
	if n := f.changes(); n != 0 {
		t.Errorf("%d of %d requests changed something", n, sent)
	}
	if sent < 1000 {
		t.Errorf("only %d requests were sent", sent)
	}
}

// TestCrossSiteReads has pages of strangers load every route as images, scripts, frames and by fetch.
func TestCrossSiteReads(t *testing.T) {
	f := startCounting(t)
	f.sample()
	for _, r := range api.RouteLines() {
		if r.Method != http.MethodGet {
			continue
		}
		for _, site := range []string{"cross-site", "same-site"} {
			for _, as := range [][2]string{{"no-cors", "image"}, {"no-cors", "script"}, {"cors", "empty"}, {"navigate", "iframe"}, {"navigate", "embed"}, {"", ""}} {
				a := f.do("GET", path(r), "", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", as[0], "Sec-Fetch-Dest", as[1], "Origin", "null")
				if a.status != http.StatusForbidden || f.code(a) != "cross_origin" {
					t.Errorf("%s %s as %q: %d", site, r.Pattern, as, a.status)
				}
			}
		}
	}
	for _, r := range api.RouteLines() { // a link to a download is one that a page can follow by itself, again and again
		if r.Method != http.MethodGet || r.Scope != api.ScopeAdmin {
			continue
		}
		for _, site := range []string{"cross-site", "same-site"} {
			a := f.do("GET", path(r), "", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
			if a.status != http.StatusForbidden || f.code(a) != "cross_origin" {
				t.Errorf("%s link to %s: %d", site, r.Pattern, a.status)
			}
		}
		if a := f.do("GET", path(r), "", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); a.status == http.StatusForbidden {
			t.Errorf("%s, which the user typed: %d", r.Pattern, a.status)
		}
	}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, // a link
		{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
		nil,
	} {
		if a := f.do("GET", "/chain", "", headers...); a.status != http.StatusOK {
			t.Errorf("%q: %d %s", headers, a.status, a.body)
		}
	}
}

// TestSafeMethods asks every route with the methods that pages may use freely, as the node's own pages
// would: nothing may change.
func TestSafeMethods(t *testing.T) {
	f := startCounting(t)
	f.sample()
	for _, r := range api.RouteLines() {
		if strings.HasSuffix(r.Pattern, "/events") {
			continue // does not end by itself
		}
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			f.do(method, path(r), "")
		}
		// Nor does a method in a header or a parameter count.
		f.do("GET", path(r), "", "X-HTTP-Method-Override", "PUT", "X-Method-Override", r.Method)
		f.do("GET", strings.TrimSuffix(path(r), "?message=x")+"?_method="+r.Method+"&message=x", "")
	}
	if n := f.changes(); n != 0 {
		t.Errorf("safe methods made %d changes", n)
	}
	for _, w := range writes() { // what the test would see
		before := f.changes()
		if f.do(w[0], w[1], w[2], "Content-Type", w[3]); f.changes() == before {
			t.Errorf("%s %s changes nothing that is counted", w[0], w[1])
		}
	}
}

// TestPreflights asks whether a page may do anything at all.
func TestPreflights(t *testing.T) {
	listed := "https://app.example"
	for _, origins := range [][]string{nil, {listed}} {
		f := startCounting(t, func(c *api.Config, _ *api.Deps) { c.Origins, c.Tokens = origins, oneToken("secret") })
		for _, r := range api.RouteLines() {
			for _, origin := range []string{"https://evil.example", "null", "https://app.example.evil", "http://app.example", listed + ":8443", "https://APP.example", "*", listed} {
				a := f.do("OPTIONS", path(r), "", "Origin", origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors",
					"Access-Control-Request-Method", r.Method, "Access-Control-Request-Headers", "authorization",
					"Access-Control-Request-Private-Network", "true")
				for name := range a.header {
					if strings.HasPrefix(name, "Access-Control-") && (origin != listed || origins == nil) {
						t.Errorf("%s is answered with %s", origin, name)
					}
				}
				if origin != listed || origins == nil {
					continue
				}
				if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != listed ||
					!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), r.Method) ||
					!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") ||
					a.header.Get("Access-Control-Allow-Private-Network") != "true" ||
					a.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %d %v", r.Method, r.Pattern, a.status, a.header)
				}
			}
		}
		if n := f.changes(); n != 0 {
			t.Errorf("preflights made %d changes", n)
		}
	}
}

// TestListedOrigin reads and writes from a page that the node's user lets in.
func TestListedOrigin(t *testing.T) {
	f := startCounting(t, func(c *api.Config, _ *api.Deps) {
		c.Origins, c.Tokens = []string{"https://app.example"}, oneToken("secret")
	})
	page := []string{"Origin", "https://app.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}
	for _, tt := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/chain", "", 200},
		{"GET", "/nope", "", 404},
		{"PUT", "/add?message=x", "", 401},
		{"PUT", "/add?message=x", "wrong", 401},
		{"PUT", "/add?message=x", "secret", 200},
		{"DELETE", "/api/v1/peers/A", "", 401},
	} {
		headers := page
		if tt.token != "" {
			headers = append(slices.Clone(page), "Authorization", "Bearer "+tt.token)
		}
		a := f.do(tt.method, tt.path, "", headers...)
		if a.status != tt.status || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" || !strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s %s with %q: %d %v", tt.method, tt.path, tt.token, a.status, a.header)
		}
	}
	if a := f.do("PUT", "/add?message=x", ""); a.status != 200 {
		t.Errorf("the user's own programs: %d %s", a.status, a.body)
	}
	if n := f.changes(); n != 2 {
		t.Errorf("%d changes, want 2", n)
	}
	if a := f.do("GET", "/chain", "", "Origin", "https://evil.example"); a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") == "" {
		t.Errorf("another origin: %v", a.header)
	}
}
