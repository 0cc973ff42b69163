package main

import (
	"context"
	"io"
	"iter"
)

// input returns standard input, of which nothing more is read once ctx has ended: then its error is that of
// ctx. Reading a terminal or a pipe cannot be interrupted, so it happens in a goroutine of its own, which
// ends with the input or with the process.
func (a *app) input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(w, a.stdin)
		w.CloseWithError(err)
	}()
	return r
}

// untilDone yields what in does until ctx ends. Reading a terminal or a pipe cannot be interrupted,
// so it happens in a goroutine of its own, which ends with the input or with the process.
func untilDone(ctx context.Context, in iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p := pump{make(chan pumped), make(chan struct{})}
		go p.run(ctx, in)
		for {
			var item pumped
			var ok bool
			select {
			case item, ok = <-p.items:
			case <-ctx.Done():
			}
			if !ok || !yield(item.text, item.err) {
				return
			}
			select {
			case p.taken <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// A pump hands over one item after the other; the next only when the one before is not needed any
// more, since its memory is used again.
type pump struct {
	items chan pumped
	taken chan struct{}
}

type pumped struct {
	text []byte
	err  error
}

func (p pump) run(ctx context.Context, in iter.Seq2[[]byte, error]) {
	defer close(p.items)
	for text, err := range in {
		select {
		case p.items <- pumped{text, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-p.taken:
		case <-ctx.Done():
			return
		}
	}
}
