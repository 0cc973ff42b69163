package web

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
)

// A window shows a node that is elsewhere: pages that are made here and, below them, the node's API.
type window struct {
	site    http.Handler
	proxy   *httputil.ReverseProxy
	origins http.CrossOriginProtection
	hosts   []string
}

// Window returns a handler that serves the pages of a site, and passes requests for the API on to a node.
// Whoever reaches it may do what the transport may do, so it answers only to requests that name it by an
// address of this machine, localhost or one of the hosts, and to no page of another origin.
func Window(site http.Handler, node http.RoundTripper, hosts []string, log *slog.Logger) http.Handler {
	return &window{site: site, hosts: hosts, proxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "node" // the transport knows where it is
			for _, name := range []string{"Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Cookie"} {
				r.Out.Header.Del(name) // judged here, and about another origin than the node's
			}
		},
		Transport:     node,
		FlushInterval: -1, // events are to arrive at once
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			log.Warn("the node does not answer", "err", err)
			http.Error(w, "the node does not answer", http.StatusBadGateway)
		},
	}}
}

// ServeHTTP implements http.Handler.
func (v *window) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !v.answersTo(r.Host) {
		http.Error(w, "these pages do not answer to that name", http.StatusMisdirectedRequest)
		return
	}
	if v.origins.Check(r) != nil || elsewhere(r) && !isLink(r) {
		http.Error(w, "a page of another origin may not do that", http.StatusForbidden)
		return
	}
	if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
		v.proxy.ServeHTTP(w, r)
		return
	}
	v.site.ServeHTTP(w, r)
}

// elsewhere reports whether a browser says that a page of another origin is behind a request.
func elsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "none" && site != "same-origin"
}

// isLink reports whether a page of another origin leads a browser to one of these pages, which it may. To the API
// it may not: a page could start a backup by itself, and then another one, with the token that is used here.
func isLink(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && !strings.HasPrefix(r.URL.Path, "/api/")
}

// answersTo reports whether a request may name this host: a stranger's page can have a name of his resolve to
// us, but it cannot do that with an address.
func (v *window) answersTo(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for _, known := range v.hosts {
		if strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}
