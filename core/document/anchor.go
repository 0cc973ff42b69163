package document

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"p2pchain/core"
)

// AnchorType is the media type of an Anchor.
const AnchorType = prefix + "anchor+json"

// Why a generation of a log began.
const (
	BeganFirst    = "first"    // nobody had looked at this log before
	BeganRotated  = "rotated"  // another file had taken the name
	BeganEmptied  = "emptied"  // the file had become empty, as by copytruncate
	BeganReplaced = "replaced" // what the file begins with had become something else
	BeganCut      = "cut"      // the file had become shorter and still began as before
	BeganChanged  = "changed"  // the file began as before, but what had been its end was something else
)

// A Generation names one file among all that ever had the name of a log. It is drawn at random.
type Generation [16]byte

// String returns 32 hex digits.
func (g Generation) String() string { return hex.EncodeToString(g[:]) }

// ParseGeneration reads what String returns; errors wrap ErrMalformed.
func ParseGeneration(text string) (g Generation, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(g) || hex.EncodeToString(b) != text {
		return g, fmt.Errorf("generation %.40q is not %d digits of lower-case hex: %w", text, 2*len(g), ErrMalformed)
	}
	return Generation(b), nil
}

// An Anchor says what a growing file held when somebody looked: how long it was, and the hash of all of
// it. Whoever has the file later can tell whether these bytes are the same. The hash of what came since
// the anchor before locates a change, and vouches for what follows one.
type Anchor struct {
	Log        string // base name
	Generation Generation
	Sequence   uint64 // of the anchors of a generation, from 1
	Began      string // why the generation began
	Length     uint64 // bytes
	Lines      uint64 // line feeds in them
	Partial    uint64 // bytes after the last line feed: 0 where the last line is complete
	SHA256     core.Hash
	From       uint64    // the length at the anchor before, 0 in the first one
	Segment    core.Hash // SHA-256 of the bytes from From up to Length
	TimeMS     uint64    // of the look, by the clock of who looked
	// Previous is the SHA-256 of the payload of the anchor before; in the first one of a generation, of
	// the last one of the generation before, and zeros where there is none.
	Previous core.Hash
}

// Type returns AnchorType.
func (a *Anchor) Type() string { return AnchorType }

// Time returns when somebody looked, by their clock.
func (a *Anchor) Time() time.Time { return time.UnixMilli(int64(a.TimeMS)).UTC() }

// Validate is that of Document.
func (a *Anchor) Validate() error {
	if err := CheckName(a.Log); err != nil {
		return err
	}
	for _, n := range []struct {
		key   string
		value uint64
	}{{"sequence", a.Sequence}, {"length", a.Length}} {
		if err := checkNumber(n.key, n.value); err != nil {
			return err
		}
	}
	fault := ""
	switch {
	case !isBeginning(a.Began):
		fault = "began is none of the reasons"
	case a.Sequence == 0:
		fault = "sequence is 0"
	case a.From > a.Length:
		fault = "from is beyond length"
	case a.Sequence == 1 && a.From != 0:
		fault = "the first anchor does not begin at 0"
	case a.Partial > a.Length || a.Lines > a.Length-a.Partial || (a.Lines == 0) != (a.Partial == a.Length):
		fault = "lines and partial do not fit length"
	case a.From == 0 && a.Segment != a.SHA256:
		fault = "the segment is all there is, and has another hash"
	case a.From == a.Length && a.Segment != core.Hash(sha256.Sum256(nil)):
		fault = "the segment is empty, and its hash is not"
	case a.TimeMS > core.MaxTimeMS:
		fault = "time_ms is too late"
	case a.alone() != (a.Previous == core.Hash{}):
		fault = "previous is zeros in the very first anchor, and only there"
	}
	if fault != "" {
		return fmt.Errorf("%s: %w", fault, ErrMalformed)
	}
	return nil
}

// alone reports whether there is no anchor before.
func (a *Anchor) alone() bool { return a.Sequence == 1 && a.Began == BeganFirst }

func isBeginning(word string) bool {
	switch word {
	case BeganFirst, BeganRotated, BeganEmptied, BeganReplaced, BeganCut, BeganChanged:
		return true
	}
	return false
}

// Encode is that of Document.
func (a *Anchor) Encode() []byte {
	var w writer
	w.text("log", a.Log)
	w.text("generation", a.Generation.String())
	w.number("sequence", a.Sequence)
	w.text("began", a.Began)
	w.number("length", a.Length)
	w.number("lines", a.Lines)
	w.number("partial", a.Partial)
	w.hash("sha256", a.SHA256)
	w.number("from", a.From)
	w.hash("segment_sha256", a.Segment)
	w.number("time_ms", a.TimeMS)
	w.hash("previous", a.Previous)
	return w.close()
}

// String returns one line such as: anchor 7 of "app.log" (3f2a…), 48213 bytes, 120 lines, SHA-256 9f86….
func (a *Anchor) String() string {
	unfinished := ""
	if a.Partial > 0 {
		unfinished = fmt.Sprintf(" and %s of an unfinished one", sizeInWords(a.Partial))
	}
	return fmt.Sprintf("anchor %d of %q (generation %v), %s, lines: %d%s, SHA-256 %v",
		a.Sequence, a.Log, a.Generation, sizeInWords(a.Length), a.Lines, unfinished, a.SHA256)
}

func decodeAnchor(payload []byte) (Document, error) {
	r := object(payload)
	a := &Anchor{Log: r.text("log"), Generation: r.generation("generation"), Sequence: r.number("sequence"),
		Began: r.text("began"), Length: r.number("length"), Lines: r.number("lines"), Partial: r.number("partial"),
		SHA256: r.hash("sha256"), From: r.number("from"), Segment: r.hash("segment_sha256"),
		TimeMS: r.number("time_ms"), Previous: r.hash("previous")}
	return r.close(a)
}

func (r *reader) generation(key string) Generation {
	g, err := ParseGeneration(r.text(key))
	if err != nil {
		r.fail("%s: %w", key, err)
	}
	return g
}
