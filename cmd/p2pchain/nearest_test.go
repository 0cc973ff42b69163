package main

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"mine", "mine-threads", "max-peers", "http", "http-host", "log-level", "dht"}
	for _, tt := range []struct{ meant, want string }{
		{"mnie", "mine"},
		{"mine-thread", "mine-threads"},
		{"maxpeers", "max-peers"},
		{"htpt", "http"},
		{"loglevel", "log-level"},
		{"frobnicate", ""},
		{"x", ""},
		{"", ""},
	} {
		if got := nearest(tt.meant, words); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.meant, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
