package anchor

import (
	"cmp"
	"crypto/sha256"
	"hash"
	"io"
	"slices"

	"p2pchain/core"
)

// mostOverlap is how many segments that overlap are hashed at once. Those of one follower do not; only
// a state that was put back, or somebody who writes false anchors, makes such.
const mostOverlap = 64

// An outcome says whether the hashes of an anchor are those of the file.
type outcome struct {
	prefix, segment bool // are right
	prefixKnown     bool // the file is long enough
	segmentKnown    bool
}

// A scanner reads a file once and compares it with anchors.
type scanner struct {
	anchors  []*Found
	outcomes []outcome
	byFrom   []int // anchors that the file is long enough for, by where their segment begins
	byLength []int // the same, by where it ends
	prefix   hash.Hash
	open     map[int]hash.Hash // segments that are being read
	at       uint64
}

// scan returns what the file says about each anchor. It reads no further than the last of them.
func scan(file io.ReaderAt, size uint64, anchors []*Found) ([]outcome, error) {
	s := &scanner{anchors: anchors, outcomes: make([]outcome, len(anchors)), prefix: sha256.New(), open: make(map[int]hash.Hash)}
	for i, a := range anchors {
		if a.Length <= size {
			s.byFrom = append(s.byFrom, i)
		}
	}
	s.byLength = slices.Clone(s.byFrom)
	slices.SortStableFunc(s.byFrom, func(a, b int) int { return cmp.Compare(anchors[a].From, anchors[b].From) })
	slices.SortStableFunc(s.byLength, func(a, b int) int { return cmp.Compare(anchors[a].Length, anchors[b].Length) })
	buf := make([]byte, pieceBytes)
	for s.stop(); len(s.byLength) > 0; s.stop() {
		end := s.anchors[s.byLength[0]].Length
		if len(s.byFrom) > 0 {
			end = min(end, s.anchors[s.byFrom[0]].From)
		}
		for s.at < end {
			n, err := file.ReadAt(buf[:min(uint64(len(buf)), end-s.at)], int64(s.at))
			if n == 0 && err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF // it became shorter meanwhile
				}
				return nil, err
			}
			s.write(buf[:n])
		}
	}
	return s.outcomes, nil
}

func (s *scanner) write(b []byte) {
	s.prefix.Write(b)
	for _, h := range s.open {
		h.Write(b)
	}
	s.at += uint64(len(b))
}

// stop judges the anchors that end at this place and begins the segments that do.
func (s *scanner) stop() {
	for len(s.byFrom) > 0 && s.anchors[s.byFrom[0]].From == s.at {
		i := s.byFrom[0]
		s.byFrom = s.byFrom[1:]
		if a := s.anchors[i]; a.From > 0 && a.From < a.Length && len(s.open) < mostOverlap {
			s.open[i] = sha256.New()
		}
	}
	var sum core.Hash
	summed := false
	for len(s.byLength) > 0 && s.anchors[s.byLength[0]].Length == s.at {
		i := s.byLength[0]
		s.byLength = s.byLength[1:]
		if !summed {
			sum, summed = core.Hash(s.prefix.Sum(nil)), true
		}
		a, out := s.anchors[i], &s.outcomes[i]
		out.prefix, out.prefixKnown = sum == a.SHA256, true
		if a.From == 0 {
			out.segment, out.segmentKnown = out.prefix, true
		} else if h := s.open[i]; h != nil {
			out.segment, out.segmentKnown = core.Hash(h.Sum(nil)) == a.Segment, true
			delete(s.open, i)
		}
	}
}
