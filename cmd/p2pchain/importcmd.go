package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// importCommand is "import".
func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import FILE|-",
		Short:   "Take in the blocks of a chain file, checking all of them",
		GroupID: groupTools,
		Long: `Reads a chain file, as export writes it and nodes keep it, plain or with gzip, and takes
its blocks into the data folder, which may be new, or into the node that runs there.
Every rule of the chain is checked, signatures included. The file says which network it
is of.

Blocks that are there already are left alone, so an import that was interrupted can
simply be repeated. A line that is damaged or breaks a rule ends it with exit code 17;
everything before it is kept. Where the chain in the data folder has more work, it
stays the best one, and the messages of the file wait for a block of it.`,
		Example: `  p2pchain import chain.jsonl
  p2pchain import stick.jsonl --name two
  ssh host p2pchain export | p2pchain import - --data-dir copy`,
		Args: takes(1, 1),
	}
	f := addClientFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		c, err := a.runningImporter(ctx, f)
		if err != nil {
			return err
		}
		if c == nil {
			return a.importFile(ctx, args[0])
		}
		defer c.Close()
		return a.importInto(ctx, c, args[0])
	}
	return cmd
}

// imported is what import answers.
type imported struct {
	File string `json:"file"`
	node.Imported
	Height uint64    `json:"height"` // of the best chain
	Hash   core.Hash `json:"hash"`
}

// importFile takes a file into the data directory, and says what came of it even if that ended early.
func (a *app) importFile(ctx context.Context, path string) error {
	in, err := a.openChainFile(ctx, path)
	if err != nil {
		return err
	}
	defer in.Close()
	cfg, err := a.stoppedConfig()
	if err != nil {
		return err
	}
	cfg.Network = in.lines.Network()
	s, err := node.OpenStopped(ctx, cfg)
	if err != nil {
		return err
	}
	progress := a.newMeter(0)
	order := node.Import{File: in.lines, Progress: func(done node.Imported) {
		read := in.read.Load()
		progress.show(uint64(read), in.size, read, plural(done.Blocks+done.Known, "block")+", "+plural(done.Messages, "message"))
	}}
	if path != "-" {
		order.Again = func() (*chainfile.Reader, io.Closer, error) {
			again, err := a.openChainFile(ctx, path)
			if err != nil {
				return nil, nil, err
			}
			return again.lines, again, nil
		}
	}
	done := imported{File: path}
	done.Imported, err = s.Import(ctx, order)
	progress.end()
	done.Height, done.Hash = s.Tip()
	return errors.Join(err, a.printImported(done), s.Close())
}

func (a *app) printImported(done imported) error {
	return a.print(done, func(t *text) {
		t.row("imported", plural(done.Blocks, "block")+" with "+plural(done.Messages, "message"))
		if done.Known > 0 {
			t.row("known", plural(done.Known, "block"))
		}
		if done.Waiting > 0 {
			t.row("waiting", plural(done.Waiting, "message")+" of a branch with less work")
		}
		t.row("tip", fmt.Sprintf("block %d, %v", done.Height, done.Hash))
	})
}

// A chainInput is a chain file that is being read.
type chainInput struct {
	io.Reader
	file  io.Closer
	size  uint64 // 0 where it is not known
	read  atomic.Int64
	lines *chainfile.Reader
}

// openChainFile opens a chain file, or standard input, and reads its first line. A file that gzip made
// is unpacked on the way.
func (a *app) openChainFile(ctx context.Context, path string) (*chainInput, error) {
	in, err := a.openPlainFile(ctx, path)
	if err != nil {
		return nil, err
	}
	text, err := unpacked(in)
	if err == nil {
		in.lines, err = chainfile.NewReader(text)
	}
	if err != nil && in.read.Load() == 0 && errors.Is(err, chainfile.ErrTruncated) {
		err = &emptyFile{path, err}
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// An emptyFile is where a chain should be; to errors.Is it is what the reader made of it.
type emptyFile struct {
	path  string
	cause error
}

func (e *emptyFile) Error() string {
	if e.path == "-" {
		return "standard input is empty: there is no chain in it"
	}
	return e.path + " is empty: there is no chain in it"
}

func (e *emptyFile) Unwrap() error { return e.cause }

// Read counts what it reads.
func (c *chainInput) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func (c *chainInput) Close() error { return c.file.Close() }

// unpacked returns what a reader holds, as it is or as gzip packed it.
func unpacked(r io.Reader) (io.Reader, error) {
	buf := bufio.NewReaderSize(r, 256<<10)
	magic, err := buf.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return buf, nil // what is too short for that is too short for the reader of lines, too
	}
	z, err := gzip.NewReader(buf)
	return gzipped{z}, err
}

// A gzipped reader takes whatever is wrong for damage of the file.
type gzipped struct{ *gzip.Reader }

func (g gzipped) Read(b []byte) (int, error) {
	n, err := g.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", chainfile.ErrUnverified, err)
	}
	return n, err
}
