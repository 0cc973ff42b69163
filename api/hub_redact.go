package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	redactPage = 256  // erasures that are read at once
	mostRedact = 4096 // that are looked for in the log; with more it begins anew
)

// redact takes payloads that were erased since it was last called out of the events that are kept for
// replay. Whoever begins to listen calls it first, so nobody is told any more what was erased. It may be
// called by several at a time.
func (h *hub) redact() {
	h.redacting.Lock()
	defer h.redacting.Unlock()
	epoch := h.server.deps.Erasures.Epoch()
	if epoch == h.redacted {
		h.primed = true
		return
	}
	fresh, next, err := h.newErasures()
	switch {
	case err != nil:
		h.server.cfg.Log.Error("events are forgotten, since it cannot be read what was erased", "err", err)
		h.log.cut()
		return
	case len(fresh) > mostRedact:
		h.log.cut()
	case len(fresh) > 0:
		h.log.redact(fresh)
		h.tellErased(fresh)
	}
	h.redacted, h.erasures, h.primed = epoch, next, true
}

// tellErased tells of erasures, but for those from before anybody listened.
func (h *hub) tellErased(fresh map[core.Hash]*chain.Erasure) {
	if !h.primed {
		return
	}
	list := slices.SortedFunc(maps.Values(fresh), func(a, b *chain.Erasure) int { return cmp.Compare(a.Number, b.Number) })
	events := make([]event, len(list))
	for i, e := range list {
		events[i] = h.event(kindErased, ErasedEvent{e.ID, erasureOf(e)})
	}
	h.log.add(events)
}

// newErasures returns the erasures that were not seen before, or some of them if there are very many, and
// the number of the next one. The caller holds redacting.
func (h *hub) newErasures() (fresh map[core.Hash]*chain.Erasure, next uint64, err error) {
	fresh, next = make(map[core.Hash]*chain.Erasure), h.erasures
	for before := uint64(math.MaxUint64); len(fresh) <= mostRedact; {
		page, err := h.server.deps.Erasures.ErasuresBefore(before, redactPage)
		if err != nil {
			return nil, 0, fmt.Errorf("reading erasures: %w", err)
		}
		for i := range page {
			e := &page[i]
			if e.Number < h.erasures {
				return fresh, next, nil
			}
			fresh[e.ID], before, next = e, e.Number, max(next, e.Number+1)
		}
		if len(page) < redactPage {
			break
		}
	}
	return fresh, next, nil
}

// redact makes the events of messages anew without their payloads. The slabs that hold them are replaced:
// the bytes of the old ones may be on their way to a client.
func (l *eventLog) redact(erased map[core.Hash]*chain.Erasure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slabs = slices.Clone(l.slabs)
	for i, s := range l.slabs {
		if s.names(erased) {
			l.slabs[i] = s.without(l.run, erased)
		}
	}
}

// erasedIn returns how the message of an event was erased, nil if it was not or the event is none of a
// message.
func (s *slab) erasedIn(m mark, erased map[core.Hash]*chain.Erasure) *chain.Erasure {
	const before = `{"id":"`
	if m.kind != kindMessage || m.end-m.data < uint32(len(before)+2*core.HashSize) {
		return nil
	}
	id, err := core.ParseHash(string(s.buf[m.data:][len(before):][:2*core.HashSize]))
	if err != nil {
		return nil
	}
	return erased[id]
}

func (s *slab) names(erased map[core.Hash]*chain.Erasure) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool { return s.erasedIn(m, erased) != nil })
}

// without returns the slab with the payloads of some messages left out.
func (s *slab) without(run string, erased map[core.Hash]*chain.Erasure) *slab {
	out := &slab{first: s.first, buf: make([]byte, 0, len(s.buf)), marks: make([]mark, 0, len(s.marks))}
	for i, m := range s.marks {
		data := s.buf[m.data : m.end-2]
		if e := s.erasedIn(m, erased); e != nil {
			data = withoutPayload(data, e)
		}
		next := mark{start: uint32(len(out.buf)), kind: m.kind}
		out.buf = appendSSEHead(out.buf, run, s.first+uint64(i), m.kind)
		next.data = uint32(len(out.buf))
		out.buf = append(append(out.buf, data...), "\n\n"...)
		next.end = uint32(len(out.buf))
		out.marks = append(out.marks, next)
	}
	return out
}

// withoutPayload returns the event of a message as it is told once the message is erased.
func withoutPayload(data []byte, e *chain.Erasure) []byte {
	var event MessageEvent
	if err := json.Unmarshal(data, &event); err != nil {
		panic("api: decoding an event: " + err.Error()) // of our own
	}
	event.Payload, event.Truncated, event.Erasure = Payload{Erased: true}, false, erasureOf(e)
	text, err := encode(event)
	if err != nil {
		panic("api: encoding an event: " + err.Error()) // our own types
	}
	return text[:len(text)-1]
}
