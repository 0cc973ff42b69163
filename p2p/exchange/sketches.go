package exchange

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"p2pchain/core"
	"p2pchain/p2p/sketch"
)

const (
	walkPage = 4096 // waiting messages read in one go
	// restFactor is how many times longer than it took to make it a sketch is given away: however many
	// peers ask, walking over what waits takes a tenth of a processor at most.
	restFactor = 9
)

// A sketcher makes sketches of the waiting messages. All who ask within a short time get the same one,
// each in the size that they want. It is safe for concurrent use.
type sketcher struct {
	pool Pool
	now  func() time.Time

	making *semaphore.Weighted // of 1: guards what is below
	made   *summary
	until  time.Time
}

func newSketcher(pool Pool, now func() time.Time) *sketcher {
	return &sketcher{pool: pool, now: now, making: semaphore.NewWeighted(1)}
}

// A summary says what waits at a moment.
type summary struct {
	count int
	ids   []core.Hash // all of them, unless there are more than the largest sketch has cells
	whole *sketch.Sketch
}

// summary returns what waits now, or waited a moment ago.
func (s *sketcher) summary(ctx context.Context) (*summary, error) {
	if err := s.making.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting for a sketch: %w", err)
	}
	defer s.making.Release(1)
	begin := s.now()
	if s.made != nil && begin.Before(s.until) {
		return s.made, nil
	}
	made, err := s.walk(ctx)
	if err != nil {
		return nil, err
	}
	end := s.now()
	s.made, s.until = made, end.Add(restFactor*end.Sub(begin))
	return made, nil
}

// walk reads the list of waiting messages, under a key that nobody knew before.
func (s *sketcher) walk(ctx context.Context) (*summary, error) {
	var key sketch.Key
	rand.Read(key[:]) // never fails
	out := &summary{whole: sketch.New(key, sketch.MaxCells)}
	for after := uint64(0); ; {
		page, err := s.pool.List(after, walkPage)
		if err != nil {
			return nil, fmt.Errorf("reading the mempool: %w", err)
		}
		for i := range page {
			out.whole.Add(page[i].ID)
			if out.count++; out.count <= sketch.MaxCells {
				out.ids = append(out.ids, page[i].ID)
			}
			after = page[i].Seq
		}
		if len(page) < walkPage {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if out.count > sketch.MaxCells {
		out.ids = nil
	}
	return out, nil
}
