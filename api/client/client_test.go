package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"p2pchain/api"
	"p2pchain/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew(t *testing.T) {
	for _, tt := range []struct{ address, base string }{
		{"http://127.0.0.1:12345", "http://127.0.0.1:12345"},
		{"http://127.0.0.1:12345/", "http://127.0.0.1:12345"},
		{"https://node.example", "https://node.example"},
		{"127.0.0.1:12345", "http://127.0.0.1:12345"},
		{"[::1]:12345", "http://[::1]:12345"},
		{"localhost:1", "http://localhost:1"},
		{"unix:///run/api.sock", "http://localhost"},
		{"", ""}, {"http://", ""}, {"ftp://x", ""}, {"http://x/path", ""}, {"http://x?y", ""}, {"http://user:pw@x", ""}, {"http://x:y", ""},
	} {
		c, err := New(tt.address)
		if (err == nil) != (tt.base != "") || err == nil && c.Address() != tt.base {
			t.Errorf("New(%q): %v, want %q", tt.address, err, tt.base)
		}
	}
}

// serve returns a client of a node that answers everything with one handler.
func serve(t *testing.T, handle http.HandlerFunc, options ...Option) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	c, err := New(server.URL, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestStrangeAnswers talks to servers that are no nodes.
func TestStrangeAnswers(t *testing.T) {
	each := func(ChainBlock) error { return nil }
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		want   error // nil: any error
	}{
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, nil},
		{"HTML error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 404) }, ErrNotFound},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/livez", http.StatusFound) }, nil},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, nil},
		{"array", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") }, nil},
		{"half of it", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"chain":[{"index":0`) }, ErrUnreachable},
		{"all but the end", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"chain":[]`) }, ErrUnreachable},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnreachable},
		{"large problem", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			io.WriteString(w, `{"detail":"`+strings.Repeat("x", 1<<20)+`"}`)
		}, ErrBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := serve(t, tt.handle).Chain(t.Context(), each); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestSilence asks a node that does not answer, and one that stops in the middle.
func TestSilence(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for _, begin := range []string{"", `{"chain":[`} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if begin != "" {
				io.WriteString(w, begin)
				http.NewResponseController(w).Flush()
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, WithTimeout(20*time.Millisecond))
		err := c.Chain(t.Context(), func(ChainBlock) error { return nil })
		if !errors.Is(err, ErrUnreachable) || errors.Is(err, context.Canceled) {
			t.Errorf("after %q: %v", begin, err)
		}
	}
}

