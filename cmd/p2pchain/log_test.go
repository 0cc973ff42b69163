package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLogDurations has durations with their units in every form of the log.
func TestLogDurations(t *testing.T) {
	for _, form := range []string{"json", "text"} {
		out := new(bytes.Buffer)
		f := newSettings()
		f.logFormat.value = form
		log, done, err := (&app{stderr: out}).openLog(f)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		log.Info("no peers", "for", time.Minute)
		if !strings.Contains(strings.ReplaceAll(out.String(), `"`, ""), "1m0s") {
			t.Errorf("%s: %s, want 1m0s", form, out)
		}
	}
}

// TestLogRotation fills several files and finds every byte that was not to be dropped.
func TestLogRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "miner.log")
	line := []byte(strings.Repeat("x", 64<<10-1) + "\n")
	const perFile = logFileSize / (64 << 10)
	for restart := range 2 { // the second time goes on with the file of the first
		r, err := openRotating(path)
		if err != nil {
			t.Fatal(err)
		}
		for range perFile*5/2 + restart {
			if n, err := r.Write(line); err != nil || n != len(line) {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path + ".1", path + ".2", path + ".3"} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) != logFileSize || bytes.Count(text, []byte("\n")) != perFile {
			t.Errorf("%s: %d bytes, %v; want %d in whole lines", name, len(text), err, logFileSize)
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
