package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// ParseOrigin returns an origin as browsers write it: a scheme, a host in lower case, and a port unless
// it is the scheme's own. There is no star, and "null" is the origin of anybody.
func ParseOrigin(text string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%q is not an origin like https://app.example.org: %s", text, why)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return bad("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("it begins with neither http:// nor https://")
	case u.Hostname() == "" || strings.Contains(u.Host, "*"):
		return bad("it names no host")
	case strings.IndexFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) >= 0:
		return bad("browsers write such a host in ASCII, as xn--…")
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return bad("it holds more than scheme, host and port")
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "://" + strings.TrimSuffix(host, ":"), nil
}

// fromListedOrigin reports whether a request comes from a page that the node's user lets in.
func (s *Server) fromListedOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && slices.Contains(s.cfg.Origins, origin)
}

// cors tells browsers what a page of a listed origin may do, and reports whether the request was no
// more than that question. Credentials of the browser are never allowed: a token is in a header.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(s.cfg.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !s.fromListedOrigin(r) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, WWW-Authenticate, Idempotent-Replayed")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// trust lets pages of the listed origins make requests.
func (s *Server) trust() error {
	for _, origin := range s.cfg.Origins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("api: Origins: %w", err)
		}
	}
	return nil
}

// checkOrigin returns nil for a request that no page of others makes.
func (s *Server) checkOrigin(r *http.Request) error {
	if s.origins.Check(r) != nil {
		return problem(http.StatusForbidden, "cross_origin", "a page of another origin may not change anything here")
	}
	if embedded(r) && !s.fromListedOrigin(r) {
		return problem(http.StatusForbidden, "cross_origin", "a page of another origin may link to this, and not load it")
	}
	return nil
}

// embedded reports whether a page of another origin wants to load something that it could not read
// anyway, as an image or the like. It would learn how long that takes, and keep the node busy. A link
// that somebody follows is something else.
func embedded(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return elsewhere(r) && (r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document")
}

// elsewhere reports whether a browser says that a page of another origin is behind a request.
func elsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return true
}
