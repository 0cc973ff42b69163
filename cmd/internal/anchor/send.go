package anchor

import (
	"context"
	"errors"

	"p2pchain/core/document"
)

// send starts sending the oldest anchors of some logs. While the node does not answer it is tried with
// one at a time, after a pause.
func (f *follower) send(ctx context.Context) {
	for range f.order {
		if f.resting || len(f.sending) >= mostSending || f.pause > 0 && len(f.sending) > 0 {
			return
		}
		f.next = (f.next + 1) % len(f.order)
		l := f.logs[f.order[f.next]]
		if f.sending[l.path] {
			continue
		}
		due, err := l.due()
		if err != nil {
			l.trouble(err)
		}
		if due == nil {
			continue
		}
		f.sending[l.path] = true
		go func() {
			id, err := f.cfg.Send(ctx, due.Key, due.Payload)
			f.acks <- ack{l, due, id, err}
		}()
	}
}

// note takes in what became of a sending. An error means that the node will never take anything.
func (f *follower) note(a ack) error {
	delete(f.sending, a.log.path)
	switch {
	case a.err == nil:
		f.took(a)
		return nil
	case errors.Is(a.err, context.Canceled):
		return nil // at the end
	case !f.cfg.Passes(a.err) && !f.accepts:
		return a.err
	}
	if !f.away {
		f.away = true
		f.cfg.Told(Event{Kind: Away, Err: a.err})
	}
	f.pause = min(max(2*f.pause, retryLeast), retryMost)
	f.resting = true
	f.retry.Reset(f.pause)
	return nil
}

// took notes that the node has an anchor.
func (f *follower) took(a ack) {
	f.accepts = true
	f.pause, f.resting = 0, false
	if f.away {
		f.away = false
		f.cfg.Told(Event{Kind: Back})
	}
	if err := a.log.done(a.sent.Key, a.id); err != nil {
		a.log.trouble(err) // after a restart it is sent again, and the node knows it
	}
	if d, err := document.Decode(document.AnchorType, a.sent.Payload); err == nil {
		a.log.tell(Event{Kind: Anchored, Anchor: d.(*document.Anchor), ID: a.id})
	}
}

// trouble tells of an error that is no log's, once as long as it is the same.
func (f *follower) trouble(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != f.said && err != nil {
		f.cfg.Told(Event{Kind: Trouble, Err: err})
	}
	f.said = text
}

// waiting counts the anchors that the node may lack.
func (f *follower) waiting() (n int) {
	for _, l := range f.logs {
		n += l.waiting()
	}
	return n
}

// close closes all logs.
func (f *follower) close() error {
	var errs []error
	for _, l := range f.logs {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}
