package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

func TestPostMessage(t *testing.T) {
	f := start(t)
	long := strings.Repeat("x", f.network.Params.MaxPayloadBytes)
	for _, tt := range []struct {
		name, media, body string
		status            int
		want              string // payload, or the code of the problem
		wantMedia         string
	}{
		{"text", "text/plain", "hello", 200, "hello", ""},
		{"no type is text", "", "hello", 200, "hello", ""},
		{"text with charset", "text/plain; charset=UTF-8", "ü\n", 200, "ü\n", ""},
		{"text of another charset", "text/plain; charset=latin1", "x", 415, "unsupported_media_type", ""},
		{"text that is none", "text/plain", "\xff", 200, "\xff", "application/octet-stream"},
		{"bytes", "application/octet-stream", "a\x00b", 200, "a\x00b", "application/octet-stream"},
		{"longest text", "text/plain", long, 200, long, ""},
		{"text one too long", "text/plain", long + "x", 413, "payload_too_large", ""},
		{"bytes one too long", "application/octet-stream", long + "x", 413, "payload_too_large", ""},
		{"empty text", "text/plain", "", 400, "empty_message", ""},
		{"json", "application/json", `{"message":"hi \u00fc"}`, 200, "hi ü", ""},
		{"json with type", "application/json; charset=utf-8", `{"message":"{}","media_type":"application/json"}`, 200, "{}", "application/json"},
		{"json default type", "application/json", `{"message":"x","media_type":"text/plain; charset=utf-8"}`, 200, "x", ""},
		{"json bytes", "application/json", `{"payload_base64":"AP8="}`, 200, "\x00\xff", "application/octet-stream"},
		{"json bytes with type", "application/json", `{"payload_base64":"AP8=","media_type":"image/png"}`, 200, "\x00\xff", "image/png"},
		{"json longest, all escaped", "application/json", `{"message":"` + strings.Repeat(`\u0001`, len(long)) + `"}`, 200, strings.Repeat("\x01", len(long)), ""},
		{"json one too long", "application/json", `{"message":"` + long + `x"}`, 413, "payload_too_large", ""},
		{"json far too long", "application/json", `{"message":"` + strings.Repeat(`\u0001`, 2*len(long)) + `"}`, 413, "body_too_large", ""},
		{"json both", "application/json", `{"message":"x","payload_base64":"AA=="}`, 400, "missing_member", ""},
		{"json neither", "application/json", `{"media_type":"x"}`, 400, "missing_member", ""},
		{"json unknown member", "application/json", `{"message":"x","Message":"y"}`, 400, "unknown_member", ""},
		{"json member twice", "application/json", `{"message":"x","message":"y"}`, 400, "bad_json", ""},
		{"json number", "application/json", `{"message":1}`, 400, "bad_member", ""},
		{"json null", "application/json", `{"message":null}`, 400, "bad_member", ""},
		{"json deep", "application/json", `{"message":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001), 400, "bad_json", ""},
		{"json half a surrogate pair", "application/json", `{"message":"\ud800"}`, 400, "bad_json", ""},
		{"json not UTF-8", "application/json", "{\"message\":\"\xff\"}", 400, "bad_json", ""},
		{"json and more", "application/json", `{"message":"x"} {}`, 400, "bad_json", ""},
		{"json array", "application/json", `["x"]`, 400, "bad_json", ""},
		{"json empty", "application/json", `{"message":""}`, 400, "empty_message", ""},
		{"json bad base64", "application/json", `{"payload_base64":"AP8"}`, 400, "bad_base64", ""},
		{"json base64 with a loose bit", "application/json", `{"payload_base64":"AP9="}`, 400, "bad_base64", ""},
		{"json long type", "application/json", `{"message":"x","media_type":"` + strings.Repeat("m", 65) + `"}`, 400, "bad_media_type", ""},
		{"json type with a line end", "application/json", `{"message":"x","media_type":"a\nb"}`, 400, "bad_media_type", ""},
		{"json type without a slash", "application/json", `{"message":"x","media_type":"bogus"}`, 400, "bad_media_type", ""},
		{"json type with a broken parameter", "application/json", `{"message":"x","media_type":"a/b; c"}`, 400, "bad_media_type", ""},
		{"form", "application/x-www-form-urlencoded", "message=x", 415, "unsupported_media_type", ""},
		{"no media type at all", "text", "x", 415, "unsupported_media_type", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.pool.texts())
			a := f.do("POST", "/api/v1/messages", tt.body, "Content-Type", tt.media)
			if a.status != tt.status {
				t.Fatalf("%d %s, want %d", a.status, a.body, tt.status)
			}
			added := f.pool.waiting[before:]
			if tt.status != http.StatusOK {
				if got := f.code(a); got != tt.want || len(added) != 0 {
					t.Errorf("code %s, want %s; %d added", got, tt.want, len(added))
				}
				return
			}
			receipt := decode[api.Receipt](t, a)
			m := added[0]
			if len(added) != 1 || m.ID != receipt.ID || string(m.Body.Payload) != tt.want || m.MediaType != tt.wantMedia {
				t.Errorf("added %d, %q of type %q", len(added), m.Body.Payload, m.MediaType)
			}
			if m.Author != coretest.Author(7) || m.Seen != f.chain.Tip().Hash || m.TimeMS != uint64(now().UnixMilli()) {
				t.Errorf("envelope %+v", m.Envelope)
			}
			if receipt.Status != api.StatusWaiting || a.header.Get("Location") != "/api/v1/messages/"+m.ID.String() {
				t.Errorf("receipt %+v, location %s", receipt, a.header.Get("Location"))
			}
		})
	}
}

// TestWriteErrors holds what a user is told when the node cannot take a message.
func TestWriteErrors(t *testing.T) {
	diskFull := fmt.Errorf("no room")
	f := start(t, func(c *api.Config, _ *api.Deps) { c.DiskFull = diskFull })
	for _, tt := range []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{mempool.ErrKnown, 200, "", ""},
		{mempool.ErrFull, 503, "mempool_full", "5"},
		{fmt.Errorf("storing a message: %w", diskFull), 507, "disk_full", "30"},
		{consensus.ErrAuthor, 403, "author_not_allowed", ""},
		{fmt.Errorf("storing a message: broken"), 500, "internal", ""},
	} {
		f.pool.refuse = func(int, *core.Message) error { return tt.err }
		for _, rq := range [][3]string{{"PUT", "/add?message=x", ""}, {"POST", "/api/v1/messages", "x"}} {
			a := f.do(rq[0], rq[1], rq[2])
			if a.status != tt.status || a.header.Get("Retry-After") != tt.retry {
				t.Errorf("%v: %s: %d %s, Retry-After %q", tt.err, rq[1], a.status, a.body, a.header.Get("Retry-After"))
			} else if tt.status != 200 && f.code(a) != tt.code {
				t.Errorf("%v: %s", tt.err, a.body)
			}
			if strings.Contains(a.body, "broken") {
				t.Errorf("our own failure is shown to the client: %s", a.body)
			}
		}
	}
	f.stop()
	if !strings.Contains(f.log.String(), "storing a message: broken") {
		t.Errorf("our own failure is not in the log: %s", f.log)
	}
}

func TestMessageStatus(t *testing.T) {
	f := start(t)
	id := decode[api.Receipt](t, f.do("POST", "/api/v1/messages", "text")).ID
	path := "/api/v1/messages/" + id.String()
	if m := decode[api.Message](t, f.do("GET", path, "")); m.Status != api.StatusWaiting || *m.Message != "text" || m.Confirmations != 0 || m.Block != nil {
		t.Errorf("waiting: %+v", m)
	}
	b := f.sealWaiting()
	for want := uint64(1); want <= 3; want++ {
		m := decode[api.Message](t, f.do("GET", path, ""))
		if m.Status != api.StatusConfirmed || m.Confirmations != want || *m.Block != b.Header.Hash() || *m.Height != 1 || *m.Position != 0 {
			t.Errorf("confirmed: %+v", m)
		}
		f.seal()
	}
	for _, bad := range []string{"x", strings.ToUpper(id.String()), id.String()[1:]} {
		if a := f.do("GET", "/api/v1/messages/"+bad, ""); f.code(a) != "bad_hash" || a.status != 400 {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
}

func TestWaitForConfirmation(t *testing.T) {
	f := start(t)
	id := decode[api.Receipt](t, f.do("POST", "/api/v1/messages", "text")).ID
	path := "/api/v1/messages/" + id.String()
	if m := decode[api.Message](t, f.do("GET", path+"?wait=confirmed&timeout=1ms", "")); m.Status != api.StatusWaiting {
		t.Errorf("after the time: %+v", m)
	}
	answers := make(chan answer)
	go func() { answers <- f.do("GET", path+"?wait=confirmed&timeout=1m", "") }()
	go func() { answers <- f.do("POST", "/api/v1/messages?wait=confirmed&timeout=1m", "another") }()
	for f.pool.Totals().Count < 2 {
		select {
		case a := <-answers:
			t.Fatalf("answered too early: %s", a.body)
		default:
		}
	}
	f.sealWaiting()
	for range 2 {
		a := <-answers
		if string(at(t, a.body, "status")) != `"confirmed"` || string(at(t, a.body, "height")) != "1" {
			t.Errorf("after the block: %s", a.body)
		}
	}
	if m := decode[api.Message](t, f.do("GET", path+"?wait=confirmed", "")); m.Status != api.StatusConfirmed {
		t.Errorf("confirmed already: %+v", m)
	}
	if a := f.do("GET", "/api/v1/messages/"+strings.Repeat("0", 64)+"?wait=confirmed", ""); a.status != 404 {
		t.Errorf("unknown message: %d %s", a.status, a.body)
	}
	for _, bad := range []string{"wait=sealed", "wait=confirmed&timeout=x", "wait=confirmed&timeout=-1s", "wait=confirmed&timeout=1h"} {
		if a := f.do("GET", path+"?"+bad, ""); a.status != 400 || f.code(a) != "bad_parameter" {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
}

// TestBlockPages reads the list in pages, and once more with a reorg between two of them.
func TestBlockPages(t *testing.T) {
	f := start(t)
	for range 9 {
		f.seal()
	}
	var heights []uint64
	cursor := ""
	for range 10 {
		p := decode[api.BlockPage](t, f.do("GET", "/api/v1/blocks?limit=4&cursor="+cursor, ""))
		for _, b := range p.Blocks {
			heights = append(heights, b.Height)
		}
		if p.Reorged {
			t.Error("reorged without a reorg")
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if fmt.Sprint(heights) != "[9 8 7 6 5 4 3 2 1 0]" {
		t.Errorf("pages show %v", heights)
	}

	first := decode[api.BlockPage](t, f.do("GET", "/api/v1/blocks?limit=4", ""))
	f.reorg(8) // blocks 3 to 9 leave
	next := decode[api.BlockPage](t, f.do("GET", "/api/v1/blocks?limit=4&cursor="+first.Next, ""))
	if at, _ := f.chain.HashAt(5); !next.Reorged || next.Blocks[0].Height != 5 || next.Blocks[0].Hash != at {
		t.Errorf("after a reorg: %+v", next)
	}
	old := decode[api.FullBlock](t, f.do("GET", "/api/v1/blocks/"+first.Blocks[0].Hash.String(), ""))
	if old.Connected || old.Confirmations != 0 {
		t.Errorf("block off the chain: %+v", old.Block)
	}
	for _, tt := range []struct{ query, code string }{
		{"limit=0", "bad_parameter"}, {"limit=201", "bad_parameter"}, {"limit=x", "bad_parameter"},
		{"cursor=5", "bad_cursor"}, {"cursor=-1-" + strings.Repeat("0", 64), "bad_cursor"},
	} {
		if a := f.do("GET", "/api/v1/blocks?"+tt.query, ""); a.status != 400 || f.code(a) != tt.code {
			t.Errorf("%s: %d %s", tt.query, a.status, a.body)
		}
	}
}

// reorg replaces the chain above block 2 by a branch of so many blocks.
func (f *fixture) reorg(length int) {
	f.t.Helper()
	n := f.network
	base := coretest.Genesis(n)
	for h := uint64(1); h <= 2; h++ {
		hash, err := f.chain.HashAt(h)
		if err != nil {
			f.t.Fatal(err)
		}
		b, err := f.chain.Block(hash)
		if err != nil {
			f.t.Fatal(err)
		}
		base = base.After(b)
	}
	branch := coretest.Chain(f.t, n, base, length, 1)
	if _, err := f.chain.AddBlocks(branch); err != nil {
		f.t.Fatal(err)
	}
	if tip := f.chain.Tip(); tip.Header.Height != uint64(2+length) || tip.Hash != branch[length-1].Header.Hash() {
		f.t.Fatalf("no reorg: tip at %d", tip.Header.Height)
	}
}

func TestFindBlock(t *testing.T) {
	f := start(t)
	f.seal()
	tip := f.chain.Tip().Hash
	for _, tt := range []struct {
		name   string
		status int
		code   string
	}{
		{"tip", 200, ""}, {"1", 200, ""}, {tip.String(), 200, ""}, {"0", 200, ""},
		{"2", 404, "block_not_found"}, {strings.Repeat("0", 64), 404, "block_not_found"},
		{"01", 400, "bad_block"}, {"-1", 400, "bad_block"}, {"+1", 400, "bad_block"}, {"Tip", 400, "bad_block"},
		{"99999999999999999999", 400, "bad_block"}, {strings.Repeat("A", 64), 400, "bad_hash"},
	} {
		a := f.do("GET", "/api/v1/blocks/"+tt.name, "")
		if a.status != tt.status || tt.code != "" && f.code(a) != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
}

func TestReady(t *testing.T) {
	var trouble error
	ahead := &aheadChain{}
	f := start(t, func(_ *api.Config, d *api.Deps) {
		ahead.Chain = d.Chain
		d.Chain = ahead
		d.Ready = func() error { return trouble }
	})
	if a := f.do("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("ready: %d %s", a.status, a.body)
	}
	trouble = fmt.Errorf("disk is nearly full")
	if a := f.do("GET", "/readyz", ""); a.status != 503 || f.code(a) != "not_ready" || !strings.Contains(a.body, "disk is nearly full") {
		t.Errorf("in trouble: %d %s", a.status, a.body)
	}
	if a := f.do("GET", "/livez", ""); a.status != 200 {
		t.Errorf("alive: %d %s", a.status, a.body)
	}
	trouble, ahead.by = nil, 7
	if a := f.do("GET", "/readyz", ""); a.status != 503 || f.code(a) != "catching_up" {
		t.Errorf("behind: %d %s", a.status, a.body)
	}
	ahead.by = 6
	if a := f.do("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("nearly there: %d %s", a.status, a.body)
	}
}
