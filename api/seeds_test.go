package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// keys returns the members of a JSON object, sorted.
func keys(t *testing.T, raw json.RawMessage) []string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return slices.Sorted(maps.Keys(m))
}

// at follows members and elements down a JSON value.
func at(t *testing.T, raw string, path ...any) json.RawMessage {
	t.Helper()
	value := json.RawMessage(raw)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			var m map[string]json.RawMessage
			if err := json.Unmarshal(value, &m); err != nil || m[step] == nil {
				t.Fatalf("no member %q in %s (%v)", step, value, err)
			}
			value = m[step]
		case int:
			var list []json.RawMessage
			if err := json.Unmarshal(value, &list); err != nil || step >= len(list) {
				t.Fatalf("no element %d in %s (%v)", step, value, err)
			}
			value = list[step]
		}
	}
	return value
}

// TestSeedShapes holds every answer of the seeds to what docs/seeds.md promises, member by member.
func TestSeedShapes(t *testing.T) {
	f := start(t)
	f.sample()
	f.host.vote = func(context.Context, *core.Message) (int, int) { return 1, 1 }
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		at                       []any
		want                     string // members in order, or a value
		atLeast                  bool   // more members are fine
	}{
		{"add", "PUT", "/add?message=x", "", 200, nil, "id message more_information", false},
		{"add says", "PUT", "/add?message=x", "", 200, []any{"message"}, `"Message added!"`, false},
		{"add says more", "PUT", "/add?message=x", "", 200, []any{"more_information"}, `"Will be mined in a future block."`, false},
		{"add without message", "PUT", "/add", "", 400, nil, "message more_information", false},
		{"add with an empty message", "PUT", "/add?message=", "", 400, []any{"message"}, `"No Message added!"`, false},
		{"add without says more", "PUT", "/add?other=1", "", 400, []any{"more_information"}, `"Missing data."`, false},
		{"chain", "GET", "/chain", "", 200, nil, "chain length", false},
		{"chain length", "GET", "/chain", "", 200, []any{"length"}, "4", false},
		{"chain genesis first", "GET", "/chain", "", 200, []any{"chain", 0, "index"}, "0", false},
		{"chain genesis proof", "GET", "/chain", "", 200, []any{"chain", 0, "proof"}, "null", false},
		{"chain genesis previous", "GET", "/chain", "", 200, []any{"chain", 0, "previous_hash"}, "null", false},
		{"chain genesis text", "GET", "/chain", "", 200, []any{"chain", 0, "data", 0, "message"}, `"A chain for simulated clocks: p2pchain test."`, false},
		{"chain block", "GET", "/chain", "", 200, []any{"chain", 1}, "data hash index previous_hash proof timestamp", true},
		{"chain timestamp is a float", "GET", "/chain", "", 200, []any{"chain", 1, "timestamp"}, "946684800.200", false},
		{"chain message", "GET", "/chain", "", 200, []any{"chain", 1, "data", 0}, "id message", true},
		{"chain bytes", "GET", "/chain", "", 200, []any{"chain", 2, "data", 1, "message"}, "null", false},
		{"chain base64", "GET", "/chain", "", 200, []any{"chain", 2, "data", 1, "base64"}, `"//4="`, false},
		{"chain erased", "GET", "/chain", "", 200, []any{"chain", 2, "data", 2, "erased"}, "true", false},
		{"chain erased is null", "GET", "/chain", "", 200, []any{"chain", 2, "data", 2, "message"}, "null", false},
		{"neighbours", "GET", "/neighbours", "", 200, nil, "length neighbours", false},
		{"neighbour", "GET", "/neighbours", "", 200, []any{"neighbours", 0}, `"198.51.100.4:22345"`, false},
		{"data", "GET", "/data", "", 200, nil, "data length status unprocessed", false},
		{"data block", "GET", "/data", "", 200, []any{"data", 1}, "curr_hash data index previous_hash", false},
		{"data is JSON text", "GET", "/data", "", 200, []any{"data", 1, "data"}, `"\"hello\""`, false},
		{"data of no message", "GET", "/data", "", 200, []any{"data", 3, "data"}, `"[]"`, false},
		{"unprocessed", "GET", "/data", "", 200, []any{"unprocessed", 0}, "id message", false},
		{"post data", "POST", "/data", `{"data":"x"}`, 200, nil, "data status", false},
		{"post data agreed", "POST", "/data", `{"data":"x"}`, 200, []any{"data"}, "true", false},
		{"node", "GET", "/node", "", 200, []any{"data"}, "age data_count health peer_id rpc_port", false},
		{"node count", "GET", "/node", "", 200, []any{"data", "data_count"}, "4", false},
		{"node port is a string", "GET", "/node", "", 200, []any{"data", "rpc_port"}, `"22345"`, false},
		{"node age", "GET", "/node", "", 200, []any{"data", "age"}, `"2000-01-01 00:01:00.123456"`, false},
		{"post node", "POST", "/node", "{}", 200, nil, "data status", false},
		{"peers", "GET", "/peers", "", 200, []any{"data", peerA}, "host port", false},
		{"peers port is a string", "GET", "/peers", "", 200, []any{"data", peerA, "port"}, `"22345"`, false},
		{"unknown path", "GET", "/nope", "", 404, []any{"message"}, `"'nope' is not a valid endpoint!"`, false},
		{"unknown path below", "POST", "/a/b", "", 404, []any{"message"}, `"'a/b' is not a valid endpoint!"`, false},
		{"root", "GET", "/", "", 404, []any{"message"}, `"'' is not a valid endpoint!"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do(tt.method, tt.path, tt.body)
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
			value := at(t, a.body, tt.at...)
			got := string(value)
			if value[0] == '{' {
				members := keys(t, value)
				if tt.atLeast {
					members = slices.DeleteFunc(members, func(k string) bool { return !slices.Contains(strings.Fields(tt.want), k) })
				}
				got = strings.Join(members, " ")
			}
			if got != tt.want {
				t.Errorf("%v is %s, want %s", tt.at, got, tt.want)
			}
		})
	}
}

func TestPutAddKeepsText(t *testing.T) {
	f := start(t)
	for _, tt := range []struct{ query, want string }{
		{"message=plain", "plain"},
		{"message=a+b%20c", "a b c"},
		{"message=a;b", "a;b"},
		{"message=a%26b%3Dc", "a&b=c"},
		{"message=a=b", "a=b"},
		{"x=1&message=first&message=second", "first"},
		{"message=%C3%BC", "ü"},
		{"message=%FF", "\xff"},
	} {
		if a := f.do("PUT", "/add?"+tt.query, ""); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", tt.query, a.status, a.body)
		}
		if texts := f.pool.texts(); texts[len(texts)-1] != tt.want {
			t.Errorf("%s added %q, want %q", tt.query, texts[len(texts)-1], tt.want)
		}
	}
	if last := f.pool.waiting[len(f.pool.waiting)-1]; last.MediaType != "application/octet-stream" {
		t.Errorf("what is not UTF-8 has media type %q", last.MediaType)
	}
	if a := f.do("PUT", "/add?message=%zz", ""); a.status != http.StatusBadRequest || f.code(a) != "bad_parameter" {
		t.Errorf("bad escape: %d %s", a.status, a.body)
	}
}

// TestPutAddLimit sends the longest message, every byte of it escaped, and one byte more.
func TestPutAddLimit(t *testing.T) {
	f := start(t)
	limit := f.network.Params.MaxPayloadBytes
	if a := f.do("PUT", "/add?message="+strings.Repeat("%21", limit), ""); a.status != http.StatusOK {
		t.Fatalf("the longest message: %d %s", a.status, a.body)
	}
	for _, size := range []int{limit + 1, 100_000, 250_000} {
		a := f.do("PUT", "/add?message="+strings.Repeat("x", size), "")
		if a.status != http.StatusRequestEntityTooLarge || f.code(a) != "payload_too_large" {
			t.Fatalf("%d bytes: %d %s", size, a.status, a.body)
		}
		if got := string(at(t, a.body, "limit")); got != fmt.Sprint(limit) {
			t.Errorf("%d bytes: limit %s, want %d", size, got, limit)
		}
	}
}

func TestPostData(t *testing.T) {
	f := start(t)
	yes, asked := 2, 3
	f.host.vote = func(context.Context, *core.Message) (int, int) { return yes, asked }
	for _, tt := range []struct {
		body   string
		status int
		want   string // payload, or the code of the problem
	}{
		{`{"data":"a string"}`, 200, "a string"},
		{`{"data":"ünï\u00e9 \ud83d\ude00"}`, 200, "ünïé 😀"},
		{`{"data":{"b":1, "a":[ 1.50, "x<&>" ]}}`, 200, `{"b":1,"a":[1.50,"x<&>"]}`},
		{`{"data":12345678901234567890}`, 200, "12345678901234567890"},
		{`{"data":null}`, 200, "null"},
		{`{"data": true , "other":1}`, 200, "true"},
		{`{"data":""}`, 200, ""},
		{`{"Data":"x"}`, 400, "missing_member"},
		{`{}`, 400, "missing_member"},
		{`[]`, 400, "bad_json"},
		{``, 400, "bad_json"},
		{`{"data":"x"`, 400, "bad_json"},
		{`{"data":"x","data":"y"}`, 400, "bad_json"},
		{`{"data":{"a":1,"\u0061":2}}`, 400, "bad_json"},
		{`{"data":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 400, "bad_json"},
		{`{"data":"` + strings.Repeat("x", 16385) + `"}`, 413, "payload_too_large"},
		{`{"data":"` + strings.Repeat("x", 200000) + `"}`, 413, "body_too_large"},
	} {
		before := len(f.pool.texts())
		a := f.do("POST", "/data", tt.body, "Content-Type", "image/png") // ignored, as in the seed
		if a.status != tt.status {
			t.Errorf("%.60s: %d %s, want %d", tt.body, a.status, a.body, tt.status)
			continue
		}
		if tt.status != 200 {
			if got := f.code(a); got != tt.want {
				t.Errorf("%.60s: code %s, want %s", tt.body, got, tt.want)
			}
			if len(f.pool.texts()) != before {
				t.Errorf("%.60s was added", tt.body)
			}
			continue
		}
		if got := f.pool.texts()[before:]; len(got) != 1 || got[0] != tt.want {
			t.Errorf("%.60s added %q, want %q", tt.body, got, tt.want)
		}
	}
}

func TestMajority(t *testing.T) {
	f := start(t)
	for _, tt := range []struct {
		yes, asked int
		want       bool
	}{{0, 0, false}, {0, 1, false}, {1, 1, true}, {1, 2, false}, {2, 2, true}, {1, 3, false}, {2, 3, true}, {2, 4, false}, {3, 4, true}} {
		f.host.vote = func(_ context.Context, m *core.Message) (int, int) {
			if string(m.Body.Payload) != "v" {
				t.Errorf("vote about %q", m.Body.Payload)
			}
			return tt.yes, tt.asked
		}
		before := len(f.pool.texts())
		got := decode[api.SeedReply[bool]](t, f.do("POST", "/data", `{"data":"v"}`))
		if got.Status != "OK" || got.Data != tt.want || (len(f.pool.texts()) > before) != tt.want {
			t.Errorf("%d of %d: %+v, added %d", tt.yes, tt.asked, got, len(f.pool.texts())-before)
		}
	}
}

func TestVotesAtOnce(t *testing.T) {
	f := start(t)
	voting, vote := make(chan struct{}), make(chan struct{})
	f.host.vote = func(context.Context, *core.Message) (int, int) {
		voting <- struct{}{}
		<-vote
		return 1, 1
	}
	answers := make(chan answer)
	for range 8 {
		go func() { answers <- f.do("POST", "/data", `{"data":"x"}`) }()
	}
	for range 8 {
		<-voting
	}
	a := f.do("POST", "/data", `{"data":"one too many"}`)
	if a.status != http.StatusServiceUnavailable || f.code(a) != "too_many_votes_at_once" || a.header.Get("Retry-After") == "" {
		t.Errorf("the ninth: %d %s", a.status, a.body)
	}
	close(vote)
	for range 8 {
		if a := <-answers; a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if n := len(f.pool.texts()); n != 8 {
		t.Errorf("%d messages added, want 8", n)
	}
}

func TestPostPeers(t *testing.T) {
	f := start(t)
	for _, tt := range []struct {
		body    string
		connect error
		status  int
		want    string // the address that is dialled, or the code of the problem
	}{
		{`{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A"}`, nil, 200, "/ip4/192.0.2.1/tcp/1/p2p/A"},
		{`{"peer_id":"A","peer_host":"192.0.2.1","peer_port":"15001"}`, nil, 200, "/ip4/192.0.2.1/tcp/15001/p2p/A"},
		{`{"peer_id":"A","peer_host":"192.0.2.1","peer_port":15001}`, nil, 200, "/ip4/192.0.2.1/tcp/15001/p2p/A"},
		{`{"peer_id":"A","peer_host":"2001:db8::1","peer_port":"1"}`, nil, 200, "/ip6/2001:db8::1/tcp/1/p2p/A"},
		{`{"peer_id":"A","peer_host":"host.example","peer_port":"1"}`, nil, 200, "/dns/host.example/tcp/1/p2p/A"},
		{`{"peer_id":"A","peer_host":"0.0.0.0","peer_port":"1"}`, nil, 200, "/ip4/127.0.0.1/tcp/1/p2p/A"},
		{`{"peer_id":"A","peer_host":"h","peer_port":"0"}`, nil, 400, "bad_address"},
		{`{"peer_id":"A","peer_host":"h","peer_port":70000}`, nil, 400, "bad_address"},
		{`{"peer_id":"A","peer_host":"h/tcp/1","peer_port":"1"}`, nil, 400, "bad_address"},
		{`{"peer_id":"","peer_host":"h","peer_port":"1"}`, nil, 400, "bad_address"},
		{`{"multiaddr":"192.0.2.1:1"}`, nil, 400, "bad_address"},
		{`{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A","peer_id":"A"}`, nil, 400, "bad_address"},
		{`{"multiaddr":7}`, nil, 400, "bad_member"},
		{`{"address":"x"}`, nil, 400, "unknown_member"},
		{`{}`, nil, 400, "bad_address"},
		{``, nil, 400, "bad_json"},
		{`{"multiaddr":"/nonsense"}`, fmt.Errorf("parsing: %w", api.ErrAddress), 400, "bad_address"},
		{`{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A"}`, fmt.Errorf("x: %w", api.ErrOtherNetwork), 409, "other_network"},
		{`{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/A"}`, errors.New("no route"), 502, "peer_unreachable"},
	} {
		f.host.connect, f.host.dialled = tt.connect, nil
		a := f.do("POST", "/peers", tt.body)
		if a.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.body, a.status, a.body, tt.status)
			continue
		}
		if tt.status == 200 {
			if len(f.host.dialled) != 1 || f.host.dialled[0] != tt.want {
				t.Errorf("%s dialled %q, want %q", tt.body, f.host.dialled, tt.want)
			}
		} else if got := f.code(a); got != tt.want {
			t.Errorf("%s: code %s, want %s", tt.body, got, tt.want)
		}
	}
}

