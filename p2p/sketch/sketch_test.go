package sketch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/sketch"
)

var update = flag.Bool("update", false, "rewrite golden files")

func hashes(r *rand.Rand, n int) []core.Hash {
	out := make([]core.Hash, n)
	for i := range out {
		for j := 0; j < core.HashSize; j += 8 {
			binary.LittleEndian.PutUint64(out[i][j:], r.Uint64())
		}
	}
	return out
}

func newKey(r *rand.Rand) (k sketch.Key) {
	binary.LittleEndian.PutUint64(k[:], r.Uint64())
	binary.LittleEndian.PutUint64(k[8:], r.Uint64())
	return k
}

func of(key sketch.Key, cells int, sets ...[]core.Hash) *sketch.Sketch {
	s := sketch.New(key, cells)
	for _, set := range sets {
		for _, h := range set {
			s.Add(h)
		}
	}
	return s
}

func sorted(h []core.Hash) []core.Hash {
	return slices.SortedFunc(slices.Values(h), core.Hash.Compare)
}

func TestDifferences(t *testing.T) {
	r := random.Source(t)
	both := hashes(r, 5000)
	for _, tt := range []struct{ cells, mine, others, unfound int }{
		{128, 0, 0, 0}, {128, 1, 0, 0}, {128, 0, 1, 0}, {128, 5, 5, 2}, {128, 30, 0, 4},
		{1024, 300, 300, 2}, {2048, 0, 1000, 1}, {16384, 10000, 500, 0},
	} {
		t.Run(fmt.Sprintf("%d cells, %d and %d", tt.cells, tt.mine, tt.others), func(t *testing.T) {
			failed := 0
			for range max(1, 20_000/tt.cells) {
				key, mine, others := newKey(r), hashes(r, tt.mine), hashes(r, tt.others)
				diff := of(key, tt.cells, both[:100], mine).Minus(of(key, tt.cells, both[:100], others))
				a, b, ok := diff.Differences()
				if !ok {
					failed++
					continue
				}
				if !slices.Equal(sorted(a), sorted(mine)) || !slices.Equal(sorted(b), sorted(others)) {
					t.Fatalf("found %d and %d hashes, want %d and %d", len(a), len(b), tt.mine, tt.others)
				}
			}
			// Two of n hashes with the same four cells hide each other: one difference in 2·(cells/4)⁴/n², which is
			// 2400 for 30 in 128 cells. More than these are in less than one run of ten millions.
			if failed > tt.unfound {
				t.Errorf("%d differences were not found, want %d at most", failed, tt.unfound)
			}
		})
	}
}

func TestTooManyDifferences(t *testing.T) {
	r := random.Source(t)
	for _, count := range []int{129, 1000, 50_000} {
		diff := of(newKey(r), 128, hashes(r, count))
		if _, _, ok := diff.Differences(); ok {
			t.Errorf("128 cells give %d hashes back", count)
		}
		// Estimates of 4 × 32 cells spread like χ² of 124 degrees of freedom: below 0.4 is one in 10⁹, above 2.2 fewer.
		if got := diff.Estimate(); got < count*2/5 || got > count*11/5 {
			t.Errorf("%d differences are taken for %d", count, got)
		}
	}
}

func TestCellsFor(t *testing.T) {
	r := random.Source(t)
	for _, tt := range []struct{ count, tries, tooSmall int }{{100, 100, 12}, {1000, 20, 2}, {5000, 20, 2}} {
		failed := 0
		for range tt.tries {
			key, mine := newKey(r), hashes(r, tt.count)
			whole := of(key, sketch.MaxCells, mine)
			cells := sketch.CellsFor(whole.Fold(sketch.MinCells).Estimate(), sketch.MinCells)
			// Twice as many as for a right estimate stand for one of 2.3 times the count, which never comes.
			if most := 2 * sketch.CellsFor(tt.count, sketch.MaxCells); cells == 0 || cells > most {
				t.Fatalf("%d cells for %d differences, want %d at most", cells, tt.count, most)
			}
			if _, _, ok := whole.Fold(cells).Differences(); !ok {
				failed++
			}
		}
		// One estimate of 100 in a hundred is below 74 and gives 128 cells, which bear no 100. More than 12 in a
		// hundred are then one run of 10⁹. The others have so much room that a failure is one in 10⁴.
		if failed > tt.tooSmall {
			t.Errorf("%d differences: the size was too small in %d of %d cases", tt.count, failed, tt.tries)
		}
	}
	if got := sketch.CellsFor(20_000, sketch.MinCells); got != 0 {
		t.Errorf("%d cells for 20,000 differences", got)
	}
}

