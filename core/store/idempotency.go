package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// Notes lie under the day on which they were stored, so that those that no longer count are removed as
// one range of keys, without looking at any of them. This happens with the first note of a day.

// noteDay is a day of the Unix time in milliseconds. NoteAge is not longer, so a note that counts is
// under today, under yesterday, or under tomorrow where the clock was set back.
const noteDay = uint64(24 * time.Hour / time.Millisecond)

const noteKeySize = 1 + 4 + core.HashSize + 4

const flagLast = 1 << 0 // of a note: the request ends with it

// noteKey is the key of a note that was stored on this day.
func noteKey(day uint32, key core.Hash, first uint32) []byte {
	b := append(noteDayKey(day), key[:]...)
	return binary.BigEndian.AppendUint32(b, first)
}

// noteDayKey is where the notes of a day begin.
func noteDayKey(day uint32) []byte { return binary.BigEndian.AppendUint32([]byte{prefixNote}, day) }

// dayOf returns the number of the day of a time.
func dayOf(ms uint64) uint32 { return uint32(min(ms/noteDay, math.MaxUint32)) }

// Note implements mempool.Store.
func (s *Store) Note(key core.Hash, first int, nowMS uint64) (mempool.Note, error) {
	return snapshot(s, func(r reader) (mempool.Note, error) {
		for _, day := range []uint32{dayOf(nowMS), dayOf(nowMS) - 1, dayOf(nowMS) + 1} {
			note, err := get(r, noteKey(day, key, uint32(first)), decodeNote)
			if errors.Is(err, chain.ErrNotFound) {
				continue
			}
			if err != nil {
				return mempool.Note{}, fmt.Errorf("note %v: %w", key, err)
			}
			note.Key, note.First = key, first
			if note.AtMS+uint64(mempool.NoteAge/time.Millisecond) > nowMS {
				return note, nil
			}
		}
		return mempool.Note{}, fmt.Errorf("note %v: %w", key, chain.ErrNotFound)
	})
}

// putNote stores a note, and removes all that no longer count if it is the first of a day.
func (w *write) putNote(note *mempool.Note, nowMS uint64) {
	note.AtMS = nowMS
	day := dayOf(nowMS)
	if day > w.store.notesSwept {
		w.store.notesSwept = day // it is done again after a failure, with the next start
		w.keep(w.batch.DeleteRange(noteDayKey(0), noteDayKey(max(day, 1)-1), nil))
	}
	w.set(noteKey(day, note.Key, uint32(note.First)), encodeNote(note))
}

// checkNotes looks at the form of notes, and that each lies under its day.
func (c *checker) checkNotes(ctx context.Context) error {
	return c.table(prefixNote, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		if len(key) != noteKeySize {
			c.problem("key %x has a wrong length", key)
			return nil
		}
		note, err := decodeNote(value)
		if ok, err := c.found(err, "note %x", key[1:]); !ok {
			return err
		}
		if day := dayOf(note.AtMS); binary.BigEndian.Uint32(key[1:]) != day {
			c.problem("note %x is of day %d", key[1:], day)
		}
		return nil
	})
}

const notedSize = 1 + core.HashSize

func encodeNote(n *mempool.Note) []byte {
	var flags byte
	if n.Last {
		flags = flagLast
	}
	b := append(newValue(41+notedSize*len(n.Messages)), flags)
	b = append(binary.BigEndian.AppendUint64(b, n.AtMS), n.Print[:]...)
	for _, m := range n.Messages {
		b = append(append(b, byte(m.Result)), m.ID[:]...)
	}
	return b
}

func decodeNote(value []byte) (mempool.Note, error) {
	d := newDecoder(value)
	flags := d.u8()
	n := mempool.Note{Last: flags&flagLast != 0, AtMS: d.u64(), Print: d.hash()}
	if flags&^flagLast != 0 {
		return mempool.Note{}, errValue
	}
	n.Messages = make([]mempool.NotedResult, len(d.rest)/notedSize)
	for i := range n.Messages {
		n.Messages[i] = mempool.NotedResult{Result: mempool.AcceptResult(d.u8()), ID: d.hash()}
		if n.Messages[i].Result > mempool.Refused {
			return mempool.Note{}, errValue
		}
	}
	return n, d.done()
}
