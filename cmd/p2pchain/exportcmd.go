package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// exportCommand is "export".
func (a *app) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export [FILE|-]",
		Short:   "Write the chain as a file of JSON lines",
		GroupID: groupTools,
		Long: `Writes the chain to a file, or to standard output: one block a line, the first one
first, with all that is needed to check it and to rebuild a node from it. The chain
is that of the running node, or of the data folder where none runs.

A file that is there already is continued: what it has stays, but for blocks at its
end that are not on the best chain any more. So an export that was interrupted goes
on where it was, and one that is repeated brings the file up to date.`,
		Example: `  p2pchain export chain.jsonl                  # all of it, or what came since the last time
  p2pchain export --since 1200 stick.jsonl     # what is above block 1200, to carry it to another island
  p2pchain export | gzip > chain.jsonl.gz      # import reads this, too
  p2pchain export | jq -r '.data[].message'`,
		Args: takes(0, 1),
	}
	f := addClientFlags(cmd.Flags())
	since := cmd.Flags().String("since", "", "leave out blocks up to this one: a `HEIGHT or HASH` on the best chain")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *since != "" && (*since == "tip" || !isBlockName(*since)) {
			return usagef("--since: %q is not a block: want a height, or a hash of 64 hex digits", *since)
		}
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		from, err := a.exportSource(ctx, f)
		if err != nil {
			return err
		}
		if len(args) == 0 || args[0] == "-" {
			err = a.exportToStdout(ctx, from, *since)
		} else {
			err = a.exportToFile(ctx, from, *since, args[0])
		}
		return errors.Join(err, from.close())
	}
	return cmd
}

// exportToStdout writes the chain as it comes.
func (a *app) exportToStdout(ctx context.Context, from exportSource, since string) error {
	stream, err := from.open(ctx, since)
	if err != nil {
		return err
	}
	_, err = io.Copy(a.stdout, stream)
	return errors.Join(err, stream.Close())
}

// An exported file is what export answers.
type exported struct {
	File   string    `json:"file"`
	Blocks uint64    `json:"blocks"` // written now
	Height uint64    `json:"height"` // of the last one
	Hash   core.Hash `json:"hash"`
	Bytes  int64     `json:"bytes"` // of the file
}

// exportToFile writes the chain to a new file, or continues an old one.
func (a *app) exportToFile(ctx context.Context, from exportSource, since, path string) error {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return usagef("%w", err)
	}
	to := &exportFile{file: f, path: path, since: since}
	to.height, _ = strconv.ParseUint(since, 10, 64) // 0 for a hash
	err = to.resume(ctx, from)
	if err == nil {
		err = a.extendFile(ctx, from, to)
	}
	var done exported
	if err == nil {
		done, err = to.finish()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		if to.end == 0 && errors.Is(missing, fs.ErrNotExist) { // an empty file would look like an export
			err = errors.Join(err, os.Remove(path))
		}
		return err
	}
	return a.print(done, func(t *text) {
		t.row("file", done.File)
		t.row("written", plural(done.Blocks, "block"))
		t.row("up to", fmt.Sprintf("block %d, %v", done.Height, done.Hash))
		t.row("size", plural(done.Bytes, "byte"))
	})
}

// extendFile writes what the file does not have yet. Whatever ends that early, whole lines stay.
func (a *app) extendFile(ctx context.Context, from exportSource, to *exportFile) error {
	top, err := from.tip(ctx)
	if err != nil {
		return err
	}
	stream, err := from.open(ctx, to.since)
	if err != nil {
		return err
	}
	defer stream.Close()
	lines := bufio.NewReaderSize(stream, 256<<10)
	if err := to.begin(lines); err != nil {
		return err
	}
	if to.since != "" && to.height == 0 {
		top = 0 // a bar for what begins nobody knows where would mislead
	}
	progress := a.newMeter(to.height)
	defer progress.end()
	begun := to.end
	return to.copy(lines, func() {
		progress.show(to.height+to.blocks, top, to.end-begun, plural(to.blocks, "block"))
	})
}

// An exportFile is a chain file that is being written.
type exportFile struct {
	file   *os.File
	path   string
	since  string // the block above which it goes on
	height uint64 // of that block, where it is known
	end    int64  // of the whole lines that are good
	blocks uint64 // written
}

