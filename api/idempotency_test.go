package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// keyed posts with an idempotency key.
func (f *fixture) keyed(key, media, body string) answer {
	f.t.Helper()
	return f.do("POST", "/api/v1/messages", body, "Content-Type", media, "Idempotency-Key", key)
}

func replayed(a answer) bool { return a.header.Get("Idempotent-Replayed") == "true" }

// The same request under the same key gets the same answer and adds nothing.
func TestIdempotencyKey(t *testing.T) {
	f := start(t)
	signed := coretest.Message(t, f.network, coretest.Key(3), "signed")
	for _, tt := range []struct{ name, media, body string }{
		{"text", "text/plain", "one"},
		{"bytes", "application/octet-stream", "\xff"},
		{"JSON", "application/json", `{"message":"two"}`},
		{"signed", signedMedia, string(signed.Bytes())},
		{"batch", ndjsonMedia, "\"a\"\n\n1\n\"b\"\n" + `{"message":""}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := f.keyed("key "+tt.name, tt.media, tt.body)
			if first.status != 400 || f.code(first) != "bad_idempotency_key" {
				t.Fatalf("a key with a space: %d %s", first.status, first.body)
			}
			key := "key-" + tt.name
			first = f.keyed(key, tt.media, tt.body)
			if first.status != 200 || replayed(first) {
				t.Fatalf("%d %s, replayed: %v", first.status, first.body, replayed(first))
			}
			before := len(f.pool.waiting)
			for range 2 {
				again := f.keyed(key, tt.media, tt.body)
				if again.status != 200 || again.body != first.body || !replayed(again) || again.header.Get("Location") != first.header.Get("Location") {
					t.Errorf("again: %d %s, replayed: %v, first %s", again.status, again.body, replayed(again), first.body)
				}
			}
			if len(f.pool.waiting) != before {
				t.Errorf("%d added by the repetition", len(f.pool.waiting)-before)
			}
			if other := f.keyed(key+"2", tt.media, tt.body+" "); other.status != 200 && tt.name != "signed" {
				t.Errorf("another key: %d %s", other.status, other.body)
			}
		})
	}
}

const ndjsonMedia = "application/x-ndjson"

// A key that comes with another request is refused, whatever is other about it.
func TestIdempotencyKeyReused(t *testing.T) {
	f := start(t)
	f.keyed("text", "text/plain", "one")
	f.keyed("json", "application/json", `{"message":"x"}`)
	lines := numbered(3000)
	f.keyed("batch", ndjsonMedia, lines)
	f.keyed("exact", ndjsonMedia, numbered(1024))
	before := len(f.pool.waiting)
	for _, tt := range []struct{ name, key, media, body string }{
		{"another text", "text", "text/plain", "two"},
		{"another media type", "text", "application/octet-stream", "one"},
		{"a batch instead of a text", "text", ndjsonMedia, `"one"`},
		{"other white space", "json", "application/json", `{"message": "x"}`},
		{"another first line", "batch", ndjsonMedia, "\"x\"\n" + lines},
		{"another line later", "batch", ndjsonMedia, strings.Replace(lines, "\"2500\"", "\"x\"", 1)},
		{"a refused line between", "batch", ndjsonMedia, strings.Replace(lines, "\"2500\"", "1\n\"2500\"", 1)},
		{"one line less", "batch", ndjsonMedia, strings.TrimSuffix(lines, "\"2999\"\n")},
		{"one line more", "batch", ndjsonMedia, lines + `"x"`},
		{"a blank line more", "batch", ndjsonMedia, lines + "\n"},
		{"only the first group", "batch", ndjsonMedia, numbered(1024)},
		{"a group more", "exact", ndjsonMedia, numbered(1025)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := f.keyed(tt.key, tt.media, tt.body); a.status != http.StatusUnprocessableEntity || f.code(a) != "idempotency_key_reused" {
				t.Errorf("%d %.200s", a.status, a.body)
			}
		})
	}
	if len(f.pool.waiting) != before {
		t.Errorf("%d messages were added", len(f.pool.waiting)-before)
	}
}

func TestIdempotencyKeyForms(t *testing.T) {
	f := start(t)
	for _, tt := range []struct {
		key    string
		status int
	}{
		{"k", 200}, {strings.Repeat("k", 255), 200}, {"!~\"", 200},
		{strings.Repeat("k", 256), 400}, {"", 400}, {"a b", 400}, {"ü", 400},
	} {
		if a := f.keyed(tt.key, "text/plain", "x"); a.status != tt.status {
			t.Errorf("key %q: %d %s", tt.key, a.status, a.body)
		}
	}
	r, _ := http.NewRequest("POST", f.url+"/api/v1/messages", strings.NewReader("x"))
	r.Header["Idempotency-Key"] = []string{"a", "b"}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("two keys: %s", resp.Status)
	}
}

// A request that added nothing leaves its key free.
func TestIdempotencyKeyAfterFailure(t *testing.T) {
	f := start(t)
	f.pool.refuse = func(int, *core.Message) error { return mempool.ErrFull }
	for media, body := range map[string]string{"text/plain": "x", ndjsonMedia: `"x"`} {
		if a := f.keyed(media, media, body); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := f.keyed("text/plain", "text/plain", ""); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.pool.refuse = nil
	for media, body := range map[string]string{"text/plain": "another", ndjsonMedia: `"another"`} {
		if a := f.keyed(media, media, body); a.status != 200 || replayed(a) {
			t.Errorf("%d %s, replayed: %v", a.status, a.body, replayed(a))
		}
	}
}

// While a request is on its way, another one of the same key is told to come again.
func TestIdempotencyKeyInUse(t *testing.T) {
	f := start(t)
	inside, goOn := make(chan struct{}), make(chan struct{})
	f.pool.enter = sync.OnceFunc(func() { close(inside); <-goOn })
	var first answer
	var done sync.WaitGroup
	done.Go(func() { first = f.keyed("k", "text/plain", "x") })
	<-inside
	for _, media := range []string{"text/plain", ndjsonMedia} {
		if a := f.keyed("k", media, "\"x\""); a.status != http.StatusConflict || f.code(a) != "idempotency_key_in_use" || a.header.Get("Retry-After") != "1" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	close(goOn)
	done.Wait()
	if a := f.keyed("k", "text/plain", "x"); first.status != 200 || a.status != 200 || a.body != first.body || !replayed(a) {
		t.Errorf("first %d %s, then %d %s", first.status, first.body, a.status, a.body)
	}
}

// However many send the same at once, it is added once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	f := start(t)
	var mu sync.Mutex
	bodies := make(map[string]int)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				a := f.keyed("k", "text/plain", "once")
				if a.status == http.StatusConflict {
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				bodies[a.body]++
				return
			}
		})
	}
	clients.Wait()
	if len(f.pool.waiting) != 1 || len(bodies) != 1 {
		t.Errorf("%d added, answers %v", len(f.pool.waiting), bodies)
	}
}

// A batch that was cut off is added to its end when it comes again, and no line of it twice.
func TestIdempotentBatchGoesOn(t *testing.T) {
	f := start(t)
	const n = 5000
	lines := strings.Replace(numbered(n), "\"700\"", "\n1\n\"700\"", 1)
	cut := strings.Index(lines, "\"3500\"")
	r, _ := http.NewRequest("POST", f.url+"/api/v1/messages", io.MultiReader(strings.NewReader(lines[:cut]), broken{}))
	r.Header.Set("Content-Type", ndjsonMedia)
	r.Header.Set("Idempotency-Key", "k")
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; { // the node ends with it a little later than the client
		a := f.keyed("k", ndjsonMedia, lines)
		if a.status == http.StatusConflict && time.Now().Before(deadline) {
			continue
		}
		results := readResults(t, a.body)
		if a.status != 200 || len(results) != n+1 || replayed(a) {
			t.Fatalf("%d %.300s", a.status, a.body)
		}
		break
	}
	texts := f.pool.texts()
	for i := range n {
		if i >= len(texts) || texts[i] != fmt.Sprint(i) {
			t.Fatalf("%d messages, not those of the batch once each from %d on", len(texts), i)
		}
	}
	if len(texts) != n {
		t.Errorf("%d messages, want %d", len(texts), n)
	}
	if a := f.keyed("k", ndjsonMedia, lines); !replayed(a) || len(f.pool.texts()) != n {
		t.Errorf("the third time: replayed: %v, %d messages", replayed(a), len(f.pool.texts()))
	}
}

// broken is a body that ends too early.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cable cut") }

// A line whose signature is bad is refused each time, and one that was known stays so.
func TestIdempotentBatchOfSigned(t *testing.T) {
	f := start(t)
	m := coretest.Messages(t, f.network, "m", 3)
	bad := *m[1]
	bad.Signature[0] ^= 1
	f.pool.refuse = func(_ int, got *core.Message) error {
		if got.ID == m[2].ID {
			return mempool.ErrKnown
		}
		return nil
	}
	body := inJSON(m[0]) + "\n" + inJSON(&bad) + "\n" + inJSON(m[2])
	first := f.keyed("k", ndjsonMedia, body)
	again := f.keyed("k", ndjsonMedia, body)
	want := []string{api.LineAccepted, api.LineRefused, api.LineKnown}
	for i, r := range readResults(t, first.body) {
		if r.Status != want[i] {
			t.Errorf("line %d: %+v", i+1, r)
		}
	}
	if again.body != first.body || !replayed(again) || len(f.pool.waiting) != 1 {
		t.Errorf("again %s, first %s", again.body, first.body)
	}
}

// The wait for a block is no part of what a key stands for.
func TestIdempotencyKeyAndWait(t *testing.T) {
	f := start(t)
	first := decode[api.Receipt](t, f.keyed("k", "text/plain", "x"))
	f.sealWaiting()
	a := f.do("POST", "/api/v1/messages?wait=confirmed", "x", "Content-Type", "text/plain", "Idempotency-Key", "k")
	if r := decode[api.Receipt](t, a); r.ID != first.ID || r.Status != api.StatusConfirmed || !replayed(a) {
		t.Errorf("%+v", r)
	}
}
