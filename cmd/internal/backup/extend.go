package backup

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
)

const (
	// settledDepth is how many blocks are on top of one that is settled whatever its age.
	settledDepth = 6
	// saveEvery is after how many bytes the state is saved during a long pass: what a kill leaves
	// to be compared is not more.
	saveEvery = 8 << 20
)

func genesisLine(n *core.Network) []byte { return chainfile.AppendGenesis(nil, n) }

// extend appends the lines of new blocks and saves the state.
func (j *Job) extend(ctx context.Context, all bool) error {
	for more := true; more; {
		var err error
		if more, err = j.append(ctx, all); err != nil {
			return err
		}
		if err := j.save(); err != nil {
			return err
		}
	}
	return nil
}

// append appends lines of up to about saveEvery bytes, and reports whether there are more to append.
func (j *Job) append(ctx context.Context, all bool) (more bool, err error) {
	out := &tail{file: j.file, at: j.end.Size, sum: j.sum}
	buf := bufio.NewWriterSize(out, 256<<10)
	lines := chainfile.NewWriter(buf)
	for out.at+int64(buf.Buffered()) < j.end.Size+saveEvery {
		b, err := j.next(all)
		if err != nil {
			return false, err
		}
		if more = b != nil && ctx.Err() == nil; !more {
			break
		}
		if err := lines.Block(b); err != nil {
			return false, err
		}
		j.end.Height, j.end.Hash = b.Header.Height, b.Header.Hash()
	}
	err = buf.Flush()
	j.end.Size = out.at
	return more, err
}

// next returns the block for the next line, nil where there is none, or where a reorg has just
// happened: then the next pass sees to it.
func (j *Job) next(all bool) (*core.Block, error) {
	height := j.end.Height + 1
	hash, err := j.chain.HashAt(height)
	if errors.Is(err, chain.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !all && !j.isSettled(height, hash) {
		return nil, nil
	}
	b, err := j.chain.Block(hash)
	if err != nil {
		return nil, fmt.Errorf("reading block %d: %w", height, err)
	}
	if b.Header.PreviousHash != j.end.Hash {
		return nil, nil
	}
	return b, nil
}

// isSettled asks the chain only where the depth does not tell: that takes its lock.
func (j *Job) isSettled(height uint64, hash core.Hash) bool {
	return height+settledDepth <= j.chain.Tip().Header.Height || j.chain.Settled(hash)
}

// save makes all that was written durable, and then writes down where it ends.
func (j *Job) save() error {
	if err := j.end.keepSum(j.sum); err != nil {
		return err
	}
	if j.end.Size != j.settled.Size && j.connected(&j.end) && j.isSettled(j.end.Height, j.end.Hash) {
		j.settled = j.end
	}
	settledHeight := j.settledHeight()
	if j.saved.End.Size == j.end.Size && j.saved.Settled.Size == j.settled.Size && j.saved.SettledHeight == settledHeight {
		return nil
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	s := state{j.end, j.settled, settledHeight}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	// The order matters: after a kill between the two, the state is right and the hash is of fewer
	// lines, until the next pass.
	if err := replace(j.cfg.disk, j.path+".state", append(text, '\n')); err != nil {
		return err
	}
	digits := hex.AppendEncode(nil, j.sum.Sum(nil))
	if err := replace(j.cfg.disk, j.hashPath(), append(digits, '\n')); err != nil {
		return err
	}
	j.saved = s
	return nil
}

// settledHeight returns the height of the last block in the file that is settled.
func (j *Job) settledHeight() uint64 {
	height := j.settled.Height
	if tip := j.chain.Tip().Header.Height; tip >= settledDepth {
		height = max(height, min(j.end.Height, tip-settledDepth))
	}
	for height < j.end.Height {
		hash, err := j.chain.HashAt(height + 1)
		if err != nil || !j.isSettled(height+1, hash) {
			break
		}
		height++
	}
	return height
}

func (j *Job) hashPath() string { return j.path[:len(j.path)-len(".chain")] + ".hash" }

// A tail appends to a file and to a hash.
type tail struct {
	file file
	at   int64
	sum  hash.Hash
}

func (t *tail) Write(b []byte) (int, error) {
	n, err := t.file.WriteAt(b, t.at)
	t.at += int64(n)
	t.sum.Write(b[:n])
	return n, err
}