// resume finds out where a file goes on that is there already: after its last block that is on the
// best chain.
func (e *exportFile) resume(ctx context.Context, from exportSource) error {
	info, err := e.file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return usagef("%s is not a file; use - for standard output", e.path)
	}
	if err != nil || info.Size() == 0 {
		return err
	}
	first, err := e.first(info.Size())
	if err != nil {
		return err
	}
	end, err := wholeLines(e.file, info.Size())
	if err != nil {
		return err
	}
	for {
		start, h, err := chainfile.LastLine(e.file, end)
		if err != nil {
			return usagef("%s is damaged at byte %d: %w; delete it or choose another name", e.path, end, err)
		}
		if e.end = end; start == 0 {
			break
		}
		hash := h.Hash()
		best, err := from.isBest(ctx, h.Height, hash)
		if err != nil {
			return err
		}
		if best {
			e.since, e.height = hash.String(), h.Height
			return nil
		}
		end = start
	}
	if first > 1 && e.since == "" {
		return usagef("no block of %s is on the best chain any more; choose another name", e.path)
	}
	return nil
}

// first returns the height of the first block after genesis, 0 where there is none. It must be the one
// that --since asks for.
func (e *exportFile) first(size int64) (uint64, error) {
	r, err := chainfile.NewReader(io.NewSectionReader(e.file, 0, size))
	if errors.Is(err, chainfile.ErrUnverified) {
		return 0, usagef("%s is something else than a chain file: %w; choose another name", e.path, err)
	}
	if err != nil {
		return 0, err
	}
	_, h, err := r.Next()
	if err == io.EOF || errors.Is(err, chainfile.ErrTruncated) {
		return 0, nil
	}
	if err != nil {
		return 0, usagef("%s is damaged: %w; delete it or choose another name", e.path, err)
	}
	if e.since != "" && e.since != fmt.Sprint(h.Height-1) && e.since != h.PreviousHash.String() {
		return 0, usagef("%s begins with block %d, not above --since %s: choose another name", e.path, h.Height, e.since)
	}
	return h.Height, nil
}

// wholeLines returns where the last whole line of a file ends.
func wholeLines(f io.ReaderAt, size int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for at := size; at > 0; {
		chunk = chunk[:min(int64(len(chunk)), at)]
		at -= int64(len(chunk))
		if _, err := f.ReadAt(chunk, at); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
	}
	return 0, nil
}

// begin reads the genesis line of a stream, which must be that of the file, and drops what the file has
// after its good lines.
func (e *exportFile) begin(lines *bufio.Reader) error {
	genesis, err := lines.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading the genesis block: %w", err)
	}
	if e.end > 0 {
		have := make([]byte, len(genesis))
		if _, err := e.file.ReadAt(have, 0); err != nil && err != io.EOF {
			return err
		}
		if !bytes.Equal(have, genesis) {
			return usagef("%s is of another network; choose another name", e.path)
		}
		return e.file.Truncate(e.end)
	}
	_, err = e.file.Write(genesis)
	e.end = int64(len(genesis))
	return err
}

// copy appends a stream of lines. After an error the file ends with a whole one.
func (e *exportFile) copy(lines *bufio.Reader, progress func()) error {
	chunk := make([]byte, 256<<10)
	at := e.end
	for {
		n, err := lines.Read(chunk)
		if n > 0 {
			if _, err := e.file.WriteAt(chunk[:n], at); err != nil {
				return errors.Join(err, e.file.Truncate(e.end))
			}
			e.blocks += uint64(bytes.Count(chunk[:n], []byte("\n")))
			if i := bytes.LastIndexByte(chunk[:n], '\n'); i >= 0 {
				e.end = at + int64(i) + 1
			}
			at += int64(n)
			progress()
		}
		if err == io.EOF && at == e.end {
			return nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return errors.Join(err, e.file.Truncate(e.end))
		}
	}
}

// finish makes the file durable and describes it.
func (e *exportFile) finish() (exported, error) {
	if err := e.file.Sync(); err != nil {
		return exported{}, err
	}
	_, h, err := chainfile.LastLine(e.file, e.end)
	return exported{e.path, e.blocks, h.Height, h.Hash(), e.end}, err
}
