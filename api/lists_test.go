package api_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A readNode is a realNode with a client.
type readNode struct {
	*realNode
	client *client.Client
	url    string
}

func newReadNode(t *testing.T, edits ...func(*api.Config, *api.Deps)) *readNode {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := newRealNode(t, edits...)
	r.serveOn(l)
	c, err := client.New(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &readNode{r, c, "http://" + l.Addr().String()}
}

// add puts blocks on the node's chain.
func (r *readNode) add(blocks ...*core.Block) {
	r.t.Helper()
	if _, err := r.chain.AddBlocks(blocks); err != nil {
		r.t.Fatal(err)
	}
}

// wait lets messages wait for a block.
func (r *readNode) wait(msgs ...*core.Message) {
	r.t.Helper()
	for _, err := range r.pool.Add(msgs, mempool.Origin{}) {
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// texts reads the list in pages of a size and returns the texts, and how many pages said that a reorg
// cut them. Between is called before each page but the first.
func (r *readNode) texts(f client.Filter, size int, between func(page int)) (texts []string, reorged int) {
	r.t.Helper()
	cursor := ""
	for page := 0; ; page++ {
		if page > 0 && between != nil {
			between(page)
		}
		p, err := r.client.Messages(r.t.Context(), f, cursor, size)
		if err != nil || len(p.Messages) > size {
			r.t.Fatalf("page %d: %d messages, %v", page, len(p.Messages), err)
		}
		if p.Reorged {
			reorged++
		}
		for _, m := range p.Messages {
			texts = append(texts, *m.Message)
		}
		if cursor = p.Next; cursor == "" {
			return texts, reorged
		}
	}
}

// story gives a node nine blocks of up to 150 messages, and five that wait.
func (r *readNode) story() (newestFirst []string) {
	n, tip := r.chain.Network(), coretest.Genesis(r.chain.Network())
	for i, count := range []int{1, 0, 3, 150, 0, 0, 64, 65, 1} {
		msgs := coretest.Messages(r.t, n, fmt.Sprintf("block%d", i+1), count)
		b := coretest.Next(r.t, n, tip, msgs...)
		r.add(b)
		tip = tip.After(b)
		for _, m := range msgs {
			newestFirst = append(newestFirst, string(m.Body.Payload))
		}
	}
	for _, m := range coretest.Messages(r.t, n, "waits", 5) {
		r.wait(m)
		newestFirst = append(newestFirst, string(m.Body.Payload))
	}
	slices.Reverse(newestFirst)
	return newestFirst
}

// TestMessagesPages reads one list in pages of every kind of size, and as lines.
func TestMessagesPages(t *testing.T) {
	coretest.Sequential(t)
	r := newReadNode(t)
	want := r.story()
	for _, size := range []int{1, 2, 3, 5, 63, 64, 65, 66, 100, 1000} {
		if got, reorged := r.texts(client.Filter{}, size, nil); !slices.Equal(got, want) || reorged != 0 {
			t.Errorf("pages of %d: %d messages, want %d; %d said reorged", size, len(got), len(want), reorged)
		}
	}
	var lines []string
	for m, err := range r.client.AllMessages(t.Context(), client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, *m.Message)
		single, err := r.client.Message(t.Context(), m.ID)
		if a, b := show(t, single), show(t, m); err != nil || a != b {
			t.Errorf("by id %s, %v, in the list %s", a, err, b)
		}
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%d lines, want %d", len(lines), len(want))
	}
	if got, _ := r.texts(client.Filter{Status: client.StatusWaiting}, 2, nil); !slices.Equal(got, want[:5]) {
		t.Errorf("waiting: %q", got)
	}
	if got, _ := r.texts(client.Filter{Status: client.StatusConfirmed}, 70, nil); !slices.Equal(got, want[5:]) {
		t.Errorf("confirmed: %d", len(got))
	}
	if got, _ := r.texts(client.Filter{Text: "BLOCK7/ 63"}, 70, nil); !slices.Equal(got, []string{"block7/63"}) {
		t.Errorf("words: %q", got)
	}
}

func show(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMessagesSealedMeanwhile seals what waits between two pages: it may come twice, but none is left
// out.
func TestMessagesSealedMeanwhile(t *testing.T) {
	r := newReadNode(t)
	want := r.story()
	tip := coretest.Tip(r.chain.Tip())
	got, reorged := r.texts(client.Filter{}, 2, func(page int) {
		if page == 1 {
			r.add(coretest.Next(t, r.chain.Network(), tip, coretest.Messages(t, r.chain.Network(), "waits", 5)...))
		}
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(slices.Compact(slices.Clone(got)), want) || reorged != 0 || len(got) != len(want)+2 {
		t.Errorf("%d messages of %d, %d said reorged", len(got), len(want), reorged)
	}
}

// TestMessagesReorgs has a reorg before each page in turn. A list that it cut says so; what it shows
// after that is what is there then.
func TestMessagesReorgs(t *testing.T) {
	for at := 1; at < 9; at++ {
		r := newReadNode(t)
		f := r.forks
		r.add(f.Chain("genesis", coretest.Names("a", 1, 6)...)...)
		r.wait(coretest.Messages(t, r.chain.Network(), "waits", 3)...)
		branch := f.Chain("a3", coretest.Names("b", 4, 8)...)
		got, reorged := r.texts(client.Filter{}, 1, func(page int) {
			if page == at {
				r.add(branch...)
			}
		})
		want := []string{"waits/2", "waits/1", "waits/0", "a6", "a5", "a4", "a3", "a2", "a1"}[:at]
		cut := 1
		switch {
		case at < 3: // among the waiting ones: a4 to a6 wait again above
			want = append(want, []string{"waits/1", "waits/0"}[at-1:]...)
			want = append(want, "b8", "b7", "b6", "b5", "b4", "a3", "a2", "a1")
		case at == 3: // at the end of the waiting ones, with the cursor still there
			want = append(want, "b8", "b7", "b6", "b5", "b4", "a3", "a2", "a1")
		case at < 6: // in the branch that is left: goes on at its height
			want = append(want, []string{"b5", "b4"}[at-4:]...)
			want = append(want, "a3", "a2", "a1")
		default:
			want, cut = []string{"waits/2", "waits/1", "waits/0", "a6", "a5", "a4", "a3", "a2", "a1"}, 0
		}
		if !slices.Equal(got, want) || (reorged > 0) != (cut > 0) {
			t.Errorf("reorg before page %d: %q, %d pages said reorged, want %q", at, got, reorged, want)
		}
	}
}

// TestMessagesTurning has a reorg between any two looks at the chain while lines are read: whatever comes
// is one branch, without a gap.
func TestMessagesTurning(t *testing.T) {
	for at := 1; at <= 30; at++ {
		f, turning := startTurning(t, at)
		for i := range 9 {
			f.seal(coretest.Message(t, f.network, coretest.Key(0), fmt.Sprint("old", i)))
		}
		turning.turn = func() { f.reorg(12) }
		a := f.do("GET", "/api/v1/messages", "", "Accept", "application/x-ndjson")
		if a.status != 200 {
			t.Fatalf("reorg at look %d: %d %s", at, a.status, a.body)
		}
		var heights []uint64
		var last api.Message
		for dec := json.NewDecoder(strings.NewReader(a.body)); dec.More(); {
			last = api.Message{}
			if err := dec.Decode(&last); err != nil {
				t.Fatal(err)
			}
			heights = append(heights, *last.Height)
		}
		for i, h := range heights {
			if h != uint64(len(heights)-i) {
				t.Fatalf("reorg at look %d: heights %d", at, heights)
			}
		}
		if len(heights) != 9 && len(heights) != 14 {
			t.Errorf("reorg at look %d: %d messages", at, len(heights))
		}
		f.stop()
	}
}

// TestMessageFilters takes every filter for itself.
func TestMessageFilters(t *testing.T) {
	f := start(t)
	n := f.network
	at := func(ms uint64, media string) func(*core.Message) {
		return func(m *core.Message) { m.TimeMS, m.MediaType = ms, media }
	}
	const day = 86400_000
	base := uint64(946684800000) // 2000-01-01
	f.seal(
		coretest.MessageWith(t, n, coretest.Key(0), "The Quick brown fox", at(base, "")),
		coretest.MessageWith(t, n, coretest.Key(1), "ÜBER quick", at(base+day, "text/markdown; charset=utf-8")),
		coretest.MessageWith(t, n, coretest.Key(1), "\xff quick", at(base+2*day-1, "Image/PNG")),
		coretest.MessageWith(t, n, coretest.Key(2), "{}", at(base+2*day, "application/json")),
	)
	for query, want := range map[string]string{
		"": "3210", "author=" + coretest.Author(1).String(): "21", "author=" + coretest.Author(5).String(): "",
		"type=text/plain": "0", "type=TEXT/MARKDOWN": "1", "type=text/markdown;+charset=utf-8": "1", "type=text/markdown;+charset=latin1": "",
		"type=image/*": "2", "type=image/png": "2", "type=text/*": "10", "type=application/": "3",
		"after=2000-01-02": "321", "after=2000-01-02T00:00:00.001Z": "32", "before=2000-01-02": "0", "after=2000-01-02&before=2000-01-03": "21",
		"after=2000-01-02T01:00:00%2B01:00": "321", "after=2000-01-02T01:00:00+01:00": "321", "before=2000-01-02T00:00:00.0001Z": "10",
		"after=9999-12-31": "", "before=0001-01-01": "",
		"text=quick": "10", "text=QUICK+the": "0", "text=%C3%BCber": "1", "text=quick+slow": "", "text=++": "3210", "text=ox": "0",
		"status=confirmed&text=quick&type=text/*&author=" + coretest.Author(0).String(): "0", "status=waiting": "",
	} {
		page := decode[api.MessagePage](t, f.do("GET", "/api/v1/messages?"+query, ""))
		got := ""
		for _, m := range page.Messages {
			got += fmt.Sprint(*m.Position)
		}
		if got != want || page.Next != "" {
			t.Errorf("%s: messages %q, next %q, want %q", query, got, page.Next, want)
		}
	}
}

// TestMessagesBound looks at no more than a fixed number of messages a page, and shows no more than a
// fixed number of bytes.
func TestMessagesBound(t *testing.T) {
	coretest.Sequential(t)
	f := start(t)
	base := coretest.Message(t, f.network, coretest.Key(0), strings.Repeat("x", 1000))
	for i := range 10_200 {
		m := *base
		m.Nonce = uint64(i)
		m.ID = m.Envelope.ID(f.network.Genesis)
		f.pool.waiting = append(f.pool.waiting, &m)
	}
	f.pool.waiting[0] = coretest.Message(t, f.network, coretest.Key(0), "needle")
	page := decode[api.MessagePage](t, f.do("GET", "/api/v1/messages?text=needle", ""))
	if len(page.Messages) != 0 || page.LookedAt != 10_000 || page.Next == "" {
		t.Fatalf("%d messages, %d looked at, next %q", len(page.Messages), page.LookedAt, page.Next)
	}
	page = decode[api.MessagePage](t, f.do("GET", "/api/v1/messages?text=needle&cursor="+page.Next, ""))
	if len(page.Messages) != 1 || page.LookedAt != 200 || page.Next != "" {
		t.Fatalf("then %d messages, %d looked at, next %q", len(page.Messages), page.LookedAt, page.Next)
	}
	a := f.do("GET", "/api/v1/messages?limit=1000", "")
	if page = decode[api.MessagePage](t, a); len(page.Messages) > 250 || page.Next == "" || len(a.body) > 300<<10 {
		t.Errorf("%d messages in %d bytes", len(page.Messages), len(a.body))
	}
	found := decode[api.SearchResult](t, f.do("GET", "/api/v1/search?q=needle", ""))
	if len(found.Messages) != 0 || found.LookedAt != 10_000 || found.Next == "" {
		t.Errorf("search: %d messages, %d looked at, next %q", len(found.Messages), found.LookedAt, found.Next)
	}
}

// TestHostileParameters asks every list for nonsense: it is refused, or it does no harm.
func TestHostileParameters(t *testing.T) {
	f := start(t)
	f.sample()
	tip := f.chain.Tip().Hash.String()
	huge := strings.Repeat("9", 40)
	values := []string{
		"", "-", "--", "-1", "0", "1", huge, "18446744073709551615", "9223372036854775808", "1e3", "0x10", "NaN", "true", "null", "\x00", "\xff", "é", "%", "a b",
		strings.Repeat("f", 64), strings.Repeat("F", 64), strings.Repeat("a", 5000), tip, "3-" + tip, "3-" + tip + "-0", "3-" + tip + "-", "3-" + tip + "--1",
		"3-" + tip + "-" + huge, "2-" + tip, huge + "-" + tip, "18446744073709551615-" + tip, "waiting-", "waiting-1", "waiting-0-3-" + tip, "waiting-" + huge + "-3-" + tip,
		"waiting-18446744073709551615-18446744073709551615-" + strings.Repeat("0", 64), "waiting-1-3-" + tip + "-4", "0-" + strings.Repeat("0", 64), "0001-01-01", "9999-12-31T23:59:59.999999999Z",
		"2000-01-01T00:00:00,5Z", "/", "*/*", "a/b/c", strings.Repeat("w ", 17), "tip", "waiting", "confirmed", "AND 1=1", "../../etc/passwd", "[[[[", "\u2028",
	}
	for path, names := range map[string]string{
		"messages": "cursor limit status author type after before text sha256", "headers": "cursor limit from", "blocks": "cursor limit from",
		"tips": "cursor", "reorgs": "cursor limit", "mempool": "cursor limit", "search": "q", "export": "since",
	} {
		for name := range strings.FieldsSeq(names) {
			for i, value := range values {
				accept := []string{"application/json", "application/x-ndjson"}[i%2]
				if name == "cursor" {
					accept = "*/*"
				}
				a := f.do("GET", "/api/v1/"+path+"?"+name+"="+url.QueryEscape(value), "", "Accept", accept)
				if a.status >= 500 {
					t.Errorf("%s?%s=%.80q as %s: %d %s", path, name, value, accept, a.status, a.body)
				}
			}
		}
	}
	for _, raw := range []string{"%zz", "a=%", "cursor=%u1234", "limit=1;cursor=2", strings.Repeat("&", 1000), "limit=1&limit=x"} {
		if a := f.do("GET", "/api/v1/messages?"+raw, ""); a.status >= 500 {
			t.Errorf("?%.40s: %d", raw, a.status)
		}
	}
}

// TestCursorsAreRefused holds what is told apart from a page that a reorg cut.
func TestCursorsAreRefused(t *testing.T) {
	f := start(t)
	f.sample()
	tip, zeros := f.chain.Tip().Hash.String(), strings.Repeat("0", 64)
	second, err := f.chain.HashAt(2)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"messages?cursor=2-" + second.String() + "-2": "ok", "messages?cursor=2-" + second.String() + "-3": "bad_cursor",
		"messages?cursor=3-" + tip: "ok", "messages?cursor=3-" + tip + "-0": "bad_cursor", "messages?cursor=3-" + zeros: "reorged", "messages?cursor=3-" + zeros + "-7": "reorged",
		"messages?cursor=9-" + tip: "reorged", "messages?cursor=waiting-9-3-" + tip: "ok", "messages?cursor=waiting-9-3-" + zeros: "reorged",
		"messages?cursor=waiting-9-4-" + tip: "reorged", "messages?status=confirmed&cursor=waiting-9-3-" + tip: "bad_cursor", "messages?status=waiting&cursor=3-" + tip: "bad_cursor",
		"headers?cursor=2-" + second.String(): "ok", "headers?cursor=2-" + zeros: "reorged", "headers?cursor=3-" + tip: "ok", "headers?cursor=x": "bad_cursor",
		"blocks?cursor=2-" + second.String(): "ok", "blocks?cursor=2-" + zeros: "reorged", "blocks?cursor=2-" + second.String() + "-1": "bad_cursor",
	} {
		a := f.do("GET", "/api/v1/"+query, "")
		got := "ok"
		if a.status != 200 {
			got = f.code(a)
		} else if strings.Contains(a.body, `"reorged":true`) {
			got = "reorged"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// TestFirstSeen tells when messages came, by the node's clock, and whether somebody added them here.
func TestFirstSeen(t *testing.T) {
	r := newReadNode(t)
	before := time.Now().Add(-time.Millisecond)
	m := coretest.Message(t, r.chain.Network(), coretest.Key(0), "m")
	r.wait(m)
	waiting, err := r.client.Message(t.Context(), m.ID)
	if seen := waiting.FirstSeen.Time(); err != nil || seen.Before(before) || seen.After(time.Now()) || waiting.BlockTime != nil || !waiting.Local {
		t.Errorf("waiting: first seen %v, block time %v, %v", seen, waiting.BlockTime, err)
	}
	others := coretest.Message(t, r.chain.Network(), coretest.Key(1), "of others")
	b := coretest.Next(t, r.chain.Network(), coretest.Genesis(r.chain.Network()), m, others)
	r.add(b)
	sealed, err := r.client.Message(t.Context(), m.ID)
	if err != nil || sealed.FirstSeen != waiting.FirstSeen || sealed.BlockTime == nil || uint64(*sealed.BlockTime) != b.Header.TimeMS || sealed.Confirmations != 1 || !sealed.Local {
		t.Errorf("sealed: %s, %v", show(t, sealed), err)
	}
	if came, err := r.client.Message(t.Context(), others.ID); err != nil || came.Local {
		t.Errorf("of others: %s, %v", show(t, came), err)
	}
	page, err := r.client.Messages(t.Context(), client.Filter{}, "", 0)
	if err != nil || len(page.Messages) != 2 || page.Messages[0].Local == page.Messages[1].Local {
		t.Errorf("listed: %s, %v", show(t, page), err)
	}
}
