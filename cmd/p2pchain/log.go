package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// openLog returns a logger as the settings ask for. It writes to standard error and, where there is
// one, to the log file; the returned function closes that.
func (a *app) openLog(f *runFlags) (*slog.Logger, func(), error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel.value)); err != nil {
		return nil, nil, usagef("--log-level: %w", err)
	}
	out, done := a.stderr, func() {}
	if f.logFile != "" {
		file, err := openRotating(f.logFile)
		if err != nil {
			return nil, nil, usagef("--log-file: %w", err)
		}
		out, done = io.MultiWriter(a.stderr, file), func() { file.Close() }
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: spelledOut}
	if f.logFormat.value == "json" || (f.logFormat.value == "auto" && !isTerminal(a.stderr)) {
		return slog.New(slog.NewJSONHandler(out, opts)), done, nil
	}
	return slog.New(slog.NewTextHandler(out, opts)), done, nil
}

// spelledOut writes durations with their units, as 1m0s, which JSON lines would have as nanoseconds.
func spelledOut(_ []string, attr slog.Attr) slog.Attr {
	if attr.Value.Kind() == slog.KindDuration {
		attr.Value = slog.StringValue(attr.Value.Duration().String())
	}
	return attr
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	if live, ok := w.(*liveLine); ok {
		w = live.w
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// isLive reports whether lines can be drawn anew where w leads: on a terminal that knows how to.
func (a *app) isLive(w io.Writer) bool {
	term, _ := a.lookupEnv("TERM")
	return isTerminal(w) && term != "dumb"
}

const (
	logFileSize = 1 << 20
	logFileKept = 3
)

// A rotating file starts anew at 1 MiB and keeps three older ones beside it, as seed 1's miner.log.
// slog serializes the writes.
type rotating struct {
	path string
	file *os.File
	size int64
}

func openRotating(path string) (*rotating, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	r := &rotating{path: path}
	return r, r.open()
}

func (r *rotating) open() error {
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	stat, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	r.file, r.size = file, stat.Size()
	return nil
}

// Write appends one log line, to a new file where it would not fit.
func (r *rotating) Write(line []byte) (int, error) {
	if r.size > 0 && r.size+int64(len(line)) > logFileSize {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	return n, err
}

// rotate moves miner.log.2 to .3, .1 to .2 and the file itself to .1.
func (r *rotating) rotate() error {
	if err := r.file.Close(); err != nil {
		return err
	}
	for i := logFileKept; i > 0; i-- {
		from := r.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", r.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", r.path, i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return r.open()
}

// Close closes the file.
func (r *rotating) Close() error { return r.file.Close() }