func TestErrorWords(t *testing.T) {
	for _, tt := range []struct {
		e    Error
		want string
	}{
		{Error{Problem: api.Problem{Status: 413, Code: "payload_too_large", Detail: "too long"}}, "too long (413 payload_too_large)"},
		{Error{Problem: api.Problem{Status: 404, Code: "no_such_endpoint", Message: "'x' is not valid"}}, "'x' is not valid (404 no_such_endpoint)"},
		{Error{Problem: api.Problem{Status: 502, Code: "http_502"}}, "Bad Gateway (502 http_502)"},
	} {
		if got := tt.e.Error(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	for status, want := range map[int]error{
		400: ErrRefused, 401: ErrUnauthorized, 403: ErrRefused, 404: ErrNotFound, 409: ErrRefused, 413: ErrRefused,
		429: ErrBusy, 503: ErrBusy, 507: ErrBusy,
	} {
		e := &Error{Problem: api.Problem{Status: status}}
		for _, kind := range []error{ErrRefused, ErrUnauthorized, ErrNotFound, ErrBusy, ErrUnreachable} {
			if errors.Is(e, kind) != (kind == want) {
				t.Errorf("%d is %v: %v", status, kind, errors.Is(e, kind))
			}
		}
	}
}

// TestBatchAnswers talks to a server that answers batches wrongly.
func TestBatchAnswers(t *testing.T) {
	two := func(yield func([]byte, error) bool) { _ = yield([]byte("a"), nil) && yield([]byte("b"), nil) }
	for _, answer := range []string{
		``,
		`{"line":1,"status":"accepted"}`,
		`{"line":2,"status":"accepted"}{"line":1,"status":"accepted"}`,
		`{"line":1,"status":"accepted"}{"line":1,"status":"accepted"}`,
		`{"line":1,"status":"accepted"}{"line":2,"status":"accepted"}{"line":3,"status":"accepted"}`,
		`{"line":1,"status":"accepted"}{"line":2,"sta`,
		`<html>`,
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer) })
		e, ok := errors.AsType[*BatchError](c.AddAll(t.Context(), two, func(LineResult) error { return nil }))
		if !ok || e.Done > 2 || e.Done+e.InDoubt > 2 {
			t.Errorf("%q: %+v", answer, e)
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", core.MaxPayload)
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"blank lines", "\n\n\r\n", []string{"", "", "\r"}},
		{"lines", "a\n\nb\r\n c \nd", []string{"a", "", "b\r", " c ", "d"}},
		{"a return at the end", "a\r", []string{"a\r"}},
		{"a return inside", "a\rb\n", []string{"a\rb"}},
		{"not UTF-8", "\xff\n\x00\n", []string{"\xff", "\x00"}},
		{"longest", long + "\nb", []string{long, "b"}},
		{"one more", long + "x\nb\n", []string{long + "x", "b"}},
		{"two more", long + "xx\nb\n", []string{long + "x", "b"}},
		{"far too long", strings.Repeat(long, 10) + "\nb\n", []string{long + "x", "b"}},
		{"far too long at the end", "a\n" + strings.Repeat(long, 3), []string{"a", long + "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
				var got []string
				for line, err := range Lines(r) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(line))
				}
				if strings.Join(got, "\n") != strings.Join(tt.want, "\n") || len(got) != len(tt.want) {
					t.Errorf("%d lines, want %d", len(got), len(tt.want))
				}
			}
		})
	}
	broken := errors.New("broken")
	var last error
	lines := 0
	for line, err := range Lines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))) {
		if last = err; err == nil {
			lines += len(line)
		}
	}
	if !errors.Is(last, broken) || lines != 2 {
		t.Errorf("broken input: %v after %d", last, lines)
	}
}

func TestGroup(t *testing.T) {
	g := &group{}
	for i, payload := range []string{"a<b", "\xff", "ü\u2028\n"} {
		if err := g.add(i+10, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	want := "\"a<b\"\n{\"payload_base64\":\"/w==\"}\n\"ü\\u2028\\n\"\n"
	if g.body.String() != want {
		t.Errorf("body %q, want %q", &g.body, want)
	}
	some := g.only([]int{0, 2})
	if some.body.String() != "\"a<b\"\n\"ü\\u2028\\n\"\n" || some.line[1] != 12 || some.size() != 2 {
		t.Errorf("some: %q %v", &some.body, some.line)
	}
	again := some.only([]int{1})
	if !bytes.Equal(again.body.Bytes(), []byte("\"ü\\u2028\\n\"\n")) || again.line[0] != 12 {
		t.Errorf("again: %q %v", &again.body, again.line)
	}
}

// FuzzLines holds Lines against splitting the whole text at once.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\n\nb\r\n"))
	f.Add([]byte("\r\r\n\n\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var want [][]byte
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			want = append(want, line[:min(len(line), core.MaxPayload+1)])
		}
		if last := len(want) - 1; len(want[last]) == 0 {
			want = want[:last]
		}
		i := 0
		for line, err := range Lines(bytes.NewReader(text)) {
			if err != nil || i >= len(want) || !bytes.Equal(line, want[i]) {
				t.Fatalf("line %d of %q is %q (%v)", i, text, line, err)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d lines of %q, want %d", i, text, len(want))
		}
	})
}