// TestSeedNodeHealth damages the chain on its way to the API.
func TestSeedNodeHealth(t *testing.T) {
	damaged := &damagedChain{}
	f := start(t, func(_ *api.Config, d *api.Deps) {
		damaged.Chain = d.Chain
		d.Chain = damaged
	})
	for range 5 {
		f.seal(coretest.Message(t, f.network, coretest.Key(0), fmt.Sprint(f.chain.tip.Hash)))
	}
	damaged.at = f.chain.tip.Header.PreviousHash
	if decode[api.SeedReply[api.SeedNode]](t, f.do("GET", "/node", "")).Data.Health {
		t.Error("a chain with a damaged header is healthy")
	}
	damaged.at = core.Hash{}
	damaged.lazy = true
	if decode[api.SeedReply[api.SeedNode]](t, f.do("GET", "/node", "")).Data.Health {
		t.Error("a tip without a proof of work is healthy")
	}
	damaged.lazy = false
	if !decode[api.SeedReply[api.SeedNode]](t, f.do("GET", "/node", "")).Data.Health {
		t.Error("a repaired chain is not healthy")
	}
}

// A damagedChain returns a wrong header for one block.
type damagedChain struct {
	api.Chain
	at   core.Hash
	lazy bool // a block without a proof of work is the tip
}

