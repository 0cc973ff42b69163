package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
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
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it), first here:\n%s", path, firstDifference(string(want), string(got)))
	}
}

// firstDifference shows two texts from the line on where they differ.
func firstDifference(want, got string) string {
	const shown = 8
	was, is := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < min(len(was), len(is)) && was[at] == is[at] {
		at++
	}
	part := func(lines []string) string {
		return strings.Join(lines[min(at, len(lines)):min(at+shown, len(lines))], "\n")
	}
	return fmt.Sprintf("line %d, in the file:\n%s\nnow:\n%s", at+1, part(was), part(is))
}
