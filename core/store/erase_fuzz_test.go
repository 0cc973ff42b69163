package store

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
)

func FuzzForgotten(f *testing.F) {
	fuzz(f, decodeForgotten, forgotten.encode, forgotten{}, forgotten{1, 2, 3, 4, 5, 6, 7})
}

func FuzzErasure(f *testing.F) {
	fuzz(f, func(b []byte) (chain.Erasure, error) { return decodeErasure(core.Hash{9}, b) },
		func(e chain.Erasure) []byte { return encodeErasure(&e) },
		chain.Erasure{}, chain.Erasure{Number: 1, TimeMS: 2, ByAuthor: true, Author: core.PublicKey{3}, Message: core.Hash{4}, Settled: true})
}

func FuzzErrand(f *testing.F) {
	fuzz(f, decodeErrand, errand.encode, errand{stage: stageDue}, errand{stageTidyDigest, 7})
}

func FuzzClaim(f *testing.F) {
	fuzz(f, decodeClaim, claim.encode, claim{1, core.Hash{2}})
}

// FuzzForgottenKeys reads keys of the tables of what was forgotten.
func FuzzForgottenKeys(f *testing.F) {
	f.Add(gapKey(chain.Place{Height: 1, Position: 2, Block: core.Hash{3}}))
	f.Add(claimKey(core.Hash{1}, core.PublicKey{2}))
	f.Fuzz(func(t *testing.T, key []byte) {
		if len(key) == 0 {
			return
		}
		if at, ok := keyGap(key); ok && string(gapKey(at)[1:]) != string(key[1:]) {
			t.Errorf("%x is read as %+v", key, at)
		}
		if target, author, ok := keyClaim(key); ok && string(claimKey(target, author)[1:]) != string(key[1:]) {
			t.Errorf("%x is read as %v, %v", key, target, author)
		}
	})
}
