package api

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tokens are those of these tests; each is named for what it allows.
func tokens(sum [sha256.Size]byte) (Scope, bool) {
	for _, scope := range Scopes() {
		if sum == sha256.Sum256([]byte("token-"+scope)) {
			return scope, true
		}
	}
	return "", false
}

// TestScopes sends every route with every token, in every way to ask for them.
func TestScopes(t *testing.T) {
	const nobody = "nobody"
	may := func(auth Auth, local bool, token string, origin bool) Scope {
		free := map[Auth]Scope{AuthNone: scopeAdmin, AuthAlways: scopeRead, AuthToken: scopeRead}[auth]
		if auth == AuthToken && local && !origin {
			free = scopeAdmin
		}
		for _, s := range []Scope{scopeAdmin, scopeWrite, scopeRead} {
			if free == s || token == "token-"+string(s) {
				return s
			}
		}
		return scopeOpen
	}
	rank := map[Scope]int{scopeOpen: 0, scopeRead: 1, scopeWrite: 2, scopeAdmin: 3}
	for _, r := range routes() {
		reached := false
		r.handle = func(*Server, *response, *http.Request) error { reached = true; return nil }
		for _, auth := range Auths() {
			for _, local := range []bool{true, false} {
				for _, origin := range []string{"", "https://app.example"} {
					s := bare(t, func(c *Config) { c.Auth, c.Tokens, c.Origins = auth, tokens, []string{"https://app.example"} })
					for _, token := range []string{"", nobody, "token-read", "token-write", "token-admin"} {
						reached = false
						rq := httptest.NewRequestWithContext(context.WithValue(t.Context(), localKey{}, local), r.method, "/", nil)
						rq.Header.Set("Origin", origin)
						if token != "" {
							rq.Header.Set("Authorization", "Bearer "+token)
						}
						w := httptest.NewRecorder()
						s.dispatch(map[string]route{r.method: r}).ServeHTTP(w, rq)
						if want := rank[may(auth, local, token, origin != "")] >= rank[r.scope]; reached != want {
							t.Errorf("%s %s (%q), auth %s, local %v, origin %q, %q: reached %v, want %v (%d)",
								r.method, r.pattern, r.scope, auth, local, origin, token, reached, want, w.Code)
						}
					}
				}
			}
		}
	}
}

// TestRouteScopes holds the table itself: what changes something is no route that may be read.
func TestRouteScopes(t *testing.T) {
	for _, r := range routes() {
		changes := r.method != http.MethodGet
		if r.method == http.MethodPost && r.pattern == "/node" {
			changes = false // does nothing, as in seed 2
		}
		if r.pattern == signInPattern || r.pattern == signOutPattern {
			changes = false // nothing but what the browser itself may read
		}
		if changes == scopeRead.covers(r.scope) && r.scope != scopeAdmin {
			t.Errorf("%s %s has scope %q", r.method, r.pattern, r.scope)
		}
	}
}

// TestRefusals are the answers to requests that lack a token that counts.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, header    string
		status          int
		code, challenge string
	}{
		{"none", "", 401, "token_needed", "Bearer"},
		{"empty", "Bearer ", 401, "token_needed", "Bearer"},
		{"another scheme", "Basic token-admin", 401, "token_needed", "Bearer"},
		{"no scheme", "token-admin", 401, "token_needed", "Bearer"},
		{"unknown", "Bearer x", 401, "token_unknown", `Bearer error="invalid_token"`},
		{"a prefix of one", "Bearer token-admi", 401, "token_unknown", `Bearer error="invalid_token"`},
		{"for less", "Bearer token-read", 403, "scope_too_small", `Bearer error="insufficient_scope", scope="write"`},
		{"enough", "Bearer token-write", 0, "", ""},
		{"more than enough", "bearer  token-admin ", 0, "", ""},
	} {
		s := bare(t, func(c *Config) { c.Auth, c.Tokens = AuthAlways, tokens })
		rq := httptest.NewRequest("POST", "/", nil)
		rq.Header.Set("Authorization", tt.header)
		w := httptest.NewRecorder()
		s.serve(func(_ *response, r *http.Request) error { return s.authorize(r, scopeWrite) }).ServeHTTP(w, rq)
		if tt.status == 0 {
			if w.Body.Len() > 0 {
				t.Errorf("%s: %s", tt.name, w.Body)
			}
			continue
		}
		if w.Code != tt.status || !strings.Contains(w.Body.String(), `"code":"`+tt.code+`"`) || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d %s, challenge %q", tt.name, w.Code, w.Body, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// from returns a request of a client at an address.
func from(t *testing.T, ip string) *http.Request {
	t.Helper()
	c := &conn{client: clientAt(&net.TCPAddr{IP: net.ParseIP(ip), Port: 1})}
	return httptest.NewRequestWithContext(context.WithValue(t.Context(), connKey{}, c), "POST", "/", nil)
}

// TestWrongTokens guesses until nothing is looked at any more, not even the right one.
func TestWrongTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bare(t, func(c *Config) { c.Auth, c.Tokens = AuthAlways, tokens })
		s.wrongTokens = newLimiter(wrongTokenRate, wrongTokenBurst, localGrace)
		try := func(ip, token string) *Problem {
			rq := from(t, ip)
			if token != "" {
				rq.Header.Set("Authorization", "Bearer "+token)
			}
			err := s.authorize(rq, scopeWrite)
			if err == nil {
				return &Problem{Status: 200}
			}
			return s.problemOf(err)
		}
		for i := range wrongTokenBurst {
			if p := try("192.0.2.1", "guess"); p.Status != 401 {
				t.Fatalf("guess %d: %v", i, p)
			}
		}
		for _, token := range []string{"guess", "token-admin"} {
			if p := try("192.0.2.1", token); p.Status != 429 || p.Code != "too_many_wrong_tokens" || p.retry <= 0 || p.retry > 2*time.Second {
				t.Errorf("%q after too many: %v, come again in %v", token, p, p.retry)
			}
		}
		if p := try("192.0.2.1", ""); p.Status != 401 {
			t.Errorf("without a token: %v", p) // is no guess
		}
		for _, ip := range []string{"192.0.2.2", "127.0.0.1"} {
			if p := try(ip, "token-admin"); p.Status != 200 {
				t.Errorf("another client: %v", p)
			}
		}
		time.Sleep(2 * time.Second)
		if p := try("192.0.2.1", "token-admin"); p.Status != 200 {
			t.Errorf("after a while: %v", p)
		}
		for i := range localGrace * wrongTokenBurst {
			if p := try("127.0.0.1", "guess"); p.Status != 401 {
				t.Fatalf("guess %d on this machine: %v", i, p)
			}
		}
		if p := try("::1", "guess"); p.Status != 429 {
			t.Errorf("one more on this machine: %v", p)
		}
	})
}

