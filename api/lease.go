package api

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"time"
)

// leaseCheck is how often it is asked again whether a request that goes on still may.
const leaseCheck = 10 * time.Second

// errLapsed means that a request may not go on: its token or its session does not count any more.
var errLapsed = errors.New("the token or the session does not count any more")

// A lease is what a request goes on by that needs a token: that of its header, or the one that its session began with.
// It belongs to one goroutine at a time. A nil one never lapses.
type lease struct {
	still   func() bool
	answers bool      // it reads: the answer ends with the lease. What a change did is told in any case.
	next    time.Time // when check asks again
	over    bool
}

// lend gives a request that was let in its lease, if it needs one.
func (s *Server) lend(w *response, r *http.Request, need Scope) {
	if s.withoutToken(r).covers(need) {
		return
	}
	token, given := bearer(r)
	still := func() bool { return s.signedIn(r) }
	if given {
		sum := sha256.Sum256([]byte(token))
		still = func() bool { // not lookUp: the token was right once, so it is no guess
			scope, known := s.cfg.Tokens(sum)
			return known && scope.covers(need)
		}
	} else {
		w.Header().Set("Cache-Control", "no-store") // a session lets it through, and ends before the browser does
	}
	answers := r.Method == http.MethodGet || r.Method == http.MethodHead
	w.lease = &lease{still: still, answers: answers, next: time.Now().Add(leaseCheck)}
}

// check is ask where that was some time ago, so that it can be called with every piece.
func (l *lease) check() error {
	if l == nil || !l.over && time.Now().Before(l.next) {
		return nil
	}
	return l.ask()
}

// ask returns a problem that wraps errLapsed once the lease is over.
func (l *lease) ask() error {
	l.next = time.Now().Add(leaseCheck)
	l.over = l.over || !l.still()
	if !l.over {
		return nil
	}
	p := unauthorized("token_unknown", "this node does not know the token any more, or the session has ended", `Bearer error="invalid_token"`)
	p.cause = errLapsed
	return p
}

// checks returns a channel that says when to ask a lease of somebody who waits, and what ends that. There is none
// where nothing can lapse.
func (l *lease) checks() (<-chan time.Time, func()) {
	if l == nil {
		return nil, func() {}
	}
	ticker := time.NewTicker(leaseCheck)
	return ticker.C, ticker.Stop
}
