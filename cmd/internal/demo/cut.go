package demo

import "sync"

// A cut divides the network in two while it is made. It is safe for concurrent use.
type cut struct {
	small int // the members with numbers up to this are on one side

	mu      sync.Mutex // guards what is below
	made    bool
	numbers map[string]int // of members, by their peer ids
}

func newCut(nodes int) *cut { return &cut{small: nodes / 2, numbers: make(map[string]int)} }

// know tells which member has a peer id.
func (c *cut) know(peerID string, number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers[peerID] = number
}

// set makes or heals the cut.
func (c *cut) set(made bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = made
}

func (c *cut) isMade() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

// number returns which member has a peer id, 0 for nobody's.
func (c *cut) number(peerID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.numbers[peerID]
}

// side returns on which side of the cut a member is, or would be: 0 or 1.
func (c *cut) side(number int) int {
	if number <= c.small {
		return 0
	}
	return 1
}

// parts reports whether two members cannot reach each other now.
func (c *cut) parts(a, b int) bool { return c.isMade() && c.side(a) != c.side(b) }

// gate returns the gate of a member: whether it may have connections with a peer.
func (c *cut) gate(number int) func(peerID string) bool {
	return func(peerID string) bool { return !c.parts(number, c.number(peerID)) }
}
