package logs

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	// queueBytes is how much a queue holds while nobody takes it. Errors may use all of it, other lines
	// leave them a quarter.
	queueBytes = 1 << 20
	// errorPatience is how long an error is waited for, and closePatience how long the end of the log is.
	errorPatience = 200 * time.Millisecond
	closePatience = time.Second
)

// A queue writes lines to one destination, apart from those who say them.
type queue struct {
	lost func(count uint64) []byte // what to write after lines were lost

	mu      sync.Mutex // guards what is below
	lines   [][]byte
	size    int
	put     uint64 // lines that were taken in
	done    uint64 // lines that were written, or tried to be
	missed  uint64 // lines that were lost since the last line
	dropped uint64 // lines that were lost since the start
	slow    bool   // the last wait was in vain: wait no more until something was written
	closed  bool

	poke    chan struct{} // of capacity 1: there is something to write
	written chan struct{} // closed and made anew after each write; guarded by mu
	ended   chan struct{}
}

// newQueue starts a queue. A write that fails has lost its lines; one that hangs holds up the queue only.
func newQueue(w io.Writer, lost func(uint64) []byte) *queue {
	q := &queue{lost: lost, poke: make(chan struct{}, 1), written: make(chan struct{}), ended: make(chan struct{})}
	go q.run(w)
	return q
}

// add takes a line in, unless there is no room for it. An urgent one, it waits for.
func (q *queue) add(l []byte, urgent bool) {
	q.mu.Lock()
	limit := queueBytes * 3 / 4
	if urgent {
		limit = queueBytes
	}
	if q.closed || q.size+len(l) > limit {
		q.missed++
		q.dropped++
		q.mu.Unlock()
		return
	}
	if q.missed > 0 && q.lost != nil {
		l = append(q.lost(q.missed), l...)
		q.missed = 0
	}
	q.lines = append(q.lines, l)
	q.size += len(l)
	q.put++
	number, wait := q.put, urgent && !q.slow
	q.mu.Unlock()
	select {
	case q.poke <- struct{}{}:
	default: // it is about to look
	}
	if wait && !q.flush(number, errorPatience) {
		q.mu.Lock()
		q.slow = q.done < number
		q.mu.Unlock()
	}
}

// flush waits until a line was written, and reports whether it was in time.
func (q *queue) flush(number uint64, patience time.Duration) bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		q.mu.Lock()
		done, written := q.done >= number, q.written
		q.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-written:
		case <-limit.C:
			return false
		}
	}
}

// run writes what comes until the queue is closed and empty.
func (q *queue) run(w io.Writer) {
	defer close(q.ended)
	for {
		q.mu.Lock()
		lines, closed := q.lines, q.closed
		q.lines, q.size = nil, 0
		q.mu.Unlock()
		if len(lines) == 0 {
			if closed {
				return
			}
			<-q.poke
			continue
		}
		_, err := w.Write(bytes.Join(lines, nil))
		q.mu.Lock()
		q.done += uint64(len(lines))
		q.slow = false
		if err != nil {
			q.missed += uint64(len(lines))
			q.dropped += uint64(len(lines))
		}
		close(q.written)
		q.written = make(chan struct{})
		q.mu.Unlock()
	}
}

// close takes nothing more in, waits for a moment until all is written, and reports whether it is.
func (q *queue) close() bool {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	select {
	case q.poke <- struct{}{}:
	default:
	}
	limit := time.NewTimer(closePatience)
	defer limit.Stop()
	select {
	case <-q.ended:
		return true
	case <-limit.C: // whoever hangs is left behind
		return false
	}
}

// losses returns how many lines were lost since the start.
func (q *queue) losses() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
