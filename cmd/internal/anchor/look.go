package anchor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"p2pchain/cmd/internal/spool"
	"p2pchain/core"
	"p2pchain/core/document"
)

// look reads a piece of what is new in a log, and makes an anchor of it. It reports whether there is
// more to read at once. An error is told, and the next look tries again.
func (l *log) look(buf []byte) (more bool) {
	more, err := l.lookOnce(buf)
	l.trouble(err)
	return more && err == nil
}

func (l *log) lookOnce(buf []byte) (bool, error) {
	another, nameErr := l.renamed()
	for i := 0; i < len(l.older); i++ {
		more, gone, err := l.readOlder(l.older[i], buf)
		if more || err != nil {
			return more, err
		}
		if gone {
			l.older = append(l.older[:i:i], l.older[i+1:]...)
			i--
		}
	}
	if l.current != nil {
		if more, err := l.readCurrent(buf); more || err != nil {
			return more, err
		}
	}
	if !another {
		return false, nameErr
	}
	return l.turn()
}

// renamed reports whether the name belongs to another file than the current one.
func (l *log) renamed() (bool, error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		if l.current == nil {
			return false, fmt.Errorf("%s is not there yet", l.path)
		}
		return false, nil // it was renamed or removed: until another one comes, this one may grow
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s: %w", l.path, errNotRegular)
	}
	if l.current == nil {
		return true, nil
	}
	now, err := l.current.file.Stat()
	return err == nil && !os.SameFile(info, now), err
}

// turn begins a generation with the file that has the name now. The one before was read to its end.
func (l *log) turn() (bool, error) {
	file, err := openRegular(l.path)
	if err != nil {
		return false, err
	}
	next := begin(file, folderOf(l.path), document.BeganFirst, core.Hash{})
	before := l.current
	switch {
	case before != nil && before.sequence > 0:
		next.began, next.link = document.BeganRotated, before.link
	case before != nil: // which had no anchor of its own
		next.began, next.link = before.began, before.link
	case l.left != nil:
		next.began, next.link = document.BeganRotated, l.left.Link
	}
	if before != nil {
		before.quiet = 0
		l.older = append(l.older, before)
		if len(l.older) > mostOlder {
			err = l.older[0].file.Close()
			l.older = l.older[1:]
		}
	}
	l.current, l.left = next, nil
	if next.began != document.BeganFirst {
		l.tell(Event{Kind: Began, Word: next.began})
	}
	return true, err // now its first bytes
}

// readCurrent reads a piece of the current file, and makes an anchor if one is due.
func (l *log) readCurrent(buf []byte) (bool, error) {
	g := l.current
	got, err := g.read(l.cfg.Segment, buf)
	if err != nil {
		return false, err
	}
	if got.other != "" {
		l.current = begin(g.file, g.folder, got.other, g.link)
		if g.sequence == 0 { // nobody knows of it
			l.current.began, l.current.link = g.began, g.link
		} else {
			l.tell(Event{Kind: Began, Word: got.other})
		}
		return true, nil
	}
	late := l.cfg.Heartbeat > 0 && l.cfg.Now().UnixMilli()-int64(g.timeMS) >= l.cfg.Heartbeat.Milliseconds()
	if g.sum.length == g.sum.from && g.sequence > 0 && !late {
		return got.more, nil
	}
	return got.more, l.emit(g)
}

// readOlder reads a piece of a renamed file, and reports whether it was let go.
func (l *log) readOlder(g *generation, buf []byte) (more, gone bool, err error) {
	got, err := g.read(l.cfg.Segment, buf)
	if err != nil {
		return false, false, err
	}
	if got.read > 0 {
		g.quiet = 0
	} else {
		g.quiet++
	}
	if got.other == "" && g.sum.length > g.sum.from {
		return got.more, false, l.emit(g)
	}
	if got.other != "" || g.quiet >= quietLooks {
		return false, true, g.file.Close()
	}
	return false, false, nil
}

// emit makes an anchor of what was read of a generation. When it returns without an error, the anchor
// is on the disk, and will come to the node whatever happens; after an error there is none.
func (l *log) emit(g *generation) error {
	if l.unsent != nil {
		if err := l.queue.Append(&spool.Group{Key: l.unsent.Key, Lines: []spool.Line{{Payload: l.unsent.Payload}}}); err != nil {
			return fmt.Errorf("%s: no more anchors until the node takes those that wait: %w", l.path, err)
		}
		l.unsent = nil
	}
	a := &document.Anchor{
		Log: l.name, Generation: g.id, Sequence: g.sequence + 1, Began: g.began,
		TimeMS: uint64(max(0, l.cfg.Now().UnixMilli())), Previous: g.link,
	}
	g.sum.describe(a)
	if err := a.Validate(); err != nil {
		return err
	}
	payload := a.Encode()
	before, beforeSum := *g, *g.sum
	g.sequence, g.timeMS, g.link = a.Sequence, a.TimeMS, sha256.Sum256(payload)
	g.sum.cut()
	l.unsent = &unsent{keyOf(payload), payload}
	var err error
	if g.kept, err = g.mark(); err == nil {
		err = l.save()
	}
	if err != nil {
		*g, *g.sum, l.unsent = before, beforeSum, nil
		return fmt.Errorf("%s: %w", l.path, err)
	}
	return nil
}

// keyOf returns the idempotency key of an anchor: the same for the same bytes, another one for others,
// also where an old state was put back.
func keyOf(payload []byte) string {
	sum := core.Hash(sha256.Sum256(payload))
	return "anchor-" + sum.String()
}

// due returns the oldest anchor that the node may lack, nil if there is none.
func (l *log) due() (*unsent, error) {
	group, err := l.queue.First()
	if err != nil {
		return nil, fmt.Errorf("%w; set %s aside and start again", err, l.queue.Path())
	}
	if group != nil && len(group.Lines) == 1 {
		return &unsent{group.Key, group.Lines[0].Payload}, nil
	}
	return l.unsent, nil
}

// done notes that the node has an anchor.
func (l *log) done(key string, id core.Hash) error {
	l.messages = append(l.messages, id)
	if extra := len(l.messages) - mostMessages; extra > 0 {
		l.messages = l.messages[extra:]
	}
	if !l.queue.Empty() {
		group, err := l.queue.First()
		if err != nil {
			return err
		}
		if group.Key == key {
			return l.queue.Done()
		}
	}
	if l.unsent != nil && l.unsent.Key == key {
		l.unsent = nil
		return l.save()
	}
	return nil
}

// waiting returns how many anchors the node may lack.
func (l *log) waiting() int {
	n := l.queue.Lines()
	if l.unsent != nil {
		n++
	}
	return n
}
