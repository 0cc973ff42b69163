package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// copies lets so many copies of a message wait, of which id changes the names.
func (f *fixture) copies(n int, base *core.Message, id func(int, *core.Hash)) {
	for i := range n {
		m := *base
		m.Nonce = uint64(i)
		m.ID = m.Envelope.ID(f.network.Genesis)
		if id != nil {
			id(i, &m.ID)
		}
		f.pool.waiting = append(f.pool.waiting, &m)
	}
}

// TestSearchBound looks for the beginning of many ids: messages that were named count for the size of an
// answer like those with the words.
func TestSearchBound(t *testing.T) {
	f := start(t)
	base := coretest.Message(t, f.network, coretest.Key(0), strings.Repeat("\x01", f.network.Params.MaxPayloadBytes))
	f.copies(20, base, func(_ int, id *core.Hash) { id[0], id[1] = 0xab, 0xcd })
	a := f.do("GET", "/api/v1/search?q=abcd", "")
	found := decode[api.SearchResult](t, a)
	most := 256<<10 + 6*f.network.Params.MaxPayloadBytes + 4<<10 // the message that passes it is the last one
	if len(found.Messages) == 0 || len(a.body) > most {
		t.Errorf("%d messages in %d bytes, want at most %d", len(found.Messages), len(a.body), most)
	}
}

// TestBatchDetailsBound sends lines that are all wrong: what is kept of each until the end is small.
func TestBatchDetailsBound(t *testing.T) {
	coretest.Sequential(t)
	f := start(t)
	results := f.postBatch(strings.Repeat("{\n", 1<<16))
	worded, first := 0, results[0]
	for i, r := range results {
		if r.Line != i+1 || r.Status != api.LineRefused || r.Code != "bad_json" || r.HTTPStatus != http.StatusBadRequest {
			t.Fatalf("result %d: %+v", i, r)
		}
		if r.Detail != "" {
			worded++
		}
	}
	if first.Detail == "" || len(results) != 1<<16 || worded > 1<<12 {
		t.Errorf("%d results, %d with a detail, the first one %q", len(results), worded, first.Detail)
	}
	long := strings.Repeat("\u0080", f.network.Params.MaxPayloadBytes)
	for _, r := range f.postBatch(fmt.Sprintf("{\"%s\":1}\n{\"%s\":1,\"%s\":1}\n", long, long, long)) {
		if len(r.Detail) > 4<<10 || r.Detail == "" {
			t.Errorf("line %d: a detail of %d bytes", r.Line, len(r.Detail))
		}
	}
	if a := f.do("GET", "/chain", "", "Host", strings.Repeat("x", 100<<10)); a.status != http.StatusMisdirectedRequest || len(a.body) > 4<<10 {
		t.Errorf("a long name of a host: %d with %d bytes", a.status, len(a.body))
	}
}

// TestSignedGroups holds that the bytes of messages that come signed count for the size of a group.
func TestSignedGroups(t *testing.T) {
	f := start(t)
	text := strings.Repeat("x", f.network.Params.MaxPayloadBytes)
	var batch strings.Builder
	sent := 0
	for i := 0; sent < 3<<20; i++ {
		m := coretest.Message(t, f.network, coretest.Key(3), fmt.Sprint(i, text)[:len(text)])
		sent += len(text)
		batch.WriteString(inJSON(m) + "\n")
	}
	if f.postBatch(batch.String()); f.pool.adds < 3 {
		t.Errorf("%d MiB were stored in %d groups", sent>>20, f.pool.adds)
	}
}

// A deadlined recorder is a client that takes everything at once.
type deadlined struct{ *httptest.ResponseRecorder }

func (deadlined) SetWriteDeadline(time.Time) error { return nil }

// TestStreamTurns has all turns taken: a list of waiting messages that finds nothing, or sends little, waits for one
// like a list that sends much.
func TestStreamTurns(t *testing.T) {
	var cfg api.Config
	var deps api.Deps
	f := start(t, func(c *api.Config, d *api.Deps) { cfg, deps = *c, *d })
	const waiting = 100
	f.copies(waiting, coretest.Message(t, f.network, coretest.Key(0), "text"), nil)
	for path, shown := range map[string]int{
		"/api/v1/messages?text=text": waiting, "/api/v1/messages?text=needle": 0, "/api/v1/mempool": waiting, "/data": waiting,
	} {
		synctest.Test(t, func(t *testing.T) {
			s, err := api.New(cfg, deps)
			if err != nil {
				t.Fatal(err)
			}
			release := api.HoldTurns(s)
			rq := httptest.NewRequest("GET", "http://localhost"+path, nil)
			rq.Header.Set("Accept", "application/x-ndjson")
			out := httptest.NewRecorder()
			ended := false
			go func() {
				api.Handler(s).ServeHTTP(deadlined{out}, rq)
				ended = true
			}()
			synctest.Wait()
			if ended {
				t.Errorf("%s: the list needs no turn", path)
			}
			release()
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := strings.Count(out.Body.String(), `{"id":`); !ended || out.Code != http.StatusOK || got != shown {
				t.Errorf("%s: ended %v, %d with %d messages", path, ended, out.Code, got)
			}
		})
	}
}
