package main

import (
	"fmt"
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
