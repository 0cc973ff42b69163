package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

const (
	// A batch of blocks is checked and stored at once. Two of them stay within the 1,024 headers that
	// a chain with the classic proof of work lets a branch be ahead.
	batchBlocks   = 256
	batchMessages = 8192
	batchBytes    = 4 << 20
)

// An Import is what to take into a chain.
type Import struct {
	File *chainfile.Reader
	// Again opens the file once more, which a branch needs that parts from ours far below the tip:
	// how much work it has is seen at its end. Nil where the file can be read only once.
	Again func() (*chainfile.Reader, io.Closer, error)
	// Progress, if set, is called now and then from one goroutine.
	Progress func(Imported)

	batchBlocks int // 0: batchBlocks
}

// Imported says what an import has done.
type Imported struct {
	Blocks   int `json:"blocks"`   // new here
	Messages int `json:"messages"` // in them
	Known    int `json:"known"`    // blocks that were here before
	// Waiting are messages of blocks that are not on the best chain, which wait for a block now.
	Waiting int `json:"waiting"`
}

// Import takes the blocks of a chain file in, and holds them to every rule, signatures included. Blocks
// that are here already are left alone, so that an import that ended early goes on where it was.
// Where the chain here has more work, the messages of the file wait for a block of it.
//
// A *chainfile.LineError says which line is damaged, breaks a rule, or cannot be judged; all before it
// is kept. Any other error is our own fault, as a full disk is.
func (s *Stopped) Import(ctx context.Context, in Import) (Imported, error) {
	return s.node.takeIn(ctx, in)
}

// takeIn is Import, which a node that runs does, too: what comes from a file is to the chain like
// what comes from a peer.
func (n *Node) takeIn(ctx context.Context, in Import) (Imported, error) {
	im := &importer{Import: in, node: n}
	if im.batchBlocks == 0 {
		im.batchBlocks = batchBlocks
	}
	decoded := make(chan batch, 1)
	checked := make(chan batch, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(decoded); return im.decode(ctx, decoded) })
	g.Go(func() error { defer close(checked); return im.check(ctx, decoded, checked) })
	g.Go(func() error { return im.store(ctx, checked) })
	err := g.Wait()
	if err == nil {
		err = im.failed
	}
	if err == nil || errors.Is(err, chainfile.ErrUnverified) {
		if stranded := im.recover(); err == nil {
			err = stranded
		}
	}
	return im.done, err
}

// A batch is a part of the file on its way into the chain.
type batch struct {
	blocks   []*core.Block
	lines    []int     // of the blocks
	known    int       // lines of blocks that were here already
	last     core.Hash // the last one of those
	messages int
	bytes    int
}

// An importer is one call of Import.
type importer struct {
	Import
	node *Node
	done Imported

	failed error     // what ended the file early; set before decoded is closed
	end    core.Hash // the last block that was stored, or was here before
	light  bool      // the branch has too little work to be stored
	proven core.Work // what the branch has at its end, where that had to be looked up
}

