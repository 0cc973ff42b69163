package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// Gone says which messages of a block at a height must not have their bodies in a chain file any more.
type Gone func(height uint64, ids []core.Hash) ([]bool, error)

// Rewrite takes bodies out of the chain files in the folder of a job: out of the current one and of those
// that reorgs left. It returns when all of them are as they should be, and durable; a file without such a
// body is only read. A crash leaves each file as it was or as it should be. While the job runs, its Run does
// the work between two passes.
func (j *Job) Rewrite(ctx context.Context, gone Gone) error {
	r := rewriting{ctx, gone, make(chan error, 1)}
	select {
	case j.rewritings <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A rewriting is one call of Rewrite.
type rewriting struct {
	ctx  context.Context // of the caller, who waits
	gone Gone
	done chan error
}

// rewrite does what Rewrite asks for.
func (j *Job) rewrite(r rewriting) {
	j.forget()
	r.done <- RewriteFiles(r.ctx, j.network, j.cfg, r.gone)
}

// RewriteFiles is Rewrite for a folder without a job.
func RewriteFiles(ctx context.Context, n *core.Network, cfg Config, gone Gone) error {
	if cfg.disk == nil {
		cfg.disk = osDisk{}
	}
	names, err := cfg.disk.List(cfg.Dir)
	if err != nil {
		return fmt.Errorf("looking for chain files: %w", err)
	}
	slices.Sort(names)
	w := &rewriter{ctx: ctx, network: n, disk: cfg.disk, dir: cfg.Dir, log: cfg.Log, gone: gone}
	name := n.Params.Name
	for _, base := range names {
		path := filepath.Join(cfg.Dir, base)
		switch {
		case base == "."+name+".aside.new", strings.HasPrefix(base, "."+name) && strings.HasSuffix(base, ".chain.new"):
			err = cfg.disk.Remove(path) // a kill left it
		case base == name+".chain":
			err = w.file(path, w.current)
		case strings.HasPrefix(base, name+"_") && strings.HasSuffix(base, ".chain"):
			err = w.file(path, w.aside)
		}
		if err != nil {
			return fmt.Errorf("taking bodies out of %s: %w", path, err)
		}
	}
	return nil
}

// A rewriter writes files anew without some bodies.
type rewriter struct {
	ctx     context.Context // ends with the call that made it
	network *core.Network
	disk    disk
	dir     string
	log     *slog.Logger
	gone    Gone
}

// file writes a file anew if it has a body that it must not have.
func (w *rewriter) file(path string, replace func(path string, f file) error) error {
	f, err := w.disk.Open(path)
	if err != nil {
		return err
	}
	has, err := w.has(f)
	if err == nil && has {
		err = replace(path, f)
	}
	return errors.Join(err, f.Close())
}

// lines calls f with every whole line of a file of our network after the first, until it stops being one.
func (w *rewriter) lines(f file, each func(l chainfile.Line, h *core.Header) error) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	lines, err := chainfile.NewReader(io.NewSectionReader(f, 0, size))
	if errors.Is(err, chainfile.ErrUnverified) {
		return nil
	}
	if err != nil || lines.Network().Genesis != w.network.Genesis {
		return err
	}
	for {
		l, h, err := lines.Next()
		if err == io.EOF || errors.Is(err, chainfile.ErrUnverified) {
			return nil
		}
		if err == nil {
			err = errors.Join(each(l, &h), w.ctx.Err())
		}
		if err != nil {
			return err
		}
	}
}

// has reports whether a file has a body that it must not have.
func (w *rewriter) has(f file) (has bool, err error) {
	err = w.lines(f, func(l chainfile.Line, h *core.Header) error {
		out, err := w.without(l, h)
		if err == nil && out != nil {
			has = true
			return io.EOF
		}
		return err
	})
	if has {
		err = nil
	}
	return has, err
}

// without returns a line without the bodies that it must not have, nil if it has none of them.
func (w *rewriter) without(l chainfile.Line, h *core.Header) (chainfile.Line, error) {
	ids := l.IDs()
	if len(ids) == 0 {
		return nil, nil
	}
	gone, err := w.gone(h.Height, ids)
	if err != nil || !slices.Contains(gone, true) {
		return nil, err
	}
	b, err := l.Block(w.network)
	if err != nil || len(b.Messages) != len(gone) {
		return nil, fmt.Errorf("the line of block %d cannot be read: %w", h.Height, errors.Join(core.ErrMalformed, err))
	}
	changed := false
	for i, m := range b.Messages {
		if gone[i] && m.Body != nil {
			m.Body, changed = nil, true
		}
	}
	if !changed {
		return nil, nil
	}
	return chainfile.AppendBlock(nil, b), nil
}

// copyTo writes the lines of a file into another one, without bodies that they must not have, and calls
// after with each and where it ends. What follows the last whole line of the chain is left out.
func (w *rewriter) copyTo(out io.Writer, f file, after func(h *core.Header, end int64) error) error {
	first := chainfile.AppendGenesis(nil, w.network)
	if _, err := out.Write(first); err != nil {
		return err
	}
	end := int64(len(first))
	return w.lines(f, func(l chainfile.Line, h *core.Header) error {
		other, err := w.without(l, h)
		if err != nil {
			return err
		}
		if other != nil {
			l = other
		}
		if _, err := out.Write(l); err != nil {
			return err
		}
		end += int64(len(l))
		return after(h, end)
	})
}

// write makes a new file and puts it in the place of the old one, with the folder synced: the old one must
// not come back.
func (w *rewriter) write(path string, old file, sum io.Writer, after func(h *core.Header, end int64) error) error {
	temporary := filepath.Join(w.dir, "."+filepath.Base(path)+".new")
	f, err := w.disk.Create(temporary)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), 256<<10)
	err = w.copyTo(io.MultiWriter(buf, sum), old, after)
	if err = errors.Join(err, buf.Flush(), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, w.disk.Remove(temporary))
	}
	if err := w.disk.Rename(temporary, path); err != nil {
		return err
	}
	w.log.Info("chain file written anew without erased payloads", "path", path)
	return w.disk.SyncDir(w.dir)
}

// aside replaces a file that a reorg left.
func (w *rewriter) aside(path string, old file) error {
	return w.write(path, old, io.Discard, func(*core.Header, int64) error { return nil })
}

// current replaces the file of the best chain, with state and hash. The state goes first: while there is
// none, the whole file is compared with the chain, which finds it as it is.
func (w *rewriter) current(path string, old file) error {
	known, stated := readState(w.disk, path+".state")
	if err := w.disk.Remove(path + ".state"); err != nil {
		return err
	}
	sum := sha256.New()
	var s state
	err := w.write(path, old, sum, func(h *core.Header, end int64) error {
		s.End = mark{Size: end, Height: h.Height, Hash: h.Hash()}
		if h.Height != known.Settled.Height {
			return nil
		}
		s.Settled = s.End
		return s.Settled.keepSum(sum)
	})
	if err != nil {
		return err
	}
	if stated && s.End.Hash == known.End.Hash && s.Settled.Hash == known.Settled.Hash {
		if err := s.End.keepSum(sum); err != nil {
			return err
		}
		s.SettledHeight = known.SettledHeight
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := replace(w.disk, path+".state", append(text, '\n')); err != nil {
			return err
		}
	}
	return replace(w.disk, strings.TrimSuffix(path, ".chain")+".hash", append(hex.AppendEncode(nil, sum.Sum(nil)), '\n'))
}
