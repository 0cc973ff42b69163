package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"p2pchain/core/background"
)

// mayGrow reports whether the answer to a request may be as large as the chain.
func mayGrow(pattern string, r *http.Request) bool {
	switch pattern {
	case "/chain", "/data", "/api/v1/export", "/api/v1/blocks/{block}", "/api/v1/mempool":
		return true
	}
	return strings.Contains(r.Header.Get("Accept"), ndjson) // a list without an end
}

// inBackground calls f on a thread that gives way to those of other requests, and panics as f does. Large
// answers, whoever reads them and whoever asks for something else share the processors: without this,
// the others wait until the kernel takes a processor from a large answer, several milliseconds.
func (s *Server) inBackground(f func() error) (err error) {
	var cause any
	done := make(chan struct{})
	go background.Call(streamNiceness, s.cfg.Log, func() {
		defer close(done)
		defer func() {
			cause = recover()
			if cause != nil && cause != http.ErrAbortHandler {
				cause = fmt.Sprintf("%v, at\n%s", cause, debug.Stack())
			}
		}()
		err = f()
	})
	<-done
	if cause != nil {
		panic(cause)
	}
	return err
}
