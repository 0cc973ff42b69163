package coretest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Golden is GoldenFile for a file in the testdata of a package.
func Golden(t testing.TB, name string, got []byte, update bool) {
	t.Helper()
	GoldenFile(t, filepath.Join("testdata", name), got, update)
}

// GoldenFile compares bytes with a file, or writes them there where the flag -update of a package says so. A
// difference ends the test, with the first line that differs.
func GoldenFile(t testing.TB, path string, got []byte, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(gotLines), len(wantLines)) {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Fatalf("%s:%d (-update writes it)\ngot  %.600s\nwant %.600s", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d (-update writes it)", path, len(gotLines), len(wantLines))
}
