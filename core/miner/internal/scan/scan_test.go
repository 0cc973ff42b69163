package scan

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

func randomHeader(r *rand.Rand) core.Header {
	h := core.Header{
		MessageCount: r.Uint32(), Height: r.Uint64(), TimeMS: r.Uint64(), BusyMS: r.Uint32(),
		Bits: core.Bits(r.Uint32()), Work: core.NewWork(r.Uint64(), r.Uint64()),
	}
	for _, b := range [][]byte{h.PreviousHash[:], h.MessageRoot[:], h.HistoryRoot[:]} {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return h
}

// TestVariants holds every variant against crypto/sha256 over whole headers: on random ones, from
// random nonces, the first nonce that meets a target must be the one that a plain loop finds.
func TestVariants(t *testing.T) {
	seed := random.Seed(t)
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			for range 2000 {
				target := core.DifficultyTarget(1)
				if r.IntN(4) == 0 {
					target = core.DifficultyTarget(2)
				}
				h, first := randomHeader(r), r.Uint64()>>r.IntN(64)
				checkScan(t, v.New(target), target, &h, first, r.IntN(300))
			}
		})
	}
}

func checkScan(t *testing.T, s *Scanner, target core.Target, h *core.Header, first uint64, count int) {
	t.Helper()
	s.Set(h)
	nonce, found := s.Scan(first, count)
	wantNonce, want := plain(target, *h, first, count)
	if nonce != wantNonce || found != want {
		t.Fatalf("Scan(%#x, %d) = %#x, %v; want %#x, %v", first, count, nonce, found, wantNonce, want)
	}
}

func plain(target core.Target, h core.Header, first uint64, count int) (uint64, bool) {
	b := h.Encode()
	for i := range count {
		binary.BigEndian.PutUint64(b[144:], first+uint64(i))
		if target.MetBy(sha256.Sum256(b[:])) {
			return first + uint64(i), true
		}
	}
	return 0, false
}

// TestLowHalfOverflows scans across 2³² and up to the last nonce of all.
func TestLowHalfOverflows(t *testing.T) {
	r := random.Source(t)
	target := core.DifficultyTarget(3)
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) {
			for i := range 200 {
				h := randomHeader(r)
				checkScan(t, v.New(target), target, &h, 1<<32-uint64(i), 500)
				checkScan(t, v.New(target), target, &h, 7<<32-uint64(i), 500)
			}
		})
	}
}

// TestFirstWordIsNotEnough has a target whose first word is met much more often than the target.
func TestFirstWordIsNotEnough(t *testing.T) {
	var bytes [32]byte
	bytes[0], bytes[4] = 0x08, 0x10 // 08000000 10000000 …
	bytes[3] = 0
	target := core.TargetFromBytes(bytes)
	r := random.Source(t)
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) {
			for range 300 {
				h := randomHeader(r)
				s := v.New(target)
				s.limit = 0x7fffffff // half of all hashes pass the first look
				checkScan(t, s, target, &h, r.Uint64()>>11, 400)
			}
		})
	}
}

// TestHashEqualToTarget has targets that a hash only just meets, or only just misses.
func TestHashEqualToTarget(t *testing.T) {
	r := random.Source(t)
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) {
			for range 300 {
				h := randomHeader(r)
				h.Nonce = r.Uint64() >> 11
				hash := h.Hash()
				s := v.New(core.TargetFromBytes(hash))
				s.Set(&h)
				if _, found := s.Scan(h.Nonce, 1); !found {
					t.Fatal("a hash equal to the target was not found")
				}
				hash[31]--
				s = v.New(core.TargetFromBytes(hash))
				s.Set(&h)
				if _, found := s.Scan(h.Nonce, 1); found && hash[31] != 0xff {
					t.Fatal("a hash above the target was found")
				}
				hash[31]++
				checkScan(t, v.New(core.TargetFromBytes(hash)), core.TargetFromBytes(hash), &h, h.Nonce-h.Nonce%2, 2)
			}
		})
	}
}

// TestSetAgain changes a scanner's header as a miner does, and in all other fields.
func TestSetAgain(t *testing.T) {
	r := random.Source(t)
	target := core.DifficultyTarget(2)
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) {
			s := v.New(target)
			h := randomHeader(r)
			for i := range 300 {
				h.TimeMS++
				h.BusyMS += 3
				if i%10 == 0 {
					h = randomHeader(r)
				}
				checkScan(t, s, target, &h, uint64(i)<<40, 600)
			}
		})
	}
}

func TestCompress(t *testing.T) {
	r := random.Source(t)
	for range 1000 {
		var block [64]byte
		n := r.IntN(56)
		for i := range n {
			block[i] = byte(r.Uint32())
		}
		block[n] = 0x80
		binary.BigEndian.PutUint64(block[56:], uint64(8*n))
		state := initialState()
		compress(&state, block[:])
		var got [32]byte
		for i, word := range state {
			binary.BigEndian.PutUint32(got[4*i:], word)
		}
		if want := sha256.Sum256(block[:n]); got != want {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
	}
}

// BenchmarkTry gives the hash rate of one core by every variant, and by hashing whole headers.
func BenchmarkTry(b *testing.B) {
	const batch = 4096
	h := randomHeader(random.Source(b))
	target := core.DifficultyTarget(16)
	rate := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds()/1e6, "MH/s")
	}
	for _, v := range Variants() {
		b.Run(v.Name, func(b *testing.B) {
			s := v.New(target)
			s.Set(&h)
			for i := range b.N {
				s.Scan(uint64(i)*batch, batch)
			}
			rate(b)
		})
	}
	b.Run("Sum256", func(b *testing.B) {
		for i := range b.N {
			plain(target, h, uint64(i)*batch, batch)
		}
		rate(b)
	})
}
