package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"p2pchain/api"
	"p2pchain/api/browsertest"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// examples are the golden proofs that every verifier is held to.
const examples = "../../core/proof/testdata"

// A provenSource has one message, which a proof proves.
type provenSource struct {
	fakeSource
	p   *proof.Proof
	lie func(*api.Message) // what it says other than the proof; nil: nothing
}

func (p *provenSource) Message(ctx context.Context, _ core.Hash) (api.Message, error) {
	m, err := p.fakeSource.Message(ctx, core.Hash{})
	block, height := p.p.Block.Hash(), p.p.Block.Height
	m.ID, m.Author, m.MediaType, m.Size = p.p.Message.ID, p.p.Message.Author, p.p.Message.Type(), int(p.p.Message.PayloadSize)
	m.Block, m.Height, m.Position = &block, &height, &p.p.Position
	at := api.Time(p.p.Block.TimeMS)
	m.Content.Time, m.BlockTime, m.Seen, m.Confirmations = api.Time(p.p.Message.TimeMS), &at, p.p.Message.Seen, 1
	m.Written = &api.Written{}
	if p.p.Seen != nil {
		m.Written.After = boundOf(p.p.Seen.Header)
	}
	if p.p.Next != nil {
		m.Written.Before, m.Confirmations = boundOf(p.p.Next.Header), 2
	}
	m.Payload = api.Payload{Base64: p.p.Message.Body.Payload}
	if utf8.Valid(m.Payload.Base64) {
		m.Payload = text(string(m.Payload.Base64))
	}
	if p.lie != nil {
		p.lie(&m)
	}
	return m, err
}

func boundOf(h core.Header) *api.Bound {
	return &api.Bound{Height: h.Height, Hash: h.Hash(), Time: api.Time(h.TimeMS)}
}

func (p *provenSource) path() string { return "/ui/messages/" + p.p.Message.ID.String() }