func TestFold(t *testing.T) {
	r := random.Source(t)
	key, set := newKey(r), hashes(r, 1000)
	whole := of(key, sketch.MaxCells, set)
	for cells := sketch.MinCells; cells <= sketch.MaxCells; cells *= 2 {
		if !bytes.Equal(whole.Fold(cells).Encode(), of(key, cells, set).Encode()) {
			t.Errorf("folded to %d cells it is another sketch", cells)
		}
	}
}

// Who does not know the key cannot choose hashes that fall on the same cells: ids with a common start,
// or that differ in a bit only, are as good as any.
func TestChosenHashes(t *testing.T) {
	r := random.Source(t)
	var chosen []core.Hash
	for i := range 60 {
		h := core.Hash{1, 2, 3, 4, 5, 6, 7, 8}
		h[31] = byte(i)
		chosen = append(chosen, h)
	}
	if bytes.Equal(of(newKey(r), 128, chosen).Encode(), of(newKey(r), 128, chosen).Encode()) {
		t.Error("two keys give one sketch")
	}
	found := 0
	for range 50 {
		if _, _, ok := of(newKey(r), 128, chosen).Differences(); ok {
			found++
		}
	}
	if found < 45 { // two in a thousand fail by chance, six of 50 in one run of 10⁹
		t.Errorf("chosen hashes were found under %d keys of 50", found)
	}
}

// A hash that is in one of its cells and not in the others is found and put back for ever, if nobody
// counts.
func TestForgedSketchEnds(t *testing.T) {
	r := random.Source(t)
	key := newKey(r)
	forged := of(key, 128, hashes(r, 1)).Encode()
	for at, kept := 0, false; at < len(forged); at += sketch.CellBytes {
		if forged[at+3] == 1 && kept {
			clear(forged[at : at+sketch.CellBytes])
		}
		kept = kept || forged[at+3] == 1
	}
	s, err := sketch.Decode(key, forged)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Differences(); ok {
		t.Error("a hash in one of its four cells was found")
	}
}

func TestGolden(t *testing.T) {
	var key sketch.Key
	for i := range key {
		key[i] = byte(i)
	}
	var set []core.Hash
	for i := range 10 {
		set = append(set, sha256.Sum256([]byte{byte(i)}))
	}
	got := []byte(hex.EncodeToString(of(key, sketch.MinCells, set).Encode()) + "\n")
	const file = "testdata/ten.hex"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the sketch of SHA-256(0) … SHA-256(9) differs from %s", file)
	}
}

func TestDecode(t *testing.T) {
	for _, size := range []int{0, 1, sketch.CellBytes, 127 * sketch.CellBytes, 129 * sketch.CellBytes, 128*sketch.CellBytes + 1, 2 * sketch.MaxCells * sketch.CellBytes} {
		if _, err := sketch.Decode(sketch.Key{}, make([]byte, size)); !errors.Is(err, sketch.ErrMalformed) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// FuzzDecode holds the bounds for sketches that were made of nothing, and the encoding to one form.
func FuzzDecode(f *testing.F) {
	r := random.Source(f)
	for _, n := range []int{0, 1, 50, 500} {
		f.Add([]byte("0123456789abcdef"), of(sketch.Key([]byte("0123456789abcdef")), 128, hashes(r, n)).Encode())
	}
	f.Add([]byte{}, bytes.Repeat([]byte{0, 0, 0, 1}, 128*11))
	f.Fuzz(func(t *testing.T, k, b []byte) {
		var key sketch.Key
		copy(key[:], k)
		s, err := sketch.Decode(key, b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Encode(), b) {
			t.Error("another encoding")
		}
		mine, others, _ := s.Differences()
		if len(mine)+len(others) > s.Cells()+1 {
			t.Errorf("%d hashes out of %d cells", len(mine)+len(others), s.Cells())
		}
		if e := s.Estimate(); e < 0 {
			t.Errorf("estimate %d", e)
		}
	})
}

func BenchmarkSketch(b *testing.B) {
	r := random.Source(b)
	key, set := newKey(r), hashes(r, 100_000)
	b.Run("of 100,000", func(b *testing.B) {
		for b.Loop() {
			of(key, sketch.MaxCells, set)
		}
	})
	for _, count := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("find %d", count), func(b *testing.B) {
			diff := of(key, sketch.CellsFor(count, sketch.MaxCells), set[:count])
			for b.Loop() {
				if _, _, ok := diff.Differences(); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
