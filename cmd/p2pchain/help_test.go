package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"p2pchain/core/coretest"
)

// TestHelp holds every help text to its golden file, so that a change of it is seen in review.
func TestHelp(t *testing.T) {
	a := &app{program: "p2pchain", lookupEnv: func(string) (string, bool) { return "", false }}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		t.Run(name, func(t *testing.T) {
			args := strings.Fields(cmd.CommandPath())[1:]
			root := a.rootCommand()
			var out bytes.Buffer
			root.SetOut(&out)
			root.SetArgs(append(args, "--help"))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "help", name+".txt"), out.Bytes())
		})
	}
	visit(a.rootCommand())
}

// golden compares with a file, or writes it where -update says so.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	coretest.GoldenFile(t, path, got, *update)
}
