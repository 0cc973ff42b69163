package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"sync"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

const (
	headerReplayed = "Idempotent-Replayed"
	maxKey         = 255 // bytes
)

// Running are the keys of requests that are on their way.
type running struct {
	mu   sync.Mutex // guards keys
	keys map[core.Hash]struct{}
}

func (r *running) begin(key core.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, on := r.keys[key]; on {
		return false
	}
	if r.keys == nil {
		r.keys = make(map[core.Hash]struct{})
	}
	r.keys[key] = struct{}{}
	return true
}

func (r *running) end(key core.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, key)
}

// A once is a request with an idempotency key: it does nothing that was done under the key before. A
// nil one is a request without a key.
//
// What the request did is noted part by part, each in the batch of its messages: a single message is
// one part, a batch has one for each group. A part counts as the same if all that was read up to its
// end is the same.
type once struct {
	server *Server
	key    core.Hash
	print  hash.Hash // of what was read so far
	mark   core.Hash // what print was at the end of the last message
}

// once returns how a request is done no more than once, nil if it brings no key. The caller ends it.
func (s *Server) once(r *http.Request, media string) (*once, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) != 1 || !isKey(values[0]) {
		return nil, badRequest("bad_idempotency_key", fmt.Sprintf("Idempotency-Key: want 1 to %d characters of visible ASCII", maxKey))
	}
	o := &once{server: s, key: sha256.Sum256([]byte(values[0])), print: sha256.New()}
	if !s.running.begin(o.key) {
		p := problem(http.StatusConflict, "idempotency_key_in_use", "a request with this key is on its way; come again for its answer")
		p.retry = time.Second
		return nil, p
	}
	fmt.Fprintf(o.print, "%s %s %s\n", r.Method, r.URL.Path, media)
	return o, nil
}

func isKey(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) >= 1 && len(text) <= maxKey
}

// end lets others use the key.
func (o *once) end() {
	if o != nil {
		o.server.running.end(o.key)
	}
}

// read takes in what was read of the request, up to the end of a message or not.
func (o *once) read(b []byte, message bool) {
	if o == nil {
		return
	}
	o.print.Write(b)
	if message {
		o.mark = core.Hash(o.print.Sum(nil))
	}
}

// note returns the note of messages of which the first has this number. The last part of a request
// also counts what follows its messages.
func (o *once) note(first int, last bool) mempool.Note {
	note := mempool.Note{Key: o.key, First: first, Print: o.mark, Last: last}
	if last {
		note.Print = core.Hash(o.print.Sum(nil))
	}
	return note
}

// done returns the note of what was done before from the message of this number on, nil if nothing was.
func (o *once) done(first int) (*mempool.Note, error) {
	if o == nil {
		return nil, nil
	}
	note, err := o.server.deps.Pool.Note(o.key, first)
	if errors.Is(err, chain.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for what was done under a key: %w", err)
	}
	return &note, nil
}

// same returns nil if a note is of what was read now, which is so many messages.
func (o *once) same(note *mempool.Note, count int, last bool) error {
	want := o.note(note.First, note.Last)
	if note.Print != want.Print || len(note.Messages) != count || note.Last && !last {
		return keyReused()
	}
	return nil
}

func keyReused() *Problem {
	return problem(http.StatusUnprocessableEntity, "idempotency_key_reused", "this key came with another request within the last 24 hours")
}