// readExample reads a golden proof.
func readExample(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sealed makes a proof of a message that is alone in its block.
func sealed(t *testing.T, mediaType, payload string) *proof.Proof {
	t.Helper()
	n := coretest.Network(t)
	tip := coretest.Genesis(n)
	m := coretest.MessageWith(t, n, coretest.Key(7), payload, func(m *core.Message) { m.MediaType = mediaType })
	b := coretest.Next(t, n, tip, m)
	next := coretest.Next(t, n, tip.After(b))
	return &proof.Proof{Params: n.Params, Message: m, Block: b.Header, Next: &proof.Step{Header: next.Header}}
}

// proving serves pages, and for every message the same proof.
func proving(t *testing.T, source Source, file *[]byte) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", newSite(t, source))
	mux.HandleFunc("GET /api/v1/messages/{id}/proof", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Write(*file)
	})
	mux.HandleFunc("GET /api/v1/messages", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"messages":[]}`) })
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// states returns the state of every step that is shown.
func states(tab *browsertest.Tab) map[string]string {
	return browsertest.Eval[map[string]string](tab, `Object.fromEntries(Array.from(document.querySelectorAll("#steps > li"),
		(e) => [e.dataset.step, ["passed", "failed", "absent", "open"].find((s) => e.classList.contains(s))]))`)
}

// broken returns the steps that are shown as failed, sorted.
func broken(tab *browsertest.Tab) (names []string) {
	for name, state := range states(tab) {
		if state == "failed" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const judged = `/good|bad/.test(document.querySelector("#verdict")?.className ?? "")`

// TestBrowserProof holds that a good proof is shown good in all its steps, and that one byte that is changed makes it
// bad where it was changed.
func TestBrowserProof(t *testing.T) {
	b := browsertest.Start(t)
	file := readExample(t, "plain.p2pproof")
	p, err := proof.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	source := &provenSource{p: p}
	url := proving(t, source, &file) + source.path()
	tab := b.Open(t, url, browsertest.View{Width: 1440, Height: 1000})
	tab.Wait(judged)
	all := []string{"file", "network", "message", "body", "signature", "block", "place", "seen", "next", "tip"}
	if got := states(tab); len(got) != 10 || slices.ContainsFunc(all, func(step string) bool { return got[step] != "passed" }) {
		t.Fatalf("steps: %v", got)
	}
	if got := tab.Text("#steps"); !strings.Contains(got, p.Message.ID.String()) || !strings.Contains(got, p.Block.Hash().String()) || strings.Contains(got, "differs") {
		t.Errorf("the steps show %s", got)
	}
	pictures(t, b, url, "proof", judged)
	for part, want := range map[string][]string{"body": {"body"}, "time": {"message", "signature"}, "signature": {"signature"}, "path": {"place"}, "header": {"block"}} {
		browsertest.Eval[any](tab, `document.querySelector("#alter [data-part=`+part+`]").click()`)
		if got := broken(tab); !slices.Equal(got, want) || !strings.Contains(tab.Text("#verdict"), "One byte was changed") {
			t.Errorf("%s changed: %v are broken, %q", part, got, tab.Text("#verdict"))
		}
	}
	tab.Screenshot("web-proof-altered.png")
	browsertest.Eval[any](tab, `document.querySelector('#alter [data-part=""]').click()`)
	if got := broken(tab); len(got) > 0 || !strings.Contains(tab.Text("#verdict"), "Everything holds") {
		t.Errorf("undone: %v are broken, %q", got, tab.Text("#verdict"))
	}
	golden(t, tab)
}

// TestBrowserLies holds that a proof of another message, a file that is none, and a page that says what its proof
// does not, are shown for what they are.
func TestBrowserLies(t *testing.T) {
	b := browsertest.Start(t)
	hidden := "a\x00b\u202ec\r\n\x01⟨U+202E⟩ é 漢字 👍\ufeff"
	honest, other := sealed(t, "text/plain", hidden), sealed(t, "text/plain", "other")
	stranger := *honest.Message
	stranger.Author[0]++
	elsewhere := honest.Block
	elsewhere.Nonce++
	changed := *honest.Message
	changed.Body = &core.Body{Payload: []byte(hidden + ".")}
	lean, bare := *honest, *honest.Message
	bare.Body = nil
	lean.Message = &bare
	for name, tt := range map[string]struct {
		page *proof.Proof
		file []byte
		want []string
	}{
		"honest":        {honest, honest.Encode(), nil},
		"long":          {sealed(t, "", strings.Repeat("long ", 3000)), nil, nil},
		"other message": {honest, other.Encode(), []string{"block", "body", "message"}},
		"no proof":      {honest, []byte("{}"), []string{"file"}},
		"cut":           {honest, honest.Encode()[:900], []string{"file"}},
		"author":        {&proof.Proof{Message: &stranger, Block: honest.Block}, honest.Encode(), []string{"message"}},
		"content":       {&proof.Proof{Message: &changed, Block: honest.Block}, honest.Encode(), []string{"body"}},
		"no content":    {honest, lean.Encode(), []string{"body"}},
		"block":         {&proof.Proof{Message: honest.Message, Block: elsewhere}, honest.Encode(), []string{"block"}},
	} {
		if tt.file == nil {
			tt.file = tt.page.Encode()
		}
		source := &provenSource{p: tt.page}
		tab := b.Open(t, proving(t, source, &tt.file)+source.path(), browsertest.View{Width: 1440, Height: 1000})
		tab.Wait(judged)
		good := browsertest.Eval[bool](tab, `document.querySelector("#verdict.good") !== null && !document.querySelector("#alter").hidden`)
		if got := broken(tab); !slices.Equal(got, tt.want) || good != (tt.want == nil) {
			t.Errorf("%s: %v are broken, %q", name, got, tab.Text("#verdict"))
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestBrowserSealed holds that the page of a message that waits shows its proof as soon as a block has the message.
func TestBrowserSealed(t *testing.T) {
	b := browsertest.Start(t)
	p := sealed(t, "text/plain", "hello")
	source, file := &provenSource{p: p}, p.Encode()
	confirmed, asked := make(chan struct{}), make(chan struct{}, 9)
	after, before := newSite(t, source), newSite(t, &waitingSource{*source})
	mux := http.NewServeMux()
	var loads atomic.Int32
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == source.path() {
			loads.Add(1)
		}
		select {
		case <-confirmed:
			after.ServeHTTP(w, r)
		default:
			before.ServeHTTP(w, r)
		}
	})
	mux.HandleFunc("GET /api/v1/messages/{id}/proof", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(file)
		asked <- struct{}{}
	})
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "id: r-1\nevent: confirmed\ndata: {\"id\":\"%v\"}\n\n", core.Hash{1})
		w.(http.Flusher).Flush()
		select {
		case <-confirmed:
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, "id: r-2\nevent: confirmed\ndata: {\"id\":\"%v\"}\n\n", p.Message.ID)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	tab := b.Open(t, server.URL+source.path(), browsertest.View{Width: 1440, Height: 1000})
	if got := tab.Text("#proof"); !strings.Contains(got, "once a block holds the message") {
		t.Errorf("a message that waits: %q", got)
	}
	browsertest.Eval[bool](tab, `new Promise((heard) => new EventSource("/api/v1/events").addEventListener("confirmed", () => heard(true)))`)
	close(confirmed)
	select { // a wait in the page would end with an error when the page goes
	case <-asked:
	case <-time.After(time.Minute):
		t.Fatal("nobody asks for the proof")
	}
	if got := loads.Load(); got != 2 { // another message's block is no reason
		t.Errorf("the page was loaded %d times", got)
	}
	tab.Wait(`document.querySelector("#verdict.good") !== null`)
}

// TestBrowserMissed holds that the page of a message that waits shows its proof, too, where nobody tells of its block:
// it was sealed before the page followed events, or while it was hidden.
func TestBrowserMissed(t *testing.T) {
	b := browsertest.Start(t)
	p := sealed(t, "text/plain", "hello")
	source, file := &provenSource{p: p}, p.Encode()
	after, before := newSite(t, source), newSite(t, &waitingSource{*source})
	mux := http.NewServeMux()
	var loads atomic.Int32
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == source.path() && loads.Add(1) == 1 {
			before.ServeHTTP(w, r)
			return
		}
		after.ServeHTTP(w, r)
	})
	asked := make(chan struct{}, 9)
	mux.HandleFunc("GET /api/v1/messages/{id}/proof", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(file)
		asked <- struct{}{}
	})
	mux.HandleFunc("GET /api/v1/messages/{id}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"height":1}`) })
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: hello\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	tab := b.Open(t, server.URL+source.path(), browsertest.View{Width: 1440, Height: 1000})
	select { // a wait in the page would end with an error when the page goes
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody asks for the proof")
	}
	tab.Wait(`document.querySelector("#verdict.good") !== null`)
}

