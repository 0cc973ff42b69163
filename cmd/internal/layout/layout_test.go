package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "p2pchain"

// A rule says what the packages in a folder and below it may import. Tests are free to import more.
type rule struct {
	folder string
	ours   []string // folders of this module; "x/..." is x and all below it
	banned []string // paths of other modules and of the standard library, with all below them
}

// rules returns one rule per part of the program; the first whose folder fits a package counts.
// Imports go one way: cmd → api, p2p, bootstrap → core, and only cmd/internal/node knows every part.
func rules() []rule {
	const (
		libp2p = "github.com/libp2p"
		pebble = "github.com/cockroachdb/pebble"
	)
	pure := []string{libp2p, pebble, "net", "os"}
	quiet := []string{libp2p, pebble, "net/http"}
	return []rule{
		{"core/consensus", []string{"core"}, pure},
		{"core/proof", []string{"core", "core/consensus"}, pure},
		{"core/document", []string{"core"}, pure},
		{"core/background", nil, pure},
		{"core/chain", []string{"core", "core/consensus", "core/document"}, quiet},
		{"core/mempool", []string{"core", "core/consensus", "core/chain"}, quiet},
		{"core/miner", []string{"core/...", "core/miner/..."}, quiet},
		{"core/store", []string{"core", "core/consensus", "core/chain", "core/mempool", "core/proof", "core/document"}, []string{libp2p, "net/http"}},
		{"core/forget", []string{"core", "core/chain", "core/store"}, quiet},
		{"core/chainfile", []string{"core"}, pure},
		{"core/coretest", []string{"core/..."}, quiet},
		{"core", nil, pure},
		{"p2p", []string{"core", "core/consensus", "core/chain", "core/mempool", "core/coretest", "p2p/..."}, []string{pebble}},
		{"api", []string{"core", "core/background", "core/consensus", "core/chain", "core/mempool", "core/miner", "core/proof", "core/document", "core/chainfile", "api/..."}, []string{libp2p, pebble}},
		{"bootstrap", nil, []string{pebble}},
		{"cmd/internal/backup", []string{"core", "core/chain", "core/chainfile"}, []string{libp2p, pebble, "net", "github.com/spf13"}},
		{"cmd/internal/invite", []string{"core", "bootstrap"}, []string{pebble, "github.com/spf13"}},
		{"cmd/internal/logs", nil, []string{pebble, "net", "github.com/spf13"}},
		{"cmd/internal/anchor", []string{"core", "core/background", "core/document", "core/consensus", "core/chainfile", "core/proof", "cmd/internal/spool"}, []string{libp2p, "net", "github.com/spf13"}},
		{"cmd/internal/systemd", nil, []string{libp2p, pebble, "net/http", "github.com/spf13"}},
		// It reads what the parts count, whatever they are, and changes nothing.
		{"cmd/internal/metrics", []string{"core/...", "p2p/...", "api", "bootstrap", "cmd/internal/backup", "cmd/internal/logs"}, []string{libp2p, pebble, "github.com/spf13"}},
		{"cmd/internal/node", []string{"core/...", "p2p/...", "api/...", "bootstrap/...", "cmd/internal/invite", "cmd/internal/backup", "cmd/internal/metrics", "cmd/internal/logs"}, []string{"github.com/spf13"}},
		// It measures the parts of a node that need no network.
		{"cmd/internal/bench", []string{"core", "core/background", "core/consensus", "core/chain", "core/mempool", "core/miner", "core/store"}, []string{libp2p, pebble, "net", "github.com/spf13"}},
		// Its nodes are whole ones, which it meets by their API.
		{"cmd/internal/demo", []string{"core", "core/miner", "core/store", "api", "api/client", "api/web", "cmd/internal/node"}, []string{libp2p, pebble, "github.com/spf13"}},
		{"cmd/internal", []string{"core/...", "p2p/...", "api/...", "bootstrap/...", "cmd/..."}, nil},
		// The command talks to running nodes by their API and builds one by cmd/internal/node; of the
		// parts it knows what their errors mean, and what they need of the process.
		{"cmd/p2pchain", []string{"core", "core/document", "core/proof", "core/chainfile", "core/store", "core/miner", "core/background", "api", "api/client", "api/evidence", "api/receipt", "api/web", "bootstrap", "cmd/internal/anchor", "cmd/internal/bench", "cmd/internal/demo", "cmd/internal/invite", "cmd/internal/spool", "cmd/internal/node", "cmd/internal/doctor", "cmd/internal/notary", "cmd/internal/logs", "cmd/internal/systemd"}, []string{libp2p, pebble}},
	}
}

