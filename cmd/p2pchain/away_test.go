package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

// TestLasting waits at a node that goes away, for good or for a while.
func TestLasting(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name        string
		away        time.Duration // how long the node is
		limit, stop time.Duration // time limit and signal; 0: none
		want        error
		took        time.Duration
	}{
		{"it comes back", 20 * time.Second, 0, 0, nil, 20 * time.Second},
		{"it stays away", time.Hour, 0, 0, client.ErrUnreachable, awayPatience},
		{"it comes back late, and there is a limit", 5 * time.Minute, time.Hour, 0, nil, 5 * time.Minute},
		{"the limit ends", time.Hour, 10 * time.Second, 0, context.DeadlineExceeded, 10 * time.Second},
		{"a signal", time.Hour, 0, 3 * time.Second, context.Canceled, 3 * time.Second},
		{"it refuses", 0, 0, 0, refused, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.limit > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, cancel)
				}
				start, said := time.Now(), 0
				l := &lasting{func(context.Context) (*client.Client, error) {
					if time.Since(start) < tt.away {
						return nil, node.ErrNoAddress
					}
					return client.New("http://127.0.0.1:1")
				}, func(string, ...any) { said++ }}
				err := l.run(ctx, nil, func(c *client.Client) error {
					switch {
					case ctx.Err() != nil:
						return ctx.Err()
					case errors.Is(tt.want, refused):
						return refused
					case c == nil:
						return fmt.Errorf("waiting: %w", client.ErrUnreachable)
					}
					return nil
				})
				if took := time.Since(start); !errors.Is(err, tt.want) || took != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.want, tt.took)
				}
				if (said > 0) != (tt.away > 0) {
					t.Errorf("%d lines said", said)
				}
			})
		})
	}
}
