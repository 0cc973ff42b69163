package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTrimmed has every way to build the program leave the folder out that it is built in. So the same source gives the
// same bytes wherever it lies, and no program names the machine that it comes from.
func TestTrimmed(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, ".ci/*"))
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, filepath.Join(root, "Makefile"), filepath.Join(root, "Dockerfile"), filepath.Join(root, ".goreleaser.yaml"))
	build := regexp.MustCompile(`go build|\$\(GO\) build|\sflags: \[`)
	found := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") || !build.MatchString(line) {
				continue
			}
			found++
			if !strings.Contains(line, "-trimpath") {
				t.Errorf("%s: no -trimpath in %s", path, line)
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d builds were found", found)
	}
}
