package api

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	mostRecorded = 1 << 20 // of an answer that are looked at
	// mostHeld is how much of all answers on their way is kept, so that tests of memory see the server's.
	mostHeld = 2 << 20
)

// Record has every answer of a server held to the description of the API.
func Record(t testing.TB, s *Server) {
	t.Helper()
	spec, err := theSpec()
	if err != nil {
		t.Fatal(err)
	}
	next := s.handler
	held := new(atomic.Int64)
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recording{ResponseWriter: w, held: held}
		broken := true
		defer func() {
			defer rec.forget()
			if err := spec.check(r, rec, broken); err != nil {
				t.Errorf("%s %s: the answer does not fit the description in api/openapi: %v", r.Method, r.URL.Path, err)
			}
		}()
		next.ServeHTTP(rec, r)
		broken = false
	})
}

// A recording keeps the beginning of an answer.
type recording struct {
	http.ResponseWriter
	mu     sync.Mutex
	status int
	body   bytes.Buffer
	cut    bool
	held   *atomic.Int64 // bytes of all recordings
}

func (r *recording) forget() { r.held.Add(-int64(r.body.Len())) }

func (r *recording) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recording) WriteHeader(status int) {
	r.mu.Lock()
	if r.status == 0 {
		r.status = status
	}
	r.mu.Unlock()
	r.ResponseWriter.WriteHeader(status)
}

func (r *recording) Write(b []byte) (int, error) {
	r.mu.Lock()
	if r.status == 0 {
		r.status = http.StatusOK
	}
	room := mostRecorded - r.body.Len()
	r.cut = r.cut || room < len(b) || r.held.Load() > mostHeld
	if !r.cut {
		r.body.Write(b)
		r.held.Add(int64(len(b)))
	}
	r.mu.Unlock()
	n, err := r.ResponseWriter.Write(b)
	if err != nil { // the client is gone
		r.mu.Lock()
		r.cut = true
		r.mu.Unlock()
	}
	return n, err
}

// mediaType returns what a body says that it is.
func (r *recording) mediaType() (string, error) {
	text := r.Header().Get("Content-Type")
	if text == "" {
		text = http.DetectContentType(r.body.Bytes()) // as net/http does
	}
	media, _, err := mime.ParseMediaType(text)
	if err != nil {
		return "", fmt.Errorf("Content-Type %q: %w", text, err)
	}
	return media, nil
}
