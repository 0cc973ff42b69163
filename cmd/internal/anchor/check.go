package anchor

import (
	"io"
	"slices"

	"p2pchain/core/document"
)

// mostCompared is how many generations a file is compared with, where it is not said which it is.
const mostCompared = 16

// Check compares a file of this size and base name with the anchors that a choice leaves. It reads the
// file once for each generation that it may be. ErrNone, ErrSeveral, and errors of reading; what the
// comparison came to is in the report.
func (c *Collection) Check(file io.ReaderAt, size uint64, base string, choice Choice) (*Report, error) {
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
	compared = compared[max(0, len(compared)-mostCompared):]
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
	linked, err := c.link(file, size, r, chosen, choice.Generation != "")
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		if linked[l] {
			continue
		}
		if at := slices.Index(compared, l); at >= 0 && r.Rival == nil && len(fitting) > 0 && reports[at].Verdict != Intact {
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
func (c *Collection) link(file io.ReaderAt, size uint64, r *Report, chosen *Line, explicit bool) (map[*Line]bool, error) {
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
	c.linkNext(r, linked)
	return linked, nil
}

// Another file that took the name of a log, and holds so many bytes of it or half of it, is taken for a
// changed copy: this is how an editor and sed -i change a file. Less may be what each file begins with.
const copyBytes = 512

// sameFile reports whether what a generation says is about a file that is of the next one, which began
// for some reason.
func sameFile(began string, before *Comparison, explicit bool) bool {
	if began == document.BeganCut || began == document.BeganChanged {
		return true
	}
	good := before.good()
	if explicit || before.Verdict == Intact || good == 0 {
		return false
	}
	return began == document.BeganReplaced || good >= copyBytes || 2*good >= before.Length
}

// linkNext adds the lines that continue those that are linked.
func (c *Collection) linkNext(r *Report, linked map[*Line]bool) {
	for found := true; found; {
		found = false
		for _, l := range c.lines {
			before := c.before(l)
			if linked[l] || before == nil || !linked[before] {
				continue
			}
			linked[l], found = true, true
			if r.Next == nil && before.Generation.String() == r.Generation {
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
