package scan

import (
	"github.com/klauspost/cpuid/v2"

	"p2pchain/core/miner/internal/scan/layout"
)

//go:generate go run -tags avo asm/gen.go -out shani_amd64.s

// scanSHANI tries 2·pairs nonces and returns how many come before the first hit. The low half of the
// nonce must not overflow on the way.
//
//go:noescape
func scanSHANI(p *[layout.Words]uint32, pairs uint64) uint64

func fastVariants() []Variant {
	if cpuid.CPU.Supports(cpuid.SHA, cpuid.AVX, cpuid.SSE4) {
		return []Variant{{"SHA-NI", trySHANI}}
	}
	return nil
}

// trySHANI is tryPortable by the SHA instructions, two nonces at a time.
func trySHANI(s *Scanner, first uint64, count int) int {
	done := 0
	for done < count {
		nonce := first + uint64(done)
		low := uint32(nonce)
		pairs := min(uint64(count-done), 1<<32-uint64(low)) / 2
		if pairs == 0 { // one nonce is left, or the low half is about to overflow
			if tryPortable(s, nonce, 1) == 0 {
				return done
			}
			done++
			continue
		}
		s.setHigh(uint32(nonce >> 32))
		s.prepared[layout.W4+1] = low
		hit := scanSHANI(&s.prepared, pairs)
		done += int(hit)
		if hit < 2*pairs {
			return done
		}
	}
	return done
}
