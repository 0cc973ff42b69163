package anchor

import (
	"errors"
	"fmt"
	"time"

	"p2pchain/core"
)

// What a part of a file is.
const (
	Intact  = "intact"  // the same bytes as at the look
	Altered = "altered" // other bytes
	Cut     = "cut"     // not there any more
	Unknown = "unknown" // no anchor says anything about these bytes alone
	Beyond  = "beyond"  // not anchored yet
)

var (
	// ErrAltered means that bytes of a log are not what they were when they were anchored.
	ErrAltered = errors.New("the log was altered")
	// ErrCut means that a log is shorter than it was, and that what is left of it is intact as far as
	// anchors tell.
	ErrCut = errors.New("the end of the log is missing")
)

// A Moment is a time in Unix milliseconds, which JSON has as RFC 3339 in UTC.
type Moment uint64

const momentForm = "2006-01-02T15:04:05.000Z"

// String returns the time in whole seconds, for people.
func (m Moment) String() string {
	return time.UnixMilli(int64(m)).UTC().Format("2006-01-02 15:04:05 UTC")
}

// MarshalText writes RFC 3339 with milliseconds.
func (m Moment) MarshalText() ([]byte, error) {
	return time.UnixMilli(int64(m)).UTC().AppendFormat(nil, momentForm), nil
}

// UnmarshalText reads what MarshalText writes.
func (m *Moment) UnmarshalText(text []byte) error {
	t, err := time.Parse(momentForm, string(text))
	if err != nil {
		return fmt.Errorf("a time: %w", err)
	}
	*m = Moment(max(0, t.UnixMilli()))
	return nil
}

// A Point is an anchor, for people.
type Point struct {
	Sequence  uint64     `json:"sequence"`
	Time      Moment     `json:"time"` // of the look, by the clock of who followed
	ID        core.Hash  `json:"id"`
	Height    uint64     `json:"height,omitempty"`
	Block     *core.Hash `json:"block,omitempty"` // none: it waits for one
	BlockTime *Moment    `json:"block_time,omitempty"`
}

func pointOf(f *Found) *Point {
	p := &Point{Sequence: f.Sequence, Time: Moment(f.TimeMS), ID: f.ID}
	if f.InBlock() {
		p.Height, p.Block, p.BlockTime = f.Height, &f.Block, &f.BlockTime
	}
	return p
}

// A Range is a part of a file, bytes From up to but without To, and what it is. It was written after the
// look of After, where there was one, and before that of Until.
type Range struct {
	State     string `json:"state"`
	From      uint64 `json:"from"`
	To        uint64 `json:"to"`
	FirstLine uint64 `json:"first_line,omitempty"` // from 1; the first may have begun before From
	LastLine  uint64 `json:"last_line,omitempty"`
	After     *Point `json:"after,omitempty"`
	Until     *Point `json:"until,omitempty"`
}

// A Summary is a generation, for people.
type Summary struct {
	Log        string         `json:"log"`
	Generation string         `json:"generation"`
	Author     core.PublicKey `json:"author"`
	Began      string         `json:"began"`
	Anchors    int            `json:"anchors"`
	Length     uint64         `json:"length"` // bytes that are anchored
	Lines      uint64         `json:"lines"`
	First      *Point         `json:"first"`
	Last       *Point         `json:"last"`
}

// A Comparison is a file compared with the anchors of a generation.
type Comparison struct {
	Verdict   string  `json:"verdict"` // Intact, Altered or Cut
	Size      uint64  `json:"size"`    // of the file
	Intact    uint64  `json:"intact"`  // so many of its first bytes are
	Summary           // of the generation
	Ranges    []Range `json:"ranges"`
	Missing   int     `json:"missing,omitempty"`   // anchors that are not there: erased, or never sent
	Conflicts int     `json:"conflicts,omitempty"` // numbers that more than one anchor has
	Waiting   int     `json:"waiting,omitempty"`   // anchors in no block yet: nothing but the node's word
}

// A Report is what Check found.
type Report struct {
	Comparison // with the generation that the file is of
	// Fits says that the beginning of the file is that of the generation. Where it does not, this may be
	// the wrong generation, too.
	Fits bool `json:"fits"`
	// Before are comparisons with generations before, latest first, where the one after began since the
	// file had been changed or cut, or where this file holds so much of them that it is a changed copy.
	// What they found is in Verdict.
	Before []*Comparison `json:"before,omitempty"`
	// Prior is the generation before those, which was another file.
	Prior *Summary `json:"prior,omitempty"`
	// Next is the generation that followed, if any did.
	Next *Summary `json:"next,omitempty"`
	// Rival is a comparison with another generation that the file begins as, and that nothing links to
	// this one: a log that was changed and then followed anew looks like this.
	Rival *Comparison `json:"rival,omitempty"`
	// Others are more generations of this name that nothing links to this one.
	Others []Summary `json:"others,omitempty"`
	// Erased are anchors whose payload was erased: nobody knows of which logs.
	Erased int `json:"erased,omitempty"`
}

// Err returns what the verdict means, nil for a file that is intact.
func (r *Report) Err() error {
	switch r.Verdict {
	case Altered:
		return ErrAltered
	case Cut:
		return ErrCut
	}
	return nil
}
