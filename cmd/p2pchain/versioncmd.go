package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"p2pchain/core"
)

// versionCommand is "version".
func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version, and the ids of the built-in networks",
		GroupID: groupTools,
		Example: "  p2pchain version\n  p2pchain version --json | jq -r .networks.main",
		Args:    takes(0, 0),
		RunE:    func(*cobra.Command, []string) error { return a.showVersion() },
	}
}

// programVersion says which version this is.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	return versionOf(version, info)
}

// versionOf is what the linker was told or, without that, what Go knows of the module or of the commit
// that it built, as by "go install" and "go build".
func versionOf(linked string, info *debug.BuildInfo) string {
	if linked != "unknown" {
		return linked
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	commit, dirty := linked, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return commit + dirty
}

// versions is the answer of "version".
type versions struct {
	Version  string            `json:"version"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Networks map[string]string `json:"networks"` // name → id
}

func (a *app) showVersion() error {
	v := versions{programVersion(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, make(map[string]string)}
	for _, name := range core.BuiltinNames() {
		p, _ := core.Builtin(name)
		n, err := core.NewNetwork(p)
		if err != nil {
			return err
		}
		v.Networks[name] = n.ID()
	}
	return a.print(v, func(t *text) {
		t.row("p2pchain", v.Version)
		t.row("go", v.Go)
		t.row("platform", v.Platform)
		for _, name := range core.BuiltinNames() {
			t.row("network", name+" ("+v.Networks[name]+")")
		}
	})
}
