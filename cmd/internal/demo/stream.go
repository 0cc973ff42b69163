package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// mostPerSecond is the fastest stream of messages.
const mostPerSecond = 50

// A stream adds messages, to one running member after the other. It is safe for concurrent use.
type stream struct {
	perSecond atomic.Int64
	changed   chan struct{} // of capacity 1, poked
	add       func(ctx context.Context, turn int, text string)
}

func newStream(add func(ctx context.Context, turn int, text string)) *stream {
	return &stream{changed: make(chan struct{}, 1), add: add}
}

// set changes how many messages are added, 0 for none.
func (s *stream) set(perSecond int) {
	s.perSecond.Store(int64(perSecond))
	poke(s.changed)
}

// run adds messages until ctx ends.
func (s *stream) run(ctx context.Context) error {
	for turn := 0; ; {
		var due <-chan time.Time
		if n := s.perSecond.Load(); n > 0 {
			due = time.After(time.Second / time.Duration(n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-due:
			s.add(ctx, turn, reading(turn))
			turn++
		}
	}
}

// reading returns a text that a small device might log.
func reading(turn int) string {
	rooms := []string{"cold store 1", "cold store 2", "greenhouse", "server room", "laboratory", "archive"}
	room := rooms[turn%len(rooms)]
	return fmt.Sprintf("%s: %.1f °C, reading %d", room, 4+16*rand.Float64(), turn+1)
}

// poke tells a follower that something changed; one word is enough.
func poke(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