func (c *damagedChain) Tip() chain.Tip {
	tip := c.Chain.Tip()
	if !c.lazy {
		return tip
	}
	b, _ := c.Block(core.Hash{})
	return chain.Tip{Hash: b.Header.Hash(), Header: b.Header}
}

func (c *damagedChain) Block(hash core.Hash) (*core.Block, error) {
	if !c.lazy {
		return c.Chain.Block(hash)
	}
	tip := c.Chain.Tip()
	b := &core.Block{Header: tip.Header}
	b.Header.Height++
	b.Header.PreviousHash = tip.Hash
	b.Header.MessageRoot = core.MessageRoot(nil)
	floor, err := b.Header.Bits.Target()
	for floor.MetBy(b.Header.Hash()) {
		b.Header.Nonce++
	}
	return b, err
}

func (c *damagedChain) Header(hash core.Hash) (core.Header, error) {
	h, err := c.Chain.Header(hash)
	if hash == c.at { // with a proof of work all the same
		floor, _ := h.Bits.Target()
		for h.TimeMS++; !floor.MetBy(h.Hash()); {
			h.TimeMS++
		}
	}
	return h, err
}

func TestEmptyNode(t *testing.T) {
	f := start(t)
	for path, want := range map[string]string{
		"/neighbours":     `{"neighbours":[],"length":0}`,
		"/peers":          `{"status":"OK","data":{}}`,
		"/api/v1/peers":   `{"count":0,"peers":[]}`,
		"/api/v1/mempool": `{"count":0,"bytes":0,"max_bytes":1073741824,"messages":[]}`,
	} {
		if a := f.do("GET", path, ""); strings.TrimSpace(a.body) != want {
			t.Errorf("%s: %s, want %s", path, a.body, want)
		}
	}
	if a := f.do("GET", "/data", ""); string(at(t, a.body, "unprocessed")) != "[]" || string(at(t, a.body, "length")) != "0" {
		t.Errorf("/data: %s", a.body)
	}
}
