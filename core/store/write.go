package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/mempool"
)

// A write is a batch in the making, with what it reads from and what it will change in memory.
type write struct {
	reader
	store *Store
	batch *pebble.Batch
	err   error // the first one of the batch itself

	nextSeq  uint64 // of a waiting message
	nextSlot uint64 // of a message
	count    int    // waiting messages, more than before
	bytes    int64
	returned int // messages that a reorg gave back

	forgotten             forgotten // as it is afterwards
	gaps, errands, claims int       // entries of these tables, more than before
	claimed               []core.Hash

	made map[core.Hash]*index // new entries that the reader does not show
	long bool                 // handed over piece by piece, see journal.go
}

// newWrite starts a batch. R is what it reads from, by default what is stored with the batch on top.
func (s *Store) newWrite(b *pebble.Batch, r reader) *write {
	if r.Reader == nil {
		r.Reader = b
	}
	return &write{reader: r, store: s, batch: b, nextSeq: s.nextSeq, nextSlot: s.nextSlot, forgotten: s.forgotten, made: make(map[core.Hash]*index)}
}

// keep remembers the first error of the batch, which finish returns.
func (w *write) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *write) set(key, value []byte) { w.keep(w.batch.Set(key, value, nil)) }
func (w *write) delete(key []byte)     { w.keep(w.batch.Delete(key, nil)) }

// putMessage stores a message that was unknown and returns its index entry, which the caller puts.
func (w *write) putMessage(m *core.Message, slot uint64, flags byte, nowMS uint64) *index {
	rec := &record{flags: flags, acceptedMS: nowMS, signature: m.Signature, envelope: m.Envelope, body: m.Body}
	w.set(numberKey(prefixRecord, slot), rec.encode())
	w.putDigest(m.ID, slot, &rec.envelope, rec.body)
	w.noteClaim(m.ID, &rec.envelope, rec.body)
	w.nextSlot = max(w.nextSlot, slot+1)
	x := &index{slot: slot}
	if m.Body == nil {
		x.flags = flagNoBody
	}
	return x
}

func (w *write) putIndex(id core.Hash, x *index) { w.set(hashKey(prefixIndex, id), x.encode()) }

// deleteMessage removes a message to which nothing points any more.
func (w *write) deleteMessage(id core.Hash, slot uint64) error {
	rec, err := w.record(slot)
	if err != nil {
		return missing(err, "record")
	}
	w.deleteDigest(slot, rec)
	w.delete(numberKey(prefixRecord, slot))
	w.delete(hashKey(prefixIndex, id))
	return w.left(id, slot)
}

// putWaiting adds a message at the end of the waiting ones.
func (w *write) putWaiting(entry mempool.Waiting) {
	entry.Seq = w.nextSeq
	w.nextSeq++
	w.set(numberKey(prefixWaiting, entry.Seq), encodeWaiting(entry))
	w.set(hashKey(prefixWaitingID, entry.ID), waitingPointer{entry.Seq, entry.Size}.encode())
	w.count++
	w.bytes += int64(entry.Size)
}

func (w *write) removeWaiting(id core.Hash, at waitingPointer) {
	w.delete(numberKey(prefixWaiting, at.seq))
	w.delete(hashKey(prefixWaitingID, id))
	w.count--
	w.bytes -= int64(at.size)
}

// waitingOf returns the entry of a message that begins to wait.
func waitingOf(id core.Hash, rec *record) mempool.Waiting {
	m := core.Message{Envelope: rec.envelope}
	return mempool.Waiting{ID: id, Size: m.Size(), Local: rec.flags&flagLocal != 0, AcceptedMS: rec.acceptedMS}
}

// finishUnsynced writes a batch that a crash may take back.
func (s *Store) finishUnsynced(w *write) error {
	w.putForgotten()
	if w.err == nil {
		w.err = s.commit(w.batch, false)
	}
	if w.err != nil {
		return w.err
	}
	s.count(w)
	return wrap(w.batch.Close())
}

// finish writes a batch that the caller waits for.
func (s *Store) finish(w *write) (ticket, error) {
	w.putForgotten()
	if w.err != nil {
		return ticket{}, errors.Join(w.err, w.batch.Close())
	}
	t, err := s.apply(w.batch)
	if err == nil {
		s.count(w)
	}
	return t, err
}

// count takes over what a written batch changed.
func (s *Store) count(w *write) {
	s.nextSeq, s.nextSlot = w.nextSeq, w.nextSlot
	s.waitingCount.Add(int64(w.count))
	s.waitingBytes.Add(w.bytes)
	s.countForgotten(w)
}