// decode reads the file. What is wrong with it waits in failed until everything before is stored.
func (im *importer) decode(ctx context.Context, out chan<- batch) error {
	var b batch
	send := func() error {
		select {
		case out <- b:
			b = batch{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		line, h, err := im.File.Next()
		if err == io.EOF {
			return send()
		}
		if err == nil {
			err = im.take(&b, line, &h)
		}
		if err != nil {
			im.failed = err
			return send()
		}
		if len(b.blocks)+b.known >= im.batchBlocks || b.messages >= batchMessages || b.bytes >= batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// take adds a line to a batch.
func (im *importer) take(b *batch, line chainfile.Line, h *core.Header) error {
	if len(b.blocks) == 0 { // else one may have become known while we read, which AddBlocks sorts out
		hash := h.Hash()
		if state := im.node.chain.State(hash); state == chain.Connected || state == chain.SideBlock {
			b.known, b.last = b.known+1, hash
			return nil
		}
	}
	block, err := line.Block(im.File.Network())
	if err != nil {
		return &chainfile.LineError{Line: im.File.Line(), Err: err}
	}
	b.blocks, b.lines = append(b.blocks, block), append(b.lines, im.File.Line())
	b.messages += len(block.Messages)
	b.bytes += block.Size()
	return nil
}

// check looks at signatures, of many blocks at once: one by one they take twice the time. Where one is
// bad nothing is remembered, and the chain finds out which.
func (im *importer) check(ctx context.Context, in <-chan batch, out chan<- batch) error {
	for b := range in {
		var msgs []*core.Message
		for _, block := range b.blocks {
			msgs = append(msgs, block.Messages...)
		}
		if err := consensus.CheckSignatures(msgs); err == nil {
			im.node.verified.Add(msgs...)
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// store hands blocks to the chain, one batch behind their headers: a block that lacks an erased body
// is taken only with blocks on top of it.
func (im *importer) store(ctx context.Context, in <-chan batch) error {
	var before batch
	for b := range in {
		if err := im.announce(ctx, &b); err != nil {
			return err
		}
		if err := im.add(&before); err != nil {
			return err
		}
		before = b
		if im.Progress != nil {
			im.Progress(im.done)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return im.add(&before)
}

// announce hands the headers of a batch to the chain. What is wrong with them is found again when
// their blocks are added, after those before. Where a branch is so far below the tip that the chain
// wants to know first how much work it has, that is looked up.
func (im *importer) announce(ctx context.Context, b *batch) error {
	if len(b.blocks) == 0 || im.light {
		return nil
	}
	headers := make([]core.Header, len(b.blocks))
	for i, block := range b.blocks {
		headers[i] = block.Header
	}
	_, err := im.node.chain.AddHeaders(headers, im.proven)
	if !errors.Is(err, chain.ErrLowWork) || im.Again == nil || im.proven != (core.Work{}) {
		return nil
	}
	if err := im.prove(ctx, &headers[0]); err != nil {
		return fmt.Errorf("looking up the work of a branch: %w", err)
	}
	_, _ = im.node.chain.AddHeaders(headers, im.proven)
	return nil
}

// prove reads the headers from a block to the end of the file, for the work of the whole branch.
func (im *importer) prove(ctx context.Context, first *core.Header) error {
	file, closer, err := im.Again()
	if err != nil {
		return err
	}
	defer closer.Close()
	probe, err := im.node.chain.Probe(first.PreviousHash)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		_, h, err := file.Next()
		if err != nil { // the end, or damage: what is before it counts
			break
		}
		if h.Height < first.Height {
			continue
		}
		if err := probe.Add([]core.Header{h}); err != nil {
			break
		}
	}
	im.proven = probe.End().Header.Work
	im.light = !probe.Enough()
	return ctx.Err()
}

// add stores a batch whose headers are known.
func (im *importer) add(b *batch) error {
	im.done.Known += b.known
	if b.known > 0 {
		im.end = b.last
	}
	if len(b.blocks) == 0 {
		return nil
	}
	if im.light {
		at, err := im.wait(b.blocks...)
		if consensus.ClassOf(err) == consensus.Broken {
			return im.refused(b.lines[at], err)
		}
		return err
	}
	n, err := im.node.chain.AddBlocks(b.blocks)
	im.done.Blocks += n
	for _, block := range b.blocks[:n] {
		im.done.Messages += len(block.Messages)
	}
	if n > 0 {
		im.end = b.blocks[n-1].Header.Hash()
	}
	if err != nil && n < len(b.lines) {
		return im.refused(b.lines[n], err)
	}
	return err
}

// What a file may lack although no line of it is wrong; errors of Import wrap them.
var (
	// ErrFileBeginsAbove means that the file begins above what is stored.
	ErrFileBeginsAbove = consensus.ErrParentUnknown
	// ErrFileReadOnce means that the file must be read twice, which a stream cannot.
	ErrFileReadOnce = chain.ErrLowWork
)

// refused makes an error of the chain one of a line, unless the fault is ours.
func (im *importer) refused(line int, err error) error {
	switch {
	case consensus.ClassOf(err) == consensus.Fault:
		return err
	case errors.Is(err, ErrFileBeginsAbove):
		err = fmt.Errorf("%w: the file begins above what is stored here; one that reaches further down is needed", err)
	case errors.Is(err, ErrFileReadOnce):
		err = fmt.Errorf("%w: it parts from the chain here far below the tip; import it from a file, which can be read twice", err)
	}
	return &chainfile.LineError{Line: line, Err: err}
}

// recover lets the messages wait of blocks that were stored and are not on the best chain: it has more
// work than the branch of the file, and no message shall be lost with that.
func (im *importer) recover() error {
	var side []core.Hash
	for hash := im.end; im.node.chain.State(hash) == chain.SideBlock; {
		h, err := im.node.chain.Header(hash)
		if err != nil {
			return err
		}
		side = append(side, hash)
		hash = h.PreviousHash
	}
	for _, hash := range slices.Backward(side) {
		b, err := im.node.chain.Block(hash)
		if err != nil {
			return err
		}
		if _, err := im.wait(b); err != nil {
			return err
		}
	}
	return nil
}

// wait lets the messages of blocks wait for a block, those that are not known and have their bodies. An
// error is of a message in the block at an index.
func (im *importer) wait(blocks ...*core.Block) (at int, err error) {
	var msgs []*core.Message
	var of []int
	for i, b := range blocks {
		msgs = append(msgs, b.Messages...)
		of = append(of, slices.Repeat([]int{i}, len(b.Messages))...)
	}
	for i, err := range im.node.pool.Add(msgs, mempool.Origin{}) {
		switch {
		case err == nil:
			im.done.Waiting++
		case errors.Is(err, mempool.ErrKnown), errors.Is(err, consensus.ErrBodyMissing):
		default:
			return of[i], fmt.Errorf("message %v: %w", msgs[i].ID, err)
		}
	}
	return 0, nil
}
