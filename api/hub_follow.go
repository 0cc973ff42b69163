package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

const (
	eventPage   = 1000    // waiting messages read in one go, and events told at once
	updatePage  = 64      // blocks of an update
	mostBehind  = 1000    // blocks; whoever is further behind starts anew
	mostPages   = 40      // of waiting messages, read for a client that comes back
	mostTries   = 4       // looks at a chain that moves all the time
	mostHashes  = 1000    // of reverted blocks in an event
	mostPayload = 1 << 10 // bytes of a payload in an event
)

var (
	// errTooFar means that too much happened to tell of all of it.
	errTooFar = errors.New("too much happened meanwhile")
	// errMoved means that the chain went another way than to where the waiting messages were read.
	errMoved = errors.New("the chain moved meanwhile")
)

// A follower knows how far the log tells of the chain and of what waits. Each step reads the waiting
// messages and the tip of one moment, and tells the way there from the moment before.
//
// A message is told of when it is first seen: waiting or, where that was over before anybody looked, in
// its block. Which of the two it is say told and back: an id that is in neither is new.
type follower struct {
	started bool
	behind  bool // something is left to read
	at      core.Hash
	seq     uint64               // of the waiting message that was read last
	told    map[shortID]struct{} // what waits, as far as the log tells
	back    map[shortID]struct{} // messages of reverted blocks that were not seen again yet
}

// waiting returns how many messages wait, as far as the log tells: those that a reorg gave back do so, too.
func (f *follower) waiting() int { return len(f.told) + len(f.back) }

// begin forgets all events and starts from the node as it is.
func (h *hub) begin(ctx context.Context) error {
	h.log.cut()
	h.follower = follower{}
	f := follower{started: true, told: make(map[shortID]struct{}), back: make(map[shortID]struct{})}
	for first := true; ctx.Err() == nil; first = false {
		page, err := h.server.deps.Pool.Page(f.seq, eventPage)
		if err != nil {
			return fmt.Errorf("reading what waits: %w", err)
		}
		if first {
			f.at = page.Tip // what is sealed before the rest was read has its block after this one
		}
		for _, w := range page.Messages {
			f.told[h.short(w.ID)], f.seq = struct{}{}, w.Seq
		}
		if len(page.Messages) < eventPage {
			h.follower = f
			return nil
		}
	}
	return ctx.Err()
}

// catchUp follows for the first listener after a while. Nobody waits for long: where too much happened,
// the log begins anew.
func (h *hub) catchUp(ctx context.Context) {
	h.followUp(ctx, mostPages)
}

// follow tells all that is new.
func (h *hub) follow(ctx context.Context) { h.followUp(ctx, 1<<30) }

func (h *hub) followUp(ctx context.Context, steps int) {
	for moved := 0; ctx.Err() == nil; steps-- {
		more, err := h.stepOrBegin(ctx, steps)
		switch {
		case errors.Is(err, errMoved) && moved < mostTries:
			moved++
			continue
		case err != nil && ctx.Err() == nil && !errors.Is(err, errMoved):
			h.server.cfg.Log.Error("following the chain for event clients", "err", err)
		}
		if err != nil || !more {
			h.follower.behind = err != nil
			return
		}
	}
}

// stepOrBegin makes a step, or begins anew where that cannot be or is not worth it.
func (h *hub) stepOrBegin(ctx context.Context, steps int) (more bool, err error) {
	if !h.follower.started || steps <= 0 {
		return false, h.begin(ctx)
	}
	more, err = h.step()
	if errors.Is(err, errTooFar) || errors.Is(err, chain.ErrNotFound) {
		h.server.cfg.Log.Info("events begin anew", "err", err)
		return false, h.begin(ctx)
	}
	return more, err
}

// step tells of a page of waiting messages and of the way to the tip at which they wait. It reports
// whether there may be more.
func (h *hub) step() (more bool, err error) {
	page, err := h.server.deps.Pool.Page(h.follower.seq, eventPage)
	if err != nil {
		return false, fmt.Errorf("reading what waits: %w", err)
	}
	way, err := h.way(page.Tip)
	if err != nil {
		return false, err
	}
	more = len(page.Messages) == eventPage
	if len(way.Reverted) > 0 {
		if err := h.tellReorg(way.Reverted, page.Tip); err != nil {
			return false, err
		}
		// What the blocks gave back is told before the blocks of the new branch.
		if page.Messages, err = h.rest(page); err != nil {
			return false, err
		}
	}
	for some := range slices.Chunk(page.Messages, eventPage) {
		if err := h.tellWaiting(some); err != nil {
			return false, err
		}
	}
	for _, block := range way.Applied {
		if err := h.tellBlock(block); err != nil {
			return false, err
		}
	}
	return more, nil
}

// way returns the blocks from where the log is to another tip.
func (h *hub) way(to core.Hash) (chain.Update, error) {
	u := chain.Update{Tip: h.follower.at}
	for first := true; u.Tip != to; first = false {
		next, err := h.server.deps.Chain.UpdatesSince(u.Tip, updatePage)
		if err != nil {
			return u, fmt.Errorf("reading what followed block %v: %w", u.Tip, err)
		}
		if len(next.Applied) == 0 || len(next.Reverted) > 0 && !first {
			return u, errMoved
		}
		u.Reverted = append(u.Reverted, next.Reverted...)
		for _, hash := range next.Applied {
			u.Applied, u.Tip = append(u.Applied, hash), hash
			if hash == to {
				break
			}
		}
		if len(u.Applied) > mostBehind || len(u.Reverted) > mostBehind {
			return u, errTooFar
		}
	}
	return u, nil
}

