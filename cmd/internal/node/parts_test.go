package node

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A tally notes in which order parts begin and end.
type tally struct {
	mu    sync.Mutex
	lines []string
}

func (y *tally) add(line string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.lines = append(y.lines, line)
}

// part runs until it is asked to end and then takes its time.
func (y *tally) part(name string, takes time.Duration, err error) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(takes) // of the bubble's clock
		y.add(name)
		return err
	}}
}

func TestRunParts(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	broken := errors.New("broken")
	for _, tt := range []struct {
		name  string
		parts func(*tally) []part
		stop  time.Duration // when ctx ends; 0: never
		takes time.Duration // until runParts returns
		want  error
		order string
	}{
		{"in order", func(y *tally) []part {
			return []part{y.part("store", 0, nil), y.part("p2p", 2*time.Second, nil), y.part("api", time.Second, nil)}
		}, time.Hour, time.Hour + 3*time.Second, nil, "api p2p store"},
		{"one breaks while it stops", func(y *tally) []part {
			return []part{y.part("store", 0, broken), y.part("api", 0, nil)}
		}, time.Hour, time.Hour, broken, "api store"},
		{"one breaks by itself", func(y *tally) []part {
			return []part{y.part("store", 0, nil), {"p2p", func(context.Context) error { return broken }}, y.part("api", 0, nil)}
		}, 0, 0, broken, "api store"},
		{"one ends by itself", func(y *tally) []part {
			return []part{y.part("store", 0, nil), {"p2p", func(context.Context) error { return nil }}}
		}, 0, 0, errStopped, "store"},
		{"one hangs", func(y *tally) []part {
			return []part{y.part("store", 0, nil), y.part("p2p", time.Minute, nil), y.part("api", 0, nil)}
		}, time.Hour, time.Hour + 5*time.Second, errHangs, "api store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := new(tally)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, cancel)
				}
				begun := time.Now()
				err := runParts(ctx, tt.parts(y), 5*time.Second, quiet)
				if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
					t.Errorf("runParts = %v, want %v", err, tt.want)
				}
				if took := time.Since(begun); took != tt.takes {
					t.Errorf("runParts took %v, want %v", took, tt.takes)
				}
				synctest.Wait() // what was left behind after a hanging part ends meanwhile
				y.mu.Lock()
				order := strings.Join(y.lines, " ")
				y.mu.Unlock()
				if order != tt.order {
					t.Errorf("ended in the order %q, want %q", order, tt.order)
				}
				time.Sleep(time.Hour) // whatever was left behind ends in the bubble
			})
		})
	}
}
