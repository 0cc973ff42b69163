package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A watchedFS makes every failure to write fatal where it happens. After a failed fsync nobody knows
// what is on disk, so nothing may be built on it. Pebble reports some failures late, retries some, and
// ends the process over others.
//
// The exceptions are a table that finds the disk full, since Pebble keeps its source and tries again, and
// the files of a copy.
type watchedFS struct {
	vfs.FS
	fail func(error)
	// synced is told of every sync of a file, with when it began.
	synced func(name string, begun time.Time)
	held   *heldFiles
	logs   *logFiles
}

// Unwrap implements vfs.FS.
func (w watchedFS) Unwrap() vfs.FS { return w.FS }

// watch passes an error on, after reporting it.
func (w watchedFS) watch(doing, name string, err error) error {
	table := path.Ext(name) == ".sst" && errors.Is(err, syscall.ENOSPC)
	if err != nil && !table && !strings.Contains(name, copyInfix) {
		w.fail(fmt.Errorf("%s %s: %w", doing, name, err))
	}
	return err
}

func (w watchedFS) file(name string, f vfs.File, err error) (vfs.File, error) {
	if w.watch("making", name, err) != nil {
		return nil, err
	}
	return &watchedFile{f, w, name}, nil
}

// Create implements vfs.FS. Around a marker it syncs the directory. Pebble 2.1.7 makes a manifest,
// makes the marker that names it, removes the marker before it, and only then syncs: after a crash a
// file system that keeps no order among names could have a marker without its manifest, or none
// (cockroachdb/pebble issue 5825, fixed for the manifest in later versions).
func (w watchedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	marker := strings.HasPrefix(w.PathBase(name), anyMarker)
	if marker {
		if err := w.watch("syncing", name, syncDir(w.FS, w.PathDir(name))); err != nil {
			return nil, err
		}
	}
	f, err := w.FS.Create(name, category)
	if err == nil && marker {
		if err = syncDir(w.FS, w.PathDir(name)); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return w.file(name, f, err)
}

// OpenReadWrite implements vfs.FS.
func (w watchedFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := w.FS.OpenReadWrite(name, category, opts...)
	return w.file(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (w watchedFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.logs.open(w.FS, from, to, category)
	return w.file(to, f, err)
}

// OpenDir implements vfs.FS.
func (w watchedFS) OpenDir(name string) (vfs.File, error) {
	f, err := w.FS.OpenDir(name)
	return w.file(name, f, err)
}

// Link implements vfs.FS.
func (w watchedFS) Link(from, to string) error { return w.watch("linking", to, w.FS.Link(from, to)) }

// Rename implements vfs.FS.
func (w watchedFS) Rename(from, to string) error {
	return w.watch("renaming", to, w.FS.Rename(from, to))
}

// MkdirAll implements vfs.FS.
func (w watchedFS) MkdirAll(dir string, perm os.FileMode) error {
	return w.watch("making", dir, w.FS.MkdirAll(dir, perm))
}

// A watchedFile is a file, or a directory, that a watchedFS opened for writing.
type watchedFile struct {
	vfs.File
	fs   watchedFS
	name string
}

// Write implements vfs.File.
func (f *watchedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.watch("writing", f.name, err)
}

// WriteAt implements vfs.File.
func (f *watchedFile) WriteAt(p []byte, offset int64) (int, error) {
	n, err := f.File.WriteAt(p, offset)
	return n, f.fs.watch("writing", f.name, err)
}

// Sync implements vfs.File.
func (f *watchedFile) Sync() error {
	defer f.fs.synced(f.name, time.Now())
	return f.fs.watch("syncing", f.name, f.File.Sync())
}

// SyncData implements vfs.File.
func (f *watchedFile) SyncData() error {
	defer f.fs.synced(f.name, time.Now())
	return f.fs.watch("syncing", f.name, f.File.SyncData())
}

// SyncTo implements vfs.File.
func (f *watchedFile) SyncTo(length int64) (bool, error) {
	defer f.fs.synced(f.name, time.Now())
	full, err := f.File.SyncTo(length)
	return full, f.fs.watch("syncing", f.name, err)
}
