package notary

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"p2pchain/core"
)

var (
	// ErrChanged means that a file or a directory was not the same before and after it was read.
	ErrChanged = errors.New("changed while it was read")
	// ErrNotFile and ErrNotDirectory mean that a path leads to something else.
	ErrNotFile      = errors.New("no regular file")
	ErrNotDirectory = errors.New("no directory")
)

// bufferSize is how much of a file is read at a time.
const bufferSize = 1 << 20

// headSize is how much of a file's beginning is kept to tell what it is.
const headSize = 512

// Progress is told often what is being hashed, how far that is, with all 0 where nobody knows, and how many
// bytes were read since the Hasher was made. Nil is nobody.
type Progress func(what string, done, all, bytes uint64)

// A Content is what a stream held.
type Content struct {
	Size   uint64
	SHA256 core.Hash
	Head   []byte // its first bytes
}

// A Hasher hashes many files with one buffer. It is not safe for concurrent use.
type Hasher struct {
	progress Progress
	buffer   []byte
	bytes    uint64 // read so far
}

// NewHasher returns a Hasher that tells its progress.
func NewHasher(progress Progress) *Hasher {
	if progress == nil {
		progress = func(string, uint64, uint64, uint64) {}
	}
	return &Hasher{progress: progress, buffer: make([]byte, bufferSize)}
}

// Reader hashes a stream to its end, which is size bytes away, or unknown where that is 0. It ends early,
// with ctx's error, between two reads.
func (h *Hasher) Reader(ctx context.Context, what string, size uint64, in io.Reader) (Content, error) {
	return h.hash(ctx, what, in, func(done uint64) { h.progress(what, done, size, h.bytes) })
}

// hash is Reader for any way to tell progress.
func (h *Hasher) hash(ctx context.Context, what string, in io.Reader, progress func(done uint64)) (Content, error) {
	sum, c := sha256.New(), Content{}
	for {
		if err := ctx.Err(); err != nil {
			return Content{}, err
		}
		n, err := in.Read(h.buffer)
		sum.Write(h.buffer[:n])
		if missing := headSize - len(c.Head); missing > 0 {
			c.Head = append(c.Head, h.buffer[:min(n, missing)]...)
		}
		c.Size += uint64(n)
		h.bytes += uint64(n)
		progress(c.Size)
		if errors.Is(err, io.EOF) {
			c.SHA256 = core.Hash(sum.Sum(nil))
			return c, nil
		}
		if err != nil {
			return Content{}, fmt.Errorf("reading %s: %w", what, err)
		}
	}
}

// File hashes a regular file, or the one that a symbolic link leads to. Errors may wrap ErrNotFile, ErrChanged
// and those of the file system.
func (h *Hasher) File(ctx context.Context, path string) (Content, error) {
	info, err := os.Stat(path) // before it is opened: that of a pipe would wait for somebody to write
	if err != nil {
		return Content{}, err
	}
	if !info.Mode().IsRegular() {
		return Content{}, fmt.Errorf("%s is a %s, %w", path, kindOf(info.Mode()), ErrNotFile)
	}
	return h.regular(ctx, path, info)
}

// regular hashes a file that was found to be a regular one.
func (h *Hasher) regular(ctx context.Context, path string, found fs.FileInfo) (c Content, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Content{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	before, err := f.Stat()
	if err != nil {
		return Content{}, err
	}
	if !os.SameFile(found, before) {
		return Content{}, fmt.Errorf("%s was replaced: it %w", path, ErrChanged)
	}
	if c, err = h.Reader(ctx, path, uint64(before.Size()), f); err != nil {
		return Content{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return Content{}, err
	}
	// A writer that keeps size and time is not seen: that needs intent, and then no look would help.
	if !same(before, after) || c.Size != uint64(after.Size()) {
		return Content{}, fmt.Errorf("%s %w", path, ErrChanged)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(now, after) {
		return Content{}, fmt.Errorf("%s was replaced: it %w", path, ErrChanged)
	}
	return c, nil
}

// same reports whether nothing is known to have happened to a file between two looks.
func same(before, after fs.FileInfo) bool {
	return before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()) && os.SameFile(before, after)
}

// kindOf names what is no regular file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
