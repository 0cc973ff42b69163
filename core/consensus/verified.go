package consensus

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"p2pchain/core"
)

// maxVerified is how many signatures a Verified remembers at most: eight full blocks of the default
// size, or about 9 MiB.
const maxVerified = 1 << 18

// A Verified remembers signatures that were found good, so that nobody checks one twice: a message is
// judged when it comes, and again when a block brings it. It is safe for concurrent use, and a nil
// one remembers nothing.
//
// Each is kept as 16 bytes of SHA-256 under a random salt, so nobody outside can look for another
// signature that counts as known. The oldest half is forgotten at once when there are too many.
type Verified struct {
	salt [16]byte

	mu         sync.Mutex // guards what is below
	young, old map[verifiedKey]struct{}
}

type verifiedKey [16]byte

// NewVerified returns one that remembers nothing yet. It takes memory as it fills.
func NewVerified() *Verified {
	v := &Verified{young: make(map[verifiedKey]struct{})}
	rand.Read(v.salt[:]) // never fails: it ends the process instead
	return v
}

// key names a signature over an id. The id commits to the author.
func (v *Verified) key(m *core.Message) verifiedKey {
	var b [16 + core.HashSize + len(m.Signature)]byte
	copy(b[:], v.salt[:])
	copy(b[16:], m.ID[:])
	copy(b[16+core.HashSize:], m.Signature[:])
	sum := sha256.Sum256(b[:])
	return verifiedKey(sum[:])
}

// Add remembers that the signatures of messages are good, and that their envelopes give their ids.
func (v *Verified) Add(msgs ...*core.Message) {
	if v == nil {
		return
	}
	for _, m := range msgs {
		key := v.key(m)
		v.mu.Lock()
		if len(v.young) == maxVerified/2 {
			v.old, v.young = v.young, make(map[verifiedKey]struct{})
		}
		v.young[key] = struct{}{}
		v.mu.Unlock()
	}
}

// Has reports whether this signature was found good before.
func (v *Verified) Has(m *core.Message) bool {
	if v == nil {
		return false
	}
	key := v.key(m)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.young[key]; ok {
		return true
	}
	_, ok := v.old[key]
	return ok
}

// CheckSignatures is the function of that name for messages of which some may have been checked
// before. The ids must be those of the envelopes. Nothing is remembered by it: what comes in blocks
// hardly comes again.
func (v *Verified) CheckSignatures(msgs []*core.Message) error {
	if v == nil {
		return CheckSignatures(msgs)
	}
	var unsure []*core.Message
	var at []int
	for i, m := range msgs {
		if !v.Has(m) {
			unsure, at = append(unsure, m), append(at, i)
		}
	}
	err := CheckSignatures(unsure)
	if bad, ok := err.(*MessageError); ok {
		return &MessageError{Index: at[bad.Index], ID: bad.ID, Rule: bad.Rule}
	}
	return err
}
