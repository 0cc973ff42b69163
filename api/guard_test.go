package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// writes are requests that change something.
func writes() [][4]string {
	return [][4]string{ // method, path, body, content type
		{"PUT", "/add?message=x", "", ""},
		{"POST", "/data", `{"data":"x"}`, "text/plain"},
		{"POST", "/peers", `{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A"}`, "text/plain"},
		{"POST", "/api/v1/messages", "x", "text/plain"},
		{"POST", "/api/v1/messages", `{"message":"x"}`, "application/json"},
		{"POST", "/api/v1/messages", `"x"`, "application/x-ndjson"},
	}
}

// untouched fails if any request had an effect.
func (f *fixture) untouched(what string) {
	f.t.Helper()
	if n := len(f.pool.texts()); n != 0 {
		f.t.Errorf("%s: %d messages were added", what, n)
	}
	if len(f.host.dialled) != 0 {
		f.t.Errorf("%s: dialled %q", what, f.host.dialled)
	}
}

// TestCrossSite sends what a page of a stranger can have a browser send.
func TestCrossSite(t *testing.T) {
	f := start(t)
	own := f.url
	for _, tt := range []struct {
		name    string
		headers []string
	}{
		{"fetch from another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}},
		{"another port of this machine", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:3000"}},
		{"old browser", []string{"Origin", "https://evil.example"}},
		{"old browser, another port", []string{"Origin", "http://127.0.0.1:3000"}},
		{"sandboxed frame or file", []string{"Origin", "null"}},
		{"form", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Origin", "https://evil.example"}},
		{"rebound name", []string{"Host", "evil.example", "Sec-Fetch-Site", "same-origin", "Origin", "http://evil.example"}},
		{"rebound name, old browser", []string{"Host", "evil.example", "Origin", "http://evil.example"}},
	} {
		for _, w := range writes() {
			a := f.do(w[0], w[1], w[2], append([]string{"Content-Type", w[3]}, tt.headers...)...)
			if code := f.code(a); code != "cross_origin" && code != "host_not_allowed" {
				t.Errorf("%s: %s %s: %d %s", tt.name, w[0], w[1], a.status, a.body)
			}
		}
		a := f.do("OPTIONS", "/api/v1/messages", "", append([]string{"Access-Control-Request-Method", "POST"}, tt.headers...)...)
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: the preflight is answered with %s", tt.name, name)
			}
		}
		f.untouched(tt.name)
	}
	for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "same-origin", "Origin", own}, {"Origin", own}, {"Sec-Fetch-Site", "none"}} {
		if a := f.do("PUT", "/add?message=x", "", headers...); a.status != 200 {
			t.Errorf("%v: %d %s", headers, a.status, a.body)
		}
	}
}

// TestGetChangesNothing asks every path that writes with the methods that pages may use freely.
func TestGetChangesNothing(t *testing.T) {
	f := start(t)
	for _, w := range writes() {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			f.do(method, w[1], "")
		}
	}
	f.untouched("safe methods")
}

func TestHeaders(t *testing.T) {
	f := start(t)
	f.sample()
	for _, path := range []string{"/chain", "/api/v1/node", "/nope", "/add"} {
		a := f.do("GET", path, "", "Origin", "https://evil.example")
		for name, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin":  "",
			"Server":                       "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestOptionsOfAll asks for what the server as a whole can do, which net/http would answer by itself: the
// guard comes first there, too.
func TestOptionsOfAll(t *testing.T) {
	f := start(t)
	for host, want := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "localhost": http.StatusNotFound} {
		conn := f.dial()
		fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if resp.StatusCode != want || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("to %s: %d %v, want %d", host, resp.StatusCode, resp.Header, want)
		}
	}
}

func TestHead(t *testing.T) {
	f := start(t)
	f.sample()
	for _, path := range []string{"/chain", "/data", "/node", "/api/v1/node", "/api/v1/blocks/tip", "/api/v1/mempool", "/livez"} {
		a := f.do("HEAD", path, "")
		if a.status != 200 || a.body != "" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q %s", path, a.status, a.body, a.header.Get("Content-Type"))
		}
	}
	for range 20 { // more than large answers at once
		if a := f.do("HEAD", "/chain", ""); a.status != 200 {
			t.Fatalf("again and again: %d", a.status)
		}
	}
	if a := f.do("HEAD", "/nope", ""); a.status != 404 || a.body != "" {
		t.Errorf("unknown path: %d %q", a.status, a.body)
	}
}

