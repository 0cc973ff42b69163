package api_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
)

const marker = "Xsecret7marker"

// own is the key of the fixture's node.
func own(t *testing.T, f *fixture, text string) *core.Message {
	return coretest.Message(t, f.network, coretest.Key(7), text)
}

// views are all answers that may have a payload.
func views(m *core.Message) []string {
	return []string{
		"/chain", "/data",
		"/api/v1/messages/" + m.ID.String(), "/api/v1/messages", "/api/v1/messages?status=confirmed",
		"/api/v1/search?q=" + m.ID.String(), "/api/v1/blocks/1", "/api/v1/blocks/1/messages", "/api/v1/blocks/tip", "/api/v1/mempool", "/api/v1/export",
	}
}

// linesOf are those that can be had as lines, too.
func linesOf() []string {
	return []string{"/api/v1/messages", "/api/v1/messages?text=" + marker, "/api/v1/blocks", "/api/v1/mempool"}
}

// shown returns which answers have a text, plain or in base64.
func (f *fixture) shown(m *core.Message, text string) []string {
	f.t.Helper()
	var out []string
	note := func(name string, a answer) {
		if a.status != http.StatusOK {
			f.t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		if strings.Contains(a.body, text) || strings.Contains(a.body, base64.StdEncoding.EncodeToString([]byte(text))[:12]) {
			out = append(out, name)
		}
	}
	for _, path := range views(m) {
		note(path, f.do("GET", path, "", "Accept-Encoding", "identity"))
		zipped := f.do("GET", path, "", "Accept-Encoding", "gzip")
		if zipped.header.Get("Content-Encoding") == "gzip" {
			r, err := gzip.NewReader(strings.NewReader(zipped.body))
			if err != nil {
				f.t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				f.t.Fatal(err)
			}
			zipped.body = string(text)
		}
		note(path+" (gzip)", zipped)
	}
	for _, path := range linesOf() {
		note(path+" (lines)", f.do("GET", path, "", "Accept", "application/x-ndjson"))
	}
	return out
}

// What was erased is in no answer from the next request on, though its bytes are still here.
func TestErasedIsShownNowhere(t *testing.T) {
	f := start(t)
	sealed, waiting := own(t, f, marker+" sealed"), own(t, f, marker+" waiting")
	f.seal(sealed)
	f.pool.waiting = append(f.pool.waiting, waiting)
	before := f.shown(sealed, marker)
	if len(before) < 20 {
		t.Fatalf("shown by %q only, before anything was erased", before)
	}
	for _, m := range []*core.Message{sealed, waiting} {
		a := decode[api.EraseResult](t, f.do("DELETE", "/api/v1/messages/"+m.ID.String(), ""))
		if a.ID != m.ID || a.Erasure.By != api.ByAuthor || *a.Erasure.Author != m.Author || a.Erasure.Settled || *a.Message != *a.Erasure.Message {
			t.Errorf("%+v", a)
		}
	}
	if after := f.shown(sealed, marker); len(after) > 0 {
		t.Errorf("still shown by %q", after)
	}
	for _, m := range []*core.Message{sealed, waiting} {
		got := decode[api.Message](t, f.do("GET", "/api/v1/messages/"+m.ID.String(), ""))
		if !got.Erased || got.Missing || got.Message != nil || got.Base64 != nil || got.Erasure == nil || got.Size != len(m.Body.Payload) {
			t.Errorf("%+v", got.Content)
		}
	}
	for _, path := range []string{"/api/v1/search?q=" + marker, "/api/v1/messages?text=" + marker} {
		a := f.do("GET", path, "")
		if strings.Contains(a.body, `"id":`) {
			t.Errorf("%s finds %s", path, a.body)
		}
	}
}

// A body that is missing for another reason is not said to be erased.
func TestMissingIsNotErased(t *testing.T) {
	f := start(t)
	gone := own(t, f, marker)
	f.seal(gone)
	f.chain.erased[gone.ID] = true
	got := decode[api.Message](t, f.do("GET", "/api/v1/messages/"+gone.ID.String(), ""))
	if got.Erased || !got.Missing || got.Erasure != nil {
		t.Errorf("%+v", got.Content)
	}
	for _, path := range []string{"/chain", "/api/v1/blocks/1", "/api/v1/messages"} {
		if a := f.do("GET", path, ""); !strings.Contains(a.body, `"missing":true`) || strings.Contains(a.body, `"erased":true`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

// An erasure changes the ETag of everything that it changes, though the tip is the same, and so does a
// body that comes back.
func TestErasureChangesETags(t *testing.T) {
	f := start(t)
	m := own(t, f, marker)
	f.seal(m)
	tagged := []string{
		"/chain", "/api/v1/messages/" + m.ID.String(), "/api/v1/messages?status=confirmed", "/api/v1/blocks", "/api/v1/blocks/1",
		"/api/v1/export", "/api/v1/erased",
	}
	steps := []func(){
		func() {},
		func() { f.do("DELETE", "/api/v1/messages/"+m.ID.String(), "") },
		f.erasing.bump,
	}
	last := make(map[string]string)
	for i, step := range steps {
		step()
		for _, path := range tagged {
			a := f.do("GET", path, "", "If-None-Match", last[path])
			tag := a.header.Get("ETag")
			if a.status != http.StatusOK || tag == "" || tag == last[path] {
				t.Errorf("step %d, %s: %d with %s after %s", i, path, a.status, tag, last[path])
			}
			if again := f.do("GET", path, "", "If-None-Match", tag); again.status != http.StatusNotModified {
				t.Errorf("step %d, %s: %d the second time", i, path, again.status)
			}
			last[path] = tag
		}
	}
}

func TestDeleteMessage(t *testing.T) {
	f := start(t)
	mine, others := own(t, f, "mine"), coretest.Message(t, f.network, coretest.Key(0), "of somebody else")
	second := own(t, f, "mine, too")
	f.seal(mine, others, second)
	for _, tt := range []struct {
		name, path string
		status     int
		code       string
		by, scope  string
		asks       int // messages that ask to erase, afterwards
	}{
		{"no such message", core.Hash{7}.String(), 404, "message_not_found", "", "", 0},
		{"no id", "7", 400, "bad_hash", "", "", 0},
		{"no such scope", mine.ID.String() + "?scope=all", 400, "bad_parameter", "", "", 0},
		{"not the author", others.ID.String() + "?scope=network", 409, "not_the_author", "", "", 0},
		{"of somebody else", others.ID.String(), 200, "", api.ByOperator, api.ScopeLocal, 0},
		{"own, here only", second.ID.String() + "?scope=local", 200, "", api.ByOperator, api.ScopeLocal, 0},
		{"own", mine.ID.String(), 200, "", api.ByAuthor, api.ScopeNetwork, 1},
		{"own, again", mine.ID.String(), 200, "", api.ByAuthor, api.ScopeNetwork, 1},
		{"own, again, here only", mine.ID.String() + "?scope=local", 200, "", api.ByAuthor, api.ScopeLocal, 1},
		{"own, here only before", second.ID.String(), 200, "", api.ByAuthor, api.ScopeNetwork, 2},
		{"own, here only before, again", second.ID.String(), 200, "", api.ByAuthor, api.ScopeNetwork, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do("DELETE", "/api/v1/messages/"+tt.path, "")
			if a.status != tt.status || tt.code != "" && f.code(a) != tt.code {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if got := len(f.pool.waiting); got != tt.asks {
				t.Errorf("%d messages ask to erase, want %d", got, tt.asks)
			}
			if tt.code != "" {
				return
			}
			got := decode[api.EraseResult](t, a)
			if got.Scope != tt.scope || got.Erasure.By != tt.by || (got.Message != nil) != (tt.scope == api.ScopeNetwork) {
				t.Errorf("%s", a.body)
			}
		})
	}
	ask := f.pool.waiting[0]
	if target, ok := document.Erased(ask); !ok || target != mine.ID || ask.Author != mine.Author {
		t.Errorf("the message that asks is %+v", ask)
	}
	if a := f.do("DELETE", "/api/v1/messages/"+ask.ID.String(), ""); a.status != 409 || f.code(a) != "not_erasable" {
		t.Errorf("erasing it: %d %s", a.status, a.body)
	}
}

// Without a part that erases there is no such route.
func TestDeleteWithoutEraser(t *testing.T) {
	f := start(t, func(_ *api.Config, d *api.Deps) { d.Erase, d.Erasures = nil, nil })
	m := own(t, f, "x")
	f.seal(m)
	if a := f.do("DELETE", "/api/v1/messages/"+m.ID.String(), ""); a.status != http.StatusNotFound || f.code(a) != "no_such_endpoint" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := decode[api.ErasedPage](t, f.do("GET", "/api/v1/erased", "")); len(got.Erased) != 0 {
		t.Errorf("%+v", got)
	}
}

// Two who erase a message at the same time ask the network once.
func TestDeleteAtTheSameTime(t *testing.T) {
	f := start(t)
	m := own(t, f, "mine")
	f.seal(m)
	var asking sync.WaitGroup
	erase := func() {
		if a := f.do("DELETE", "/api/v1/messages/"+m.ID.String(), ""); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	entered := make(chan struct{}, 8)
	f.pool.enter = func() {
		if entered <- struct{}{}; len(entered) > 1 {
			return
		}
		asking.Go(erase)
		for wait := time.After(200 * time.Millisecond); len(entered) < 2; { // as long as it may take another to get so far
			select {
			case <-wait:
				return
			default:
				runtime.Gosched()
			}
		}
	}
	erase()
	asking.Wait()
	if got := len(f.pool.waiting); got != 1 {
		t.Errorf("%d messages ask to erase, want 1", got)
	}
}

func TestErasedList(t *testing.T) {
	f := start(t)
	var msgs []*core.Message
	for i := range 5 {
		msgs = append(msgs, own(t, f, fmt.Sprint(marker, i)))
	}
	f.seal(msgs...)
	for _, m := range msgs {
		f.do("DELETE", "/api/v1/messages/"+m.ID.String(), "")
	}
	c := f.client()
	var seen []core.Hash
	for cursor, pages := "", 0; pages < 10; pages++ {
		page, err := c.Erased(t.Context(), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range page.Erased {
			seen = append(seen, e.ID)
			if !e.Erased || e.Erasure == nil || e.Message != nil || e.Number != uint64(5-len(seen)+1) {
				t.Errorf("entry %d: %+v", i, e)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	all := 0
	for e, err := range c.AllErased(t.Context()) {
		if err != nil || e.ID != seen[all] {
			t.Fatalf("line %d: %+v, %v", all, e, err)
		}
		all++
	}
	if len(seen) != 5 || all != 5 || seen[0] != msgs[4].ID {
		t.Errorf("%d in pages, %d as lines, the first is %v", len(seen), all, seen[0])
	}
}

// accepted is how the type of an event is written.
func accepted(accept, kind string) string {
	if accept == "text/event-stream" {
		return "event: " + kind
	}
	return `"event":"` + kind + `"`
}

// events reads the events after one until as many messages are confirmed, and returns all that came.
func (f *fixture) events(since string, confirmed int, accept string, more func()) string {
	f.t.Helper()
	return f.eventsUntil(since, accept, accepted(accept, "confirmed"), confirmed, more)
}

// eventsUntil reads the events after one until as many lines have a text.
func (f *fixture) eventsUntil(since, accept, text string, left int, more func()) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	path := "/api/v1/events"
	if since != "" {
		path += "?since=" + since
	}
	r, err := http.NewRequestWithContext(ctx, "GET", f.url+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	if more != nil {
		more()
	}
	var all strings.Builder
	afterwards := false // the data of SSE is on the next line
	for lines := bufio.NewScanner(resp.Body); (left > 0 || afterwards) && lines.Scan(); {
		all.Write(append(lines.Bytes(), '\n'))
		found := strings.Contains(lines.Text(), text)
		if found {
			left--
		}
		afterwards = found && accept == "text/event-stream"
	}
	if left > 0 {
		f.t.Fatalf("the events ended early: %s", all.String())
	}
	return all.String()
}

// Whoever asks for old events gets no payload that was erased meanwhile, and all other events.
func TestReplayForgets(t *testing.T) {
	f := start(t)
	gone, kept := own(t, f, marker), own(t, f, "Xkept")
	long := own(t, f, marker+strings.Repeat("x", 2000)) // left out of its event
	const lines, sse = "application/x-ndjson", "text/event-stream"
	first := f.events("", 3, lines, func() { f.seal(kept, gone, long) })
	if !strings.Contains(first, marker) {
		t.Fatalf("not told: %s", first)
	}
	_, id, _ := strings.Cut(first, `"oldest":"`)
	id, _, _ = strings.Cut(id, `"`)
	if again := f.events(id, 3, lines, nil); !strings.Contains(again, marker) {
		t.Fatalf("not told again: %s", again)
	}
	for _, m := range []*core.Message{gone, long} {
		f.erasing.Erase(t.Context(), erasureBy(m))
	}
	for _, accept := range []string{lines, sse} {
		again := f.eventsUntil(id, accept, accepted(accept, "erased"), 2, nil)
		if strings.Contains(again, marker) {
			t.Errorf("%s: told again: %s", accept, again)
		}
		for _, want := range []string{"Xkept", `"erased":true`, accepted(accept, "erased"), `"erasure":{"at":`, gone.ID.String(), long.ID.String()} {
			if !strings.Contains(again, want) {
				t.Errorf("%s: %q is missing in %s", accept, want, again)
			}
		}
		if strings.Count(again, `"message":null`) != 2 || strings.Contains(again, "reset") {
			t.Errorf("%s: %s", accept, again)
		}
	}
}
