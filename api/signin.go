package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Where people sign in, for pages of a node that says nothing to strangers.
const (
	signInPattern  = "/ui/signin"
	signOutPattern = "/ui/signout"
)

const (
	// sessionCookie begins the name of the cookie. Browsers give a cookie to all ports of a host, so that two
	// nodes on one machine need names of their own.
	sessionCookie = "p2pchain-session-"
	// longestSession ends one that nobody ended, and maxSessions bounds how many there are.
	longestSession = 12 * time.Hour
	maxSessions    = 1024
)

// A session lets a browser read, as long as the token that it began with counts. It never lets it change anything:
// so no page can have the browser do that, and whoever gets the cookie on another port of this host can read at most.
type session struct {
	token [sha256.Size]byte // its hash
	until time.Time
}

// sessions are those of all browsers, in memory only. It is safe for concurrent use.
type sessions struct {
	mu   sync.Mutex                    // guards byID
	byID map[[sha256.Size]byte]session // by the hash of the cookie's value
}

func newSessions() *sessions { return &sessions{byID: make(map[[sha256.Size]byte]session)} }

// begin returns the value of a cookie. Where there are too many sessions the oldest one ends.
func (s *sessions) begin(token [sha256.Size]byte, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= maxSessions {
		var oldest [sha256.Size]byte
		end := now.Add(2 * longestSession)
		for id, one := range s.byID {
			if one.until.Before(end) || one.until.Equal(end) && bytes.Compare(id[:], oldest[:]) < 0 {
				oldest, end = id, one.until
			}
		}
		delete(s.byID, oldest)
	}
	value := rand.Text()
	s.byID[sha256.Sum256([]byte(value))] = session{token, now.Add(longestSession)}
	return value
}

// token returns the hash of the token that a session began with.
func (s *sessions) token(value string, now time.Time) ([sha256.Size]byte, bool) {
	id := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if ok && !now.Before(one.until) {
		delete(s.byID, id)
		ok = false
	}
	return one.token, ok
}

func (s *sessions) end(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, sha256.Sum256([]byte(value)))
}

// cookieName is the name of this node's cookie.
func (s *Server) cookieName() string {
	id := s.deps.Host.ID()
	return sessionCookie + id[max(0, len(id)-8):]
}

// admittedKey is where the context of a page's own requests says that whoever asked for the page may read.
type admittedKey struct{}

// admitted returns a request whose context lets the page read, if whoever asks for it may. The browser keeps nothing of
// that page: Back would show it when somebody else sits there.
func (s *Server) admitted(w *response, r *http.Request) *http.Request {
	if s.cfg.Auth != AuthAll || s.authorize(r, scopeRead) != nil {
		return r
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.WithContext(context.WithValue(r.Context(), admittedKey{}, true))
}

// signedIn reports whether a request may read without a token in its header.
func (s *Server) signedIn(r *http.Request) bool {
	if ok, _ := r.Context().Value(admittedKey{}).(bool); ok {
		return true
	}
	if len(r.Header["Cookie"]) == 0 || s.cfg.Tokens == nil {
		return false
	}
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return false
	}
	token, ok := s.sessions.token(cookie.Value, s.cfg.Now())
	if !ok {
		return false
	}
	scope, known := s.cfg.Tokens(token)
	return known && scope.covers(scopeRead)
}

// postSignIn takes a token out of a form and begins a session. It answers with a way back in any case: this is for
// people.
func (s *Server) postSignIn(w *response, r *http.Request) error {
	if s.deps.Pages == nil {
		return s.notFound(w, r)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxSmallBody)
	if err := r.ParseForm(); err != nil {
		return badRequest("bad_form", "the form cannot be read")
	}
	token, next := strings.TrimSpace(r.PostForm.Get("token")), ownPage(r.PostForm.Get("next"))
	if _, err := s.lookUp(token, clientOf(r)); err != nil {
		why := "wrong"
		if p := (*Problem)(nil); errors.As(err, &p) && p.Status == http.StatusTooManyRequests {
			why = "later"
		}
		return seeOther(w, signInPattern+"?"+url.Values{"again": {why}, "next": {next}}.Encode())
	}
	s.setCookie(w, r, s.sessions.begin(sha256.Sum256([]byte(token)), s.cfg.Now()), 0)
	return seeOther(w, next)
}

// postSignOut ends a session.
func (s *Server) postSignOut(w *response, r *http.Request) error {
	if s.deps.Pages == nil {
		return s.notFound(w, r)
	}
	if cookie, err := r.Cookie(s.cookieName()); err == nil {
		s.sessions.end(cookie.Value)
	}
	s.setCookie(w, r, "", -1)
	return seeOther(w, signInPattern)
}

// setCookie has the browser keep a session until it is closed; scripts cannot read it, and no page of others has it
// sent. Where a proxy ends HTTPS only the form's origin, which was checked by now, says that the browser speaks it.
func (s *Server) setCookie(w *response, r *http.Request, value string, maxAge int) {
	secure := r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure,
	})
}

// seeOther sends a browser on.
func seeOther(w *response, where string) error {
	w.Header().Set("Location", where)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// ownPage returns the path and query of a page of this node, the first one where a text is none: whoever signs in is
// sent nowhere else.
func ownPage(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.IsAbs() || u.Host != "" || strings.ContainsAny(text, "\\\r\n\t") ||
		(u.Path != "/" && !strings.HasPrefix(u.Path, "/ui/")) || strings.HasPrefix(u.Path, "/ui/sign") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).RequestURI()
}
