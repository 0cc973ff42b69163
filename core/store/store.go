package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/core/proof"
)

var (
	_ chain.Store   = (*Store)(nil)
	_ mempool.Store = (*Store)(nil)
)

// A Store is an open store. Its reads never wait for its writes.
type Store struct {
	network *core.Network
	dir     string
	opts    Options
	log     *slog.Logger
	lock    *pebble.Lock
	db      *pebble.DB
	meta    meta
	held    *heldFiles
	closing chan struct{} // closed when Close begins
	logs    *logFiles

	view   sync.RWMutex  // guards reader, held while it is used
	reader pebble.Reader // what others see: db, or a snapshot during a long change; nil once closed

	// writing orders all batches: what a batch depends on is read, and the batch is applied, under
	// it. Waiting for the disk is done outside, counted in pending.
	writing   sync.Mutex
	closed    bool
	tip       tip
	nextSeq   uint64 // of a waiting message
	nextSlot  uint64 // of a message
	nextReorg uint64
	// notesSwept is the day for which notes that are too old were removed, since the store was opened.
	notesSwept uint32
	applied    uint64 // number of the last synced batch
	copies     int    // that were made
	pending    sync.WaitGroup
	forgotten  forgotten // of bodies

	roots proof.Roots // of blocks of which proofs were asked

	synced       atomic.Uint64 // number of the last batch that is known to be on disk, with all before
	anyCondemned atomic.Bool   // false: no block is, so nobody need look
	waitingCount atomic.Int64
	waitingBytes atomic.Int64
	epoch        atomic.Uint64 // these five are of forgotten, for readers
	erasures     atomic.Uint64
	pruned       atomic.Uint64
	prunedBodies atomic.Uint64
	gaps         atomic.Int64 // entries of the tables
	errands      atomic.Int64
	claims       atomic.Int64
	failure      atomic.Pointer[error] // what made the store read-only
	opened       atomic.Bool           // Open has nothing left to say

	tidying sync.Mutex // held by Tidy
	claimed claimed

	logSyncs, tableSyncs syncTimes
}

// CreatedBy returns which program made the store.
func (s *Store) CreatedBy() string { return s.meta.createdBy }

// Close waits for writes and reads under way and closes the files. Later calls return ErrClosed.
func (s *Store) Close() error {
	s.writing.Lock()
	if s.closed {
		s.writing.Unlock()
		return ErrClosed
	}
	s.closed = true
	close(s.closing)
	s.writing.Unlock()
	s.pending.Wait()
	s.view.Lock()
	s.reader = nil
	s.view.Unlock()
	s.flush()
	err := s.db.Close()
	if s.failure.Load() != nil {
		err = nil // it was reported, and a log that failed cannot be closed well
	}
	return errors.Join(wrap(err), s.lock.Close())
}

// read calls f with what readers may see. F must not call a method of s that reads.
func (s *Store) read(f func(reader) error) error {
	s.view.RLock()
	defer s.view.RUnlock()
	if s.reader == nil {
		return ErrClosed
	}
	return s.seen(f(reader{s.reader}))
}

// show changes what readers see and waits for those that use the view before it.
func (s *Store) show(r pebble.Reader) {
	s.view.Lock()
	defer s.view.Unlock()
	s.reader = r
}

// writable says why nothing can be written, if so. Writing must be held.
func (s *Store) writable() error {
	if s.closed {
		return ErrClosed
	}
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// growable is writable for what makes the store larger.
func (s *Store) growable() error {
	if err := s.writable(); err != nil {
		return err
	}
	return s.room()
}

// apply makes a batch visible, in the order of calls, and starts to write it to disk. Writing must
// be held; wait then ends the write. A failure is fatal: Pebble cannot take anything back.
func (s *Store) apply(b *pebble.Batch) (ticket, error) {
	if err := s.commit(b, true); err != nil {
		return ticket{}, err
	}
	s.applied++
	s.pending.Add(1)
	return ticket{b, s.applied}, nil
}

// commit hands a batch to Pebble: for a synced one somebody must wait for the disk.
func (s *Store) commit(b *pebble.Batch, synced bool) (err error) {
	if synced {
		err = s.db.ApplyNoSyncWait(b, pebble.Sync)
	} else {
		err = s.db.Apply(b, &pebble.WriteOptions{Sync: s.opts.eager})
	}
	if err != nil {
		s.fail(fmt.Errorf("writing a batch: %w", err))
	}
	return s.writable()
}

// A ticket is a batch on its way to the disk. The zero ticket is there already.
type ticket struct {
	batch  *pebble.Batch
	number uint64
}

// wait returns when a batch, and all before it, are on disk.
func (s *Store) wait(t ticket) error {
	if t.batch == nil {
		return nil
	}
	defer s.pending.Done()
	if err := t.batch.SyncWait(); err != nil {
		s.fail(fmt.Errorf("syncing the log: %w", err))
		return *s.failure.Load()
	}
	for {
		last := s.synced.Load()
		if last >= t.number || s.synced.CompareAndSwap(last, t.number) {
			break
		}
	}
	return wrap(t.batch.Close())
}
