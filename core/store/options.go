package store

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	defaultCache    = 64 << 20 // with half of it, the filters of large tables push each other out
	defaultMaxBatch = 32 << 20
	defaultReserve  = 256 << 20
	memtableBytes   = 16 << 20
	memtables       = 3 // at most, before writers wait for the disk
	maxOpenFiles    = 500
)

// Options are what a node may choose about its store. The zero value is good.
type Options struct {
	FS  vfs.FS       // nil: the operating system's
	Log *slog.Logger // nil: nothing is logged

	// OnFatal is called at most once, at once, when the store can no longer promise that what it
	// writes is there after a crash: an fsync or a write failed. From then on every write returns
	// this error. The callee should end the process, with an exit code of its own: the next start
	// recovers what is on disk. It may be called with locks held and must not call the store. If it
	// returns, Pebble itself ends the process where it cannot start a new log.
	OnFatal func(error)

	// OnDamage is called at most once, when what is stored turns out to be damaged. The read that found
	// it got ErrCorrupt, and from then on every write does. The callee should end the process: the next
	// start says what to do. It is called as OnFatal is.
	OnDamage func(error)

	// CreatedBy says which program made the store, for a new one.
	CreatedBy string
	// CacheBytes bounds the memory for blocks of the database; 0 is 64 MiB.
	CacheBytes int64
	// MaxBatchBytes is how large a change of the chain may be as one batch, which takes this much
	// memory; larger ones are journalled. 0 is 32 MiB.
	MaxBatchBytes int
	// ReserveBytes is the free disk space under which messages and blocks are refused with
	// ErrDiskFull, so that the database has room to tidy up; 0 is 256 MiB.
	ReserveBytes uint64

	memtable uint64 // for tests: small ones make files and compactions of a small load
	quiet    bool   // for tests: nothing is read or written in the background
	eager    bool   // for tests: what need not be synced is, so that the disk sees every batch
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnFatal == nil {
		o.OnFatal = func(error) {}
	}
	if o.OnDamage == nil {
		o.OnDamage = func(error) {}
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCache
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = defaultMaxBatch
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = defaultReserve
	}
	if o.memtable == 0 {
		o.memtable = memtableBytes
	}
	o.CreatedBy = o.CreatedBy[:min(len(o.CreatedBy), 255)]
	return o
}

// pebble returns the options of the database. Its format is pinned: raising it is a decision, since
// older programs cannot read a newer one.
func (s *Store) pebble() *pebble.Options {
	o := &pebble.Options{
		FS:                          watchedFS{vfs.OnDiskFull(s.opts.FS, s.waitForSpace), s.fail, s.syncedFile, s.held, s.logs},
		Lock:                        s.lock,
		Logger:                      logger{s},
		EventListener:               s.events(),
		CacheSize:                   s.opts.CacheBytes,
		MemTableSize:                s.opts.memtable,
		MemTableStopWritesThreshold: memtables,
		MaxOpenFiles:                maxOpenFiles,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		DisableAutomaticCompactions: s.opts.quiet,
		DisableTableStats:           s.opts.quiet,
	}
	// Ids and signatures do not compress, text does: fast above, zstd where most of the data lies.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	for i := range o.Levels {
		// On the last level too: most look-ups are for messages that are new, and find nothing.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// A logger takes what Pebble says. Pebble's own would write to stderr and end the process.
type logger struct{ s *Store }

func (l logger) Infof(format string, args ...any) {
	l.s.log.Debug("database", "text", lazyText{format, args})
}

func (l logger) Errorf(format string, args ...any) {
	l.s.log.Error("database", "err", fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble cannot go on. It returns, and so does Pebble then, with an error.
func (l logger) Fatalf(format string, args ...any) {
	l.s.fail(fmt.Errorf(format, args...))
}

// lazyText formats a message only where somebody reads it.
type lazyText struct {
	format string
	args   []any
}

func (t lazyText) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(t.format, t.args...)) }

// events says what Pebble reports from the background.
func (s *Store) events() *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.fail(fmt.Errorf("file %s: %w: %w", info.Path, ErrCorrupt, info.Details))
		},
		// A failure to write was reported by watchedFS. What comes here besides is a table that could
		// not be read, or a full disk: what it was made from is still there.
		BackgroundError: func(err error) {
			if errors.Is(err, pebble.ErrCancelledCompaction) {
				return
			}
			s.log.Error("tidying up the database", "path", s.dir, "err", err)
			_ = s.seen(err)
		},
	}
}
