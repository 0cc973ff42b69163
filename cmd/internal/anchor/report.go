package anchor

import (
	"errors"
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

// A Point is an anchor, for people.
type Point struct {
	Sequence  uint64     `json:"sequence"`
	Time      time.Time  `json:"time"` // of the look, by the clock of who followed
	ID        core.Hash  `json:"id"`
	Height    uint64     `json:"height,omitempty"`
	Block     *core.Hash `json:"block,omitempty"` // none: it waits for one
	BlockTime *time.Time `json:"block_time,omitempty"`
}

func pointOf(f *Found) *Point {
	p := &Point{Sequence: f.Sequence, Time: f.Time(), ID: f.ID}
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

// A Report is a file compared with the anchors of a generation.
type Report struct {
	Verdict string  `json:"verdict"` // Intact, Altered or Cut
	Size    uint64  `json:"size"`    // of the file
	Intact  uint64  `json:"intact"`  // so many of its first bytes are
	Summary         // of the generation
	Ranges  []Range `json:"ranges"`
	// Missing are numbers of anchors that are not there: erased, or never sent.
	Missing int `json:"missing,omitempty"`
	// Conflicts are numbers that more than one anchor has.
	Conflicts int `json:"conflicts,omitempty"`
	// Waiting are anchors that are in no block yet: nothing but the node's word.
	Waiting int `json:"waiting,omitempty"`
	// Fits says that the beginning of the file is that of the generation. Where it does not, this may be
	// the wrong generation, too.
	Fits bool `json:"fits"`
	// Before is the same for the generation before, where this one began since the file had been changed
	// or cut, or where this file holds so much of that one that it is a changed copy.
	Before *Report `json:"before,omitempty"`
	// Prior is the generation before, where that was another file.
	Prior *Summary `json:"prior,omitempty"`
	// Next is the generation that followed this one, if any did.
	Next *Summary `json:"next,omitempty"`
	// Rival is the same for another generation that the file begins as, and that nothing links to this
	// one: a log that was changed and then followed anew looks like this.
	Rival *Report `json:"rival,omitempty"`
	// Others are more generations of this name that nothing links to this one.
	Others []Summary `json:"others,omitempty"`
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