// forTests lists the packages that exist for tests alone.
func forTests() []string {
	return []string{"core/coretest", "core/coretest/random", "core/miner/minertest", "p2p/p2ptest", "api/browsertest"}
}

// violation says which rule the import of path by a package in folder breaks, "" if none.
func violation(folder, path string) string {
	i := slices.IndexFunc(rules(), func(r rule) bool { return within(folder, r.folder) })
	if i < 0 {
		return fmt.Sprintf("%s: no rule covers this folder; add one", folder)
	}
	r := rules()[i]
	own, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		if slices.ContainsFunc(r.banned, func(b string) bool { return within(path, b) }) {
			return fmt.Sprintf("%s must not import %s", folder, path)
		}
		return ""
	}
	if slices.Contains(forTests(), own) && !slices.Contains(forTests(), folder) {
		return fmt.Sprintf("%s imports %s outside of its tests", folder, own)
	}
	for _, may := range r.ours {
		if base, tree := strings.CutSuffix(may, "/..."); own == base || (tree && within(own, base)) {
			return ""
		}
	}
	return fmt.Sprintf("%s must not import %s", folder, own)
}

// within reports whether path is folder or below it.
func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func TestImports(t *testing.T) {
	for _, f := range sources(t) {
		for _, spec := range f.syntax.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if v := violation(f.folder, path); v != "" {
				t.Errorf("%s: %s", f.name, v)
			}
		}
	}
}

func TestHabits(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}
	for _, f := range sources(t) {
		if slices.Contains(vague, f.syntax.Name.Name) {
			t.Errorf("%s: a package named %s says nothing about what is in it", f.name, f.syntax.Name.Name)
		}
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init runs where nobody asked for it", f.name)
			}
		}
	}
}

func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		folder, path string
		want         string
	}{
		{"core", "crypto/sha256", ""},
		{"core", "p2pchain/core/consensus", "core must not import core/consensus"},
		{"core/consensus", "net/http", "core/consensus must not import net/http"},
		{"core/chain", "p2pchain/core/store", "core/chain must not import core/store"},
		{"core/store", "github.com/cockroachdb/pebble/v2", ""},
		{"core/mempool", "github.com/cockroachdb/pebble/v2", "core/mempool must not import github.com/cockroachdb/pebble/v2"},
		{"core/chain", "p2pchain/core/coretest", "core/chain imports core/coretest outside of its tests"},
		{"p2p/gossip", "p2pchain/core/chain", ""},
		{"p2p/gossip", "p2pchain/api", "p2p/gossip must not import api"},
		{"p2p/gossip", "p2pchain/core/store", "p2p/gossip must not import core/store"},
		{"api/client", "github.com/libp2p/go-libp2p", "api/client must not import github.com/libp2p/go-libp2p"},
		{"api", "p2pchain/p2p", "api must not import p2p"},
		{"bootstrap", "p2pchain/core", "bootstrap must not import core"},
		{"cmd/p2pchain", "p2pchain/p2p", "cmd/p2pchain must not import p2p"},
		{"tools", "fmt", "tools: no rule covers this folder; add one"},
		{"cmd/internal/node", "p2pchain/bootstrap", ""},
	} {
		if got := violation(tt.folder, tt.path); got != tt.want {
			t.Errorf("violation(%s, %s) = %q, want %q", tt.folder, tt.path, got, tt.want)
		}
	}
}

// A source is a parsed Go file that is no test.
type source struct {
	name   string // from the root of the module
	folder string
	syntax *ast.File
}

// sources parses the module, without function bodies being of interest to anybody.
func sources(t *testing.T) []source {
	t.Helper()
	const root = "../../.."
	var found []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go") {
			return nil // the generated ones have their own habits
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		found = append(found, source{rel, filepath.ToSlash(filepath.Dir(rel)), syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d files found under %s: wrong root?", len(found), root)
	}
	return found
}

// TestArchitectureIsComplete holds docs/architecture.md to what there is: it names every package.
func TestArchitectureIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), "`…/scan/", "`core/miner/internal/scan/")
	looked := make(map[string]bool)
	for _, f := range sources(t) {
		if !looked[f.folder] && !strings.Contains(text, "`"+f.folder+"`") {
			t.Errorf("docs/architecture.md does not name %s", f.folder)
		}
		looked[f.folder] = true
	}
}
