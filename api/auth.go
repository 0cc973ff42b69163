package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A Scope says what a token allows, or what a request needs. Each includes the ones before it; the
// empty one is what everybody may do, always.
type Scope string

// The scopes.
const (
	ScopeRead  Scope = "read"  // changes nothing
	ScopeWrite Scope = "write" // adds messages
	ScopeAdmin Scope = "admin" // changes how the node runs
)

// Short names, for the route table.
const (
	scopeOpen  Scope = ""
	scopeRead        = ScopeRead
	scopeWrite       = ScopeWrite
	scopeAdmin       = ScopeAdmin
)

// Scopes lists the scopes that a token may have, the smallest first.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeWrite, ScopeAdmin} }

// covers reports whether whoever has this scope may do what needs another one.
func (s Scope) covers(need Scope) bool {
	return need == scopeOpen || slices.Index(Scopes(), s) >= slices.Index(Scopes(), need)
}

// An Auth says what may be done without a token.
type Auth string

// The ways to ask for tokens.
const (
	// AuthToken: on a loopback address or a unix socket everything, elsewhere reading.
	AuthToken Auth = "token"
	// AuthAlways: reading.
	AuthAlways Auth = "always"
	// AuthAll: nothing, but asking whether the node is alive.
	AuthAll Auth = "all"
	// AuthNone: everything, for everybody who reaches the API.
	AuthNone Auth = "none"
)

// Auths lists the ways to ask for tokens.
func Auths() []Auth { return []Auth{AuthToken, AuthAlways, AuthAll, AuthNone} }

// WithoutToken returns what may be done without a token on a listener that only this machine reaches,
// or on another one.
func (a Auth) WithoutToken(local bool) Scope {
	switch {
	case a == AuthNone, a == AuthToken && local:
		return ScopeAdmin
	case a == AuthAll:
		return scopeOpen
	}
	return ScopeRead
}

// ErrNeedsToken means that a listener is not on a loopback address, and there are neither tokens nor
// the explicit permission to do without.
var ErrNeedsToken = errors.New("an API that is not on a loopback address needs a token, or the explicit choice to have none")

// Check returns ErrNeedsToken if the server would not serve on an address as it is configured.
func (s *Server) Check(addr net.Addr) error {
	if s.cfg.Tokens != nil || s.cfg.Auth.WithoutToken(loopback(addr)) == ScopeAdmin {
		return nil
	}
	return fmt.Errorf("%s: %w", addr, ErrNeedsToken)
}

// localKey is where a request's context says whether only this machine reaches its listener. The
// address of the client would say less: a proxy on this machine brings strangers.
type localKey struct{}

func onLocalListener(ctx context.Context) bool {
	local, _ := ctx.Value(localKey{}).(bool)
	return local
}

// withoutToken returns what a request may do without a token.
func (s *Server) withoutToken(r *http.Request) Scope {
	free := s.cfg.Auth.WithoutToken(onLocalListener(r.Context()))
	if free == ScopeAdmin && s.cfg.Auth != AuthNone && s.fromListedOrigin(r) {
		return ScopeRead // the user's programs may do all, his web page only what he gives it a token for
	}
	return free
}

// authorize returns nil if a request may do what needs a scope.
func (s *Server) authorize(r *http.Request, need Scope) error {
	if s.withoutToken(r).covers(need) {
		return nil
	}
	token, given := bearer(r)
	if !given && scopeRead.covers(need) && s.signedIn(r) {
		return nil
	}
	if !given {
		return unauthorized("token_needed", "this needs a token, as \"Authorization: Bearer TOKEN\"", "Bearer")
	}
	scope, err := s.lookUp(token, clientOf(r))
	if err != nil {
		return err
	}
	if !scope.covers(need) {
		p := problem(http.StatusForbidden, "scope_too_small", fmt.Sprintf("the token allows %q, and this needs %q", scope, need))
		p.challenge = fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, need)
		return p
	}
	return nil
}

// longToken is how many characters a token has that nobody guesses, at whatever rate; those that a node
// makes have twice as many.
const longToken = 32

// lookUp returns what a token allows. Who sends wrong ones has to wait, but not whoever shares an address
// with him, as all do that come through one proxy: a long token is looked at in any case.
func (s *Server) lookUp(token string, from client) (Scope, error) {
	wait := s.wrongTokens.blocked(from)
	scope, known := Scope(""), false
	if s.cfg.Tokens != nil && (wait == 0 || len(token) >= longToken) {
		// A map of hashes may be asked in any time it takes: nobody can choose what a hash begins with.
		scope, known = s.cfg.Tokens(sha256.Sum256([]byte(token)))
	}
	switch {
	case known:
		return scope, nil
	case wait > 0:
		p := tooMany("too_many_wrong_tokens", "too many wrong tokens came from this address; none that is short is looked at for a while")
		p.retry = wait
		return "", p
	}
	s.wrongTokens.take(from)
	return "", unauthorized("token_unknown", "this node does not know the token, or not any more", `Bearer error="invalid_token"`)
}

// unauthorized is the problem of a request without a token that counts.
func unauthorized(code, detail, challenge string) *Problem {
	p := problem(http.StatusUnauthorized, code, detail)
	p.challenge = challenge
	return p
}

// bearer returns the token of a request. It is never looked for in a URL, which ends up in logs.
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimSpace(token)
	return token, token != ""
}
