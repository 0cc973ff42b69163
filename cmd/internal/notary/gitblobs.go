package notary

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// hash reads the blobs of a commit, one after the other, from a single process.
func (g *repository) hash(parent context.Context, blobs []blob, w *listWriter, c *Commit) (err error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	cmd := g.command(ctx, "cat-file", "--batch", "--buffer")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ids := new(strings.Builder)
	for _, b := range blobs {
		ids.WriteString(b.id + "\n")
	}
	cmd.Stdin = strings.NewReader(ids.String())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return g.failed(ctx, err, "")
	}
	in := bufio.NewReaderSize(out, bufferSize)
	for i, b := range blobs {
		tell := func(uint64) { g.h.progress("commit "+c.Commit[:12], uint64(i), uint64(len(blobs)), g.h.bytes) }
		if err = g.blob(ctx, in, b, w, c, tell); err != nil {
			break
		}
	}
	if err != nil {
		cancel()       // it may have more to say than anybody reads
		_ = cmd.Wait() // it was told to end
		return cmp.Or(parent.Err(), err)
	}
	if err := cmd.Wait(); err != nil {
		return g.failed(ctx, err, stderr.String())
	}
	return nil
}

// blob reads one answer of git: a line with id, kind and size, the content, and the end of a line.
func (g *repository) blob(ctx context.Context, in *bufio.Reader, b blob, w *listWriter, c *Commit, tell func(uint64)) error {
	line, err := in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w ended early at %s: %w", ErrGit, b.path, err)
	}
	fields := strings.Fields(line)
	if len(fields) != 3 || fields[0] != b.id || fields[1] != "blob" {
		return fmt.Errorf("%w: %s: its content is not in this repository (%s)", ErrGit, b.path, strings.TrimSpace(line))
	}
	size, err := strconv.ParseUint(fields[2], 10, 63)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrGit, b.path, err)
	}
	content := &io.LimitedReader{R: in, N: int64(size)}
	got, err := g.h.hash(ctx, b.path, content, tell)
	if err != nil {
		return err
	}
	if got.Size != size {
		return fmt.Errorf("%w ended early in %s", ErrGit, b.path)
	}
	if end, err := in.ReadByte(); err != nil || end != '\n' {
		return fmt.Errorf("%w: %s is longer than it said", ErrGit, b.path)
	}
	if isPointer(got) {
		c.Pointers++
	}
	return w.add(b.path, got.SHA256, size)
}

// isPointer reports whether a blob stands for a file that Git LFS keeps elsewhere.
func isPointer(c Content) bool {
	return c.Size < headSize*2 && bytes.HasPrefix(c.Head, []byte("version https://git-lfs.github.com/spec/v1\n"))
}
