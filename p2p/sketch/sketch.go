package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/dchest/siphash"

	"p2pchain/core"
)

const (
	// MinCells and MaxCells bound the size of a sketch.
	MinCells = 128
	MaxCells = 16384
	// CellBytes is the encoded size of a cell: count (4, two's complement), check (8) and sum (32), each
	// big-endian.
	CellBytes = 4 + 8 + core.HashSize

	rows = 4
)

// ErrMalformed means that bytes are no sketch.
var ErrMalformed = errors.New("malformed sketch")

// A Key is what the check values of a sketch depend on.
type Key [16]byte

// A Sketch stands for a set of hashes, or for the difference of two. Its methods are not safe for
// concurrent use.
type Sketch struct {
	key    Key
	k0, k1 uint64 // the key as SipHash takes it
	cells  []cell
}

// A cell sums up some of the hashes.
type cell struct {
	count int32
	check uint64
	sum   [4]uint64
}

// ValidSize reports whether a sketch may have so many cells.
func ValidSize(cells int) bool {
	return cells >= MinCells && cells <= MaxCells && bits.OnesCount(uint(cells)) == 1
}

// New returns the sketch of an empty set; cells must be a valid size.
func New(key Key, cells int) *Sketch {
	if !ValidSize(cells) {
		panic(fmt.Sprintf("sketch of %d cells", cells))
	}
	return &Sketch{
		key: key, cells: make([]cell, cells),
		k0: binary.LittleEndian.Uint64(key[:8]), k1: binary.LittleEndian.Uint64(key[8:]),
	}
}

// Key returns the key under which the sketch was made.
func (s *Sketch) Key() Key { return s.key }

// Cells returns the number of cells.
func (s *Sketch) Cells() int { return len(s.cells) }

// Add puts a hash into the set that the sketch stands for. It must not be there yet.
func (s *Sketch) Add(hash core.Hash) {
	s.put(siphash.Hash(s.k0, s.k1, hash[:]), words(hash), 1)
}

// put adds a hash to its cell of each row, or takes it out of them.
func (s *Sketch) put(check uint64, sum [4]uint64, sign int32) {
	row := uint64(len(s.cells) / rows)
	for i := range uint64(rows) {
		c := &s.cells[i*row+(check>>(16*i))&(row-1)]
		c.count += sign
		c.fold(check, &sum)
	}
}

// fold adds to the sums of a cell, or takes away from them: it is the same.
func (c *cell) fold(check uint64, sum *[4]uint64) {
	c.check ^= check
	c.sum[0] ^= sum[0]
	c.sum[1] ^= sum[1]
	c.sum[2] ^= sum[2]
	c.sum[3] ^= sum[3]
}

func words(h core.Hash) (w [4]uint64) {
	for i := range w {
		w[i] = binary.BigEndian.Uint64(h[8*i:])
	}
	return w
}

func (c *cell) hash() (h core.Hash) {
	for i, w := range c.sum {
		binary.BigEndian.PutUint64(h[8*i:], w)
	}
	return h
}

// Fold returns the sketch of the same set with fewer cells; the size must be valid and not larger.
func (s *Sketch) Fold(cells int) *Sketch {
	out := New(s.key, cells)
	from, to := len(s.cells)/rows, cells/rows
	for i := range s.cells {
		row, at := i/from, i%from
		c := &out.cells[row*to+at%to]
		c.count += s.cells[i].count
		c.fold(s.cells[i].check, &s.cells[i].sum)
	}
	return out
}

// Minus returns the sketch of the difference to another one with the same key and size.
func (s *Sketch) Minus(other *Sketch) *Sketch {
	if s.key != other.key || len(s.cells) != len(other.cells) {
		panic("difference of two unlike sketches")
	}
	out := New(s.key, len(s.cells))
	for i := range out.cells {
		c := s.cells[i]
		c.count -= other.cells[i].count
		c.fold(other.cells[i].check, &other.cells[i].sum)
		out.cells[i] = c
	}
	return out
}

// Differences returns the hashes of a difference: those that only the sketch has from which the other
// one was taken, and those that only the other one has. It is false where there are too many for the
// size. Of a sketch that was not made from sets, anything may come out, but never more hashes than
// there are cells.
func (s *Sketch) Differences() (mine, others []core.Hash, ok bool) {
	left := *s
	left.cells = append([]cell(nil), s.cells...)
	var pure []int
	for i := range left.cells {
		if left.single(&left.cells[i]) {
			pure = append(pure, i)
		}
	}
	row := uint64(len(left.cells) / rows)
	for found := 0; len(pure) > 0 && found <= len(left.cells); found++ {
		c := left.cells[pure[len(pure)-1]]
		pure = pure[:len(pure)-1]
		if !left.single(&c) {
			continue // it was found by another cell
		}
		if c.count > 0 {
			mine = append(mine, c.hash())
		} else {
			others = append(others, c.hash())
		}
		left.put(c.check, c.sum, -c.count)
		for i := range uint64(rows) {
			if at := i*row + (c.check>>(16*i))&(row-1); left.single(&left.cells[at]) {
				pure = append(pure, int(at))
			}
		}
	}
	for i := range left.cells {
		if left.cells[i] != (cell{}) {
			return nil, nil, false
		}
	}
	return mine, others, true
}

// single reports whether a cell holds one hash alone.
func (s *Sketch) single(c *cell) bool {
	if c.count != 1 && c.count != -1 {
		return false
	}
	h := c.hash()
	return siphash.Hash(s.k0, s.k1, h[:]) == c.check
}

// Estimate returns about how many hashes a difference holds; the error is about √(2/m) of it. The
// counts of a row's cells vary as much as there are hashes, since each falls on a cell by chance.
func (s *Sketch) Estimate() int {
	row := len(s.cells) / rows
	total := 0.0
	for r := range rows {
		cells := s.cells[r*row : (r+1)*row]
		mean := 0.0
		for i := range cells {
			mean += float64(cells[i].count) / float64(row)
		}
		for i := range cells {
			off := float64(cells[i].count) - mean
			total += off * off
		}
	}
	return int(min(math.Round(total/rows/(1-1/float64(row))), math.MaxInt32))
}

// CellsFor returns a size that will do for an estimate by a sketch of so many cells, allowing for two
// standard errors; 0 where none does.
func CellsFor(estimate, by int) int {
	// Four rows bear 0.77 hashes a cell if they are many; 0.72 leaves room for chance.
	need := float64(estimate) * (1 + 2*math.Sqrt(2/float64(by))) / 0.72
	for cells := MinCells; cells <= MaxCells; cells *= 2 {
		if float64(cells) >= need {
			return cells
		}
	}
	return 0
}

// Encode returns the cells, without the key.
func (s *Sketch) Encode() []byte {
	b := make([]byte, 0, len(s.cells)*CellBytes)
	for i := range s.cells {
		c := &s.cells[i]
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, uint32(c.count)), c.check)
		for _, w := range c.sum {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b
}

// Decode reads what Encode wrote; errors wrap ErrMalformed.
func Decode(key Key, b []byte) (*Sketch, error) {
	cells := len(b) / CellBytes
	if len(b)%CellBytes != 0 || !ValidSize(cells) {
		return nil, fmt.Errorf("%d bytes of cells: %w", len(b), ErrMalformed)
	}
	s := New(key, cells)
	for i := range s.cells {
		c := &s.cells[i]
		c.count, c.check = int32(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[4:])
		c.sum = words(core.Hash(b[12:CellBytes]))
		b = b[CellBytes:]
	}
	return s, nil
}
