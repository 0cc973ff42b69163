package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"p2pchain/api"
)

// page is a page for people.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path == "/unknown" {
		w.WriteHeader(http.StatusNotFound)
	}
	io.WriteString(w, "<p>"+r.URL.Path)
}

// TestPages holds who is answered with a page: who asks for one, and a browser that is lost.
func TestPages(t *testing.T) {
	f := start(t, func(_ *api.Config, d *api.Deps) { d.Pages = http.HandlerFunc(page) })
	const html, all = "text/html,application/xhtml+xml,*/*;q=0.8", "*/*"
	for _, tt := range []struct {
		method, path, accept string
		status               int
		page                 bool
	}{
		{"GET", "/", all, 200, true},
		{"GET", "/ui/blocks/2", all, 200, true},
		{"GET", "/unknown", html, 404, true},
		{"GET", "/unknown", all, 404, false},
		{"GET", "/api/v1/unknown", html, 404, false},
		{"POST", "/unknown", html, 404, false},
		{"POST", "/", html, 405, false},
		{"GET", "/peers", html, 200, false}, // a seed's, whoever asks
		{"GET", "/node", html, 200, false},
	} {
		a := f.do(tt.method, tt.path, "", "Accept", tt.accept)
		if isPage := strings.HasPrefix(a.body, "<p>"); a.status != tt.status || isPage != tt.page {
			t.Errorf("%+v: %d %s", tt, a.status, a.body)
		}
	}
}

// deaf keeps an answer, and takes deadlines, which do not matter to it.
type deaf struct{ *httptest.ResponseRecorder }

func (deaf) SetReadDeadline(time.Time) error  { return nil }
func (deaf) SetWriteDeadline(time.Time) error { return nil }

// TestHandler holds that a request inside of another one neither ends nor uses that one's connection.
func TestHandler(t *testing.T) {
	var inner http.Handler
	f := start(t, func(_ *api.Config, d *api.Deps) {
		d.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			in := r.Clone(r.Context())
			in.URL.Path, in.RequestURI = "/livez", "/livez"
			out := &deaf{httptest.NewRecorder()}
			inner.ServeHTTP(out, in)
			w.Header().Set("Content-Type", "text/html")
			out.Body.WriteTo(w)
		})
	})
	inner = f.handler
	for range 3 { // on one connection
		if a := f.do("GET", "/", ""); a.status != 200 || !strings.Contains(a.body, "ok") {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
}
