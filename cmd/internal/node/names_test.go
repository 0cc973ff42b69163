package node

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"p2pchain/cmd/internal/logs"
)

// TestPartsHaveLevels has every part that a log line names among those that --log-level knows.
func TestPartsHaveLevels(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	named := regexp.MustCompile(`With\("part", "([^"]*)"`)
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.Contains(logs.Parts(), match[1]) {
				t.Errorf("%s: a part %q, which package logs does not know", name, match[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d parts found", found)
	}
}
