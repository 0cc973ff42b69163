package web

import (
	"context"
	"net/http"
	"strings"
)

// sessionCookie begins the name of the cookie that a node gives to who signed in.
const sessionCookie = "p2pchain-session-"

// signInData is what the page that asks for a token shows.
type signInData struct {
	Next  string // the page to go on to
	Again string // why the token before did not do: wrong, later or nothing
}

// signIn is the page that asks for a token; its form goes to the node, which knows the tokens.
func (s *Site) signIn(_ context.Context, r *http.Request) (view, error) {
	query := r.URL.Query()
	return view{name: "signin", title: "signin.title", data: signInData{Next: query.Get("next"), Again: query.Get("again")}}, nil
}

// stranger is the page for somebody whom the node tells nothing, in the place of the one that he asked for.
func stranger(r *http.Request) view {
	return view{name: "signin", title: "signin.title", status: http.StatusUnauthorized, data: signInData{Next: r.URL.RequestURI()}}
}

// hasSession reports whether a browser signed in; the node knows whether that still counts.
func hasSession(r *http.Request) bool {
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, sessionCookie) {
			return true
		}
	}
	return false
}
