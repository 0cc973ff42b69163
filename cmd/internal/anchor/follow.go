package anchor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"p2pchain/core"
	"p2pchain/core/background"
	"p2pchain/core/document"
)

const (
	pieceBytes  = 256 << 10 // of a file at a time
	mostLogs    = 1024
	mostSending = 4

	retryLeast = 250 * time.Millisecond
	retryMost  = 5 * time.Second
	farewell   = 3 * time.Second // for what is under way at the end
)

// A Config says what is followed, and how. All fields but Name, Heartbeat, Rehash and Once are needed.
type Config struct {
	Folder   string   // of the states
	Patterns []string // whole paths, or patterns as of filepath.Match
	Name     string   // of the log, where there is only one; empty: the base name

	Interval  time.Duration // between two looks
	Heartbeat time.Duration // the longest time without an anchor; 0: as long as nothing is written
	Segment   uint64        // the most bytes between two anchors
	QueueMost int64         // bytes of anchors to keep while the node is away
	Rehash    bool          // at the start, read again all that was read before
	Once      bool          // one look, then the end

	// Send brings an anchor to the node and returns the id of its message. It may be called again with
	// the same key and payload, from several goroutines.
	Send func(ctx context.Context, key string, payload []byte) (core.Hash, error)
	// Passes reports whether sending may work later, without anybody doing something here.
	Passes func(error) bool
	// Told hears what happens, from one goroutine.
	Told func(Event)
	Now  func() time.Time
}

// The kinds of events.
const (
	Anchored = "anchored" // the node has an anchor
	Began    = "began"    // a generation began: Word says why
	Trouble  = "trouble"  // something does not work; it is tried again
	Away     = "away"     // the node does not take anchors; they are kept
	Back     = "back"     // it takes them again
	Kept     = "kept"     // at the end, so many anchors wait for the next start
)

// An Event is something that happened to a log, or to all of them where Path is empty.
type Event struct {
	Kind   string
	Path   string
	Word   string
	Anchor *document.Anchor
	ID     core.Hash // of the message
	Count  int
	Err    error
}

// A follower is one run of Follow. One goroutine owns all of it.
type follower struct {
	cfg     *Config
	logs    map[string]*log
	order   []string // of the paths
	buf     []byte
	acks    chan ack
	sending map[string]bool // paths
	next    int             // where to look for what is to be sent
	pause   time.Duration   // before the node is tried again, 0: it answers
	resting bool            // the pause is not over
	away    bool            // said that the node takes nothing
	retry   *time.Timer
	accepts bool   // the node took something
	said    string // the last trouble with names
}

// An ack is what became of one sending.
type ack struct {
	log  *log
	sent *unsent
	id   core.Hash
	err  error
}

// Follow looks at logs until ctx ends, or once, and sends what it finds. At the end it looks a last
// time, and gives the node some seconds to take what is left; what it does not take stays on disk for
// the next start, and Told hears how much that is. An error means that it cannot go on; of Once, also
// that a file is missing or that the node did not take an anchor.
func Follow(ctx context.Context, cfg Config) error {
	f := &follower{
		cfg: &cfg, logs: make(map[string]*log), buf: make([]byte, pieceBytes),
		acks: make(chan ack, mostSending), sending: make(map[string]bool), retry: time.NewTimer(time.Hour),
	}
	f.retry.Stop()
	var err error
	background.Call(background.Lowest, slog.New(slog.DiscardHandler), func() {
		lowDiskPriority()
		err = errors.Join(f.run(ctx), f.close())
	})
	return err
}

// run is all but the closing of files.
func (f *follower) run(ctx context.Context) (err error) {
	if err := f.find(true); err != nil {
		return err
	}
	sendCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		cancel()
		for len(f.sending) > 0 { // they use what is to be closed
			err = errors.Join(err, f.note(<-f.acks))
		}
	}()
	if f.cfg.Once {
		return f.once(ctx, sendCtx)
	}
	tick := time.NewTicker(f.cfg.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := f.lookAll(ctx, sendCtx); err != nil {
			return err
		}
		for waits := true; waits; {
			f.send(sendCtx)
			select {
			case a := <-f.acks:
				if err := f.note(a); err != nil {
					return err
				}
			case <-f.retry.C:
				f.resting = false
			case <-tick.C:
				waits = false
			case <-ctx.Done():
				waits = false
			}
		}
		f.trouble(f.find(false))
	}
	return f.finish(sendCtx)
}

// lookAll looks at every log until there is nothing more to read, a piece of each in turn. What was
// found is sent meanwhile.
func (f *follower) lookAll(ctx, sendCtx context.Context) error {
	for more := true; more; {
		more = false
		for _, path := range f.order {
			if ctx.Err() != nil {
				return nil
			}
			more = f.logs[path].look(f.buf) || more
			f.send(sendCtx)
			select {
			case a := <-f.acks:
				if err := f.note(a); err != nil {
					return err
				}
			default:
			}
		}
	}
	return nil
}

// once is a single look, until the node has what it found.
func (f *follower) once(ctx, sendCtx context.Context) error {
	if err := f.lookAll(ctx, sendCtx); err != nil {
		return err
	}
	for _, l := range f.logs {
		if l.said != "" {
			return fmt.Errorf("looking at a log: %s", l.said)
		}
	}
	f.pause, f.resting = 0, false // the node may have been away while we looked, and this is the last time to try
	for f.waiting() > 0 && ctx.Err() == nil {
		f.send(sendCtx)
		select {
		case a := <-f.acks:
			if err := f.note(a); err != nil {
				return err
			}
			if a.err != nil {
				return fmt.Errorf("anchors are kept for the next time: %w", a.err)
			}
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// finish looks a last time, and sends what there is.
func (f *follower) finish(sendCtx context.Context) error {
	last, cancel := context.WithTimeout(sendCtx, farewell)
	defer cancel()
	f.pause, f.resting = 0, false // whatever was: this is the last time to try
	if err := f.lookAll(last, last); err != nil {
		return err
	}
	for f.waiting() > 0 && f.pause == 0 && last.Err() == nil {
		f.send(last)
		select {
		case a := <-f.acks:
			if err := f.note(a); err != nil {
				return err
			}
		case <-last.Done():
		}
	}
	if n := f.waiting(); n > 0 {
		f.cfg.Told(Event{Kind: Kept, Count: n})
	}
	return nil
}

// find opens the logs that are new. At the start, one that somebody else follows is an error.
func (f *follower) find(start bool) error {
	var errs []error
	for _, pattern := range f.cfg.Patterns {
		paths := []string{pattern}
		if strings.ContainsAny(pattern, "*?[") {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return fmt.Errorf("%s: %w", pattern, err)
			}
			paths = found
		}
		for _, path := range paths {
			if f.logs[path] != nil {
				continue
			}
			if len(f.logs) >= mostLogs {
				return fmt.Errorf("more than %d logs: %s is not followed", mostLogs, path)
			}
			l, err := openLog(f.cfg, path)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			f.logs[path] = l
			f.order = append(f.order, path)
		}
	}
	slices.Sort(f.order)
	err := errors.Join(errs...)
	if err == nil && start && f.cfg.Once && len(f.order) == 0 {
		err = fmt.Errorf("nothing is named %s", strings.Join(f.cfg.Patterns, ", "))
	}
	return err
}
