package main

import (
	"runtime"

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

// versions is the answer of "version".
type versions struct {
	Version  string            `json:"version"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Networks map[string]string `json:"networks"` // name → id
}

func (a *app) showVersion() error {
	v := versions{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, make(map[string]string)}
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
