package anchor

import (
	"io"
	"maps"
	"slices"

	"p2pchain/core/document"
)

// mostCompared is how many generations a file is compared with, where it is not said which it is.
const mostCompared = 16

// Check compares a file of this size and base name with the anchors that a choice leaves. It reads the
// file once for each generation that it may be. ErrNone, ErrSeveral, and errors of reading; what the
// comparison came to is in the report.
func (c *Collection) Check(file io.ReaderAt, size uint64, base string, choice Choice) (*Report, error) {
	all := c.Lines(func(*Line) bool { return true })
	lines, err := c.choose(choice, base)
	if err != nil {
		return nil, err
	}
	fitting, err := beginAs(file, size, lines)
	if err != nil {
		return nil, err
	}
	compared := fitting
	if len(compared) == 0 {
		compared = lines
	}
	if extra := len(compared) - mostCompared; extra > 0 {
		// The newest, and the oldest: whoever makes false ones cannot make them older.
		compared = slices.Concat(compared[:mostCompared/2], compared[mostCompared/2+extra:])
	}
	reports := make([]*Comparison, len(compared))
	best := 0
	for i, l := range compared {
		if reports[i], err = compare(file, size, l); err != nil {
			return nil, err
		}
		if reports[i].good() >= reports[best].good() {
			best = i
		}
	}
	r, chosen := &Report{Comparison: *reports[best], Fits: len(fitting) > 0, Erased: c.Erased}, compared[best]
	linked, err := c.link(all, file, size, r, chosen, choice.Generation != "")
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		if linked[l] {
			continue
		}
		if at := slices.Index(compared, l); at >= 0 && r.Rival == nil && reports[at].isCopy() {
			r.Rival = reports[at]
			r.Verdict = worse(r.Verdict, Altered)
			continue
		}
		r.Others = append(r.Others, lines[i].Summary())
	}
	return r, nil
}

// good returns how many bytes are intact.
func (r *Comparison) good() (n uint64) {
	for _, part := range r.Ranges {
		if part.State == Intact {
			n += part.To - part.From
		}
	}
	return n
}

// worse returns the worse of two verdicts.
func worse(a, b string) string {
	for _, v := range []string{Altered, Cut} {
		if a == v || b == v {
			return v
		}
	}
	return Intact
}

// link adds what the generations before and after say, and returns all that links lead to.
func (c *Collection) link(all []*Line, file io.ReaderAt, size uint64, r *Report, chosen *Line, explicit bool) (map[*Line]bool, error) {
	linked := map[*Line]bool{chosen: true}
	for same := true; ; {
		l := c.before(chosen)
		if l == nil || linked[l] {
			break
		}
		linked[l] = true
		if same {
			before, err := compare(file, size, l)
			if err != nil {
				return nil, err
			}
			if same = sameFile(chosen.first().Began, before, explicit); same {
				r.Before = append(r.Before, before)
				r.Verdict = worse(r.Verdict, before.Verdict)
			} else {
				r.Prior = &before.Summary
			}
		}
		chosen = l
	}
	c.linkNext(all, r, linked)
	return linked, nil
}

// A file that holds so many bytes of what was anchored of another one, or half of that, is taken for a
// changed copy: an editor and sed -i change a file by putting another one in its place. Less may be what
// each file begins with.
const copyBytes = 512

// isCopy reports whether the file is a changed state of that of a generation.
func (r *Comparison) isCopy() bool {
	good := r.good()
	return r.Verdict != Intact && good > 0 && (good >= copyBytes || 2*good >= r.Length)
}

// sameFile reports whether what a generation says is about a file that is of the next one, which began
// for some reason.
func sameFile(began string, before *Comparison, explicit bool) bool {
	switch {
	case began == document.BeganCut || began == document.BeganChanged:
		return true
	case explicit:
		return false
	case began == document.BeganReplaced: // the file itself is the same one
		return before.Verdict != Intact && before.good() > 0
	}
	return before.isCopy()
}

// linkNext adds the lines that continue those that are linked.
func (c *Collection) linkNext(all []*Line, r *Report, linked map[*Line]bool) {
	after := make(map[*Line][]*Line)
	for _, l := range all {
		if before := c.before(l); before != nil {
			after[before] = append(after[before], l)
		}
	}
	for todo := slices.Collect(maps.Keys(linked)); len(todo) > 0; todo = todo[1:] {
		for _, l := range after[todo[0]] {
			if linked[l] {
				continue
			}
			linked[l] = true
			todo = append(todo, l)
			if r.Next == nil && todo[0].Generation.String() == r.Generation {
				next := l.Summary()
				r.Next = &next
			}
		}
	}
}

// beginAs returns the lines whose first anchor of at least a byte the file fits.
func beginAs(file io.ReaderAt, size uint64, lines []*Line) ([]*Line, error) {
	var firsts []*Found
	var of []*Line
	for _, l := range lines {
		i := slices.IndexFunc(l.Anchors, func(a *Found) bool { return a.Length > 0 })
		if i >= 0 {
			only := *l.Anchors[i].Anchor
			only.From, only.Segment = 0, only.SHA256 // the prefix is all that counts here
			firsts, of = append(firsts, &Found{Anchor: &only}), append(of, l)
		}
	}
	outcomes, err := scan(file, size, firsts)
	if err != nil {
		return nil, err
	}
	var out []*Line
	for i, o := range outcomes {
		if o.prefix {
			out = append(out, of[i])
		}
	}
	return out, nil
}

// compare compares a file with one generation.
func compare(file io.ReaderAt, size uint64, l *Line) (*Comparison, error) {
	outcomes, err := scan(file, size, l.Anchors)
	if err != nil {
		return nil, err
	}
	j := judge{line: l, outcomes: outcomes, size: size, earliest: make(map[uint64]*Found), latest: make(map[uint64]*Found)}
	return j.comparison(), nil
}
