package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pchain/cmd/internal/logs"
)

// logged returns what a node without a terminal logs, on standard error and in its file.
func logged(t *testing.T, edit func(*runFlags), say func(*slog.Logger)) (stderr, file string) {
	t.Helper()
	out := new(bytes.Buffer)
	f := newSettings()
	f.logFile = filepath.Join(t.TempDir(), "logs", "miner.log")
	edit(f)
	a := &app{stderr: out, lookupEnv: func(string) (string, bool) { return "", false }}
	log, err := a.startLog(f)
	if err != nil {
		t.Fatal(err)
	}
	say(log.Logger())
	log.Close()
	text, err := os.ReadFile(f.logFile)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), string(text)
}

// TestLogForms has durations with their units in every form of the log, and JSON where nobody looks.
func TestLogForms(t *testing.T) {
	for _, form := range []string{"auto", "json", "text"} {
		stderr, file := logged(t, func(f *runFlags) { f.logFormat.value = form }, func(log *slog.Logger) {
			log.Info("no peers", "for", time.Minute)
		})
		if stderr != file {
			t.Errorf("%s: the file has %s, standard error %s", form, file, stderr)
		}
		if !strings.Contains(strings.ReplaceAll(file, `"`, ""), "1m0s") {
			t.Errorf("%s: %s, want 1m0s", form, file)
		}
		if json.Valid([]byte(file)) != (form != "text") || strings.Contains(file, "\x1b") {
			t.Errorf("%s: %q", form, file)
		}
	}
}

// TestLogLevels reads the flag, and keeps its words.
func TestLogLevels(t *testing.T) {
	_, file := logged(t, func(f *runFlags) {
		if err := f.logLevel.Set("warn,p2p=debug"); err != nil {
			t.Error(err)
		}
		if f.logLevel.String() != "warn,p2p=debug" {
			t.Errorf("the flag says %s", f.logLevel)
		}
	}, func(log *slog.Logger) {
		log.Info("hidden")
		log.With("part", "gossip").Debug("shown")
	})
	if strings.Contains(file, "hidden") || !strings.Contains(file, "shown") {
		t.Errorf("the log has %s", file)
	}
	if err := newLogLevels("info").Set("p2p=loud"); !errors.Is(err, logs.ErrLevels) {
		t.Errorf("p2p=loud: %v, want ErrLevels", err)
	}
}

// TestFormOf has text for terminals only, unless the user wants it elsewhere, too.
func TestFormOf(t *testing.T) {
	for _, tt := range []struct {
		setting  string
		terminal bool
		want     logs.Form
	}{
		{"auto", true, logs.Text}, {"auto", false, logs.JSON}, {"text", false, logs.Text},
		{"text", true, logs.Text}, {"json", true, logs.JSON}, {"json", false, logs.JSON},
	} {
		if got := formOf(tt.setting, tt.terminal); got != tt.want {
			t.Errorf("%s on a terminal %t: %s, want %s", tt.setting, tt.terminal, got, tt.want)
		}
	}
}
