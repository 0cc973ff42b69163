package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
)

// restore opens the file and cuts it to its longest prefix of whole lines of the best chain. Afresh
// means that no state is trusted.
func (j *Job) restore(ctx context.Context, afresh bool) error {
	f, err := j.cfg.disk.Open(j.path)
	if err != nil {
		return err
	}
	j.file = f
	if err := j.restoreOpen(ctx, afresh); err != nil {
		j.forget()
		return err
	}
	return nil
}

func (j *Job) restoreOpen(ctx context.Context, afresh bool) error {
	size, err := j.file.Size()
	if err != nil {
		return err
	}
	j.saved = state{}
	known, stated := readState(j.cfg.disk, j.path+".state")
	ours, err := j.beginsWithGenesis(size)
	if err != nil {
		return err
	}
	if !ours {
		return j.begin(size)
	}
	if !stated || afresh || !j.resume(&known.End, &known.Settled) {
		if err := j.resumeAtGenesis(); err != nil {
			return err
		}
	}
	if err := j.compare(ctx, size); err != nil {
		return err
	}
	if j.end.Size == size {
		return nil
	}
	return j.cut(size, stated && j.end.Height >= known.SettledHeight)
}

// beginsWithGenesis reports whether the first line is that of our network.
func (j *Job) beginsWithGenesis(size int64) (bool, error) {
	if size < int64(len(j.genesis)) {
		return false, nil
	}
	first := make([]byte, len(j.genesis))
	_, err := j.file.ReadAt(first, 0)
	return bytes.Equal(first, j.genesis), err
}

// begin starts a new file. One with something else in it is kept under another name, unless it is
// what a kill, or a power cut with its zeros, left of our own first line.
func (j *Job) begin(size int64) error {
	first := make([]byte, min(size, int64(len(j.genesis))))
	if _, err := j.file.ReadAt(first, 0); err != nil && err != io.EOF {
		return err
	}
	if !bytes.HasPrefix(j.genesis, bytes.TrimRight(first, "\x00")) {
		if err := j.setAside(); err != nil {
			return err
		}
	}
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(j.genesis, 0); err != nil {
		return err
	}
	return j.resumeAtGenesis()
}

// resumeAtGenesis goes on after the first line.
func (j *Job) resumeAtGenesis() error {
	j.sum = sha256.New()
	j.sum.Write(j.genesis)
	j.end = mark{Size: int64(len(j.genesis)), Hash: j.network.Genesis}
	err := j.end.keepSum(j.sum)
	j.settled = j.end
	return err
}

// resume goes on at the first of the marks that the file has and whose block is on the best chain.
func (j *Job) resume(marks ...*mark) bool {
	for _, m := range marks {
		sum := m.sum()
		if sum == nil || m.Size < int64(len(j.genesis)) || !j.connected(m) || !m.isIn(j.file) {
			continue
		}
		j.end, j.sum = *m, sum
		j.settled = *marks[len(marks)-1]
		if !j.connected(&j.settled) || j.settled.Size > m.Size {
			j.settled = *m
		}
		return true
	}
	return false
}

// compare reads on from the end of what is known to be good, as long as every line is what the chain
// would write. Whatever differs was damaged, or written before a message was erased, or is of
// another branch.
func (j *Job) compare(ctx context.Context, size int64) error {
	rest := bufio.NewReaderSize(io.NewSectionReader(j.file, j.end.Size, size-j.end.Size), 256<<10)
	var want []byte
	got := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := rest.Peek(1); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		b, err := j.next(true)
		if err != nil || b == nil {
			return err
		}
		want = chainfile.AppendBlock(want[:0], b)
		same, err := readSame(rest, want, got)
		if err != nil || !same {
			return err
		}
		j.sum.Write(want)
		j.end = mark{Size: j.end.Size + int64(len(want)), Height: b.Header.Height, Hash: b.Header.Hash()}
	}
}

