package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestHeaderLists reads the headers in pages and as lines, and over a reorg.
func TestHeaderLists(t *testing.T) {
	r := newReadNode(t)
	f := r.forks
	r.add(f.Chain("genesis", coretest.Names("a", 1, 6)...)...)
	read := func(from string, size int, between func()) (hashes []core.Hash, reorged int) {
		for cursor := ""; ; {
			p, err := r.client.Headers(t.Context(), from, cursor, size)
			if err != nil {
				t.Fatal(err)
			}
			if p.Reorged {
				reorged++
			}
			for _, h := range p.Headers {
				hashes = append(hashes, h.Hash)
			}
			if cursor = p.Next; cursor == "" {
				return hashes, reorged
			}
			between()
			between = func() {}
		}
	}
	names := func(names ...string) (hashes []core.Hash) {
		for _, name := range names {
			hashes = append(hashes, f.Hash(name))
		}
		return hashes
	}
	all := names("genesis", "a1", "a2", "a3", "a4", "a5", "a6")
	for _, size := range []int{1, 3, 7, 100} {
		if got, reorged := read("", size, func() {}); !slices.Equal(got, all) || reorged != 0 {
			t.Errorf("pages of %d: %d headers, %d said reorged", size, len(got), reorged)
		}
	}
	if got, _ := read("4", 2, func() {}); !slices.Equal(got, all[4:]) {
		t.Errorf("from 4: %v", got)
	}
	var lines []core.Hash
	for h, err := range r.client.AllHeaders(t.Context(), f.Hash("a2").String()) {
		if err != nil || !h.Connected || h.Confirmations != 7-h.Height {
			t.Fatalf("%+v, %v", h, err)
		}
		lines = append(lines, h.Hash)
	}
	if !slices.Equal(lines, all[2:]) {
		t.Errorf("lines: %v", lines)
	}
	branch := f.Chain("a3", coretest.Names("b", 4, 8)...)
	got, reorged := read("", 6, func() { r.add(branch...) })
	if want := append(all[:6:6], names("b4", "b5", "b6", "b7", "b8")...); !slices.Equal(got, want) || reorged != 1 {
		t.Errorf("over a reorg: %d headers, %d said reorged", len(got), reorged)
	}
	var blocks []string
	for b, err := range r.client.AllBlocks(t.Context(), "3") {
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, *b.Messages[0].Message)
	}
	if want := []string{"a3", "b4", "b5", "b6", "b7", "b8"}; !slices.Equal(blocks, want) {
		t.Errorf("blocks as lines: %v", blocks)
	}
	for from, want := range map[string]string{"99": "block_not_found", f.Hash("a5").String(): "block_not_on_best_chain", "x": "bad_block"} {
		_, err := r.client.Headers(t.Context(), from, "", 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("from %s: %v", from, err)
		}
	}
}

