package api_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

const signedMedia = "application/vnd.p2pchain.message"

// inJSON is a signed message as JSON holds it.
func inJSON(m *core.Message) string {
	return `{"signed":"` + base64.StdEncoding.EncodeToString(m.Bytes()) + `"}`
}

// TestPostSigned adds messages that come signed, in each form that there is for them.
func TestPostSigned(t *testing.T) {
	f := start(t)
	message := func(text string, edit func(*core.Message)) *core.Message {
		m := coretest.Message(t, f.network, coretest.Key(3), text)
		edit(m)
		return m
	}
	same := func(*core.Message) {}
	long := strings.Repeat("x", f.network.Params.MaxPayloadBytes)
	other := coretest.Network(t, func(p *core.Params) { p.Name = "other" })
	for _, tt := range []struct {
		name string
		m    *core.Message
		code string
	}{
		{"good", message("good", same), ""},
		{"longest", message(long, same), ""},
		{"too long", message(long+"x", same), "payload_too_large"},
		{"bad signature", message("bad", func(m *core.Message) { m.Signature[3] ^= 1 }), "bad_signature"},
		{"another body", message("swap", func(m *core.Message) { m.Body = &core.Body{Payload: []byte("pawS"[:4])} }), "body_mismatch"},
		{"of another network", coretest.Message(t, other, coretest.Key(3), "x"), "bad_signature"},
	} {
		for form, rq := range map[string][2]string{
			"bytes": {signedMedia, string(tt.m.Bytes())},
			"JSON":  {"application/json", inJSON(tt.m)},
			"batch": {"application/x-ndjson", inJSON(tt.m)},
		} {
			t.Run(tt.name+" as "+form, func(t *testing.T) {
				f.pool.waiting = nil
				a := f.do("POST", "/api/v1/messages", rq[1], "Content-Type", rq[0])
				code := ""
				switch {
				case form == "batch" && a.status == 200:
					code = readResults(t, a.body)[0].Code
				case a.status != 200:
					code = f.code(a)
				case decode[api.Receipt](t, a).ID != tt.m.ID:
					t.Errorf("receipt %s for %v", a.body, tt.m.ID)
				}
				if code != tt.code {
					t.Errorf("%d %s, want %q", a.status, a.body, tt.code)
				}
				if stored := len(f.pool.waiting) == 1; stored != (tt.code == "") || stored && f.pool.waiting[0].Author != coretest.Author(3) {
					t.Errorf("stored: %v", f.pool.waiting)
				}
			})
		}
	}
	if f.pool.origins[mempool.Origin{Made: true}] != 0 {
		t.Error("somebody else's signature counts as our own")
	}
}

// TestPostSignedForms holds what is no signed message.
func TestPostSignedForms(t *testing.T) {
	f := start(t)
	m := coretest.Message(t, f.network, coretest.Key(3), "m")
	b64 := base64.StdEncoding.EncodeToString(m.Bytes())
	for _, tt := range []struct{ name, media, body, code string }{
		{"nothing", signedMedia, "", "empty_message"},
		{"cut", signedMedia, string(m.Bytes()[:100]), "malformed"},
		{"and more", signedMedia, string(m.Bytes()) + "x", "malformed"},
		{"far too long", signedMedia, strings.Repeat("x", 1<<17), "payload_too_large"},
		{"not base64", "application/json", `{"signed":"%"}`, "bad_base64"},
		{"empty", "application/json", `{"signed":""}`, "empty_message"},
		{"with a text", "application/json", `{"signed":"` + b64 + `","message":"x"}`, "missing_member"},
		{"with bytes", "application/json", `{"signed":"` + b64 + `","payload_base64":"AA=="}`, "missing_member"},
		{"with a type", "application/json", `{"signed":"` + b64 + `","media_type":"text/plain"}`, "missing_member"},
		{"a number", "application/json", `{"signed":1}`, "bad_member"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := f.do("POST", "/api/v1/messages", tt.body, "Content-Type", tt.media); f.code(a) != tt.code {
				t.Errorf("%d %s, want %s", a.status, a.body, tt.code)
			}
		})
	}
	if len(f.pool.waiting) != 0 {
		t.Errorf("%d stored", len(f.pool.waiting))
	}
}

// TestPostSignedAgain holds that a message that is known is told where it is, and that lines of both
// kinds keep their order.
func TestPostSignedAgain(t *testing.T) {
	f := start(t)
	m := coretest.Message(t, f.network, coretest.Key(3), "theirs")
	results := f.postBatch(fmt.Sprintf("\"ours\"\n%s\n\"ours too\"", inJSON(m)))
	if got := strings.Join(f.pool.texts(), "|"); got != "ours|theirs|ours too" || *results[1].ID != m.ID {
		t.Errorf("stored %s, results %+v", got, results)
	}
	f.pool.refuse = func(int, *core.Message) error { return mempool.ErrKnown }
	post := func() api.Receipt {
		return decode[api.Receipt](t, f.do("POST", "/api/v1/messages", string(m.Bytes()), "Content-Type", signedMedia))
	}
	if r := post(); r.ID != m.ID || r.Status != api.StatusWaiting {
		t.Errorf("known and waiting: %+v", r)
	}
	f.sealWaiting()
	if r := post(); r.Status != api.StatusConfirmed || *r.Position != 1 {
		t.Errorf("known and sealed: %+v", r)
	}
	if results := f.postBatch(inJSON(m)); results[0].Status != api.LineKnown {
		t.Errorf("known in a batch: %+v", results[0])
	}
}
