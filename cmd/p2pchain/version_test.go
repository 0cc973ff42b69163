package main

import (
	"runtime/debug"
	"testing"
)

// TestVersionOf says which version a program is that was built without the Makefile.
func TestVersionOf(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	commit := setting("vcs.revision", "0123456789abcdef0123456789abcdef01234567")
	for _, tt := range []struct {
		name   string
		linked string
		info   debug.BuildInfo
		want   string
	}{
		{"linker", "v1.2.3", debug.BuildInfo{Settings: []debug.BuildSetting{commit}}, "v1.2.3"},
		{"go install", "unknown", debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}}, "v1.2.0"},
		{"go build", "unknown", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{commit, setting("vcs.modified", "false")}}, "0123456789ab"},
		{"go build of what is not committed", "unknown", debug.BuildInfo{Settings: []debug.BuildSetting{commit, setting("vcs.modified", "true")}}, "0123456789ab+dirty"},
		{"without git", "unknown", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "unknown"},
	} {
		if got := versionOf(tt.linked, &tt.info); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
