package anchor

import (
	"cmp"
	"slices"
)

// A judge makes ranges of what a scan found.
type judge struct {
	line     *Line
	outcomes []outcome
	size     uint64
	earliest map[uint64]*Found // the first anchor of a length
	latest   map[uint64]*Found // and the last one: a file may stay as it is for long

	ranges []Range
	at     uint64 // everything below is in ranges
	good   uint64 // the longest prefix that is right
	whole  bool   // nothing bad was found so far
	cut    bool   // what is missing at the end is in ranges
}

func (j *judge) comparison() *Comparison {
	l := j.line
	r := &Comparison{Size: j.size, Summary: l.Summary()}
	order := make([]int, len(l.Anchors))
	for i, a := range l.Anchors {
		order[i] = i
		if before := j.earliest[a.Length]; before == nil || a.TimeMS < before.TimeMS {
			j.earliest[a.Length] = a
		}
		if before := j.latest[a.Length]; before == nil || a.TimeMS >= before.TimeMS {
			j.latest[a.Length] = a
		}
		if j.outcomes[i].prefix {
			j.good = max(j.good, a.Length)
		}
		if !a.InBlock() {
			r.Waiting++
		}
		if i > 0 && a.Sequence == l.Anchors[i-1].Sequence {
			r.Conflicts++
		}
	}
	r.Missing = int(l.last().Sequence) - (len(l.Anchors) - r.Conflicts)
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.Anchors[a].From, l.Anchors[b].From), cmp.Compare(l.Anchors[a].Length, l.Anchors[b].Length))
	})
	j.whole = true
	for _, i := range order {
		j.take(l.Anchors[i], j.outcomes[i])
	}
	if j.size > j.at {
		j.add(Beyond, j.at, j.size)
	}
	r.Ranges, r.Verdict = merged(j.ranges), Intact
	for _, part := range r.Ranges {
		switch part.State {
		case Altered, Cut:
			r.Verdict = worse(r.Verdict, part.State)
		}
	}
	if len(r.Ranges) > 0 && r.Ranges[0].State == Intact {
		r.Intact = r.Ranges[0].To
	}
	return r
}

// take adds what an anchor says. Anchors come by where they begin.
func (j *judge) take(a *Found, o outcome) {
	if a.From > j.at {
		j.gap(a, o)
	}
	from := max(a.From, j.at)
	switch {
	case a.Length > j.size && j.cut:
	case a.Length > j.size:
		j.cut = true
		j.add(Unknown, from, j.size)
		j.add(Cut, j.size, j.line.Length())
	case o.prefix || o.segmentKnown && o.segment:
		j.add(Intact, from, a.Length)
	case o.segmentKnown:
		j.whole = false
		j.add(Altered, a.From, a.Length) // also where another anchor has these bytes otherwise
	default:
		j.add(Unknown, from, a.Length)
	}
}

// gap is about bytes whose anchors are missing, and that an anchor follows.
func (j *judge) gap(a *Found, o outcome) {
	end := min(a.From, j.size)
	switch {
	case j.at >= end:
	case end <= j.good:
		j.add(Intact, j.at, end)
	case j.whole && o.segmentKnown && o.segment && o.prefixKnown && !o.prefix:
		// All else up to there is right, so what is wrong is here.
		j.whole = false
		j.add(Altered, j.at, end)
	default:
		j.whole = false
		j.add(Unknown, j.at, end)
	}
}

func (j *judge) add(state string, from, to uint64) {
	if from >= to {
		return
	}
	r := Range{State: state, From: from, To: to}
	after, until := j.latest[from], j.earliest[to]
	if from == 0 {
		r.FirstLine = 1
	} else if after != nil {
		r.FirstLine = after.Lines + 1
	}
	if until != nil {
		r.LastLine = until.Lines
		if until.Partial > 0 {
			r.LastLine++
		}
	}
	if after == nil {
		after = j.near(from, false)
	}
	if until == nil && state != Beyond {
		until = j.near(to, true)
	}
	if from > 0 && after != nil {
		r.After = pointOf(after)
	}
	if until != nil {
		r.Until = pointOf(until)
	}
	j.ranges = append(j.ranges, r)
	j.at = max(j.at, to)
}

// near returns the anchor that ends next to a place, above it or below.
func (j *judge) near(place uint64, above bool) *Found {
	var out *Found
	for _, a := range j.line.Anchors {
		switch {
		case above && a.Length >= place && (out == nil || a.Length < out.Length),
			!above && a.Length <= place && a.Length > 0 && (out == nil || a.Length > out.Length):
			out = a
		}
	}
	return out
}

// merged joins neighbours that are in the same state.
func merged(ranges []Range) []Range {
	out := []Range{}
	for _, r := range ranges {
		if n := len(out); n > 0 && out[n-1].State == r.State && out[n-1].To >= r.From {
			last := &out[n-1]
			if r.To > last.To {
				last.To, last.LastLine, last.Until = r.To, r.LastLine, r.Until
			}
			continue
		}
		out = append(out, r)
	}
	return out
}
