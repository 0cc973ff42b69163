package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/core/chainfile"
	"p2pchain/core/store"
)

// runningImporter returns a client of the node that is to take in a file while it runs: the one that the
// flags name, or that runs in the data directory. It is nil where none does.
func (a *app) runningImporter(ctx context.Context, f *clientFlags) (*client.Client, error) {
	c, err := a.connect(ctx, f)
	if a.isStopped(f, err) {
		return nil, nil
	}
	return c, err
}

// importInto hands a file to a running node, which checks it while it arrives.
func (a *app) importInto(ctx context.Context, c *client.Client, path string) error {
	in, err := a.openPlainFile(ctx, path)
	if err != nil {
		return err
	}
	defer in.Close()
	progress := a.newMeter(0)
	last, err := c.Import(ctx, in, func(now client.ImportResult) {
		progress.show(uint64(now.Bytes), in.size, now.Bytes, plural(now.Blocks+now.Known, "block")+", "+plural(now.Messages, "message"))
	})
	progress.end()
	if last.Status == "" { // it never began
		if err = importFailure(err); errors.Is(err, chainfile.ErrUnverified) {
			err = &nothingTaken{err}
		}
		return err
	}
	done := imported{File: path, Imported: node.Imported(last.Imported), Height: last.Height, Hash: last.Hash}
	return errors.Join(importFailure(err), a.printImported(done))
}

// A nothingTaken error is one of a file of which the node took nothing.
type nothingTaken struct{ error }

func (e *nothingTaken) Unwrap() error { return e.error }

// openPlainFile opens a file, or standard input, and looks at nothing in it.
func (a *app) openPlainFile(ctx context.Context, path string) (*chainInput, error) {
	if path == "-" {
		return &chainInput{Reader: a.input(ctx), file: io.NopCloser(nil)}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("%w", err)
	}
	in := &chainInput{Reader: f, file: f}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return nil, errors.Join(usagef("%s is a folder, and no chain file", path), f.Close())
	}
	if err == nil && info.Mode().IsRegular() {
		in.size = uint64(info.Size())
	}
	return in, nil
}

// importFailure gives what is wrong with a file the exit code that it has where no node runs.
func importFailure(err error) error {
	answer, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	switch answer.Code {
	case "bad_chain_file", "chain_file_begins_above", "chain_file_parts_too_deep":
		return fmt.Errorf("%w: %s", chainfile.ErrUnverified, answer.Detail)
	case "other_network":
		return fmt.Errorf("%w: %s", store.ErrOtherNetwork, answer.Detail)
	}
	return err
}
