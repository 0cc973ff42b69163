package main

import (
	"strings"
	"testing"
)

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

func TestNearestFlag(t *testing.T) {
	node := []string{"listen", "bootstrap", "http", "http-tls", "mine", "mine-threads", "log-level", "network", "genesis", "data-dir", "name"}
	client := []string{"api", "token-file", "timeout", "data-dir", "name"}
	for _, tt := range []struct {
		meant string
		names []string
		want  string
	}{
		{"api", node, "http"}, {"server", client, "api"}, {"http", client, "api"},
		{"Data_Dir", node, "data-dir"}, {"datadir", client, "data-dir"}, {"data", node, "data-dir"},
		{"peers", node, "bootstrap"}, {"p2p-port", node, "listen"}, {"threads", node, "mine-threads"},
		{"verbose", node, "log-level"}, {"verbose", client, ""}, {"tls", node, "http-tls"}, {"token", client, "token-file"},
		{"bootstarp", node, "bootstrap"}, {"frobnicate", node, ""},
	} {
		if got := nearestFlag(tt.meant, tt.names); got != tt.want {
			t.Errorf("nearestFlag(%q) = %q, want %q", tt.meant, got, tt.want)
		}
	}
}

// TestOtherNames finds rows that lead nowhere, since a flag got another name, and names that stand in two.
func TestOtherNames(t *testing.T) {
	root := (&app{}).rootCommand()
	seen := make(map[string]bool)
	for _, other := range otherNames() {
		for _, flag := range strings.Fields(other.flags) {
			if len(commandsWith(root, flag)) == 0 && root.PersistentFlags().Lookup(flag) == nil {
				t.Errorf("%q: no command has --%s", other.names, flag)
			}
		}
		for _, name := range strings.Fields(other.names) {
			if seen[name] {
				t.Errorf("%s stands twice", name)
			}
			seen[name] = true
		}
	}
}
