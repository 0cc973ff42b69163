package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the database makes of a directory is not enough to trust it: Pebble takes a manifest, or a log,
// that ends early for one that a crash cut off, starts an empty database where the manifest is gone, and
// then deletes what that one does not know. So the files are looked at before it opens them, nothing is
// deleted until they are found to fit, and what does not fit is ErrCorrupt.

// Files are what a directory held before the database was opened.
type files struct {
	tables []string // names
	made   bool     // there was a database
	logs   span     // of the entries in all logs
	newest uint64   // number of the last log
	broken uint64   // number of the last log that is damaged
	opened uint64   // number of the last options
}

// damage is an error about a file of the database.
func damage(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrCorrupt)...)
}

// inspect looks at the files of the database before Pebble does.
func (s *Store) inspect(ctx context.Context) (*files, error) {
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return nil, wrap(err)
	}
	slices.Sort(names)
	out, foreign, manifest := &files{}, "", ""
	for _, name := range names {
		if err := s.inspectMarker(name); err != nil {
			return nil, err
		}
		switch _, kind := databaseFile(name); {
		case strings.HasPrefix(name, manifestMarker):
			manifest = name[strings.LastIndexByte(name, '.')+1:] // the last one counts
			out.made = true
		case strings.HasPrefix(name, optionsPrefix):
			if n, err := strconv.ParseUint(name[len(optionsPrefix):], 10, 64); err == nil {
				out.opened = max(out.opened, n)
			}
		case kind == tableKind:
			out.tables = append(out.tables, name)
		case kind == logKind:
			if err := s.inspectLog(ctx, name, out); err != nil {
				return nil, err
			}
		case !ofPebble(name):
			foreign = name
		}
	}
	switch {
	case out.made:
		return out, s.inspectManifest(ctx, manifest, out)
	case foreign != "":
		return nil, fmt.Errorf("it has a file %q: %w", foreign, ErrNotStore)
	case len(out.tables) > 0 || out.logs != span{}:
		return nil, damage("the file %s… is missing", manifestMarker)
	}
	return out, nil
}

// optionsPrefix begins the name of the file that is written when the database is open.
const optionsPrefix = "OPTIONS-"

// manifestMarker begins the name of the file that says which manifest counts.
const manifestMarker = anyMarker + "manifest."

// anyMarker begins the name of a file that says something by its name.
const anyMarker = "marker."

// inspectMarker looks whether a marker is empty: all that it says is its name. One that is not is another
// file, and that one is then missed by nobody, should it have been a log.
func (s *Store) inspectMarker(name string) error {
	if !strings.HasPrefix(name, anyMarker) {
		return nil
	}
	info, err := s.opts.FS.Stat(s.opts.FS.PathJoin(s.dir, name))
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, wrap(err))
	}
	if info.Size() > 0 {
		return damage("%s is not empty, so it is another file", name)
	}
	return nil
}

// inspectLog looks whether a log is in its own file, and how far it goes.
func (s *Store) inspectLog(ctx context.Context, name string, out *files) error {
	number, _ := databaseFile(name)
	out.newest = max(out.newest, number)
	l, err := openLog(s.opts.FS, s.opts.FS.PathJoin(s.dir, name), number)
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, wrap(err))
	}
	defer l.Close()
	if other := l.written(); other > number && other < number+1<<20 {
		return damage("%s holds log %06d", name, other) // one of a lower number was used again
	}
	entries, damaged, err := l.span(ctx)
	if damaged > 0 {
		out.broken = max(out.broken, number)
	}
	if entries != (span{}) {
		out.logs = out.logs.with(entries.first, entries.last)
	}
	return err
}

// inspectManifest looks whether a manifest is whole. Pebble would take the edits before damage for all.
func (s *Store) inspectManifest(ctx context.Context, name string, there *files) error {
	m, err := openLog(s.opts.FS, s.opts.FS.PathJoin(s.dir, name), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return damage("%s is missing", name)
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, wrap(err))
	}
	defer m.Close()
	says, err := m.manifest(ctx)
	if err != nil {
		return err
	}
	if !says.whole || says.edits == 0 {
		return damage("%s cannot be read to its end", name)
	}
	// An edit names the least number that a log may have; there need not be one of just this number. A
	// start of the database writes it before it makes its log, and its options last, under a higher number.
	if there.newest < says.log && there.opened > says.log {
		return damage("there is no log from %06d on", says.log)
	}
	if there.broken > 0 && there.broken >= says.log { // those before it are not needed
		return damage("%06d.log is damaged before its end", there.broken)
	}
	return nil
}

