package mempool

import (
	"container/list"

	"p2pchain/core"
)

// entryOverhead is what a message in memory costs beyond its encoded size: the structs, the list
// element and the map entry. TestMemoryIsAccounted holds it against the heap.
const entryOverhead = 256

// cost returns what a message in memory counts for.
func cost(m *core.Message) int64 { return int64(m.Size()) + entryOverhead }

// A memory holds the start of the list of waiting messages, as far as its limit allows, and messages
// that were accepted since that list was last read, so that they need not be read back from disk.
// Pool.mu guards it.
type memory struct {
	limit int64
	used  int64 // cost of window and fresh

	edge     uint64
	complete bool // the list had nothing after edge when it was last read
	// Every waiting message with a Seq up to edge is in window, in that order.
	window list.List // of *core.Message
	where  map[core.Hash]*list.Element
	fresh  map[core.Hash]*core.Message
}

func newMemory(limit int64) memory {
	return memory{limit: limit, where: make(map[core.Hash]*list.Element), fresh: make(map[core.Hash]*core.Message)}
}

// message returns a message that is held.
func (m *memory) message(id core.Hash) (*core.Message, bool) {
	if e, ok := m.where[id]; ok {
		return e.Value.(*core.Message), true
	}
	msg, ok := m.fresh[id]
	return msg, ok
}

// keep holds on to a message that was just accepted, if all that waits before it is here, too.
func (m *memory) keep(msg *core.Message) {
	if _, held := m.message(msg.ID); held || !m.complete || m.used+cost(msg) > m.limit {
		return
	}
	m.fresh[msg.ID] = msg
	m.used += cost(msg)
}

// fits reports whether the next waiting message may be pushed, given its cost. What is fresh makes
// room, since it waits for less long. An empty window takes any message, so that one above the limit
// cannot keep the others from being sealed.
func (m *memory) fits(id core.Hash, cost int64) bool {
	if _, held := m.message(id); held {
		return true
	}
	if m.used+cost > m.limit {
		m.dropFresh()
	}
	return m.used+cost <= m.limit || m.window.Len() == 0
}

// push appends the waiting message with this Seq to the window.
func (m *memory) push(seq uint64, msg *core.Message) {
	m.edge = seq
	m.forgetFresh(msg.ID)
	if _, ok := m.where[msg.ID]; ok {
		return // a reorg sealed it and gave it back between two looks
	}
	m.where[msg.ID] = m.window.PushBack(msg)
	m.used += cost(msg)
}

// remove forgets a message that waits no longer.
func (m *memory) remove(id core.Hash) {
	m.forgetFresh(id)
	if e, ok := m.where[id]; ok {
		m.used -= cost(m.window.Remove(e).(*core.Message))
		delete(m.where, id)
	}
}

func (m *memory) forgetFresh(id core.Hash) {
	if msg, ok := m.fresh[id]; ok {
		m.used -= cost(msg)
		delete(m.fresh, id)
	}
}

func (m *memory) dropFresh() {
	for id := range m.fresh {
		m.forgetFresh(id)
	}
}

// oldest returns messages from the start of the window, as many as fit a block with these limits.
func (m *memory) oldest(maxMessages, maxBlockBytes int) []*core.Message {
	out := make([]*core.Message, 0, min(m.window.Len(), max(0, maxMessages)))
	size := core.HeaderSize
	for e := m.window.Front(); e != nil && len(out) < maxMessages; e = e.Next() {
		msg := e.Value.(*core.Message)
		size += msg.Size()
		if size > maxBlockBytes {
			break // skipping it would let small messages overtake for ever
		}
		out = append(out, msg)
	}
	return out
}