// TestTipsAndReorgs has a branch that was left, one of headers, one that broke a rule, and peers on each.
func TestTipsAndReorgs(t *testing.T) {
	r := newReadNode(t)
	f, n := r.forks, r.chain.Network()
	both := coretest.Message(t, n, coretest.Key(0), "on both branches")
	r.add(f.Chain("genesis", "a1", "a2")...)
	r.add(f.Next("a2", "a3", both), f.Next("a3", "a4"))
	r.add(f.Chain("a4", "a5")...)
	r.add(f.Next("a2", "b3", both))
	r.add(f.Chain("b3", "b4", "b5", "b6")...)
	if _, err := r.chain.AddHeaders(coretest.Headers(f.Chain("b5", "c6")), core.Work{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.chain.AddBlocks([]*core.Block{f.Next("b5", "twice", both)}); err == nil {
		t.Fatal("a block with a message that its branch has was taken")
	}
	at := func(id string, hash core.Hash) api.Peer { return api.Peer{ID: id, Tip: hash} }
	r.host.mu.Lock()
	r.host.peers = []api.Peer{
		at("z-best", f.Hash("b6")), at("best behind", f.Hash("a1")), at("side", f.Hash("a5")), at("side behind", f.Hash("a4")),
		at("headers", f.Hash("c6")), at("condemned", f.Hash("twice")), at("unknown", core.Hash{5}),
	}
	r.host.mu.Unlock()
	list, err := r.client.Tips(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tip := range list.Tips {
		fork := "none"
		if tip.Fork != nil {
			fork = fmt.Sprint(tip.Fork.Height)
		}
		got = append(got, fmt.Sprint(tip.Status, " ", tip.Height, " ", tip.Length, " fork ", fork, " ", tip.Peers, tip.Reason != ""))
	}
	want := []string{
		"best 6 0 fork none [best behind z-best] false", "headers 6 1 fork 5 [headers] false", "side 5 3 fork 2 [side side behind] false",
		"condemned 6 1 fork 5 [condemned] true",
	}
	if !slices.Equal(got, want) || !slices.Equal(list.Elsewhere, []string{"unknown"}) || list.More {
		t.Errorf("tips\n%s\nelsewhere %v\nwant\n%s", strings.Join(got, "\n"), list.Elsewhere, strings.Join(want, "\n"))
	}
	page, err := r.client.Reorgs(t.Context(), "", 0)
	if err != nil || len(page.Reorgs) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	reorg := page.Reorgs[0]
	// a5's message goes back; a3's is on both branches, a4 had none.
	if reorg.Number != 1 || reorg.OldTip != f.Hash("a5") || reorg.NewTip != f.Hash("b6") && reorg.NewTip != f.Hash("b5") || reorg.Fork != f.Hash("a2") ||
		*reorg.ForkHeight != 2 || reorg.Reverted != 3 || reorg.Returned == nil || *reorg.Returned != 1 {
		t.Errorf("reorg %s", show(t, reorg))
	}
	r.add(f.Chain("a5", "a6", "a7")...)
	first, err := r.client.Reorgs(t.Context(), "", 1)
	if err != nil || len(first.Reorgs) != 1 || first.Reorgs[0].Number != 2 || first.Next == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := r.client.Reorgs(t.Context(), first.Next, 1)
	if err != nil || len(second.Reorgs) != 1 || second.Reorgs[0].Number != 1 || second.Next != "" {
		t.Errorf("%+v, %v", second, err)
	}
}

// TestSearch finds by everything that it says it does, and not what only a branch that was left has.
func TestSearch(t *testing.T) {
	r := newReadNode(t)
	f, n := r.forks, r.chain.Network()
	digest := strings.Repeat("0123456789abcdef", 4)
	file := coretest.Message(t, n, coretest.Key(0), "notarised "+digest)
	r.add(f.Next("genesis", "a1", file))
	r.add(f.Chain("a1", "a2")...)
	waits := coretest.Message(t, n, coretest.Key(0), "Waits here")
	r.wait(waits)
	for query, want := range map[string]struct{ blocks, messages int }{
		"1": {1, 1}, "0": {1, 1}, "7": {0, 1}, "a2": {0, 1}, " here WAITS ": {0, 1}, digest: {0, 1}, digest[:20]: {0, 1}, "nothing": {0, 0},
		file.ID.String(): {0, 1}, file.ID.String()[:9]: {0, 1}, strings.ToUpper(waits.ID.String()[:11]): {0, 1}, f.Hash("a2").String()[:17]: {1, 0}, f.Hash("a1").String(): {1, 0},
		strings.Repeat("f", 65): {0, 0}, "e": {0, 2}, "𝄞": {0, 0},
	} {
		got, err := r.client.Search(t.Context(), query)
		if err != nil || len(got.Blocks) != want.blocks || len(got.Messages) != want.messages || got.Next != "" || got.Query != strings.TrimSpace(query) {
			t.Errorf("%q: %d blocks, %d messages, next %q, %v, want %+v", query, len(got.Blocks), len(got.Messages), got.Next, err, want)
		}
	}
	for _, query := range []string{"", "  ", strings.Repeat("x", 1025), strings.Repeat("w ", 17), "\xff"} {
		if _, err := r.client.Search(t.Context(), query); err == nil {
			t.Errorf("%.20q was taken", query)
		}
	}
	own := coretest.Message(t, n, coretest.Key(0), waits.ID.String())
	r.wait(own)
	if got, err := r.client.Search(t.Context(), waits.ID.String()); err != nil || len(got.Messages) != 2 || got.Messages[0].ID != waits.ID || got.Messages[1].ID != own.ID {
		t.Errorf("an id that is a word, too: %s, %v", show(t, got), err)
	}
}

// TestETags asks again with what it got, before and after the chain has grown.
func TestETags(t *testing.T) {
	f := start(t)
	f.sample()
	id := coretest.Message(t, f.network, coretest.Key(0), "hello").ID.String()
	paths := []string{
		"/chain", "/api/v1/blocks", "/api/v1/blocks/tip", "/api/v1/blocks/1", "/api/v1/headers", "/api/v1/export", "/api/v1/reorgs",
		"/api/v1/messages/" + id, "/api/v1/messages?status=confirmed",
	}
	tags := make(map[string]string)
	for _, path := range paths {
		a := f.do("GET", path, "", "Accept-Encoding", "identity")
		tag := a.header.Get("ETag")
		if a.status != 200 || len(tag) < 40 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			t.Fatalf("%s: %d, ETag %q", path, a.status, tag)
		}
		tags[path] = tag
		if head := f.do("HEAD", path, "", "Accept-Encoding", "identity"); head.status != 200 || head.header.Get("ETag") != tag || head.body != "" {
			t.Errorf("HEAD %s: %d, %q", path, head.status, head.header.Get("ETag"))
		}
		zipped := f.do("GET", path, "", "Accept-Encoding", "gzip")
		if zipped.header.Get("ETag") == tag {
			t.Errorf("%s: two codings have one ETag", path)
		}
		for _, value := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			for _, method := range []string{"GET", "HEAD"} {
				again := f.do(method, path, "", "If-None-Match", value, "Accept-Encoding", "identity")
				if again.status != 304 || again.body != "" || again.header.Get("ETag") != tag || !strings.Contains(strings.Join(again.header.Values("Vary"), ","), "Accept-Encoding") {
					t.Errorf("%s %s with %s: %d %q", method, path, value, again.status, again.body)
				}
			}
		}
		if again := f.do("GET", path, "", "If-None-Match", `"x", `+tag[1:], "Accept-Encoding", "identity"); again.status != 200 {
			t.Errorf("%s with another tag: %d", path, again.status)
		}
	}
	lines := f.do("GET", "/api/v1/blocks", "", "Accept", "application/x-ndjson", "Accept-Encoding", "identity")
	if tag := lines.header.Get("ETag"); tag == "" || tag == tags["/api/v1/blocks"] {
		t.Errorf("lines have ETag %q", tag)
	}
	for _, path := range []string{"/api/v1/mempool", "/api/v1/messages", "/api/v1/tips", "/api/v1/node", "/api/v1/search?q=x", "/api/v1/messages/" + strings.Repeat("0", 64), "/api/v1/blocks/99"} {
		if tag := f.do("GET", path, "").header.Get("ETag"); tag != "" {
			t.Errorf("%s: ETag %q, though more than the chain decides it", path, tag)
		}
	}
	f.seal()
	for path, tag := range tags {
		if a := f.do("GET", path, "", "If-None-Match", tag, "Accept-Encoding", "identity"); a.status != 200 || a.header.Get("ETag") == tag {
			t.Errorf("%s on a new tip: %d", path, a.status)
		}
	}
}

// TestGzip compares what is compressed with what is not.
func TestGzip(t *testing.T) {
	f := start(t)
	f.sample()
	f.seal(coretest.Messages(t, f.network, strings.Repeat("many words ", 30), 300)...)
	get := func(path, coding, accept string) (*http.Response, []byte) {
		r, err := http.NewRequest("GET", f.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", coding)
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	for _, path := range []string{"/chain", "/data", "/api/v1/blocks/tip", "/api/v1/messages?limit=200", "/api/v1/blocks", "/api/v1/export", "/api/v1/headers", "/api/v1/tips"} {
		for _, accept := range []string{"application/json", "application/x-ndjson"} {
			_, want := get(path, "identity", accept)
			resp, packed := get(path, "br;q=1, gzip;q=0.5", accept)
			if vary := strings.Join(resp.Header.Values("Vary"), ","); !strings.Contains(vary, "Accept-Encoding") {
				t.Errorf("%s: Vary %q", path, vary)
			}
			if len(want) < 1<<10 {
				if resp.Header.Get("Content-Encoding") != "" || !bytes.Equal(packed, want) {
					t.Errorf("%s: %d bytes were compressed", path, len(want))
				}
				continue
			}
			zr, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: %q, %v", path, resp.Header.Get("Content-Encoding"), err)
			}
			if got, err := io.ReadAll(zr); err != nil || !bytes.Equal(got, want) || len(packed) >= len(want) {
				t.Errorf("%s: %d bytes as %d, want %d, %v", path, len(got), len(packed), len(want), err)
			}
		}
	}
	for coding, want := range map[string]string{
		"": "", "identity": "", "gzip;q=0": "", "GZIP": "gzip", "*": "gzip", "*;q=0": "", "*, gzip;q=0": "", "gzip;q=0, *": "", "x-gzip": "gzip", "gzip;q=2": "", "gzip;q=x": "",
		"deflate, gzip;q=1.0, *;q=0.5": "gzip", "br": "", ",,;;q=;": "",
	} {
		if resp, _ := get("/chain", coding, ""); resp.Header.Get("Content-Encoding") != want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, want %q", coding, resp.Header.Get("Content-Encoding"), want)
		}
	}
	if resp, _ := get("/no/such/path", "gzip", ""); resp.Header.Get("Content-Encoding") != "" {
		t.Error("a problem is compressed")
	}
}

// TestLinesOfBlocks compares the lines of the chain with its blocks one by one.
func TestLinesOfBlocks(t *testing.T) {
	r := newReadNode(t)
	r.story()
	height := uint64(0)
	for b, err := range r.client.AllBlocks(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		single, err := r.client.Block(t.Context(), fmt.Sprint(height))
		if got, want := show(t, b), show(t, single); err != nil || got != want {
			t.Errorf("line %d: %s, %v, want %s", height, got, err, want)
		}
		height++
	}
	if height != 10 {
		t.Errorf("%d lines, want 10", height)
	}
	waiting := 0
	for _, err := range r.client.AllWaiting(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		waiting++
	}
	if waiting != 5 {
		t.Errorf("%d wait", waiting)
	}
	if _, err := r.client.Messages(t.Context(), client.Filter{Status: "x"}, "", 0); err == nil {
		t.Error("a status that there is not")
	}
}

// A list as lines has no page, so what it may be limited to is no page's either.
func TestListLimits(t *testing.T) {
	f := start(t)
	f.sample()
	for _, list := range []string{"messages", "erased", "mempool", "blocks", "headers"} {
		for _, tt := range []struct {
			limit, accept string
			status        int
		}{
			{"1001", "application/json", 400},
			{"1001", "application/x-ndjson", 200},
			{"1", "application/x-ndjson", 200},
			{"0", "application/x-ndjson", 400},
			{"many", "application/x-ndjson", 400},
		} {
			if a := f.do("GET", "/api/v1/"+list+"?limit="+tt.limit, "", "Accept", tt.accept); a.status != tt.status {
				t.Errorf("%s, limit %s as %s: %d %s, want %d", list, tt.limit, tt.accept, a.status, a.body, tt.status)
			}
		}
	}
}
