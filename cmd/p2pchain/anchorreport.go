package main

import (
	"fmt"
	"strings"

	"p2pchain/cmd/internal/anchor"
)

// anchorReport says in words what became of a log.
func (t *text) anchorReport(r *anchor.Report, source string) {
	since := "since"
	if r.First.Sequence > 1 {
		since = "since before"
	}
	t.row("log", fmt.Sprintf("%s, generation %.12s, followed %s %v (%s)", printable(r.Log), r.Generation, since, r.First.Time, beganWords(r.Began)))
	t.row("anchors", fmt.Sprintf("%d by %v", r.Anchors, r.Author))
	t.row("from", printable(source))
	if !r.Fits && r.Verdict != anchor.Intact && r.Size > 0 {
		t.row("note", "the file begins as none of the files that had this name: if it is of another one, say which with --generation or --log")
	}
	t.ranges(&r.Comparison)
	t.doubts(&r.Comparison)
	newer := &r.Comparison
	for _, c := range r.Before {
		t.line("")
		t.row("before", fmt.Sprintf("generation %.12s, followed since %v, of which this file is a later state: after %v and before %v, %s",
			c.Generation, c.First.Time, c.Last.Time, newer.First.Time, beganWords(newer.Began)))
		newer = c
		t.ranges(c)
		t.doubts(c)
	}
	if c := r.Rival; c != nil {
		t.line("")
		t.row("but", fmt.Sprintf("generation %.12s, followed from %v to %v, begins as this file, too, and nothing links the two: was the log changed and then followed anew?",
			c.Generation, c.First.Time, c.Last.Time))
		t.ranges(c)
		t.doubts(c)
	}
	t.kin(r)
	t.row("verdict", verdictWords(r.Verdict))
}

// kin names other generations of the log.
func (t *text) kin(r *anchor.Report) {
	if s := r.Prior; s != nil {
		t.row("the file before", fmt.Sprintf("generation %.12s, %s from %v to %v: a rotated file should hold it", s.Generation, plural(s.Length, "byte"), s.First.Time, s.Last.Time))
	}
	if s := r.Next; s != nil {
		t.row("the file after", fmt.Sprintf("generation %.12s, since %v (%s)", s.Generation, s.First.Time, beganWords(s.Began)))
	}
	const most = 5
	for i, s := range r.Others {
		if i == most {
			t.row("", fmt.Sprintf("and %d more: p2pchain anchor list %s", len(r.Others)-most, printable(r.Log)))
			break
		}
		t.row("of this name, too", fmt.Sprintf("generation %.12s, %s from %v to %v: another file, or this one before a change that nothing links",
			s.Generation, plural(s.Length, "byte"), s.First.Time, s.Last.Time))
	}
	if r.Erased > 0 {
		t.row("note", fmt.Sprintf("%s not there any more, erased or pruned; of which logs, cannot be told", are(r.Erased, "anchor")))
	}
}

// doubts says what is missing or strange among the anchors.
func (t *text) doubts(c *anchor.Comparison) {
	if c.Missing > 0 {
		t.row("note", fmt.Sprintf("%s missing: erased, pruned or not sent; later ones cover what these did", are(c.Missing, "anchor")))
	}
	if c.Conflicts > 0 {
		t.row("note", fmt.Sprintf("%s given twice: an old state was put back, or somebody else wrote anchors with this key", are(c.Conflicts, "number")))
	}
	if c.Waiting > 0 {
		t.row("note", fmt.Sprintf("%s in no block yet", are(c.Waiting, "anchor")))
	}
}

func are(n int, noun string) string {
	if n == 1 {
		return plural(n, noun) + " is"
	}
	return plural(n, noun) + " are"
}

// ranges writes a row for each range.
func (t *text) ranges(c *anchor.Comparison) {
	if len(c.Ranges) == 0 {
		t.row(anchor.Intact, fmt.Sprintf("nothing: the file was empty at the look of %v, and is", c.Last.Time))
	}
	for _, r := range c.Ranges {
		t.row(rangeName(r.State), fmt.Sprintf("bytes %d to %d%s: %s", r.From, r.To-1, linesOf(r), rangeWords(r)))
	}
}

func rangeName(state string) string {
	switch state {
	case anchor.Altered, anchor.Cut:
		return strings.ToUpper(state)
	case anchor.Beyond:
		return "not anchored"
	}
	return state
}

// linesOf names the lines of a range.
func linesOf(r anchor.Range) string {
	switch {
	case r.FirstLine == 0 && r.LastLine == 0:
		return ""
	case r.FirstLine == 0:
		return fmt.Sprintf(", up to line %d", r.LastLine)
	case r.LastLine == 0:
		return fmt.Sprintf(", from line %d on", r.FirstLine)
	case r.LastLine <= r.FirstLine:
		return fmt.Sprintf(", line %d", r.FirstLine)
	}
	return fmt.Sprintf(", lines %d to %d", r.FirstLine, r.LastLine)
}

func rangeWords(r anchor.Range) string {
	switch r.State {
	case anchor.Intact:
		return "as at the look of " + pointWords(r.Until)
	case anchor.Altered:
		return "not what " + written(r)
	case anchor.Cut:
		return "gone; it is what " + written(r)
	case anchor.Unknown:
		return "no anchor that is left vouches for these bytes alone"
	}
	if r.After == nil {
		return "not anchored yet"
	}
	return "came after the look of " + pointWords(r.After)
}

// written says between which looks a range was written.
func written(r anchor.Range) string {
	if r.After == nil {
		return "was there at the look of " + pointWords(r.Until)
	}
	return fmt.Sprintf("was written after the look of %s and was there at that of %s", pointWords(r.After), pointWords(r.Until))
}

// pointWords names a look and where its anchor is.
func pointWords(p *anchor.Point) string {
	if p == nil {
		return "nobody"
	}
	if p.Block == nil {
		return fmt.Sprintf("%v (anchor %d, in no block yet)", p.Time, p.Sequence)
	}
	return fmt.Sprintf("%v (anchor %d, in block %d of %v)", p.Time, p.Sequence, p.Height, *p.BlockTime)
}

// verdictWords says what a verdict means.
func verdictWords(verdict string) string {
	switch verdict {
	case anchor.Altered:
		return "altered: bytes are not what they were when they were anchored"
	case anchor.Cut:
		return "cut: bytes that were anchored are missing at the end; what is left is as it was, as far as anchors tell"
	}
	return "intact: all that was anchored is as it was"
}
