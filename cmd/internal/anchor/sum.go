package anchor

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"

	"p2pchain/core"
	"p2pchain/core/document"
)

// window is how many bytes of the beginning, and of the end of what was read, are compared again.
const window = 4 << 10

// A sum is what is known of the bytes of a generation that were read.
type sum struct {
	prefix  hash.Hash // over all of them
	segment hash.Hash // over those since from
	from    uint64    // the length at the last anchor
	length  uint64
	lines   uint64
	partial uint64
	head    []byte // the first bytes, at most window
	tail    []byte // the last bytes, at most window
}

func newSum() *sum { return &sum{prefix: sha256.New(), segment: sha256.New()} }

// write takes in the next bytes.
func (s *sum) write(b []byte) {
	s.prefix.Write(b)
	s.segment.Write(b)
	s.length += uint64(len(b))
	s.lines += uint64(bytes.Count(b, []byte("\n")))
	if end := bytes.LastIndexByte(b, '\n'); end >= 0 {
		s.partial = uint64(len(b) - end - 1)
	} else {
		s.partial += uint64(len(b))
	}
	if room := window - len(s.head); room > 0 {
		s.head = append(s.head, b[:min(room, len(b))]...)
	}
	if len(b) >= window {
		s.tail = append(s.tail[:0], b[len(b)-window:]...)
		return
	}
	s.tail = append(s.tail, b...)
	if extra := len(s.tail) - window; extra > 0 {
		s.tail = append(s.tail[:0], s.tail[extra:]...)
	}
}

// clone returns a copy that goes its own way.
func (s *sum) clone() (*sum, error) {
	c := *s
	var err error
	if c.prefix, err = copyOf(s.prefix); err != nil {
		return nil, err
	}
	if c.segment, err = copyOf(s.segment); err != nil {
		return nil, err
	}
	c.head, c.tail = bytes.Clone(s.head), bytes.Clone(s.tail)
	return &c, nil
}

func copyOf(h hash.Hash) (hash.Hash, error) {
	state, err := stateOf(h)
	if err != nil {
		return nil, err
	}
	return hashOf(state)
}

// stateOf returns what hashOf goes on from.
func stateOf(h hash.Hash) ([]byte, error) {
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("saving the state of a hash: %w", err)
	}
	return state, nil
}

func hashOf(state []byte) (hash.Hash, error) {
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("restoring the state of a hash: %w", err)
	}
	return h, nil
}

// describe fills in what an anchor says about the bytes.
func (s *sum) describe(a *document.Anchor) {
	a.Length, a.Lines, a.Partial, a.From = s.length, s.lines, s.partial, s.from
	a.SHA256, a.Segment = core.Hash(s.prefix.Sum(nil)), core.Hash(s.segment.Sum(nil))
}

// cut begins a new segment: the bytes so far are in an anchor.
func (s *sum) cut() {
	s.from = s.length
	s.segment = sha256.New()
}
