package layout

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// TestDependencies holds the page of dependencies to go.mod and to the code: each direct one is there, once,
// with its purpose, and no other; and a module is listed for the program exactly if that imports it.
func TestDependencies(t *testing.T) {
	const root = "../../.."
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	all := func(text []byte, pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			found = append(found, string(m[1]))
		}
		slices.Sort(found)
		return found
	}
	const row = "(?m)^\\| `([^`]+)` \\| \\S.* \\|$"
	page := read("docs/dependencies.md")
	program, _, ok := bytes.Cut(page, []byte("\n## In tests and tools only\n"))
	if !ok {
		t.Fatal("the page has no part about tests")
	}

	direct, listed := all(read("go.mod"), `(?m)^(?:require )?\s*([a-z0-9.]+\.[a-z]+/\S+) v\S+$`), all(page, row)
	if len(direct) < 10 {
		t.Fatalf("go.mod names %d modules: misread?", len(direct))
	}
	if !slices.Equal(direct, listed) {
		t.Errorf("go.mod requires\n%q, docs/dependencies.md lists\n%q", direct, listed)
	}
	if needed, said := imported(t, direct), all(program, row); !slices.Equal(needed, said) {
		t.Errorf("the program imports\n%q, docs/dependencies.md says it is\n%q", needed, said)
	}
}

// imported returns which of the modules the program imports, in order. What writes sources is no part of it.
func imported(t *testing.T, modules []string) []string {
	t.Helper()
	var found []string
	for _, f := range sources(t) {
		if slices.Contains(forTests(), f.folder) || filepath.Base(f.folder) == "asm" {
			continue
		}
		for _, spec := range f.syntax.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(modules, func(m string) bool { return within(path, m) }); i >= 0 {
				found = append(found, modules[i])
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
