package mempool

import (
	"hash/maphash"

	"p2pchain/core"
)

// What each peer and author holds is counted in rows of slots, one in each row; it bounds the memory that
// strangers can make us spend on fairness.
const (
	shareRows  = 2
	shareSlots = 1024
)

// Shares hold peers and authors to a fair part of the space for foreign messages, by the dynamic
// threshold of Choudhury and Hahne ("Dynamic queue length thresholds for shared-memory packet
// switches", 1998): nobody may hold more than what is still free. A single flood thus fills half of
// the space, two fill two thirds, and a newcomer always finds some; no number of peers is assumed.
//
// Who brought a message is not stored, so what each one holds is an estimate: messages that leave
// are taken to leave everybody's part evenly. Names are hashed into a fixed number of slots with
// secret seeds, so nobody can aim at another's slots, and the smallest of a name's slots counts, as in a
// count-min sketch (Cormode and Muthukrishnan, 2005): one that shares a slot with a flood is not held to
// the flood's part, unless it shares all of them. After a restart all start from nothing.
//
// The zero value is not usable; Pool.mu guards it.
type shares struct {
	seeds    [shareRows]maphash.Seed
	peers    tally
	authors  tally
	expected float64 // bytes that would wait if nothing had left since the last settle
}

// A tally is how many bytes are held, by row and slot.
type tally [shareRows][shareSlots]float64

// slots are those of one name, by row.
type slots [shareRows]uint64

func newShares(waiting int64) *shares {
	s := &shares{expected: float64(waiting)}
	for row := range s.seeds {
		s.seeds[row] = maphash.MakeSeed()
	}
	return s
}

// settle lowers all shares by what has left since the last call.
func (s *shares) settle(waiting int64) {
	now := max(float64(waiting), 0)
	if now >= s.expected {
		return
	}
	s.peers.scale(now / s.expected)
	s.authors.scale(now / s.expected)
	s.expected = now
}

// fits reports whether a foreign message may be taken while so many bytes are free.
func (s *shares) fits(m *core.Message, from Origin, free int64) bool {
	peer, author := s.slots(m, from)
	limit := float64(free) - float64(m.Size())
	return s.peers.held(peer) <= limit && s.authors.held(author) <= limit
}

// charge counts a message that is about to wait; a negative sign takes that back.
func (s *shares) charge(m *core.Message, from Origin, sign float64) {
	size := sign * float64(m.Size())
	s.expected = max(0, s.expected+size)
	if from.local() {
		return
	}
	peer, author := s.slots(m, from)
	s.peers.add(peer, size)
	s.authors.add(author, size)
}

func (s *shares) slots(m *core.Message, from Origin) (peer, author slots) {
	for row, seed := range s.seeds {
		peer[row] = maphash.String(seed, from.Peer) % shareSlots
		author[row] = maphash.Bytes(seed, m.Author[:]) % shareSlots
	}
	return peer, author
}

// held returns what a name holds at most.
func (t *tally) held(at slots) float64 {
	least := t[0][at[0]]
	for row := range t {
		least = min(least, t[row][at[row]])
	}
	return least
}

func (t *tally) add(at slots, bytes float64) {
	for row := range t {
		t[row][at[row]] = max(0, t[row][at[row]]+bytes)
	}
}

func (t *tally) scale(by float64) {
	for row := range t {
		for slot := range t[row] {
			t[row][slot] *= by
		}
	}
}
