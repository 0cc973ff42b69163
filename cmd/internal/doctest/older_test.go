package doctest

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/store"
)

// TestOlderStore opens a store that a program of before the first release wrote (testdata/older.tar.gz, a
// backup), which had neither an index of notarised files nor a table of gaps: both are made, all of it
// holds, and it opens again. What docs/howto/upgrade.md promises rests on it, so a later version that cannot read
// this store brings a migration, and the file stays.
func TestOlderStore(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "older.json"))
	if err != nil {
		t.Fatal(err)
	}
	params, err := core.ParseParams(text)
	if err != nil {
		t.Fatal(err)
	}
	network, err := core.NewNetwork(params)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	unpack(t, filepath.Join("testdata", "older.tar.gz"), dir)
	for _, again := range []string{"first", "again"} {
		s, err := store.Open(dir, network, store.Options{})
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		report, err := s.Check(t.Context(), true)
		if err != nil || report.Err() != nil {
			t.Errorf("%s: %v, %+v", again, err, report)
		}
		if waiting, _ := s.WaitingTotals(); report.Height != 6 || waiting != 3 {
			t.Errorf("%s: height %d and %d waiting messages, want 6 and 3", again, report.Height, waiting)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// unpack writes the store in a backup into a folder.
func unpack(t *testing.T, backup, dir string) {
	t.Helper()
	file, err := os.Open(backup)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, "store/")
		if !ok {
			continue
		}
		content, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
