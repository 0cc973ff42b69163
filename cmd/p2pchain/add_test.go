package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
		{tally{added: 8, done: 8, doubt: 5}, false, "8 messages added, and up to 5 more in doubt (lines 9 to 13)"},
		{tally{done: 0, doubt: 1}, false, "0 messages added, and 1 more in doubt (line 1)"},
	} {
		if got := tt.sum.words(tt.confirmed); got != tt.want {
			t.Errorf("words = %q, want %q", got, tt.want)
		}
	}
}

// TestInterrupted cancels adding while the node works on it: what it ends soon counts, and what it
// does not is said to be in doubt.
func TestInterrupted(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers bool
		json    bool
		want    string
	}{
		{"the node ends it", true, false, "interrupted: 1 message added"},
		{"the node hangs", false, false, "interrupted: 0 messages added, and 1 more in doubt (line 1)"},
		{"for programs", false, true, "interrupted: 0 messages added, and 1 more in doubt (line 1)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // so that the end of the connection is seen
				cancel()
				if !tt.answers {
					<-r.Context().Done()
					return
				}
				io.WriteString(w, `{"line":1,"status":"accepted"}`+"\n")
			}))
			defer server.Close()
			c, err := client.New(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			a := &app{stdin: strings.NewReader("a\n"), stdout: io.Discard, stderr: io.Discard, shared: sharedFlags{json: tt.json}}
			err = a.addFile(ctx, c, &addOptions{wait: true})
			if !errors.Is(err, errInterrupted) || err.Error() != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestInterruptedWait cancels the wait for a block: the message that is stored is shown.
func TestInterruptedWait(t *testing.T) {
	id := strings.Repeat("ab", 32)
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			cancel()
			<-r.Context().Done()
			return
		}
		fmt.Fprintf(w, `{"id":%q,"status":"waiting"}`, id)
	}))
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out strings.Builder
	a := &app{stdout: &out, stderr: io.Discard}
	if err := a.addText(ctx, c, "x", &addOptions{wait: true}); !errors.Is(err, errInterrupted) || !strings.Contains(out.String(), id) {
		t.Errorf("%v, with output %q; want an interruption and the id", err, out.String())
	}
}
