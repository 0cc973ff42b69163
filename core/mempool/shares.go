package mempool

import (
	"hash/maphash"

	"p2pchain/core"
)

// shareSlots is the number of peers and authors that are told apart, give or take collisions; it
// bounds the memory that strangers can make us spend on fairness.
const shareSlots = 1024

// Shares hold peers and authors to a fair part of the space for foreign messages, by the dynamic
// threshold of Choudhury and Hahne ("Dynamic queue length thresholds for shared-memory packet
// switches", 1998): nobody may hold more than what is still free. A single flood thus fills half of
// the space, two fill two thirds, and a newcomer always finds some; no number of peers is assumed.
//
// Who brought a message is not stored, so what each one holds is an estimate: messages that leave
// are taken to leave everybody's part evenly. Names are hashed into a fixed number of slots with a
// secret seed, so nobody can aim at another's slot. After a restart all start from nothing.
//
// The zero value is not usable; Pool.mu guards it.
type shares struct {
	seed     maphash.Seed
	peers    [shareSlots]float64 // bytes
	authors  [shareSlots]float64
	expected float64 // bytes that would wait if nothing had left since the last settle
}

func newShares(waiting int64) *shares {
	return &shares{seed: maphash.MakeSeed(), expected: float64(waiting)}
}

// settle lowers all shares by what has left since the last call.
func (s *shares) settle(waiting int64) {
	now := max(float64(waiting), 0)
	if now >= s.expected {
		return
	}
	for i := range shareSlots {
		s.peers[i] *= now / s.expected
		s.authors[i] *= now / s.expected
	}
	s.expected = now
}

// fits reports whether a foreign message may be taken while so many bytes are free.
func (s *shares) fits(m *core.Message, from Origin, free int64) bool {
	peer, author := s.slots(m, from)
	limit := float64(free) - float64(m.Size())
	return *peer <= limit && *author <= limit
}

// charge counts a message that is about to wait; a negative sign takes that back.
func (s *shares) charge(m *core.Message, from Origin, sign float64) {
	size := sign * float64(m.Size())
	s.expected = max(0, s.expected+size)
	if from.local() {
		return
	}
	peer, author := s.slots(m, from)
	*peer, *author = max(0, *peer+size), max(0, *author+size)
}

func (s *shares) slots(m *core.Message, from Origin) (peer, author *float64) {
	return &s.peers[maphash.String(s.seed, from.Peer)%shareSlots],
		&s.authors[maphash.Bytes(s.seed, m.Author[:])%shareSlots]
}