// TestWrongTokensOfNeighbours has somebody guess from an address that others share, as behind a proxy or
// on one machine: tokens that nobody can guess are looked at all the same.
func TestWrongTokensOfNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
		s := bare(t, func(c *Config) {
			c.Auth = AuthAlways
			c.Tokens = func(sum [sha256.Size]byte) (Scope, bool) { return ScopeAdmin, sum == sha256.Sum256([]byte(good)) }
		})
		s.wrongTokens = newLimiter(wrongTokenRate, wrongTokenBurst, localGrace)
		try := func(token string) int {
			rq := from(t, "127.0.0.1")
			rq.Header.Set("Authorization", "Bearer "+token)
			if err := s.authorize(rq, scopeWrite); err != nil {
				return s.problemOf(err).Status
			}
			return http.StatusOK
		}
		for i := range localGrace * wrongTokenBurst {
			if status := try(bad); status != http.StatusUnauthorized {
				t.Fatalf("guess %d: %d", i, status)
			}
		}
		if status := try(bad); status != http.StatusTooManyRequests {
			t.Errorf("one guess more: %d", status)
		}
		if status := try(good); status != http.StatusOK {
			t.Errorf("the neighbour's token: %d", status)
		}
	})
}

// TestWriteRate writes as fast as may be from one address, and from others.
func TestWriteRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bare(t, nil)
		s.changes = newLimiter(10, 20, 0)
		count := func(ips ...string) (taken int) {
			for i := range 100 {
				if s.limitWrites(from(t, ips[i%len(ips)])) == nil {
					taken++
				}
			}
			return taken
		}
		for _, tt := range []struct {
			name string
			ips  []string
			want int
		}{
			{"one address", []string{"192.0.2.1"}, 20},
			{"the same again", []string{"192.0.2.1"}, 0},
			{"another one", []string{"192.0.2.2"}, 20},
			{"one customer's IPv6", []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"}, 20},
			{"IPv4 as IPv6", []string{"::ffff:192.0.2.2"}, 0},
			{"this machine", []string{"127.0.0.1"}, 100},
		} {
			if got := count(tt.ips...); got != tt.want {
				t.Errorf("%s: %d were taken, want %d", tt.name, got, tt.want)
			}
		}
		time.Sleep(time.Second)
		if got := count("192.0.2.1"); got != 10 {
			t.Errorf("a second later: %d were taken, want 10", got)
		}
		p := s.problemOf(s.limitWrites(from(t, "192.0.2.1")))
		if p.Status != 429 || p.Code != "too_many_writes" || p.retry != 100*time.Millisecond {
			t.Errorf("%v, come again in %v", p, p.retry)
		}
	})
}

// TestLimiterForgets holds a limiter to its memory whoever comes.
func TestLimiterForgets(t *testing.T) {
	l := newLimiter(1, 2, 0)
	for i := range 3 * maxBuckets {
		l.take(clientAt(&net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i))}))
	}
	if len(l.buckets) > maxBuckets {
		t.Errorf("%d clients are remembered", len(l.buckets))
	}
}

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.org":       "https://app.example.org",
		"https://APP.example.org/":      "https://app.example.org",
		"https://app.example.org:443":   "https://app.example.org",
		"http://app.example.org:80":     "http://app.example.org",
		"http://localhost:3000":         "http://localhost:3000",
		"http://[::1]:3000":             "http://[::1]:3000",
		"https://app.example.org:80":    "https://app.example.org:80",
		"*":                             "",
		"null":                          "",
		"https://*":                     "",
		"https://*.example.org":         "",
		"app.example.org":               "",
		"https://":                      "",
		"https://:443":                  "",
		"https://a.example/path":        "",
		"https://a.example?q":           "",
		"https://a.example#f":           "",
		"https://u@a.example":           "",
		"file:///etc":                   "",
		"chrome-extension://abcdef":     "",
		"https://bücher.example":        "",
		"https://a.example:port":        "",
		"https://a.example https://b.c": "",
	} {
		got, err := ParseOrigin(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}
