package syncer

import (
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
)

// An arrival is a block that came and that the chain has not judged yet.
type arrival struct {
	hash  core.Hash
	block *core.Block
	size  int
	from  peer.ID
}

// whole reports whether all bodies came.
func (a *arrival) whole() bool {
	return !slices.ContainsFunc(a.block.Messages, func(m *core.Message) bool { return m.Body == nil })
}

// A slot is a block of the window.
type slot struct {
	hash    core.Hash
	height  uint64
	owner   *request // what is expected to bring it; nil where nothing is
	since   time.Time
	got     arrival   // its block is nil until it came
	handed  bool      // to the chain, which is judging it
	bare    []peer.ID // who gave it without some of its bodies
	denials []peer.ID // who showed its header and has not got it, each at most maxDenials times
	anyhow  bool      // nobody has them all: take it as it is
	refused bool      // the chain did not
}

// A window is the run of blocks that are fetched now: the first missing one and what follows it.
type window struct {
	slots []*slot // ascending
	index map[core.Hash]*slot
	bytes int // of the blocks that came
}

func newWindow() window { return window{index: make(map[core.Hash]*slot)} }

// rebuild moves the window to these hashes and keeps what is known of those that stay.
func (w *window) rebuild(hashes []core.Hash, first uint64) {
	skip, same := 0, 0
	for skip < len(w.slots) && (len(hashes) == 0 || w.slots[skip].hash != hashes[0]) {
		skip++
	}
	w.forget(w.slots[:skip])
	w.slots = w.slots[skip:]
	for same < len(w.slots) && same < len(hashes) && w.slots[same].hash == hashes[same] {
		same++
	}
	w.forget(w.slots[same:])
	w.slots = w.slots[:same:same]
	for i := same; i < len(hashes); i++ {
		s := &slot{hash: hashes[i], height: first + uint64(i)}
		w.slots = append(w.slots, s)
		w.index[s.hash] = s
	}
}

func (w *window) forget(slots []*slot) {
	for _, s := range slots {
		w.take(s) // the slice still reaches it, and must not keep its block in memory
		delete(w.index, s.hash)
	}
}

// put stores a block that came and reports whether it was wanted.
func (w *window) put(a arrival) bool {
	s := w.index[a.hash]
	if s == nil || s.got.block != nil {
		return false
	}
	s.got, s.owner = a, nil
	w.bytes += a.size
	return true
}

// take removes the block of a slot, so that it is asked for again.
func (w *window) take(s *slot) {
	w.bytes -= s.got.size
	s.got = arrival{}
}

// trim drops the blocks that are needed last until the rest fits. The first one always stays: with
// it everything moves.
func (w *window) trim(limit int) {
	for i := len(w.slots) - 1; i > 0 && w.bytes > limit; i-- {
		if w.slots[i].got.block != nil && !w.slots[i].handed {
			w.take(w.slots[i])
		}
	}
}

// ready returns the blocks that can be connected next, in order, and marks them as handed over.
func (w *window) ready(maxBlocks, maxBytes int) []arrival {
	var out []arrival
	bytes := 0
	for _, s := range w.slots {
		if s.handed {
			continue
		}
		if s.got.block == nil || len(out) == maxBlocks || len(out) > 0 && bytes+s.got.size > maxBytes {
			break
		}
		bytes += s.got.size
		s.handed = true
		out = append(out, s.got)
	}
	return out
}

// giveBack ends the handing over of blocks: what was not connected may be handed over again.
func (w *window) giveBack(batch []arrival) {
	for _, a := range batch {
		if s := w.index[a.hash]; s != nil {
			s.handed = false
		}
	}
}

// free returns the slots that nobody is asked for, ascending.
func (w *window) free() []*slot {
	var out []*slot
	for _, s := range w.slots {
		if s.owner == nil && s.got.block == nil {
			out = append(out, s)
		}
	}
	return out
}
