package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"p2pchain/api/client"
)

func TestTailWants(t *testing.T) {
	var m client.Content
	m.Author[0] = 0xab
	m.MediaType = "Text/Plain; charset=utf-8"
	author := m.Author.String()
	for _, tt := range []struct {
		name, author, mediaType string
		want                    bool
	}{
		{"all", "", "", true},
		{"author", author, "", true},
		{"author in capitals", strings.ToUpper(author), "", true},
		{"another author", strings.Repeat("0", 64), "", false},
		{"type", "", "text/plain", true},
		{"type with parameter", "", "text/plain; charset=UTF-8", true},
		{"another parameter", "", "text/plain; charset=latin1", false},
		{"half a type", "", "text", false},
		{"author and another type", author, "text/html", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tailFlags{author: tt.author, mediaType: tt.mediaType}
			if err := o.check(); err != nil {
				t.Fatal(err)
			}
			if got := o.wants(&m); got != tt.want {
				t.Errorf("wants = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestTailHistory shows the last messages of a node where one is sealed between the look at what waits and
// the look at its blocks.
func TestTailHistory(t *testing.T) {
	content := func(n int) string {
		return fmt.Sprintf(`"id":"%064x","message":"m%d","media_type":"text/plain","author":"%064x","time":"2026-01-01T00:00:0%d.000Z"`, n, n, 7, n)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path.Base(r.URL.Path) {
		case "mempool":
			fmt.Fprintf(w, `{"messages":[{%s},{%s},{%s}]}`, content(2), content(3), content(4))
		default:
			fmt.Fprintf(w, `{"hash":"%064x","height":0,"messages":[{%s},{%s}]}`, 1, content(1), content(4))
		}
	}))
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for count, want := range map[int]string{0: "", 1: "m4", 2: "m3 m4", 3: "m2 m3 m4", 4: "m1 m2 m3 m4", 9: "m1 m2 m3 m4"} {
		var out strings.Builder
		tail := &tailer{app: &app{stdout: &out}, tailFlags: tailFlags{count: count}, client: c, shown: newRecentSet()}
		if err := tail.history(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			got = append(got, strings.TrimSpace(line)[len(line)-3:])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("the last %d are %q, want %q", count, got, want)
		}
	}
}

// TestRecentSet: the last keys are known, and memory has a bound.
func TestRecentSet(t *testing.T) {
	s := newRecentSet()
	const count = 5 * mostShown
	for i := range count {
		s.add(fmt.Sprint(i))
	}
	for i := count - mostShown; i < count; i++ {
		if !s.has(fmt.Sprint(i)) {
			t.Fatalf("key %d of %d is forgotten", i, count)
		}
	}
	if kept := len(s.now) + len(s.before); kept > 2*mostShown || s.has("0") {
		t.Errorf("%d keys are kept", kept)
	}
}
