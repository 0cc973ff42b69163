package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"p2pchain/api/client"
)

const (
	// mostTailBlocks is how many blocks are looked through for messages that came before.
	mostTailBlocks = 1000
	// reorgDepth is how deep a reorg may have been that nobody told of.
	reorgDepth = 6
	// mostShown is how many messages are remembered, at least, so as not to show them twice.
	mostShown = 1 << 16
)

// decoded calls f with what an event carries.
func decoded[T any](ctx context.Context, e client.Event, f func(context.Context, T) error) error {
	var v T
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return fmt.Errorf("event %s is not that of a node: %w", printable(e.ID), err)
	}
	return f(ctx, v)
}

// history shows the last messages, oldest first: those that wait are newer than all in blocks. What
// waits already is not shown later as if it was new.
func (t *tailer) history(ctx context.Context) error {
	var last []client.Message // newest first
	if !t.confirmed {
		waiting, err := t.waiting(ctx)
		if err != nil {
			return err
		}
		slices.Reverse(waiting)
		last = waiting
	}
	hash := "tip"
	for looked := 0; len(last) < t.count && looked < mostTailBlocks; looked++ {
		b, err := t.client.Block(ctx, hash)
		if err != nil {
			return err
		}
		for i := range slices.Backward(b.Messages) {
			m := confirmedIn(&b, i)
			if sealed := t.shown.has(t.key(m)); !sealed && len(last) < t.count && t.wants(&m.Content) { // since it was seen to wait
				last = append(last, m)
			}
		}
		if b.Height == 0 {
			break
		}
		hash = b.PreviousHash.String()
	}
	for _, m := range slices.Backward(last) {
		if err := t.show(m); err != nil {
			return err
		}
	}
	return nil
}

// eachWaiting calls each with every message that waits, oldest first.
func (t *tailer) eachWaiting(ctx context.Context, each func(client.Message) error) error {
	for cursor := ""; ; {
		page, err := t.client.Mempool(ctx, cursor, 0)
		if err != nil {
			return err
		}
		for _, w := range page.Messages {
			m := client.Message{Content: w.Content, Standing: client.Standing{Status: client.StatusWaiting}}
			if err := each(m); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// waiting returns the last of the messages that wait and are wanted, oldest first, and remembers all of them.
func (t *tailer) waiting(ctx context.Context) ([]client.Message, error) {
	var out []client.Message
	err := t.eachWaiting(ctx, func(m client.Message) error {
		if t.wants(&m.Content) {
			out = append(out, m)
			out = out[max(0, len(out)-t.count):] // a gigabyte may wait
		}
		t.shown.add(t.key(m))
		return nil
	})
	return out, err
}

// later leaves something to the next time, if the node only cannot answer now.
func (t *tailer) later(ctx context.Context, err error) error {
	if ctx.Err() == nil && (errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrBusy)) {
		t.behind = true
		return nil
	}
	return err
}

// catchUp shows what came while nobody told of it: what is in newer blocks, and what waits.
func (t *tailer) catchUp(ctx context.Context) error {
	t.behind = false
	return t.later(ctx, t.missed(ctx))
}

func (t *tailer) missed(ctx context.Context) error {
	tip, err := t.client.Block(ctx, "tip")
	if err != nil {
		return err
	}
	from := max(t.first, max(t.height, reorgDepth)-reorgDepth) + 1
	if tip.Height >= from+mostTailBlocks {
		t.app.remark(fmt.Sprintf("p2pchain: messages of %s are left out", plural(tip.Height-mostTailBlocks+1-from, "block")))
		from = tip.Height - mostTailBlocks + 1
	}
	for height := from; height <= tip.Height; height++ {
		b, err := t.client.Block(ctx, strconv.FormatUint(height, 10))
		if errors.Is(err, client.ErrNotFound) {
			break // a reorg made the chain shorter
		}
		if err != nil {
			return err
		}
		if err := t.showBlock(b); err != nil {
			return err
		}
		t.height = height
	}
	if t.confirmed {
		return nil
	}
	return t.eachWaiting(ctx, func(m client.Message) error {
		if !t.wants(&m.Content) || t.shown.has(t.key(m)) {
			return nil
		}
		return t.show(m)
	})
}

// A recentSet remembers the last texts that were added, at least mostShown of them.
type recentSet struct{ now, before map[string]struct{} }

func newRecentSet() *recentSet { return &recentSet{now: make(map[string]struct{})} }

func (s *recentSet) has(key string) bool {
	_, now := s.now[key]
	_, before := s.before[key]
	return now || before
}

func (s *recentSet) add(key string) {
	if len(s.now) >= mostShown {
		s.now, s.before = make(map[string]struct{}), s.now
	}
	s.now[key] = struct{}{}
}
