package main

import (
	"io"
	"sync"
)

// clearLine goes to the beginning of a terminal's line and empties it. It is the only escape sequence
// of live lines: they have no colours.
const clearLine = "\r\x1b[K"

// A liveLine is the last line of a terminal, drawn anew in place. What is written through it scrolls
// by above. It is safe for concurrent use.
type liveLine struct {
	mu   sync.Mutex // guards w and line
	w    io.Writer
	line string // shown now, empty if there is none
}

// show replaces the line; an empty one takes it away.
func (l *liveLine) show(line string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line == l.line {
		return nil
	}
	l.line = line
	_, err := io.WriteString(l.w, clearLine+line)
	return err
}

// Write writes whole lines above the live one.
func (l *liveLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.line == "" {
		return l.w.Write(b)
	}
	out := append([]byte(clearLine), b...)
	_, err := l.w.Write(append(out, l.line...))
	if err != nil {
		return 0, err
	}
	return len(b), nil
}
