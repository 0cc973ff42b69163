package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestInputEndsWithContext has every command that reads standard input wait for what never comes.
func TestInputEndsWithContext(t *testing.T) {
	for name, read := range map[string]func(*app, context.Context) error{
		"a proof":      func(a *app, ctx context.Context) error { _, err := a.readProof(ctx, "-"); return err },
		"an invite":    func(a *app, ctx context.Context) error { _, err := a.readInvite(ctx, "-"); return err },
		"a backup":     func(a *app, ctx context.Context) error { return a.restore(ctx, "-") },
		"a chain file": func(a *app, ctx context.Context) error { _, err := a.openChainFile(ctx, "-"); return err },
		"a chain file for a node that runs": func(a *app, ctx context.Context) error {
			in, err := a.openPlainFile(ctx, "-")
			if err != nil {
				return err
			}
			_, err = io.ReadAll(in)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			synctest.Test(t, func(t *testing.T) { // which fails where nothing goes on
				in, out := io.Pipe()
				defer out.Close() // so that the goroutine that reads can end
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel) // of the bubble's clock
				a := &app{stdin: in, stdout: io.Discard, stderr: io.Discard, shared: sharedFlags{dataDir: dir}}
				if err := read(a, ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want the end of the context", err)
				}
			})
		})
	}
}
