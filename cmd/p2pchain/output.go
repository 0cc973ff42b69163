package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"p2pchain/api/client"
)

// print writes a result: as JSON where --json asks for it, else in words.
func (a *app) print(v any, words func(*text)) error {
	if a.shared.json {
		return a.printJSON(v)
	}
	t := newText(a.stdout)
	words(t)
	return t.w.Flush()
}

// remark tells a person that a list is empty: not on standard output, where programs count lines.
func (a *app) remark(words string) { fmt.Fprintln(a.stderr, words) }

// printJSON writes one value and a line end.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// A text is a result in words. Columns are aligned at the end; a failed write shows up there, too.
type text struct{ w *tabwriter.Writer }

func newText(w io.Writer) *text { return &text{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)} }

// row writes a name and its value.
func (t *text) row(name string, value any) { fmt.Fprintf(t.w, "%s\t%v\n", name, value) }

// cells writes one line of a table.
func (t *text) cells(values ...any) {
	for i, v := range values {
		if i > 0 {
			io.WriteString(t.w, "\t")
		}
		fmt.Fprint(t.w, v)
	}
	io.WriteString(t.w, "\n")
}

// line writes a line of its own.
func (t *text) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// plural returns a number and its noun, like "1 block" and "2 blocks".
func plural[N int | int64 | uint64](n N, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// were is plural with its verb in the past.
func were(n int, noun string) string {
	if n == 1 {
		return plural(n, noun) + " was"
	}
	return plural(n, noun) + " were"
}

// printable makes what strangers wrote safe for a terminal: control and format characters, which
// could move the cursor or turn the text round, become visible, and so do bytes that are not UTF-8.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// standing says where a message is.
func (t *text) standing(s client.Standing) {
	if s.Status != client.StatusConfirmed || s.Height == nil || s.Block == nil {
		t.row("status", s.Status+" for a block")
		return
	}
	t.row("status", s.Status)
	t.row("block", fmt.Sprintf("%d, %v", *s.Height, *s.Block))
	t.row("confirmations", s.Confirmations)
}

// addresses writes where a node is reached.
func (t *text) addresses(name string, addrs []string) {
	for _, addr := range shortAddrs(addrs) {
		t.row(name, printable(addr))
		name = ""
	}
}

// shortAddrs leaves out the peer id, which is the same in all of them, and the addresses that only
// this machine reaches, unless there are no others.
func shortAddrs(addrs []string) []string {
	var far, near []string
	for _, addr := range addrs {
		short, _, _ := strings.Cut(addr, "/p2p/")
		if strings.HasPrefix(short, "/ip4/127.") || strings.HasPrefix(short, "/ip6/::1/") {
			near = append(near, short)
			continue
		}
		far = append(far, short)
	}
	if len(far) > 0 {
		return far
	}
	return near
}

// streamJSON writes {"NAME":[…],"length":n} with what list calls its function with, as it comes.
func (a *app) streamJSON(name string, list func(each func(any) error) error) error {
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "{%q:[", name)
	length := 0
	err := list(func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if length > 0 {
			w.WriteByte(',')
		}
		length++
		_, err = w.Write(b)
		return err
	})
	if err == nil {
		fmt.Fprintf(w, "],\"length\":%d}\n", length)
	}
	return errors.Join(err, w.Flush())
}
