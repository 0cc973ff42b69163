package web

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
)

func sources() fs.FS { return os.DirFS(".") }

// A fakeSource is a chain of a few blocks whose messages all have the same payload.
type fakeSource struct {
	payload api.Payload
	erasure *api.Erasure
	media   string
	err     error
	empty   bool
	written *api.Written
	local   bool
}

func (f *fakeSource) Node(context.Context) (api.Node, error) {
	n := api.Node{Network: api.NetworkInfo{Name: "lab"}, Peers: 2, Sync: api.Sync{State: api.SyncSynced}}
	if !f.empty {
		n.Tip.Height, n.Mempool.Count = 3, 1
		n.Mining = api.Mining{Working: true, HashRate: 1.234e6}
	}
	return n, f.err
}

func (f *fakeSource) Blocks(context.Context, string, int) (api.BlockPage, error) {
	page := api.BlockPage{Next: "2-00"}
	for h := range uint64(3) {
		page.Blocks = append(page.Blocks, api.Block{Hash: core.Hash{byte(h)}, Height: 3 - h, MessageCount: 1, Connected: true})
	}
	return page, f.err
}

// BlockMessages gives a block of 120 messages, no more than 30 of them at once.
func (f *fakeSource) BlockMessages(_ context.Context, name string, position, limit int) (api.BlockPart, error) {
	b := api.BlockPart{Block: api.Block{Hash: core.Hash{1}, Height: 2, MessageCount: 120, Connected: name != "side", Confirmations: 2}, Position: position}
	for range min(limit, 30, max(0, 120-position)) {
		b.Messages = append(b.Messages, f.content())
	}
	return b, f.err
}

func (f *fakeSource) content() api.Content {
	return api.Content{ID: core.Hash{7}, Payload: f.payload, MediaType: f.media, Size: 9, Erasure: f.erasure}
}

func (f *fakeSource) Message(context.Context, core.Hash) (api.Message, error) {
	height, position := uint64(2), 5
	block, at := core.Hash{1}, api.Time(1e12)
	return api.Message{
		Content: f.content(), FirstSeen: at, BlockTime: &at, Written: f.written, Local: f.local,
		Standing: api.Standing{Status: api.StatusConfirmed, Block: &block, Height: &height, Position: &position, Confirmations: 2},
	}, f.err
}

func (f *fakeSource) Messages(ctx context.Context, _ client.Filter, _ string, _ int) (api.MessagePage, error) {
	if f.empty {
		return api.MessagePage{}, f.err
	}
	m, err := f.Message(ctx, core.Hash{})
	return api.MessagePage{Messages: []api.Message{m}, Next: "w5"}, err
}

func (f *fakeSource) Search(ctx context.Context, text string) (api.SearchResult, error) {
	m, err := f.Message(ctx, core.Hash{})
	return api.SearchResult{Query: text, Messages: []api.Message{m}, LookedAt: 3}, err
}

func (f *fakeSource) Peers(context.Context) ([]api.Peer, error) {
	agent := ""
	if f.payload.Message != nil {
		agent = *f.payload.Message
	}
	return []api.Peer{
		{ID: "12D3KooWone", Addresses: []string{"/ip4/10.0.0.1/tcp/4001"}, Direction: api.DirectionInbound, Agent: agent, Height: 3},
		{ID: "12D3KooWtwo", Addresses: []string{"/ip4/10.0.0.2/tcp/4001"}, Direction: "outbound", Agent: agent, Height: 3, Work: core.NewWork(0, 5)},
	}, f.err
}

func (f *fakeSource) Invite(context.Context) (api.Invite, error) {
	return api.Invite{Invite: "p2pchain1abc"}, f.err
}

func (f *fakeSource) Tips(context.Context) (api.TipList, error) {
	reason := "x"
	if f.payload.Message != nil {
		reason = *f.payload.Message
	}
	return api.TipList{Tips: []api.Tip{
		{TipInfo: api.TipInfo{Height: 40, Hash: core.Hash{4}}, Status: api.TipBest, Peers: []string{"12D3KooWone"}},
		{TipInfo: api.TipInfo{Height: 41, Hash: core.Hash{5}}, Status: api.TipHeaders, Length: 3, Fork: &api.BlockName{Height: 38}},
		{TipInfo: api.TipInfo{Height: 39, Hash: core.Hash{6}}, Status: api.TipSide, Length: 9, Fork: &api.BlockName{Height: 30}},
		{TipInfo: api.TipInfo{Height: 39, Hash: core.Hash{7}}, Status: api.TipCondemned, Reason: reason},
	}, Elsewhere: []string{"12D3KooWtwo"}, More: true}, f.err
}

