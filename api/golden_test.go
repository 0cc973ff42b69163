package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestGolden holds what clients see of every route.
func TestGolden(t *testing.T) {
	f := start(t)
	f.sample()
	f.host.vote = func(_ context.Context, _ *core.Message) (int, int) { return 2, 2 }
	tip := f.chain.tip.Hash.String()
	confirmed := coretest.Message(t, f.network, coretest.Key(0), "hello").ID.String()
	waiting := f.pool.waiting[0].ID.String()
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
	}{
		{"seed1-chain", "GET", "/chain", "", nil},
		{"seed1-neighbours", "GET", "/neighbours", "", nil},
		{"seed1-add-nothing", "PUT", "/add", "", nil},
		{"seed1-unknown", "GET", "/no/such%20path", "", nil},
		{"seed2-data", "GET", "/data", "", nil},
		{"seed2-node", "GET", "/node", "", nil},
		{"seed2-node-post", "POST", "/node", "", nil},
		{"seed2-peers", "GET", "/peers", "", nil},
		{"seed2-peers-post", "POST", "/peers", `{"multiaddr":"/ip4/192.0.2.9/tcp/1/p2p/X"}`, nil},
		{"message-confirmed", "GET", "/api/v1/messages/" + confirmed, "", nil},
		{"message-waiting", "GET", "/api/v1/messages/" + waiting, "", nil},
		{"message-unknown", "GET", "/api/v1/messages/" + strings.Repeat("0", 64), "", nil},
		{"mempool", "GET", "/api/v1/mempool", "", nil},
		{"mempool-page", "GET", "/api/v1/mempool?limit=1", "", nil},
		{"blocks", "GET", "/api/v1/blocks", "", nil},
		{"blocks-page", "GET", "/api/v1/blocks?limit=2", "", nil},
		{"block-tip", "GET", "/api/v1/blocks/tip", "", nil},
		{"block-height", "GET", "/api/v1/blocks/2", "", nil},
		{"block-genesis", "GET", "/api/v1/blocks/0", "", nil},
		{"block-hash", "GET", "/api/v1/blocks/" + tip, "", nil},
		{"messages", "GET", "/api/v1/messages", "", nil},
		{"messages-page", "GET", "/api/v1/messages?limit=1&status=confirmed&text=HELL", "", nil},
		{"messages-lines", "GET", "/api/v1/messages?type=application/octet-stream", "", []string{"Accept", "application/x-ndjson"}},
		{"messages-bad", "GET", "/api/v1/messages?status=lost", "", nil},
		{"headers", "GET", "/api/v1/headers?from=1&limit=2", "", nil},
		{"headers-lines", "GET", "/api/v1/headers?from=2", "", []string{"Accept", "application/x-ndjson"}},
		{"blocks-lines", "GET", "/api/v1/blocks?limit=3", "", []string{"Accept", "application/x-ndjson"}},
		{"mempool-lines", "GET", "/api/v1/mempool", "", []string{"Accept", "application/x-ndjson"}},
		{"tips", "GET", "/api/v1/tips", "", nil},
		{"reorgs", "GET", "/api/v1/reorgs", "", nil},
		{"search-height", "GET", "/api/v1/search?q=2", "", nil},
		{"search-id", "GET", "/api/v1/search?q=" + confirmed[:12], "", nil},
		{"search-words", "GET", "/api/v1/search?q=quoted+%C3%BCN%C3%AFcode", "", nil},
		{"node", "GET", "/api/v1/node", "", nil},
		{"peers", "GET", "/api/v1/peers", "", nil},
		{"invite", "GET", "/api/v1/invite", "", nil},
		{"export", "GET", "/api/v1/export", "", nil},
		{"livez", "GET", "/livez", "", nil},
		{"readyz", "GET", "/readyz", "", nil},
		{"method", "DELETE", "/chain", "", nil},
		{"foreign-host", "GET", "/chain", "", []string{"Host", "evil.example"}},
		{"batch", "POST", "/api/v1/messages", "\"one\"\n\n{\"message\":\"\"}\n{\"payload_base64\":\"gA==\"}\n{\n", []string{"Content-Type", "application/x-ndjson"}},
		{"add", "POST", "/api/v1/messages", "some text", []string{"Content-Type", "text/plain"}},
		{"seed1-add", "PUT", "/add?message=a+b%20c;d", "", nil},
		{"seed2-data-post", "POST", "/data", `{"data":{"b": 1, "a": [ 2 ]}}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do(tt.method, tt.path, tt.body, tt.headers...)
			golden(t, tt.name+".golden", showAnswer(t, a))
		})
	}
}

// showAnswer prints status, the headers that matter and the body, indented, without what is random.
func showAnswer(t *testing.T, a answer) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s\n", a.status, http.StatusText(a.status))
	for _, name := range []string{"Allow", "Content-Type", "Location", "Retry-After"} {
		if v := a.header.Get(name); v != "" {
			fmt.Fprintf(&out, "%s: %s\n", name, v)
		}
	}
	out.WriteString("\n")
	dec := json.NewDecoder(strings.NewReader(a.body))
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		out.Write(append(indented.Bytes(), '\n'))
	}
	shown := regexp.MustCompile(`"last_event": "[0-9a-f]+-`).ReplaceAllString(out.String(), `"last_event": "RUN-`)
	if strings.Contains(shown, "Location") || strings.Contains(a.body, `"status":"accepted"`) || strings.Contains(a.body, "Message added!") {
		return regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(shown, "RANDOM")
	}
	return shown
}