// rest returns a page with all that follows, as long as the tip is the same.
func (h *hub) rest(page mempool.Page) ([]mempool.Waiting, error) {
	all, last := page.Messages, page.Messages
	for len(last) == eventPage {
		next, err := h.server.deps.Pool.Page(all[len(all)-1].Seq, eventPage)
		if err != nil {
			return nil, fmt.Errorf("reading what waits: %w", err)
		}
		if next.Tip != page.Tip {
			break // the next step tells of it
		}
		last = next.Messages
		all = append(all, last...)
	}
	return all, nil
}

// tellReorg tells of blocks that left the best chain, highest first.
func (h *hub) tellReorg(reverted []core.Hash, tip core.Hash) error {
	lowest, err := h.server.deps.Chain.Header(reverted[len(reverted)-1])
	if err != nil {
		return fmt.Errorf("block %v: %w", reverted[len(reverted)-1], err)
	}
	var back []core.Hash
	for _, block := range reverted {
		leaves, err := h.server.deps.Messages.Leaves(block)
		if err != nil {
			return fmt.Errorf("reading the leaves of block %v: %w", block, err)
		}
		for _, leaf := range leaves {
			back = append(back, leaf.ID)
		}
	}
	h.tell(kindReorg, ReorgEvent{
		OldTip: reverted[0], NewTip: tip, Fork: lowest.PreviousHash, Height: lowest.Height - 1,
		Count: len(reverted), Reverted: reverted[:min(len(reverted), mostHashes)],
	})
	h.follower.at = lowest.PreviousHash
	for _, id := range back {
		h.follower.back[h.short(id)] = struct{}{}
	}
	return nil
}

// tellWaiting tells of messages that wait.
func (h *hub) tellWaiting(list []mempool.Waiting) error {
	f := &h.follower
	events := make([]event, 0, len(list))
	h.redacting.Lock() // what is erased from here on is in the log when it is redacted
	defer h.redacting.Unlock()
	waiting := f.waiting()
	for _, w := range list {
		if _, known := f.told[h.short(w.ID)]; known {
			continue // given back by a reorg that was over before anybody looked
		}
		m, erasure, err := h.message(w.ID)
		if err != nil {
			return err
		}
		_, back := f.back[h.short(w.ID)]
		if !back {
			waiting++
		}
		e := messageEvent(m, erasure, Time(w.AcceptedMS), w.Local)
		e.Again, e.Waiting = back, waiting
		events = append(events, h.event(kindMessage, e))
	}
	h.log.add(events)
	for _, w := range list {
		delete(f.back, h.short(w.ID))
		f.told[h.short(w.ID)], f.seq = struct{}{}, w.Seq
	}
	return nil
}

// message returns a message that waits, or waited a moment ago, as it may be shown.
func (h *hub) message(id core.Hash) (*core.Message, *chain.Erasure, error) {
	m, err := h.server.deps.Pool.Message(id)
	if errors.Is(err, chain.ErrNotFound) {
		m, err = h.server.deps.Messages.Message(id)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading message %v: %w", id, err)
	}
	return h.server.veil(m)
}

// messageEvent describes a message, without a payload that is long.
func messageEvent(m *core.Message, erasure *chain.Erasure, accepted Time, local bool) MessageEvent {
	e := MessageEvent{WaitingMessage: WaitingMessage{Content: contentOf(m, erasure), Accepted: accepted, Local: local}}
	if m.Body != nil && len(m.Body.Payload) > mostPayload {
		e.Payload, e.Truncated = Payload{}, true
	}
	return e
}

// tellBlock tells of the block that is next on the best chain, and of its messages.
func (h *hub) tellBlock(hash core.Hash) error {
	header, err := h.server.deps.Chain.Header(hash)
	if err != nil {
		return fmt.Errorf("block %v: %w", hash, err)
	}
	leaves, err := h.server.deps.Messages.Leaves(hash)
	if err != nil {
		return fmt.Errorf("reading the leaves of block %v: %w", hash, err)
	}
	f := &h.follower
	var events []event
	h.redacting.Lock() // what is erased from here on is in the log when it is redacted
	defer h.redacting.Unlock()
	waiting := f.waiting()
	for _, leaf := range leaves {
		_, told := f.told[h.short(leaf.ID)]
		_, back := f.back[h.short(leaf.ID)]
		if told || back {
			continue
		}
		m, erasure, err := h.server.find(leaf.ID)
		if err != nil {
			return fmt.Errorf("reading message %v: %w", leaf.ID, err)
		}
		first, err := h.server.deps.Archive.Seen(leaf.ID)
		if err != nil {
			return fmt.Errorf("reading how message %v came: %w", leaf.ID, err)
		}
		waiting++
		e := messageEvent(m, erasure, Time(first.MS), first.Local)
		e.Waiting = waiting
		events = append(events, h.event(kindMessage, e))
	}
	block := blockOf(hash, &header)
	block.Connected, block.Confirmations = true, 1
	events = append(events, h.event(kindBlock, block))
	for i, leaf := range leaves {
		waiting--
		events = append(events, h.event(kindConfirmed, ConfirmedEvent{leaf.ID, hash, header.Height, i, waiting}))
	}
	h.log.add(events)
	for _, leaf := range leaves {
		delete(f.told, h.short(leaf.ID))
		delete(f.back, h.short(leaf.ID))
	}
	f.at = hash
	return nil
}
