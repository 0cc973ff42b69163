package anchor

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"p2pchain/core"
	"p2pchain/core/document"
)

var (
	// ErrNone means that there is no anchor of a log.
	ErrNone = errors.New("no anchors")
	// ErrSeveral means that anchors of several authors name a log, and that nobody said whose count.
	ErrSeveral = errors.New("anchors of several authors")
)

// A Place is where a message stands on a chain. The zero Place is that of one that waits for a block.
type Place struct {
	Height    uint64
	Block     core.Hash
	BlockTime Moment // by its miner's clock
}

// A Found anchor is one with its message.
type Found struct {
	*document.Anchor
	ID     core.Hash // of the message
	Author core.PublicKey
	Place
	print core.Hash // SHA-256 of its payload
}

// InBlock reports whether the message is in a block.
func (f *Found) InBlock() bool { return f.Height > 0 }

// A Line is a generation of a log with its anchors by one author.
type Line struct {
	Author     core.PublicKey
	Generation document.Generation
	Log        string
	Anchors    []*Found // by their number, each once
}

// first and last return anchors of a line; there is at least one.
func (l *Line) first() *Found { return l.Anchors[0] }
func (l *Line) last() *Found  { return l.Anchors[len(l.Anchors)-1] }

// Length returns how many bytes are anchored.
func (l *Line) Length() uint64 {
	most := uint64(0)
	for _, a := range l.Anchors {
		most = max(most, a.Length)
	}
	return most
}

// Summary returns what is to say about the line.
func (l *Line) Summary() Summary {
	first, last := l.first(), l.last()
	return Summary{
		Log: l.Log, Generation: l.Generation.String(), Author: l.Author, Began: first.Began, Anchors: len(l.Anchors),
		Length: l.Length(), Lines: last.Lines, First: pointOf(first), Last: pointOf(last),
	}
}

type lineKey struct {
	author     core.PublicKey
	generation document.Generation
}

// A Collection gathers anchors, in any order.
type Collection struct {
	lines  map[lineKey]*Line
	prints map[core.Hash]*Found
	Erased int // messages of this type without a payload
	Other  int // messages of this type that are no anchor
}

// NewCollection returns an empty collection.
func NewCollection() *Collection {
	return &Collection{lines: make(map[lineKey]*Line), prints: make(map[core.Hash]*Found)}
}

// Add takes in the payload of a message of the type of anchors. The same anchor in two messages counts
// once: with the first place that it has.
func (c *Collection) Add(payload []byte, id core.Hash, author core.PublicKey, at Place) {
	d, err := document.Decode(document.AnchorType, payload)
	if err != nil {
		c.Other++
		return
	}
	found := &Found{Anchor: d.(*document.Anchor), ID: id, Author: author, Place: at, print: sha256.Sum256(payload)}
	key := lineKey{author, found.Generation}
	line := c.lines[key]
	if line == nil {
		line = &Line{Author: author, Generation: found.Generation, Log: found.Log}
		c.lines[key] = line
	}
	if before := c.prints[found.print]; before != nil && before.Author == author {
		if at.Height > 0 && (before.Height == 0 || at.Height < before.Height) {
			before.ID, before.Place = id, at
		}
		return
	}
	c.prints[found.print] = found
	line.Anchors = append(line.Anchors, found)
}

// Lines returns all generations of the logs that match, oldest first.
func (c *Collection) Lines(match func(*Line) bool) []*Line {
	var out []*Line
	for _, l := range c.lines {
		if match(l) {
			slices.SortFunc(l.Anchors, func(a, b *Found) int {
				return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.TimeMS, b.TimeMS), slices.Compare(a.ID[:], b.ID[:]))
			})
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *Line) int {
		return cmp.Or(cmp.Compare(a.first().TimeMS, b.first().TimeMS), strings.Compare(a.Generation.String(), b.Generation.String()))
	})
	return out
}

// before returns the line that a generation continues, nil where that is not there.
func (c *Collection) before(l *Line) *Line {
	link := c.prints[l.first().Previous]
	if l.first().Sequence != 1 || link == nil || link.Author != l.Author {
		return nil
	}
	return c.lines[lineKey{link.Author, link.Generation}]
}

// A Choice says which anchors a file is compared with.
type Choice struct {
	Log        string          // name of the log; empty: that of the file, with or without what rotation appends
	Generation string          // its first digits at least; empty: the one that fits
	Author     *core.PublicKey // nil: whoever it is, if it is only one
}

// choose returns the lines that a choice leaves for a file of this base name. ErrNone, ErrSeveral.
func (c *Collection) choose(choice Choice, base string) ([]*Line, error) {
	lines := c.Lines(func(l *Line) bool {
		switch {
		case choice.Author != nil && *choice.Author != l.Author:
			return false
		case choice.Generation != "" && !strings.HasPrefix(l.Generation.String(), choice.Generation):
			return false
		case choice.Log != "":
			return l.Log == choice.Log
		}
		return choice.Generation != "" || l.Log == base || rotatedName(base, l.Log)
	})
	if len(lines) == 0 {
		name := choice.Log
		if name == "" {
			name = base
		}
		return nil, fmt.Errorf("%w of a log that is called %q%s", ErrNone, name, choice.rest())
	}
	authors := make(map[core.PublicKey]bool)
	for _, l := range lines {
		authors[l.Author] = true
	}
	if len(authors) > 1 {
		return nil, fmt.Errorf("%w name this log, so say whose count: %s", ErrSeveral, keysOf(authors))
	}
	return lines, nil
}

// rest names what else was wanted.
func (c Choice) rest() string {
	out := ""
	if c.Generation != "" {
		out += " of generation " + c.Generation
	}
	if c.Author != nil {
		out += " by " + c.Author.String()
	}
	return out
}

func keysOf(authors map[core.PublicKey]bool) string {
	var keys []string
	for a := range authors {
		keys = append(keys, a.String())
	}
	slices.Sort(keys)
	return strings.Join(keys[:min(len(keys), 8)], ", ")
}

// rotatedName reports whether rotation may have made a file name from that of a log: app.log.1,
// app.log-20261121, app-2026-11-21.log.
func rotatedName(file, log string) bool {
	if rest, ok := strings.CutPrefix(file, log); ok {
		return strings.ContainsAny(rest[:1], ".-_")
	}
	stem, end, ok := strings.Cut(log, ".")
	rest, begins := strings.CutPrefix(file, stem)
	return ok && begins && strings.HasSuffix(rest, "."+end) && len(rest) > len(end)+2 && strings.ContainsAny(rest[:1], ".-_")
}