// TestPaths holds that no path is cleaned up by a redirect, which would lose the body of a write.
func TestPaths(t *testing.T) {
	f := start(t)
	for path, want := range map[string]int{
		"/chain": 200, "//chain": 404, "/chain/": 404, "/./chain": 404, "/api/../chain": 404, "/Chain": 404,
		"/api/v1": 404, "/api/v1/": 404, "/api/v1/messages/a%2Fb": 404, "/chain?x=1": 200,
	} {
		conn := f.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
		resp.Body.Close()
		conn.Close()
	}
}

// TestHugeBodies offers 100 MB to every write. Nothing may come of it, nor may it be kept.
func TestHugeBodies(t *testing.T) {
	f := start(t)
	for _, w := range writes()[1:] {
		for _, length := range []int64{100 << 20, -1} {
			sent := new(zeros)
			r, err := http.NewRequest(w[0], f.url+w[1], sent)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			r.Header.Set("Content-Type", w[3])
			resp, err := http.DefaultClient.Do(r)
			if err == nil { // the connection may also break before the answer is read
				if resp.StatusCode != http.StatusRequestEntityTooLarge {
					t.Errorf("%s %s: %d", w[0], w[1], resp.StatusCode)
				}
				resp.Body.Close()
			}
			if taken := sent.taken.Load(); taken > 40<<20 {
				t.Errorf("%s %s: %d MiB were taken", w[0], w[1], taken>>20)
			}
		}
	}
	f.untouched("huge bodies")
	if a := f.do("GET", "/livez", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

// zeros is 100 MB of one line.
type zeros struct{ taken atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.taken.Add(int64(len(b))) > 100<<20 {
		return 0, io.EOF
	}
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

func TestHugeHeaders(t *testing.T) {
	f := start(t)
	conn := f.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "GET /chain HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 300<<10))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestEncodedBodies sends bodies that say of themselves that they are compressed.
func TestEncodedBodies(t *testing.T) {
	f := start(t)
	for _, w := range writes() {
		a := f.do(w[0], w[1], w[2], "Content-Type", w[3], "Content-Encoding", "gzip")
		if a.status != http.StatusUnsupportedMediaType || f.code(a) != "unsupported_encoding" {
			t.Errorf("%s %s: %d %s", w[0], w[1], a.status, a.body)
		}
	}
	f.untouched("gzip")
	if a := f.do("POST", "/api/v1/messages", "x", "Content-Encoding", "Identity"); a.status != http.StatusOK {
		t.Errorf("identity: %d %s", a.status, a.body)
	}
}

// TestHelpfulWords holds that a refusal says what to do instead.
func TestHelpfulWords(t *testing.T) {
	f := start(t)
	for _, tt := range []struct{ path, body, host, want string }{
		{"/peers", `{"multiaddr":"junk"}`, "", `"junk" is not a multiaddr: want one like /ip4/`},
		{"/peers", `{}`, "", `want either "multiaddr", or "peer_id", "peer_host" and "peer_port"`},
		{"/peers", `{"multiaddr":"","peer_port":""}`, "", `want either "multiaddr", or`},
		{"/data", `{"data":"\ud800"}`, "", "half of a surrogate pair"},
		{"/data", `{"data":"x"}`, "node.example", "--http-host NAME"},
	} {
		host := tt.host
		if host == "" {
			host = "localhost"
		}
		a := f.do("POST", tt.path, tt.body, "Host", host)
		var p api.Problem
		if f.code(a); json.Unmarshal([]byte(a.body), &p) != nil || !strings.Contains(p.Detail, tt.want) {
			t.Errorf("%s to %s: %q, want %q", tt.body, host, p.Detail, tt.want)
		}
	}
}

// TestAuthorsOnly is a network where this node may not write.
func TestAuthorsOnly(t *testing.T) {
	n := coretest.Network(t, func(p *core.Params) { p.Authors = []core.PublicKey{coretest.Author(0)} })
	f := startOn(t, n)
	if a := f.do("PUT", "/add?message=x", ""); a.status != http.StatusForbidden || f.code(a) != "author_not_allowed" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
