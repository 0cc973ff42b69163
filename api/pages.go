package api

import (
	"net/http"
	"strings"
)

// homePattern and pagesPattern are where the pages are.
const (
	homePattern  = "/"
	pagesPattern = "/ui/{page:.*}"
)

// getPages serves the pages for people. They ask this server in turn for what they show, with the rights of
// the request.
func (s *Server) getPages(w *response, r *http.Request) error {
	if s.deps.Pages == nil {
		return s.notFound(w, r)
	}
	s.deps.Pages.ServeHTTP(w, s.admitted(w, r))
	return nil
}

// wantsHTML reports whether a request names HTML among what it takes, as browsers do that open a page.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
