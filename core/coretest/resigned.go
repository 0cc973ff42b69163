package coretest

import (
	"crypto/ed25519"
	"testing"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"p2pchain/core"
)

// Resigned returns a copy of a message with another valid signature of its author, who can make as
// many as he likes. Unlike all else here it is random.
func Resigned(t testing.TB, key ed25519.PrivateKey, m *core.Message) *core.Message {
	t.Helper()
	sig, err := voi.PrivateKey(key).Sign(nil, m.ID[:], &voi.Options{AddedRandomness: true})
	if err != nil {
		t.Fatalf("signing: %v", err)
	}
	again := *m
	again.Signature = core.Signature(sig)
	return &again
}
