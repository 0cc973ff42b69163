package web

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
)

// signInSite returns pages of a node that tells nothing to strangers.
func signInSite(t *testing.T, offered bool) *Site {
	t.Helper()
	refused := &client.Error{Problem: api.Problem{Status: http.StatusUnauthorized, Code: "token_needed", Detail: "needs a token"}}
	s, err := New(Config{Source: &fakeSource{payload: text("x"), err: refused}, Log: slog.New(slog.DiscardHandler), Now: time.Now, SignIn: offered})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStranger holds that every page asks for a token where the node wants one, and leads on to what was asked for.
func TestStranger(t *testing.T) {
	for _, path := range []string{"/", "/ui/blocks?cursor=1&lang=en", "/ui/peers", `/ui/search?q="><script>`} {
		r := httptest.NewRequest("GET", "/", nil)
		path, query, _ := strings.Cut(path, "?")
		r.URL.Path, r.URL.RawQuery, r.RequestURI = path, query, ""
		w := httptest.NewRecorder()
		signInSite(t, true).ServeHTTP(w, r)
		body, next := w.Body.String(), `name="next" value="`+html.EscapeString(r.URL.RequestURI())
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(html.UnescapeString(body), html.UnescapeString(next)) ||
			!strings.Contains(body, `action="/ui/signin"`) || strings.Contains(body, "<script>") {
			t.Errorf("%s: %d, next is not %s\n%s", r.URL.RequestURI(), w.Code, next, body)
		}
	}
}

// TestSignInPage holds what the page says after a wrong token, who is offered to sign out, and that a page which is no
// part of its node has no such form.
func TestSignInPage(t *testing.T) {
	s := signInSite(t, true)
	for path, want := range map[string]string{
		"/ui/signin?again=wrong":         "does not know that token",
		"/ui/signin?again=later":         "Too many wrong tokens",
		"/ui/signin?next=%2Fui%2Fblocks": `value="/ui/blocks"`,
	} {
		resp := get(t, s, path)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || strings.Contains(string(body), "/ui/signout") {
			t.Errorf("%s: %d\n%s", path, resp.StatusCode, body)
		}
		if got := resp.Header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("%s: with %q browsers send its form without an origin", path, got)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie + "x", Value: "y"})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `action="/ui/signout"`) {
		t.Error("who has a session is not offered to end it")
	}
	resp := get(t, signInSite(t, false), "/")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), "token_needed") || strings.Contains(string(body), "<form method") {
		t.Errorf("elsewhere: %d\n%s", resp.StatusCode, body)
	}
}
