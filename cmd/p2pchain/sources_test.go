package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"p2pchain/cmd/internal/notary"
)

// TestSourceErrors: what went wrong while hashing ends with the right code, and says what to do.
func TestSourceErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
		want string
	}{
		{fmt.Errorf("a %w", notary.ErrChanged), exitInternal, "a changed while it was read: try again when nobody writes there"},
		{fmt.Errorf("a is a directory, %w", notary.ErrNotFile), exitUsage, "--directory takes directories"},
		{fmt.Errorf("a is %w", notary.ErrNotDirectory), exitUsage, "a is no directory"},
		{fmt.Errorf("a %w", notary.ErrExists), exitUsage, "name another file with --manifest"},
		{fmt.Errorf("%w is not installed", notary.ErrGit), exitUsage, "git is not installed"},
		{&fs.PathError{Op: "open", Path: "a", Err: fs.ErrNotExist}, exitUsage, "open a: file does not exist"},
		{&fs.PathError{Op: "open", Path: "a", Err: fs.ErrPermission}, exitInternal, "open a: permission denied"},
		{context.Canceled, exitInterrupted, "interrupted while hashing"},
		{context.DeadlineExceeded, exitTimeout, "deadline"},
	} {
		got := sourceError(tt.err)
		if code := exitRowOf(got).code; code != tt.code || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%v becomes %v with code %d, want %q with %d", tt.err, got, code, tt.want, tt.code)
		}
	}
}

// TestInputEnds: a signal ends the reading of an input on which nothing comes.
func TestInputEnds(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	a := &app{stdin: in, stderr: new(bytes.Buffer), lookupEnv: func(string) (string, bool) { return "", false }}
	go cancel()
	_, err := a.readSources(ctx, &sources{files: []string{"-"}, name: "x"}, true)
	if !errors.Is(err, errInterrupted) {
		t.Errorf("readSources = %v, want errInterrupted", err)
	}
}

// TestRemarks: what a list lacks is said in words, and names are safe for a terminal.
func TestRemarks(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	s := &source{pointers: 1, changed: 2, unknown: 1}
	s.leftOut = notary.LeftOut{Links: 7, Special: 1, Submodules: 1, Named: []string{"a", "b\x1b[2J"}}
	a.remarkLeftOut(s)
	for _, want := range []string{
		"7 symbolic links are not in the list", "1 special file is not in the list", "1 submodule is not in the list: only the tree's id",
		`left out: a, b\u001b[2J and 7 more`, "1 file only points to content that Git LFS keeps elsewhere",
		"the work tree is not the commit: 2 changed, 1 unknown to git",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is not said:\n%s", want, stderr.String())
		}
	}
	stderr.Reset()
	if a.remarkLeftOut(&source{}); stderr.Len() > 0 {
		t.Errorf("of nothing it says %q", stderr.String())
	}
}