func (f *fakeSource) Reorgs(context.Context, string, int) (api.ReorgPage, error) {
	height, returned := uint64(30), 7
	return api.ReorgPage{Reorgs: []api.Reorg{{Number: 1, ForkHeight: &height, Reverted: 2, Applied: 3, Returned: &returned}, {Number: 2}}, Next: "9"}, f.err
}

// paths are those of all pages.
func paths() []string {
	return []string{
		"/", "/ui/blocks", "/ui/blocks/2", "/ui/blocks/2?from=50", "/ui/messages", "/ui/messages?author=" + strings.Repeat("00", 32),
		"/ui/messages/" + strings.Repeat("07", 32), "/ui/search?q=hello", "/ui/search", "/ui/peers", "/ui/forks", "/ui/notarise", "/ui/learn", "/nowhere",
	}
}

func newSite(t *testing.T, source Source) *Site {
	t.Helper()
	s, err := New(Config{Source: source, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, s http.Handler, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Result()
}

// parse returns the nodes of a page.
func parse(t *testing.T, s *Site, path string) []*html.Node {
	t.Helper()
	root, err := html.Parse(get(t, s, path).Body)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*html.Node
	for n := range root.Descendants() {
		nodes = append(nodes, n)
	}
	return nodes
}

func text(s string) api.Payload { return api.Payload{Message: &s} }

// TestPages holds what is so for every page in every language.
func TestPages(t *testing.T) {
	s := newSite(t, &fakeSource{payload: text("hello"), media: "text/plain"})
	for _, path := range paths() {
		for _, lang := range s.texts.languages() {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			resp := get(t, s, path+separator+"lang="+lang)
			want := http.StatusOK
			if path == "/nowhere" {
				want = http.StatusNotFound
			}
			if resp.StatusCode != want || resp.Header.Get("Content-Security-Policy") != policy {
				t.Errorf("%s: %d, policy %q", path, resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
			}
			counts := make(map[string]int)
			ids := make(map[string]bool)
			for _, n := range parse(t, s, path+separator+"lang="+lang) {
				checkNode(t, path, n, ids)
				counts[n.Data]++
			}
			if counts["h1"] != 1 || counts["main"] != 1 {
				t.Errorf("%s: %d h1, %d main", path, counts["h1"], counts["main"])
			}
		}
	}
}

// checkNode holds that a node is nothing that the policy forbids, and has the texts that it should.
func checkNode(t *testing.T, path string, n *html.Node, ids map[string]bool) {
	t.Helper()
	if n.Type == html.TextNode && (strings.Contains(n.Data, "ZgotmplZ") || strings.Contains(n.Data, "<no value>") || strings.Contains(n.Data, "0xc")) {
		t.Errorf("%s: %q", path, n.Data)
	}
	if n.Type != html.ElementNode {
		return
	}
	isData := slices.Contains(n.Attr, html.Attribute{Key: "type", Val: "application/json"}) // is never run
	if n.Data == "style" || n.Data == "script" && n.FirstChild != nil && !isData {
		t.Errorf("%s: there is a %s inside", path, n.Data)
	}
	if isData && !json.Valid([]byte(n.FirstChild.Data)) {
		t.Errorf("%s: %s is not JSON", path, n.FirstChild.Data)
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "style", strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: %s has %s", path, n.Data, a.Key)
		case a.Key == "id" && ids[a.Val]:
			t.Errorf("%s: the id %s is there twice", path, a.Val)
		case a.Key == "id":
			ids[a.Val] = true
		case (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#"):
			t.Errorf("%s: %s leads to %q", path, n.Data, a.Val)
		case strings.HasPrefix(a.Key, "data-on"): // html/template takes it for a script, and quotes what is in it
			t.Errorf("%s: %s has %s=%q", path, n.Data, a.Key, a.Val)
		case strings.Contains(a.Val, "ZgotmplZ"):
			t.Errorf("%s: %s has %s=%q", path, n.Data, a.Key, a.Val)
		}
	}
}

// TestPayloads holds what is shown in the place of a text.
func TestPayloads(t *testing.T) {
	source := &fakeSource{}
	s := newSite(t, source)
	for _, tt := range []struct {
		payload api.Payload
		want    string
	}{
		{api.Payload{Erased: true}, "erased"},
		{api.Payload{Missing: true}, "not on this node"},
		{api.Payload{Base64: []byte{0xff}}, "9 bytes that are no text"},
		{text(""), "no content"},
	} {
		source.payload = tt.payload
		for _, path := range []string{"/", "/ui/blocks/2", "/ui/messages/" + strings.Repeat("07", 32)} {
			body, _ := io.ReadAll(get(t, s, path).Body)
			if !strings.Contains(string(body), tt.want) {
				t.Errorf("%s does not say %q", path, tt.want)
			}
		}
	}
}

// TestErasures holds that the page of a message says who had it erased, when, and what became of the bytes.
func TestErasures(t *testing.T) {
	ask := core.Hash{0xab}
	for _, tt := range []struct {
		erasure api.Erasure
		want    []string
	}{
		{api.Erasure{By: api.ByAuthor, At: 946684800000, Message: &ask}, []string{"Its author", "2000-01-01T00:00:00", "once enough blocks lie on top", "/ui/messages/" + ask.String()}},
		{api.Erasure{By: api.ByOperator, Settled: true, Gone: true}, []string{"The operator of this node", "Its bytes are gone"}},
	} {
		s := newSite(t, &fakeSource{payload: api.Payload{Erased: true}, erasure: &tt.erasure})
		body, _ := io.ReadAll(get(t, s, "/ui/messages/"+strings.Repeat("07", 32)).Body)
		for _, want := range tt.want {
			if !strings.Contains(string(body), want) {
				t.Errorf("%+v: the page does not say %q", tt.erasure, want)
			}
		}
	}
}

// TestWritten holds what the page of a message says of both bounds of its time.
func TestWritten(t *testing.T) {
	source := &fakeSource{payload: text("x")}
	s := newSite(t, source)
	early, late := &api.Bound{Height: 41, Time: 1_000}, &api.Bound{Height: 43, Time: 61_001}
	for want, written := range map[string]*api.Written{
		"Written between block 41 and block 43, from 1970-01-01 00:00:01 UTC to 1970-01-01 00:01:02 UTC by miners": {After: early, Before: late},
		"Written after block 41, 1970-01-01 00:00:01 UTC":                                                          {After: early},
		"Written before block 43, 1970-01-01 00:01:02 UTC":                                                         {Before: late},
		"Nothing shows yet": {},
	} {
		source.written = written
		body, _ := io.ReadAll(get(t, s, "/ui/messages/"+strings.Repeat("07", 32)).Body)
		if !strings.Contains(string(body), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestFirstSeen holds what the page of a message says of how it came.
func TestFirstSeen(t *testing.T) {
	source := &fakeSource{payload: text("x")}
	s := newSite(t, source)
	for want, local := range map[string]bool{"by this node's clock, added here": true, "by this node's clock, from another node": false} {
		source.local = local
		body, _ := io.ReadAll(get(t, s, "/ui/messages/"+strings.Repeat("07", 32)).Body)
		if !strings.Contains(html.UnescapeString(string(body)), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestTroubles holds what a page says when its source cannot say anything.
func TestTroubles(t *testing.T) {
	source := &fakeSource{payload: text("x")}
	s := newSite(t, source)
	source.err = &client.Error{Problem: api.Problem{Status: http.StatusNotFound, Code: "block_not_found", Detail: "no <such> block"}}
	resp := get(t, s, "/ui/blocks/2")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "no &lt;such&gt; block") {
		t.Errorf("%d\n%s", resp.StatusCode, body)
	}
	source.err = errors.New("secret path /x")
	resp = get(t, s, "/")
	body, _ = io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(body), "secret") {
		t.Errorf("%d\n%s", resp.StatusCode, body)
	}
	source.err = nil
	source.empty = true
	body, _ = io.ReadAll(get(t, s, "/").Body)
	if !strings.Contains(string(body), "p2pchain add") {
		t.Error("an empty chain's page does not say what to do")
	}
}

// TestStatic holds how files are kept and compressed, and that every page finds its own.
func TestStatic(t *testing.T) {
	s := newSite(t, &fakeSource{payload: text("x")})
	css := s.address("page.css")
	if got := get(t, s, css).Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control: %s", got)
	}
	if got := get(t, s, "/ui/static/old/page.css").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("an old version has Cache-Control: %s", got)
	}
	for _, path := range []string{"/ui/static/x/", "/ui/static/x/../texts/en.json", "/ui/static/x/nothing"} {
		if resp := get(t, s, path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	r := httptest.NewRequest("GET", css, nil)
	r.Header.Set("Accept-Encoding", "br, gzip;q=0.5")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	zr, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(zr); err != nil || string(got) != readAll(t, "static")["static/page.css"] {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, path := range paths() {
		for _, n := range parse(t, s, path) {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Val, "/ui/static/") && get(t, s, a.Val).StatusCode != http.StatusOK {
					t.Errorf("%s: there is no %s", path, a.Val)
				}
			}
		}
	}
}
