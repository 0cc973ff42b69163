package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Salvage holds what could be read of a damaged store: every entry of its tables and logs whose
// checksum fits, the newest version of each. It opens no database: manifest and options may be damaged,
// swapped or gone. Nothing of it counts before it was verified.
//
// It is kept in a scratch database, so memory does not grow with the store.
type Salvage struct {
	network *core.Network
	db      *pebble.DB
	fs      vfs.FS
	dir     string // of the scratch
	lost    Losses
}

// Losses say what of a store could not be read.
type Losses struct {
	Files   int      `json:"files"`   // read
	Entries uint64   `json:"entries"` // read, of all versions
	Damaged []string `json:"damaged"` // files in which something was not readable
	Parts   int      `json:"parts"`   // of files that were not readable
}

// OpenSalvage reads all that can be read of the store in dir into a scratch directory, which must not
// exist. Nobody may have the store open: see Lock. Close removes the scratch.
//
// Errors: ErrDiskFull, ctx's, and those of the file system for the scratch; damage is none.
func OpenSalvage(ctx context.Context, dir, scratch string, n *core.Network, opts Options) (*Salvage, error) {
	opts = opts.withDefaults()
	s := &Salvage{network: n, fs: opts.FS, dir: scratch}
	if err := s.openScratch(); err != nil {
		return nil, fmt.Errorf("making %s: %w", scratch, wrap(err))
	}
	if err := s.readAll(ctx, dir, opts.Log); err != nil {
		return nil, errors.Join(fmt.Errorf("salvaging store %s: %w", dir, wrap(err)), s.Close())
	}
	return s, nil
}

// openScratch makes the database for what is read. It is thrown away, so it has no log and syncs nothing.
func (s *Salvage) openScratch() error {
	o := &pebble.Options{
		FS: s.fs, Logger: silent{}, DisableWAL: true, ErrorIfExists: true, MemTableSize: 32 << 20,
		FormatMajorVersion: pebble.FormatTableFormatV6, L0CompactionThreshold: 8, L0StopWritesThreshold: 1000,
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	db, err := pebble.Open(s.dir, o)
	s.db = db
	return err
}

// silent is a logger for a database whose errors are all returned.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// Close removes the scratch.
func (s *Salvage) Close() error {
	return errors.Join(s.db.Close(), s.fs.RemoveAll(s.dir))
}

// Losses returns what could not be read.
func (s *Salvage) Losses() Losses { return s.lost }

// readAll reads every table and log of a directory.
func (s *Salvage) readAll(ctx context.Context, dir string, log *slog.Logger) error {
	names, err := s.fs.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		at := s.fs.PathJoin(dir, name)
		number, kind := databaseFile(name)
		if kind = s.kindOf(at, kind); kind != tableKind && kind != logKind {
			continue
		}
		lost, err := s.readFile(ctx, at, number, kind)
		if err != nil {
			return err
		}
		s.lost.Files++
		if lost > 0 {
			s.lost.Parts += lost
			s.lost.Damaged = append(s.lost.Damaged, name)
			log.Warn("file of the store is damaged", "path", name, "parts", lost)
		}
	}
	return s.db.Flush()
}

// readFile copies the entries of a file, and returns how many parts of it are damaged.
func (s *Salvage) readFile(ctx context.Context, at string, number uint64, kind fileKind) (lost int, err error) {
	w := &scratchWriter{s: s, batch: s.db.NewBatch()}
	defer func() { err = errors.Join(err, w.flush(), w.batch.Close()) }()
	if kind == logKind {
		l, err := openLog(s.fs, at, number)
		if err != nil {
			return 1, nil // not to be read is one kind of damage
		}
		defer l.Close()
		return l.versions(ctx, w.put)
	}
	t, err := openTable(s.fs, at)
	if err != nil {
		return 1, nil // as above
	}
	defer t.Close()
	return t.each(ctx, w.put)
}

// kindOf tells from what is in a file what it is, and by its name where that says nothing: files may have
// been swapped.
func (s *Salvage) kindOf(path string, named fileKind) fileKind {
	if t, err := openTable(s.fs, path); err == nil {
		whole := t.ended()
		if t.Close() == nil && whole {
			return tableKind
		}
	}
	if l, err := openLog(s.fs, path, 0); err == nil {
		begins := l.begins()
		if l.Close() == nil && begins {
			return logKind
		}
	}
	return named
}

// A fileKind is what Pebble keeps in a file.
type fileKind int

const (
	otherKind fileKind = iota
	tableKind
	logKind
	manifestKind
)

// databaseFile tells from its name what a file of the database is.
func databaseFile(name string) (number uint64, kind fileKind) {
	digits, kind := name, otherKind
	switch ext := path.Ext(name); {
	case ext == ".sst":
		digits, kind = strings.TrimSuffix(name, ext), tableKind
	case ext == ".log":
		digits, kind = strings.TrimSuffix(name, ext), logKind
	case strings.HasPrefix(name, "MANIFEST-"):
		digits, kind = strings.TrimPrefix(name, "MANIFEST-"), manifestKind
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, otherKind
	}
	return number, kind
}

// scratchBatch is how much is handed to the scratch at a time.
const scratchBatch = 4 << 20

// A scratchWriter puts versions into the scratch.
type scratchWriter struct {
	s     *Salvage
	batch *pebble.Batch
}

func (w *scratchWriter) put(v version) error {
	if len(v.key) == 0 || len(v.key) > maxKeySize {
		return nil
	}
	w.s.lost.Entries++
	value := []byte{1}
	if v.deleted {
		value[0] = 0
	}
	if err := w.batch.Set(scratchKey(v.key, v.seq), append(value, v.value...), nil); err != nil {
		return err
	}
	if w.batch.Len() < scratchBatch {
		return nil
	}
	return w.flush()
}

func (w *scratchWriter) flush() error {
	if w.batch.Empty() {
		return nil
	}
	err := w.s.db.Apply(w.batch, pebble.NoSync)
	w.batch.Reset()
	return err
}

// maxKeySize is the size of the longest key of the key table.
const maxKeySize = 1 + MaxPeerID

// scratchKey is where a version of a key is: those of one key lie side by side, newest first. The length
// keeps keys apart of which one begins another.
func scratchKey(key []byte, seq uint64) []byte {
	b := make([]byte, 0, len(key)+10)
	b = append(b, key[0])
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, key[1:]...)
	return binary.BigEndian.AppendUint64(b, ^seq)
}

// originalKey undoes scratchKey.
func originalKey(b []byte) []byte {
	if len(b) < 11 {
		return nil
	}
	return append([]byte{b[0]}, b[3:len(b)-8]...)
}

// get calls decode with the newest version of a key; chain.ErrNotFound where none is left.
func (s *Salvage) get(it *pebble.Iterator, key []byte, decode func([]byte) error) error {
	if !it.SeekGE(scratchKey(key, ^uint64(0))) || !bytes.Equal(originalKey(it.Key()), key) {
		return errors.Join(chain.ErrNotFound, it.Error())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	if value[0] == 0 {
		return chain.ErrNotFound
	}
	return decode(value[1:])
}

// table calls f with the newest version of every key of a prefix, in order of length and key.
func (s *Salvage) table(ctx context.Context, prefix byte, f func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return err
	}
	var last []byte
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		key := originalKey(it.Key())
		if bytes.Equal(key, last) {
			continue
		}
		last = key
		var value []byte
		if value, err = it.ValueAndErr(); err == nil && value[0] == 1 {
			err = f(key, value[1:])
		}
		err = errors.Join(err, ctx.Err())
	}
	return errors.Join(err, it.Close())
}
