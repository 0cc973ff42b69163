package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api/client"
)

func TestUntilDone(t *testing.T) {
	broken := errors.New("broken pipe")
	failing := io.MultiReader(strings.NewReader("a\nb\n"), readerFunc(func([]byte) (int, error) { return 0, broken }))
	for _, tt := range []struct {
		name string
		in   io.Reader
		most int // lines that are wanted
		want string
	}{
		{"to the end", strings.NewReader("a\n\nb\nc"), 10, "a  b c"},
		{"the reader has enough", strings.NewReader("a\nb\nc\n"), 2, "a b"},
		{"the input breaks", failing, 10, "a b broken pipe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails where a goroutine stays behind
				var got []string
				for text, err := range untilDone(context.Background(), client.Lines(tt.in)) {
					if err != nil {
						text = []byte(err.Error())
					}
					if got = append(got, string(text)); len(got) == tt.most {
						break
					}
				}
				if strings.Join(got, " ") != tt.want {
					t.Errorf("lines %q, want %q", got, tt.want)
				}
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestUntilDoneEndsWithContext waits for input that never comes.
func TestUntilDoneEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		defer out.Close() // so that the goroutine that reads can end
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel) // of the bubble's clock
		go fmt.Fprintln(out, "first")
		lines := 0
		for range untilDone(ctx, client.Lines(in)) {
			lines++
		}
		if lines != 1 || ctx.Err() == nil {
			t.Errorf("%d lines, context: %v; want the first line and the end of the context", lines, ctx.Err())
		}
	})
}

func TestTallyWords(t *testing.T) {
	for _, tt := range []struct {
		sum       tally
		confirmed bool
		want      string
	}{
		{tally{}, false, "0 messages added"},
		{tally{added: 1}, false, "1 message added"},
		{tally{added: 2}, true, "2 messages added, all in blocks"},
		{tally{added: 2, known: 1, refused: 3}, false, "2 messages added, 1 known before, 3 refused"},
	} {
		if got := tt.sum.words(tt.confirmed); got != tt.want {
			t.Errorf("words = %q, want %q", got, tt.want)
		}
	}
}