// A waitingSource has the message of a proof, which no block holds yet.
type waitingSource struct{ provenSource }

func (w *waitingSource) Message(ctx context.Context, id core.Hash) (api.Message, error) {
	m, err := w.provenSource.Message(ctx, id)
	m.Standing, m.BlockTime, m.Written = api.Standing{Status: api.StatusWaiting}, nil, nil
	return m, err
}

// golden holds what the page computes of every golden proof: values that are as they must be of the good ones, and
// values without trouble of the forged ones.
func golden(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	var list []struct {
		File string
		Good bool
		Says struct{ Message string }
	}
	if err := json.Unmarshal(readExample(t, "index.json"), &list); err != nil || len(list) < 100 {
		t.Fatal(len(list), err)
	}
	type input struct {
		Bytes   []byte
		Message string
	}
	var inputs []input
	for _, e := range list {
		inputs = append(inputs, input{readExample(t, e.File), e.Says.Message})
	}
	in, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	got := browsertest.Eval[[]string](tab, `(async () => {
		const folder = new URL(".", document.querySelector("script[src*=prove]").src);
		const [{ rowsOf }, { check }] = await Promise.all([import(folder + "prove-values.js"), import(folder + "receipt.js")]);
		return `+string(in)+`.map(({ Bytes, Message }) => {
			try {
				const s = check(Uint8Array.from(atob(Bytes ?? ""), (c) => c.charCodeAt(0)));
				const rows = s.steps.filter(({ state }) => state === "passed" || state === "failed").flatMap(({ name }) => rowsOf(name, s, Message));
				return s.fault === null && rows.some(({ like }) => like === false) ? "differs" : s.fault === null ? "good" : "bad";
			} catch (e) { return String(e); }
		});
	})()`)
	for i, e := range list {
		if want := map[bool]string{true: "good", false: "bad"}[e.Good]; got[i] != want {
			t.Errorf("%s: %s, want %s", e.File, got[i], want)
		}
	}
}

// pictures keeps pictures of a page, wide and narrow, light and dark, and holds that nothing is too wide.
func pictures(t *testing.T, b *browsertest.Browser, url, name, ready string) {
	t.Helper()
	for _, v := range []browsertest.View{
		{Width: 1440, Height: 900}, {Width: 1440, Height: 900, Dark: true}, {Width: 390, Height: 800, Language: "de-DE"}, {Width: 390, Height: 800, Dark: true},
	} {
		tab := b.Open(t, url, v)
		tab.Wait(ready)
		if wide := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); int64(wide) > v.Width {
			t.Errorf("%s is %d wide in a window of %d", name, wide, v.Width)
		}
		tab.Screenshot(fmt.Sprintf("web-%s-%d-%v.png", name, v.Width, map[bool]string{true: "dark", false: "light"}[v.Dark]))
	}
}

// TestBrowserRecords keeps pictures of records as pages show them.
func TestBrowserRecords(t *testing.T) {
	b := browsertest.Start(t)
	for name, d := range map[string]document.Document{
		"file": &document.File{Name: "Minutes of 12 November.pdf", Size: 48213, MediaType: "application/pdf", SHA256: core.Hash{0xab, 0xcd}},
		"anchor": &document.Anchor{Log: "app.log", Sequence: 7, Began: document.BeganRotated, Length: 48213, Lines: 1200, SHA256: core.Hash{1}, From: 1000,
			Segment: core.Hash{7}, TimeMS: 1795219200000, Previous: core.Hash{9}},
	} {
		p := sealed(t, d.Type(), string(d.Encode()))
		source, file := &provenSource{p: p, fakeSource: fakeSource{payload: payloadOf(d), media: d.Type()}}, p.Encode()
		url := proving(t, source, &file)
		pictures(t, b, url+source.path(), "record-"+name, judged)
		b.Open(t, url+"/ui/messages", browsertest.View{Width: 1440, Height: 900}).Screenshot("web-records-" + name + ".png")
	}
}
