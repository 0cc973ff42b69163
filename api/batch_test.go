package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// postBatch sends lines and returns the results.
func (f *fixture) postBatch(body string) []api.LineResult {
	f.t.Helper()
	a := f.do("POST", "/api/v1/messages", body, "Content-Type", "application/x-ndjson")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" {
		f.t.Fatalf("%d %s", a.status, a.body)
	}
	return readResults(f.t, a.body)
}

func readResults(t *testing.T, text string) []api.LineResult {
	t.Helper()
	var out []api.LineResult
	for line := range strings.Lines(text) {
		var r api.LineResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		out = append(out, r)
	}
	return out
}

// numbered returns lines with the JSON strings of a number each.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"%d\"\n", i)
	}
	return b.String()
}

func TestBatchOrder(t *testing.T) {
	f := start(t)
	const n = 5000
	results := f.postBatch(numbered(n))
	if len(results) != n {
		t.Fatalf("%d results, want %d", len(results), n)
	}
	for i, r := range results {
		m := f.pool.waiting[i]
		if r.Line != i+1 || r.Status != api.LineAccepted || *r.ID != m.ID || string(m.Body.Payload) != fmt.Sprint(i) {
			t.Fatalf("result %d: %+v for %q", i, r, m.Body.Payload)
		}
	}
	if f.pool.adds > 6 {
		t.Errorf("%d lines took %d groups", n, f.pool.adds)
	}
}

func TestBatchLines(t *testing.T) {
	f := start(t)
	long := strings.Repeat("x", f.network.Params.MaxPayloadBytes)
	for _, tt := range []struct{ name, line, want string }{
		{"string", `"a"`, api.LineAccepted},
		{"object", `{"message":"a"}`, api.LineAccepted},
		{"white space around", "  \"a\" \r", api.LineAccepted},
		{"bytes", `{"payload_base64":"/w=="}`, api.LineAccepted},
		{"longest", `"` + long + `"`, api.LineAccepted},
		{"too long", `"` + long + `x"`, "payload_too_large"},
		{"longer than any line may be", `"` + strings.Repeat(long, 20) + `"`, "payload_too_large"},
		{"number", `1`, "bad_json"},
		{"array", `["a"]`, "bad_json"},
		{"two values", `"a" "b"`, "bad_json"},
		{"empty", `""`, "empty_message"},
		{"unknown member", `{"text":"a"}`, "unknown_member"},
		{"not UTF-8", "\"\xff\"", "bad_json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.pool.texts())
			results := f.postBatch("\n" + tt.line + "\n\"after\"")
			if len(results) != 2 || results[0].Line != 2 || results[1].Line != 3 || results[1].Status != api.LineAccepted {
				t.Fatalf("results %+v", results)
			}
			want := 1
			if tt.want == api.LineAccepted {
				want = 2
			} else if results[0].Status != api.LineRefused || results[0].Code != tt.want || results[0].Detail == "" {
				t.Errorf("refused with %+v, want %s", results[0], tt.want)
			}
			if added := len(f.pool.texts()) - before; added != want {
				t.Errorf("%d added, want %d", added, want)
			}
		})
	}
}

// TestBatchStops fills the pool in the middle of a batch.
func TestBatchStops(t *testing.T) {
	f := start(t)
	f.pool.refuse = func(taken int, _ *core.Message) error {
		if taken >= 1500 {
			return mempool.ErrFull
		}
		return nil
	}
	results := f.postBatch(numbered(5000))
	if len(results) != 2049 { // two groups were tried
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		want := api.LineAccepted
		if i >= 1500 {
			want = api.LineStopped
		}
		if r.Status != want || r.Line != i+1 || (want == api.LineStopped && (r.Code != "mempool_full" || r.HTTPStatus != 503)) {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	// Where nothing at all was stored, the status says so.
	a := f.do("POST", "/api/v1/messages", numbered(10), "Content-Type", "application/x-ndjson")
	if a.status != 503 || f.code(a) != "mempool_full" || a.header.Get("Retry-After") == "" {
		t.Errorf("full from the start: %d %s", a.status, a.body)
	}
}

func TestBatchLimits(t *testing.T) {
	coretest.Sequential(t)
	f := start(t)
	post := func(body io.Reader) answer {
		t.Helper()
		resp, err := http.Post(f.url+"/api/v1/messages", "application/x-ndjson", body) // without a length
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{resp.StatusCode, resp.Header, string(text)}
	}
	type plain struct{ io.Reader }

	a := post(strings.NewReader(""))
	if a.status != 400 || f.code(a) != "empty_message" {
		t.Errorf("no line: %d %s", a.status, a.body)
	}
	const most = 1 << 16
	a = post(plain{strings.NewReader("\"first\"\n" + strings.Repeat("1\n", most-1) + numbered(3))})
	results := readResults(t, a.body)
	if last := results[len(results)-1]; len(results) != most+1 || last.Status != api.LineStopped || last.Code != "batch_too_large" || last.Limit != most {
		t.Errorf("too many lines: %d results, last %+v", len(results), last)
	}
	if got := f.pool.texts(); len(got) != 1 {
		t.Errorf("lines over the limit were stored: %q", got)
	}
	f.pool.waiting = nil
	line := `"` + strings.Repeat("x", 16000) + "\"\n"
	a = post(plain{strings.NewReader(strings.Repeat(line, 1100))})
	results = readResults(t, a.body)
	if last := results[len(results)-1]; last.Status != api.LineStopped || last.Code != "body_too_large" || len(results)-1 != len(f.pool.texts()) {
		t.Errorf("too many bytes: %d results, last %+v, %d stored", len(results), last, len(f.pool.texts()))
	}
	a = post(strings.NewReader(strings.Repeat(line, 1100)))
	if a.status != 413 || f.code(a) != "batch_too_large" {
		t.Errorf("too many bytes, announced: %d %s", a.status, a.body)
	}
}

// TestBatchCutOff ends a body in the middle of a line, which must not be taken for a message.
func TestBatchCutOff(t *testing.T) {
	f := start(t)
	conn := f.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n\"whole\"\n\"part\"")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.pool.texts(), " "); got != "whole" {
		t.Errorf("stored %q", got)
	}
}
