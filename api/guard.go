package api

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// A response knows whether the answer has begun.
type response struct {
	http.ResponseWriter
	status int      // 0 until the header is written
	route  routeKey // which line of the route table answers, once that is known
	zip    *zipper  // compresses the answer; nil where the client does not take that
	epoch  uint64   // of the erasures, before anything was read
	lease  *lease   // what the request goes on by; nil where that cannot lapse
}

// Unwrap gives http.ResponseController what it needs.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	if w.lease != nil && w.lease.answers {
		if err := w.lease.check(); err != nil {
			return 0, err
		}
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// serve turns a handler that may fail into one that answers its error.
func (s *Server) serve(handle func(*response, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, ok := w.(*response)
		if !ok {
			out = &response{ResponseWriter: w}
		}
		if err := handle(out, r); err != nil {
			s.fail(out, r, err)
		}
	})
}

// guard is what every request passes before its route is looked up.
func (s *Server) guard(next http.Handler) http.Handler {
	always := headers()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if c := connOf(r.Context()); c != nil {
			if !c.begin() {
				panic(http.ErrAbortHandler) // it is closed
			}
			defer c.end()
		}
		r, done := s.follow(r)
		defer done()
		w := &response{ResponseWriter: rw}
		start := s.cfg.Now()
		defer s.finish(w, r, start)
		maps.Copy(w.Header(), always) // all answers share the values: Set and Add replace them
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !hostAllowed(r.Host, s.cfg.Hosts, local) {
			s.fail(w, r, problem(http.StatusMisdirectedRequest, "host_not_allowed",
				fmt.Sprintf("this node does not answer to the name %q; use its address, or start it with --http-host NAME", r.Host)))
			return
		}
		if err := headerFits(r); err != nil {
			s.fail(w, r, err)
			return
		}
		if s.cors(w, r) {
			return
		}
		if err := s.checkOrigin(r); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const (
	// maxFields and maxFieldBytes bound the header of a request besides its first line: it stays in
	// memory as long as its client sends a body or reads an answer.
	maxFields     = 100
	maxFieldBytes = 32 << 10
	// maxTarget is room for every path and query but that of PUT /add.
	maxTarget = 16 << 10
)

// headerFits returns nil if the header of a request is no larger than any that has a use.
func headerFits(r *http.Request) error {
	if len(r.RequestURI) > maxTarget && r.URL.Path != "/add" {
		return problem(http.StatusRequestURITooLong, "target_too_long", "the path and query of a request may have at most "+strconv.Itoa(maxTarget)+" bytes")
	}
	fields, size := 0, 0
	for name, values := range r.Header {
		fields += len(values)
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if fields > maxFields || size > maxFieldBytes {
		return problem(http.StatusRequestHeaderFieldsTooLarge, "header_too_large",
			fmt.Sprintf("the header of a request may have at most %d fields and %d bytes", maxFields, maxFieldBytes))
	}
	return nil
}

// headers tell browsers to do nothing with an answer but to show it to this origin.
func headers() http.Header {
	return http.Header{
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"X-Content-Type-Options":       {"nosniff"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"Cache-Control":                {"no-cache"},
	}
}

// finish logs a request, and turns a panic of ours into an answer.
func (s *Server) finish(w *response, r *http.Request, start time.Time) {
	cause := recover()
	s.count(w, s.cfg.Now().Sub(start), cause)
	if cause != nil {
		if cause == http.ErrAbortHandler {
			panic(cause) // cuts the connection, as intended
		}
		s.cfg.Log.Error("request panicked", "method", r.Method, "path", r.URL.Path, "err", cause, "stack", string(debug.Stack()))
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		problem(http.StatusInternalServerError, "internal", "the node failed; its log says how").write(w)
	}
	if s.cfg.Log.Enabled(r.Context(), slog.LevelDebug) { // what it says is not made for nobody
		s.cfg.Log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", w.status, "took", s.cfg.Now().Sub(start))
	}
}
