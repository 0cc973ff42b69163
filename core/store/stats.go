package store

import (
	"path"
	"slices"
	"sync/atomic"
	"time"
)

// A SyncStats says how long the disk took to keep what it was given.
type SyncStats struct {
	// Took counts syncs by duration: Took[i] are those of at most SyncBuckets()[i] that fit into no bucket
	// before, and the last one is for all that took longer.
	Took  []uint64
	Total time.Duration
}

// SyncBuckets returns the upper bounds of SyncStats.Took.
func SyncBuckets() []time.Duration {
	const ms = time.Millisecond
	return []time.Duration{ms / 10, ms / 2, ms, 2 * ms, 5 * ms, 10 * ms, 25 * ms, 100 * ms, 500 * ms, 2 * time.Second}
}

// Stats say what the store did since it was opened, and how the database below it is.
type Stats struct {
	Batches uint64    // synced ones, each of which may have served many requests
	Log     SyncStats // of the write-ahead log: what requests wait for
	Tables  SyncStats // of everything else
	Failed  bool      // nothing is written any more; see Options.OnFatal

	CacheBytes           int64 // held of tables
	CacheHits, CacheMiss int64
	MemtableBytes        uint64
	LogBytes             uint64 // written to the log
	Tidying              int64  // compactions that run now
	Tidied               int64  // compactions that have ended
	Debt                 uint64 // bytes that compactions still have to write
	ReadAmplification    int    // places that a look-up may have to look at
}

// Stats returns the counters; ErrClosed.
func (s *Store) Stats() (Stats, error) {
	var out Stats
	err := s.read(func(reader) error {
		m := s.db.Metrics()
		out = Stats{
			CacheBytes: m.BlockCache.Size, CacheHits: m.BlockCache.Hits, CacheMiss: m.BlockCache.Misses,
			MemtableBytes: m.MemTable.Size, LogBytes: m.WAL.BytesWritten,
			Tidying: m.Compact.NumInProgress, Tidied: m.Compact.Count, Debt: m.Compact.EstimatedDebt,
			ReadAmplification: m.ReadAmp(),
		}
		return nil
	})
	out.Batches, out.Failed = s.synced.Load(), s.failure.Load() != nil
	out.Log, out.Tables = s.logSyncs.snapshot(), s.tableSyncs.snapshot()
	return out, err
}

// Failure returns what made the store read-only, nil while it can be written to.
func (s *Store) Failure() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// syncTimes are SyncStats in the making.
type syncTimes struct {
	took  [11]atomic.Uint64
	total atomic.Int64
}

func (t *syncTimes) add(d time.Duration) {
	at, _ := slices.BinarySearch(SyncBuckets(), d)
	t.took[at].Add(1)
	t.total.Add(int64(d))
}

func (t *syncTimes) snapshot() SyncStats {
	out := SyncStats{Took: make([]uint64, len(t.took)), Total: time.Duration(t.total.Load())}
	for i := range t.took {
		out.Took[i] = t.took[i].Load()
	}
	return out
}

// syncedFile counts a sync of a file that began then.
func (s *Store) syncedFile(name string, begun time.Time) {
	if path.Ext(name) == ".log" {
		s.logSyncs.add(time.Since(begun))
	} else {
		s.tableSyncs.add(time.Since(begun))
	}
}
