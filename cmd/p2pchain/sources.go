package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"p2pchain/cmd/internal/notary"
	"p2pchain/core"
	"p2pchain/core/document"
)

// A source is a file, a directory or a commit that was read.
type source struct {
	document document.Document
	path     string // as the user named it
	digest   core.Hash
	manifest string // file with the list, if it was written
	leftOut  notary.LeftOut
	pointers int // files of a commit that only point to content in Git LFS

	changed, unknown int // files of the work tree that differ from the commit
}

// readSources reads everything that the flags name. Lists are written only where it is for keeps.
func (a *app) readSources(ctx context.Context, o *sources, keep bool) ([]source, error) {
	m := a.newMeter(0)
	defer m.end()
	h := notary.NewHasher(func(what string, done, all, bytes uint64) {
		if o.count() > 1 || len(o.directories) > 0 {
			all = 0 // that of one of many files says nothing about the rest
		}
		m.show(done, all, int64(bytes), "hashing "+printable(what))
	})
	var out []source
	for _, path := range o.files {
		s, err := a.readFile(ctx, h, o, path)
		if err != nil {
			return nil, sourceError(err)
		}
		out = append(out, s)
	}
	for _, path := range o.directories {
		s, err := readDirectory(ctx, h, o, path, keep)
		if err != nil {
			return nil, sourceError(err)
		}
		out = append(out, s)
	}
	if o.git != "" {
		s, err := readCommit(ctx, h, o, keep)
		if err != nil {
			return nil, sourceError(err)
		}
		out = append(out, s)
	}
	m.end()
	for i := range out {
		a.remarkLeftOut(&out[i])
	}
	return out, nil
}

// sourceError adds what to do about an error.
func sourceError(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w while hashing", errInterrupted)
	case errors.Is(err, notary.ErrNotFile):
		return usagef("%w; --directory takes directories, and --file - what comes through a pipe", err)
	case errors.Is(err, notary.ErrExists):
		return usagef("%w; move it away, or name another file with --manifest", err)
	case errors.Is(err, notary.ErrNotDirectory), errors.Is(err, notary.ErrGit), errors.Is(err, fs.ErrNotExist):
		return usage(err)
	case errors.Is(err, notary.ErrChanged):
		return fmt.Errorf("%w: try again when nobody writes there", err)
	}
	return err
}

// readFile hashes a file, or standard input.
func (a *app) readFile(ctx context.Context, h *notary.Hasher, o *sources, path string) (source, error) {
	name, shown, content, err := "", path, notary.Content{}, error(nil)
	if path == "-" {
		name, shown = o.name, "standard input"
		content, err = a.readInput(ctx, h)
	} else if name, err = o.nameOf(path); err == nil {
		content, err = h.File(ctx, path)
	}
	if err != nil {
		return source{}, err
	}
	return source{path: shown, digest: content.SHA256, document: &document.File{
		Name: name, Size: content.Size, MediaType: notary.MediaType(name, content.Head), SHA256: content.SHA256,
	}}, nil
}

// readInput hashes standard input. Reading a terminal or a pipe cannot be interrupted, so it happens in a
// goroutine of its own, which ends with the input or with the process.
func (a *app) readInput(ctx context.Context, h *notary.Hasher) (notary.Content, error) {
	type result struct {
		content notary.Content
		err     error
	}
	done := make(chan result, 1)
	go func() {
		content, err := h.Reader(ctx, "standard input", 0, a.stdin)
		done <- result{content, err}
	}()
	select {
	case r := <-done:
		return r.content, r.err
	case <-ctx.Done():
		return notary.Content{}, ctx.Err()
	}
}

// readDirectory hashes a directory and keeps its list.
func readDirectory(ctx context.Context, h *notary.Hasher, o *sources, path string, keep bool) (source, error) {
	name, err := o.nameOf(path)
	if err != nil {
		return source{}, err
	}
	d := &document.Manifest{Name: name}
	s := source{path: path, document: d}
	read := func(out io.Writer) error {
		list, err := h.Directory(ctx, path, out)
		d.Files, d.Size, d.SHA256, s.leftOut = list.Files, list.Size, list.SHA256, list.LeftOut
		s.digest = list.SHA256
		return err
	}
	if !keep {
		return s, read(io.Discard)
	}
	if s.manifest, err = o.listFile(path, name); err != nil {
		return source{}, err
	}
	return s, notary.Keep(s.manifest, read)
}

// listFile returns where the list of a directory is written: beside it, never inside.
func (o *sources) listFile(path, name string) (string, error) {
	at := o.manifest
	if at == "" {
		whole, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		if filepath.Dir(whole) == whole {
			return "", usagef("nothing is beside %s: name a file for the list with --manifest", whole)
		}
		at = filepath.Join(filepath.Dir(whole), name+".sha256")
	}
	inside, err := notary.Inside(path, at)
	if err != nil {
		return "", err
	}
	if inside {
		return "", usagef("%s lies in the directory that it lists: name another place with --manifest", at)
	}
	return at, nil
}

// readCommit hashes a commit, and keeps its list where that was asked for: it can always be made again.
func readCommit(ctx context.Context, h *notary.Hasher, o *sources, keep bool) (source, error) {
	var c notary.Commit
	read := func(out io.Writer) (err error) {
		c, err = h.Commit(ctx, o.repository, o.git, out)
		return err
	}
	s := source{path: o.git}
	if keep && o.manifest != "" {
		s.manifest = o.manifest
		if err := notary.Keep(s.manifest, read); err != nil {
			return source{}, err
		}
	} else if err := read(io.Discard); err != nil {
		return source{}, err
	}
	name := c.Repository
	if o.name != "" {
		name = o.name
	}
	d := &document.Commit{Repository: name, Commit: c.Commit, Tree: c.Tree, Files: c.List.Files, Size: c.List.Size, SHA256: c.List.SHA256}
	s.digest, s.document, s.leftOut, s.pointers, s.changed, s.unknown = d.SHA256, d, c.List.LeftOut, c.Pointers, c.Changed, c.New
	if err := d.Validate(); err != nil {
		return source{}, usagef("%w; give another name with --file-name", err)
	}
	return s, nil
}

// remarkLeftOut says in words what a list does not hold.
func (a *app) remarkLeftOut(s *source) {
	l := &s.leftOut
	say := func(n int, noun, why string) {
		if n > 0 {
			a.remark(fmt.Sprintf("%s %s not in the list: %s", plural(n, noun), verb(n, "is", "are"), why))
		}
	}
	say(l.Links, "symbolic link", "only contents of files are")
	say(l.Special, "special file", "only contents of files are")
	say(l.Submodules, "submodule", "only the tree's id says which commit it is at")
	if l.Count() > 0 {
		var names []string
		for _, name := range l.Named {
			names = append(names, printable(name))
		}
		more := ""
		if rest := l.Count() - len(names); rest > 0 {
			more = fmt.Sprintf(" and %d more", rest)
		}
		a.remark("left out: " + strings.Join(names, ", ") + more)
	}
	if s.pointers > 0 {
		a.remark(fmt.Sprintf("%s only %s to content that Git LFS keeps elsewhere: what is hashed names the SHA-256 of that",
			plural(s.pointers, "file"), verb(s.pointers, "points", "point")))
	}
	if s.changed+s.unknown > 0 {
		a.remark(fmt.Sprintf("the work tree is not the commit: %d changed, %d unknown to git; neither is notarised", s.changed, s.unknown))
	}
}

// verb returns the form of a verb that fits so many.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