// readSame reports whether the next bytes are the wanted ones.
func readSame(r io.Reader, want, scratch []byte) (bool, error) {
	for len(want) > 0 {
		piece := scratch[:min(len(scratch), len(want))]
		_, err := io.ReadFull(r, piece)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !bytes.Equal(piece, want[:len(piece)]) {
			return false, nil
		}
		want = want[len(piece):]
	}
	return true, nil
}

// cut drops what follows the lines of the best chain. Blocks that were settled when they were written,
// and are not on it any more, are kept in a file of their own; those of the last few minutes of an
// earlier run are not, since the chain has them as a side branch at most.
func (j *Job) cut(size int64, onlyUnsettled bool) error {
	end, err := wholeLines(j.file, j.end.Size, size)
	if err != nil {
		return err
	}
	off, err := j.leftChain(end)
	if err != nil {
		return err
	}
	if off && !onlyUnsettled {
		if j.end.Height == 0 { // all of it: a new name needs no space
			return j.startAnew(end)
		}
		if err := j.keepAside(end); err != nil {
			return err
		}
	}
	j.cfg.Log.Info("chain file cut to the best chain", "path", j.path, "height", j.end.Height, "bytes", size-j.end.Size)
	return j.file.Truncate(j.end.Size)
}

// startAnew keeps the whole lines of the file under another name, and begins a new one.
func (j *Job) startAnew(end int64) error {
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	if err := j.setAside(); err != nil {
		return err
	}
	return j.begin(0)
}

// wholeLines returns where the last whole line of the file ends, at least from.
func wholeLines(f file, from, size int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for at := size; at > from; {
		chunk = chunk[:min(int64(len(chunk)), at-from)]
		at -= int64(len(chunk))
		if _, err := f.ReadAt(chunk, at); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
	}
	return from, nil
}

// leftChain reports whether the lines from the end of the good ones up to end are of blocks that are
// not on the best chain. Others need not be kept: the chain has them as they should be.
func (j *Job) leftChain(end int64) (bool, error) {
	if end == j.end.Size {
		return false, nil
	}
	_, h, err := chainfile.LastLine(j.file, end)
	if errors.Is(err, core.ErrMalformed) {
		return true, nil // what is it? whoever wonders finds it there
	}
	if err != nil {
		return false, err
	}
	at, err := j.chain.HashAt(h.Height)
	if errors.Is(err, chain.ErrNotFound) {
		return true, nil
	}
	return at != h.Hash(), err
}

// keepAside copies the lines from the end of the good ones up to end into a chain file of their own.
func (j *Job) keepAside(end int64) error {
	path := j.asidePath()
	temporary := filepath.Join(j.cfg.Dir, "."+j.network.Params.Name+".aside.new")
	f, err := j.cfg.disk.Create(temporary)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(j.genesis, 0)
	if err == nil {
		lines := io.NewSectionReader(j.file, j.end.Size, end-j.end.Size)
		_, err = io.Copy(io.NewOffsetWriter(f, int64(len(j.genesis))), lines)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keeping blocks of another branch: %w", err)
	}
	if err := j.cfg.disk.Rename(temporary, path); err != nil {
		return err
	}
	j.cfg.Log.Warn("settled blocks left the best chain, they are kept", "path", path)
	return nil
}

// setAside renames the whole file, and opens a new one.
func (j *Job) setAside() error {
	path := j.asidePath()
	j.forget()
	if err := j.cfg.disk.Rename(j.path, path); err != nil {
		return err
	}
	j.cfg.Log.Warn("the chain file was not of this chain, it is kept", "path", path)
	f, err := j.cfg.disk.Open(j.path)
	if err == nil {
		j.file = f
	}
	return err
}

// asidePath returns a name that no file has.
func (j *Job) asidePath() string {
	base := j.path[:len(j.path)-len(".chain")] + j.cfg.Now().Format("_2006-01-02_150405")
	path := base + ".chain"
	for n := 2; j.cfg.disk.Exists(path); n++ {
		path = fmt.Sprintf("%s-%d.chain", base, n)
	}
	return path
}
