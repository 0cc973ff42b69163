package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRotation fills several files and finds every byte that was not to be dropped.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "miner.log")
	line := []byte(strings.Repeat("x", 64<<10-1) + "\n")
	const perFile = fileBytes / (64 << 10)
	for restart := range 2 { // the second time goes on with the file of the first
		r, err := OpenRotating(path)
		if err != nil {
			t.Fatal(err)
		}
		for range (perFile*5/2 + restart) / 2 { // two lines a write
			if n, err := r.Write(append(line, line...)); err != nil || n != 2*len(line) {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if restart == 1 {
			if _, err := r.Write(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path + ".1", path + ".2", path + ".3"} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) != fileBytes || bytes.Count(text, []byte("\n")) != perFile {
			t.Errorf("%s: %d bytes, %v; want %d in whole lines", name, len(text), err, fileBytes)
		}
	}
	stat, err := os.Stat(path)
	if err != nil || stat.Size() != 64<<10 || stat.Mode().Perm() != 0o600 {
		t.Errorf("the current file: %v, %v; want one line, mode 0600", stat, err)
	}
	if _, err := os.Stat(path + ".4"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a fourth old file: %v", err)
	}
}

// rotating returns a log file whose clock the test moves.
func rotating(t *testing.T) (r *Rotating, path string, later func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "logs", "miner.log")
	r, err := OpenRotating(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	now := time.Now()
	r.now = func() time.Time { return now }
	return r, path, func() { now = now.Add(lookEvery) }
}

func put(t *testing.T, r *Rotating, text string) {
	t.Helper()
	if n, err := r.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatalf("Write(%q) = %d, %v", text, n, err)
	}
}

func want(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s has %q, %v; want %q", path, got, err, text)
	}
}

// TestVanishedLogFile makes a log file anew that was removed, renamed or emptied by others.
func TestVanishedLogFile(t *testing.T) {
	r, path, later := rotating(t)
	put(t, r, "one\n")
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	later()
	put(t, r, "two\n")
	want(t, path, "two\n")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	later()
	put(t, r, "three\n")
	want(t, path, "three\n")
	want(t, path+".old", "two\n")
	if err := os.Rename(path, path+".older"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("of another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	put(t, r, "after it\n")
	want(t, path, "of another\nafter it\n")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	later()
	put(t, r, "four\n")
	want(t, path, "four\n")
	if r.size != 5 {
		t.Errorf("size %d, want 5", r.size)
	}
}

// TestTornLine begins a new line after a crash, or a full disk, in the middle of one.
func TestTornLine(t *testing.T) {
	r, path, _ := rotating(t)
	put(t, r, "whole\n")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, "to")
	file.Close()
	put(t, r, "next\n")
	want(t, path, "whole\nto\nnext\n")
}

// TestCannotRotate goes on with the file there is, for a while, where none can be renamed.
func TestCannotRotate(t *testing.T) {
	r, path, _ := rotating(t)
	// Whatever user the test has, a folder that is not empty is no place for a file.
	if err := os.MkdirAll(filepath.Join(path+".1", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".2", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".3", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 64<<10-1) + "\n"
	written := 0
	var err error
	for err == nil && written < 100 {
		_, err = r.Write([]byte(line))
		written++
	}
	if !errors.Is(err, errFileFull) || written != mostBytes>>16+2 {
		t.Errorf("%d lines written, %v", written, err)
	}
	for i := 1; i <= 3; i++ {
		if err := os.RemoveAll(fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, r, line)
	if stat, err := os.Stat(path); err != nil || stat.Size() != int64(len(line)) {
		t.Errorf("%v, %v; want a new file", stat, err)
	}
}
