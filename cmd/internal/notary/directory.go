package notary

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Directory hashes the regular files below a directory and writes the list of them, with paths from the
// directory on and slashes between their parts. Symbolic links are not followed and, like special files,
// not part of the list. Memory holds the names of one directory for each level.
//
// Errors may wrap ErrNotDirectory, ErrChanged and those of the file system: a file that cannot be read ends it.
func (h *Hasher) Directory(ctx context.Context, dir string, out io.Writer) (List, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return List{}, err
	}
	if !info.IsDir() {
		return List{}, fmt.Errorf("%s is %w", dir, ErrNotDirectory)
	}
	w := &walk{h: h, list: newListWriter(out)}
	if err := w.directory(ctx, dir, ""); err != nil {
		return List{}, err
	}
	return w.list.end()
}

// A walk goes through a directory.
type walk struct {
	h    *Hasher
	list *listWriter
}

// directory lists one directory, which is at relative.
func (w *walk) directory(ctx context.Context, dir, relative string) error {
	before, err := os.Stat(dir)
	if err != nil {
		return gone(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return gone(err)
	}
	// The order of whole paths: what is in "a" comes after "a-b", since the slash does.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.entry(ctx, filepath.Join(dir, e.Name()), path.Join(relative, e.Name()), e); err != nil {
			return err
		}
	}
	after, err := os.Stat(dir)
	if err != nil {
		return gone(err)
	}
	if !same(before, after) { // a name came or went
		return fmt.Errorf("%s %w", dir, ErrChanged)
	}
	return nil
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// entry lists what is at a place of a directory.
func (w *walk) entry(ctx context.Context, at, relative string, e fs.DirEntry) error {
	switch mode := e.Type(); {
	case mode.IsDir():
		return w.directory(ctx, at, relative)
	case mode&fs.ModeSymlink != 0:
		w.list.list.LeftOut.add(&w.list.list.LeftOut.Links, relative)
		return nil
	case !mode.IsRegular():
		w.list.list.LeftOut.add(&w.list.list.LeftOut.Special, relative)
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return gone(err)
	}
	c, err := w.h.regular(ctx, at, info)
	if err != nil {
		return gone(err)
	}
	return w.list.add(relative, c.SHA256, c.Size)
}

// gone marks that something disappeared which was there a moment ago.
func gone(err error) error {
	if os.IsNotExist(err) {
		return fmt.Errorf("%w: the directory %w", err, ErrChanged)
	}
	return err
}
