package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"p2pchain/api"
	"p2pchain/core"
)

// A mirror is what a client knows that believes every event, and looks for one that is missing,
// doubled or out of order.
type mirror struct {
	run     string
	number  uint64 // of the last event
	chain   []mirrorBlock
	waiting map[core.Hash]bool
	limbo   map[core.Hash]bool // in reverted blocks, and not told again yet
	resets  int
}

type mirrorBlock struct {
	hash core.Hash
	left int // messages that are not confirmed yet
	ids  []core.Hash
}

// newMirror returns what is known of an empty chain.
func newMirror(genesis core.Hash) *mirror {
	return &mirror{
		chain: []mirrorBlock{{hash: genesis}}, waiting: make(map[core.Hash]bool), limbo: make(map[core.Hash]bool),
	}
}

func (m *mirror) tip() core.Hash { return m.chain[len(m.chain)-1].hash }

// apply takes an event in.
func (m *mirror) apply(e gotEvent) error {
	run, digits, _ := strings.Cut(e.id, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return fmt.Errorf("id %q: %w", e.id, err)
	}
	switch e.kind {
	case api.EventHello:
		if m.run != "" && (run != m.run || number != m.number) {
			return fmt.Errorf("hello goes on at %s, want %s-%d", e.id, m.run, m.number)
		}
		m.run, m.number = run, number
		return nil
	case api.EventReset:
		m.resets++
		m.number = number
		return nil
	}
	if run != m.run || number != m.number+1 {
		return fmt.Errorf("%s has id %s after %s-%d", e.kind, e.id, m.run, m.number)
	}
	m.number = number
	if err := m.change(e); err != nil {
		return fmt.Errorf("%s %s: %w", e.kind, e.data, err)
	}
	return nil
}

func (m *mirror) change(e gotEvent) error {
	tip := &m.chain[len(m.chain)-1]
	if tip.left > 0 && e.kind != api.EventConfirmed {
		return fmt.Errorf("%d messages of the block before are missing", tip.left)
	}
	switch e.kind {
	case api.EventMessage:
		var d api.MessageEvent
		if err := json.Unmarshal(e.data, &d); err != nil {
			return err
		}
		return m.message(d)
	case api.EventBlock:
		var d api.Block
		if err := json.Unmarshal(e.data, &d); err != nil {
			return err
		}
		if d.PreviousHash != tip.hash || d.Height != uint64(len(m.chain)) || !d.Connected {
			return fmt.Errorf("does not stand on %d, %v", len(m.chain)-1, tip.hash)
		}
		m.chain = append(m.chain, mirrorBlock{hash: d.Hash, left: int(d.MessageCount)})
	case api.EventConfirmed:
		var d api.ConfirmedEvent
		if err := json.Unmarshal(e.data, &d); err != nil {
			return err
		}
		return m.confirmed(d)
	case api.EventReorg:
		var d api.ReorgEvent
		if err := json.Unmarshal(e.data, &d); err != nil {
			return err
		}
		return m.reorg(d)
	}
	return nil
}

func (m *mirror) message(d api.MessageEvent) error {
	if m.waiting[d.ID] {
		return fmt.Errorf("waits already")
	}
	for _, b := range m.chain {
		if slices.Contains(b.ids, d.ID) {
			return fmt.Errorf("is in a block")
		}
	}
	if d.Again != m.limbo[d.ID] {
		return fmt.Errorf("given back: %v, want %v", d.Again, m.limbo[d.ID])
	}
	delete(m.limbo, d.ID)
	m.waiting[d.ID] = true
	return m.counts(d.Waiting)
}

func (m *mirror) confirmed(d api.ConfirmedEvent) error {
	tip := &m.chain[len(m.chain)-1]
	if d.Block != tip.hash || d.Height != uint64(len(m.chain)-1) || d.Position != len(tip.ids) {
		return fmt.Errorf("is not the next one of block %d, %v", len(m.chain)-1, tip.hash)
	}
	if !m.waiting[d.ID] && !m.limbo[d.ID] {
		return fmt.Errorf("was never told of")
	}
	delete(m.waiting, d.ID)
	delete(m.limbo, d.ID)
	tip.ids = append(tip.ids, d.ID)
	tip.left--
	return m.counts(d.Waiting)
}

// counts holds the number of waiting messages in an event to what was told.
func (m *mirror) counts(waiting int) error {
	if want := len(m.waiting) + len(m.limbo); waiting != want {
		return fmt.Errorf("%d messages wait, want %d", waiting, want)
	}
	return nil
}

func (m *mirror) reorg(d api.ReorgEvent) error {
	if d.OldTip != m.tip() || d.Count != len(d.Reverted) {
		return fmt.Errorf("does not begin at %v", m.tip())
	}
	for _, hash := range d.Reverted {
		if hash != m.tip() {
			return fmt.Errorf("reverts %v, the tip is %v", hash, m.tip())
		}
		for _, id := range m.chain[len(m.chain)-1].ids {
			m.limbo[id] = true
		}
		m.chain = m.chain[:len(m.chain)-1]
	}
	if d.Fork != m.tip() || d.Height != uint64(len(m.chain)-1) {
		return fmt.Errorf("leads to %d, %v", len(m.chain)-1, m.tip())
	}
	return nil
}
