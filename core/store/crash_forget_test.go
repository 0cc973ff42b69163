package store

import (
	"errors"
	"math/rand/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// crashReorg is more blocks than a reorg of a crashLoad goes back. What is pruned below that stays sealed.
const crashReorg = 14

// forgottenThings are what must be so after a crash.
type forgottenThings struct {
	erased map[core.Hash]bool // whether the body was dropped for good
	pruned uint64
}

// noteErased notes that a message must count as erased from now on.
func (d *crashDisk) noteErased(e *chain.Erasure) {
	d.state.Lock()
	defer d.state.Unlock()
	d.forgotten.erased[e.ID] = d.forgotten.erased[e.ID] || e.Settled
}

func (d *crashDisk) notePruned(height uint64) {
	d.state.Lock()
	defer d.state.Unlock()
	d.forgotten.pruned = max(d.forgotten.pruned, height)
}

// verifyForgotten looks whether an image knows all that was forgotten.
func (d *crashDisk) verifyForgotten(s *Store) {
	for id, settled := range d.forgotten.erased {
		found, err := s.Erased(id)
		if err != nil || found[0] == nil || settled && !found[0].Settled {
			d.t.Errorf("message %v was erased, settled %v, and is not (%v)", id, settled, err)
			continue
		}
		if m, err := s.Message(id); err == nil && m.Body != nil && settled {
			d.t.Errorf("the body of message %v is back", id)
		}
	}
	if got := s.Pruned().Height; got < d.forgotten.pruned {
		d.t.Errorf("pruned up to height %d, was %d", got, d.forgotten.pruned)
	}
}

// bareMessages are new messages that come without their bodies. They are sealed like any other.
func (l *crashLoad) bareMessages(rng *rand.Rand) []*core.Message {
	if rng.IntN(3) > 0 {
		return nil
	}
	m := coretest.Message(l.d.t, l.d.net, coretest.Key(1), text("bare %d/%d", l.texts, l.next.Add(1)))
	l.bareMu.Lock()
	defer l.bareMu.Unlock()
	l.bare = append(l.bare, m)
	return []*core.Message{bare(m)}
}

// forget erases, fills and prunes while others accept messages.
func (l *crashLoad) forget(rng *rand.Rand, steps int) {
	for range steps {
		var err error
		switch rng.IntN(6) {
		case 0, 1:
			err = l.eraseSome(rng)
		case 2:
			_, err = l.s.DropErased(uint64(early + rng.IntN(2)*settledAgeMS))
		case 3:
			l.bareMu.Lock()
			list := l.bare[len(l.bare)-min(len(l.bare), 8):]
			l.bareMu.Unlock()
			var n int
			n, err = l.s.Fill(list)
			l.d.totals.filled.Add(int64(n))
		case 4:
			err = l.pruneSome()
		case 5:
			err = l.tidyErased()
		}
		if err != nil {
			l.d.t.Error(err)
			return
		}
	}
}

func (l *crashLoad) eraseSome(rng *rand.Rand) error {
	l.d.state.Lock()
	var id core.Hash
	for id = range l.d.acked {
		break
	}
	l.d.state.Unlock()
	_, err := l.s.Erase(chain.Erasure{ID: id, TimeMS: uint64(early + rng.IntN(2)*settledAgeMS)})
	if errors.Is(err, chain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := l.s.Erased(id)
	if err != nil {
		return err
	}
	l.d.noteErased(found[0])
	l.d.totals.erased.Add(1)
	return nil
}

func (l *crashLoad) pruneSome() error {
	tip, err := l.s.Tip()
	if err != nil {
		return err
	}
	e, err := l.s.Entry(tip)
	if err != nil || e.Header.Height <= crashReorg {
		return err
	}
	more, err := l.s.Prune(e.Header.Height - crashReorg)
	if err == nil && !more {
		l.d.notePruned(e.Header.Height - crashReorg)
		l.d.totals.pruned.Add(1)
	}
	return err
}

func (l *crashLoad) tidyErased() error {
	list, err := l.s.Dropped()
	if err != nil || len(list) == 0 {
		return err
	}
	if err := l.s.Tidy(l.d.t.Context(), list, true); err != nil {
		return err
	}
	return l.s.Forgotten(list)
}
