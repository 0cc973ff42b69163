package demo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestFolder makes folders beside those of demos that live, were killed, or are to be kept.
func TestFolder(t *testing.T) {
	in := t.TempDir()
	have := func() []string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(in, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	makeFolder := func(keep bool) *Folder {
		t.Helper()
		f, err := MakeFolder(in, keep)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(f.Path, "node1"), 0o700); err != nil {
			t.Fatal(err)
		}
		return f
	}
	alive, killed, kept := makeFolder(false), makeFolder(false), makeFolder(true)
	if err := killed.lock.Close(); err != nil { // as the end of its process does
		t.Fatal(err)
	}
	other := filepath.Join(in, "p2pchain-demo-of-another-kind")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	next := makeFolder(false)
	want := []string{alive.Path, kept.Path, next.Path, other}
	slices.Sort(want)
	if got := have(); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q: all but what was killed", got, want)
	}
	for _, f := range []*Folder{alive, kept, next} {
		if err := f.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	want = []string{kept.Path, other}
	slices.Sort(want)
	if got := have(); !slices.Equal(got, want) {
		t.Errorf("at the end there are %q, want %q", got, want)
	}
}

// TestFolderLink finds a lock that leads somewhere else: nothing there is touched.
func TestFolderLink(t *testing.T) {
	in, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(elsewhere, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	trap := filepath.Join(in, folderPrefix+"trap")
	if err := os.Mkdir(trap, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(trap, folderLock)); err != nil {
		t.Skip("no links here:", err)
	}
	f, err := MakeFolder(in, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "mine" {
		t.Errorf("the file that a link leads to has %q, %v", text, err)
	}
	if _, err := os.Stat(trap); err != nil {
		t.Errorf("the folder is gone: %v", err)
	}
}