// openPebble opens the database. What it says about files that it cannot make sense of is damage.
func (s *Store) openPebble() (db *pebble.DB, err error) {
	defer recovered(&err)
	db, err = pebble.Open(s.dir, s.pebble())
	if err == nil || isDiskError(err) {
		return db, wrap(err)
	}
	return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// isDiskError reports whether the file system refused something that has nothing to do with what is in
// the files.
func isDiskError(err error) bool {
	if errors.Is(wrap(err), ErrDiskFull) || errors.Is(err, fs.ErrPermission) || errors.Is(err, vfs.ErrUnsupported) {
		return true
	}
	pathErr := new(fs.PathError)
	return errors.As(err, &pathErr) && !errors.Is(err, fs.ErrNotExist)
}

// fit looks whether the tables are those that the manifest lists, and whether none that was there is
// newer than all that the database knows: then edits of the manifest are lost. A crash while a log was
// being replayed may leave such a table, too, but then the log is still there.
func (s *Store) fit(ctx context.Context, before *files) error {
	levels, err := s.db.SSTables()
	if err != nil {
		return wrap(err)
	}
	next, err := s.nextVersion()
	if err != nil {
		return err
	}
	live := make(map[string]bool)
	for _, level := range levels {
		for i := range level {
			name := fmt.Sprintf("%06d.sst", uint64(level[i].FileNum))
			live[name] = true
			if err := s.fitTable(ctx, name, &level[i]); err != nil {
				return err
			}
		}
	}
	for _, name := range before.tables {
		if live[name] {
			continue
		}
		entries, err := s.tableSpan(ctx, name)
		if err != nil {
			return err
		}
		if entries.last >= next && (before.logs == span{} || entries.first < before.logs.first) {
			return damage("the manifest does not know %s, which is newer than all that it knows", name)
		}
	}
	return nil
}

// nextVersion returns the number that the database gives to its next entry.
func (s *Store) nextVersion() (uint64, error) {
	b := s.db.NewBatch()
	err := b.LogData(nil, nil)
	if err == nil {
		err = s.db.Apply(b, pebble.NoSync)
	}
	return uint64(b.SeqNum()), wrap(errors.Join(err, b.Close()))
}

// fitTable compares the bounds of a table with those in the manifest: only Pebble's name says which table
// a file holds.
func (s *Store) fitTable(ctx context.Context, name string, info *pebble.SSTableInfo) error {
	t, err := openTable(s.opts.FS, s.opts.FS.PathJoin(s.dir, name))
	if err != nil {
		return damage("opening %s: %v", name, err)
	}
	defer t.Close()
	first, last, err := t.bounds(ctx)
	if err != nil {
		return damage("reading %s: %v", name, err)
	}
	if string(first) != string(info.Smallest.UserKey) || string(last) != string(info.Largest.UserKey) {
		return damage("%s holds another table", name)
	}
	return nil
}

// tableSpan returns the numbers of the entries in a table that the database does not know: a flush or a
// compaction that a crash interrupted left it, so it need not be whole.
func (s *Store) tableSpan(ctx context.Context, name string) (out span, err error) {
	t, err := openTable(s.opts.FS, s.opts.FS.PathJoin(s.dir, name))
	if err != nil {
		return out, nil // nobody needs it
	}
	defer t.Close()
	handles, err := t.handles(ctx)
	if err != nil {
		return out, ctx.Err() // it was not written to its end
	}
	_, err = t.listed(ctx, handles, func(v version) error {
		if v.seq > 0 { // those that nothing can be older than lose their number
			out = out.with(v.seq, v.seq)
		}
		return nil
	})
	return out, err
}

// checkTables compares every block of every table with its checksum.
func (c *checker) checkTables(ctx context.Context) error {
	levels, err := c.store.db.SSTables()
	if err != nil {
		return wrap(err)
	}
	for _, level := range levels {
		for i := range level {
			if err := c.ended(ctx); err != nil {
				return err
			}
			name := fmt.Sprintf("%06d.sst", uint64(level[i].FileNum))
			t, err := openTable(c.store.opts.FS, c.store.opts.FS.PathJoin(c.store.dir, name))
			if errors.Is(err, fs.ErrNotExist) && c.replaced(name) {
				continue
			}
			if err == nil {
				err = errors.Join(t.verify(ctx), t.Close())
			}
			if err != nil {
				c.problem("file %s: %v", name, err)
			}
		}
	}
	return nil
}

// replaced reports whether a table is none of the database's any more: a compaction may end while others
// are being looked at.
func (c *checker) replaced(name string) bool {
	levels, err := c.store.db.SSTables()
	if err != nil {
		return false
	}
	for _, level := range levels {
		for i := range level {
			if fmt.Sprintf("%06d.sst", uint64(level[i].FileNum)) == name {
				return false
			}
		}
	}
	return true
}
