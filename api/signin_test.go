package api_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pchain/api"
)

// A desk is a browser at a node that says nothing without a token.
type desk struct {
	*fixture
	cookie  *http.Cookie
	removed atomic.Bool  // the token
	later   atomic.Int64 // by how much the clock is ahead
}

func startDesk(t *testing.T) *desk {
	t.Helper()
	d := new(desk)
	known := oneToken("secret")
	d.fixture = start(t, func(c *api.Config, deps *api.Deps) {
		c.Auth, c.Now = api.AuthAll, func() time.Time { return now().Add(time.Duration(d.later.Load())) }
		c.Tokens = func(sum [sha256.Size]byte) (api.Scope, bool) {
			scope, ok := known(sum)
			return scope, ok && !d.removed.Load()
		}
		deps.Pages = http.HandlerFunc(page)
	})
	return d
}

// send makes a request as the browser does, which follows nothing by itself here.
func (d *desk) send(method, path string, form url.Values, headers ...string) (*http.Response, string) {
	d.t.Helper()
	r, err := http.NewRequest(method, d.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if d.cookie != nil {
		r.AddCookie(d.cookie)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp, string(body)
}

// signIn takes the cookie over, if there is one.
func (d *desk) signIn(token, next string, headers ...string) *http.Response {
	d.t.Helper()
	resp, _ := d.send("POST", "/ui/signin", url.Values{"token": {token}, "next": {next}}, headers...)
	for _, c := range resp.Cookies() {
		d.cookie = c
	}
	return resp
}

func (d *desk) status(method, path string, headers ...string) int {
	d.t.Helper()
	resp, _ := d.send(method, path, nil, headers...)
	return resp.StatusCode
}

// TestSignIn holds what a browser may do before, with and after a session, and how its cookie is kept.
func TestSignIn(t *testing.T) {
	d := startDesk(t)
	if got := d.status("GET", "/api/v1/node"); got != 401 {
		t.Fatalf("without a token: %d", got)
	}
	if resp := d.signIn("guess", "/ui/peers"); resp.StatusCode != 303 || d.cookie != nil || resp.Header.Get("Location") != "/ui/signin?again=wrong&next=%2Fui%2Fpeers" {
		t.Fatalf("a wrong token: %d %s %v", resp.StatusCode, resp.Header.Get("Location"), d.cookie)
	}
	if resp := d.signIn("secret", "/ui/peers?a=b"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/ui/peers?a=b" {
		t.Fatalf("the token: %d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	if c := d.cookie; c == nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 0 || strings.Contains(c.Value, "secret") {
		t.Fatalf("the cookie is %v", c)
	}
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/api/v1/node", 200}, {"GET", "/api/v1/blocks", 200}, {"GET", "/chain", 200},
		{"POST", "/api/v1/messages", 401}, {"PUT", "/add?x", 401}, {"DELETE", "/api/v1/peers/x", 401}, {"GET", "/debug/pprof/heap", 401},
	} {
		if got := d.status(tt.method, tt.path); got != tt.want {
			t.Errorf("signed in: %s %s: %d, want %d", tt.method, tt.path, got, tt.want)
		}
	}
	kept := d.cookie
	if got := d.status("POST", "/ui/signout"); got != 303 {
		t.Errorf("signing out: %d", got)
	}
	if got := d.status("GET", "/api/v1/node"); got != 401 {
		t.Errorf("signed out, with the cookie %v: %d", kept, got)
	}
}

// TestCookieBehindTLS holds that a browser keeps the cookie to HTTPS where a proxy ends that before the node.
func TestCookieBehindTLS(t *testing.T) {
	d := startDesk(t)
	host := strings.TrimPrefix(d.url, "http://")
	for origin, want := range map[string]bool{"https://" + host: true, "http://" + host: false, "": false} {
		for _, path := range []string{"/ui/signin", "/ui/signout"} {
			resp, _ := d.send("POST", path, url.Values{"token": {"secret"}}, "Origin", origin)
			cookies := resp.Cookies()
			if resp.StatusCode != 303 || len(cookies) != 1 || cookies[0].Secure != want {
				t.Errorf("%s from %q: %d %v, want Secure %v", path, origin, resp.StatusCode, cookies, want)
			}
		}
	}
}

// TestNothingStaysBehind holds that a browser keeps nothing of what somebody saw who signed in.
func TestNothingStaysBehind(t *testing.T) {
	d := startDesk(t)
	keep := func(path string, headers ...string) string {
		resp, _ := d.send("GET", path, nil, headers...)
		return resp.Header.Get("Cache-Control")
	}
	paths := []string{"/", "/ui/blocks/2", "/unknown"}
	for _, path := range paths {
		if got := keep(path, "Accept", "text/html"); got != "no-cache" {
			t.Errorf("%s for a stranger: %s", path, got)
		}
	}
	d.signIn("secret", "/")
	for _, path := range append(paths, "/api/v1/node", "/chain") {
		if got := keep(path, "Accept", "text/html"); got != "no-store" {
			t.Errorf("%s for who signed in: %s", path, got)
		}
	}
	d.cookie = nil
	if got := keep("/api/v1/node", "Authorization", "Bearer secret"); got != "no-cache" {
		t.Errorf("for a program: %s", got)
	}
}

// TestSessionEnds holds that a session ends with its token, and after half a day.
func TestSessionEnds(t *testing.T) {
	d := startDesk(t)
	d.signIn("secret", "/")
	d.removed.Store(true)
	if got := d.status("GET", "/api/v1/node"); got != 401 {
		t.Errorf("the token does not count any more: %d", got)
	}
	d.removed.Store(false)
	for after, want := range map[time.Duration]int{12*time.Hour - time.Second: 200, 12 * time.Hour: 401} {
		d.signIn("secret", "/")
		d.later.Add(int64(after))
		if got := d.status("GET", "/api/v1/node"); got != want {
			t.Errorf("after %v: %d, want %d", after, got, want)
		}
	}
}

// TestSignInElsewhere holds that nobody is sent to another place after signing in, and that no page of others signs
// somebody in or out.
func TestSignInElsewhere(t *testing.T) {
	d := startDesk(t)
	for next, want := range map[string]string{
		"": "/", "/": "/", "/ui/blocks?cursor=1": "/ui/blocks?cursor=1", "/ui/search?q=%2F%2F": "/ui/search?q=%2F%2F",
		"//evil.example/ui/": "/", "https://evil.example/ui/": "/", "/\\evil.example/ui/": "/", "/ui/\\evil": "/", "javascript:alert(1)": "/",
		"/ui/signin": "/", "/ui/signout": "/", "/api/v1/backup": "/", "/ui/x\r\nSet-Cookie: a=b": "/", "ui/blocks": "/", "/%2F/evil.example": "/",
	} {
		if got := d.signIn("secret", next).Header.Get("Location"); got != want {
			t.Errorf("next=%q: sent to %q, want %q", next, got, want)
		}
	}
	signedIn := d.cookie
	for _, headers := range [][]string{{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "null"}} {
		d.cookie = nil
		if resp := d.signIn("secret", "/", headers...); resp.StatusCode != 403 || d.cookie != nil {
			t.Errorf("%v signs in: %d", headers, resp.StatusCode)
		}
		d.cookie = signedIn
		if got := d.status("POST", "/ui/signout", headers...); got != 403 {
			t.Errorf("%v signs out: %d", headers, got)
		}
	}
	if got := d.status("GET", "/api/v1/node"); got != 200 {
		t.Errorf("the session is gone: %d", got)
	}
}

// TestManySessions holds that there is room for a session in any case, and that the oldest one makes it.
func TestManySessions(t *testing.T) {
	d := startDesk(t)
	d.signIn("secret", "/")
	first := d.cookie
	d.later.Add(int64(time.Minute))
	d.signIn("secret", "/")
	second := d.cookie
	d.later.Add(int64(time.Minute))
	for range 1023 {
		d.signIn("secret", "/")
	}
	for name, tt := range map[string]struct {
		cookie *http.Cookie
		want   int
	}{"the first": {first, 401}, "the second": {second, 200}, "the last": {d.cookie, 200}} {
		d.cookie = tt.cookie
		if got := d.status("GET", "/api/v1/node"); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
