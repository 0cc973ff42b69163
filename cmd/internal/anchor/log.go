package anchor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/cmd/internal/spool"
	"p2pchain/core"
	"p2pchain/core/document"
)

// ErrInUse means that another process follows the same log.
var ErrInUse = errors.New("another process follows this log")

const (
	stateFile = "state"
	queueFile = "queue.spool"
	lockFile  = "lock"

	mostOlder  = 4 // renamed files of a log that are still read
	quietLooks = 6 // without growth, after which a renamed file is let go
	mostFolder = 10_000
)

// A log is one path that is followed.
type log struct {
	cfg    *Config
	path   string
	name   string
	folder string // of its state
	lock   io.Closer

	current *generation   // nil: no file yet, or none any more
	older   []*generation // were renamed, and may still grow
	left    *mark         // of a generation whose file is gone, while there is no current one

	unsent   *unsent
	queue    *spool.Spool // what comes before unsent
	messages []core.Hash

	said string // the last trouble that was told
}

// folderFor returns where the state of a path is kept.
func folderFor(folder, path string) string {
	name := sha256.Sum256([]byte(path))
	return filepath.Join(folder, hex.EncodeToString(name[:8]))
}

// openLog takes the lock of a log and goes on from its state. ErrInUse.
func openLog(cfg *Config, path string) (*log, error) {
	l := &log{cfg: cfg, path: path, name: cfg.Name, folder: folderFor(cfg.Folder, path)}
	if l.name == "" {
		l.name = filepath.Base(path)
	}
	if err := document.CheckName(l.name); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return nil, err
	}
	var err error
	if l.lock, err = vfs.Default.Lock(filepath.Join(l.folder, lockFile)); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrInUse, err)
	}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// load reads what the last process left. What is damaged is set aside and told of.
func (l *log) load() error {
	path := filepath.Join(l.folder, queueFile)
	l.queue = spool.New(path, l.cfg.QueueMost)
	opened, err := spool.Open(path, l.cfg.QueueMost)
	switch {
	case err == nil && opened.Empty(): // every group is done, and only the file was left
		if err := errors.Join(opened.Close(), os.Remove(path)); err != nil {
			return err
		}
	case err == nil:
		l.queue = opened
	case errors.Is(err, spool.ErrDamaged):
		l.aside(path, err)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	path = filepath.Join(l.folder, stateFile)
	s, err := readState(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, ErrDamaged) {
		l.aside(path, err)
		return nil
	}
	if err != nil {
		return err
	}
	l.unsent, l.messages = s.Unsent, s.Messages
	return l.resume(s)
}

// aside keeps a damaged file under another name.
func (l *log) aside(path string, err error) {
	kept := path + ".damaged"
	l.tell(Event{Kind: Trouble, Err: fmt.Errorf("set aside as %s: %w", kept, errors.Join(err, os.Rename(path, kept)))})
}

// resume opens the files of the generations again.
func (l *log) resume(s *state) error {
	for _, m := range s.Older {
		if g := l.find(m); g != nil {
			l.older = append(l.older, g)
		}
	}
	if s.Current == nil {
		return nil
	}
	file, err := openRegular(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotRegular) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if file != nil {
		info, err := file.Stat()
		if err != nil {
			return errors.Join(err, file.Close())
		}
		if s.Current.File == nameOf(info) {
			return l.carryOn(s.Current, file)
		}
	}
	if g := l.find(s.Current); g != nil {
		l.current = g
		if file != nil {
			return file.Close() // the next look finds out
		}
		return nil
	}
	l.left = s.Current
	if file == nil {
		return nil
	}
	// A copy of the file that was put back is as good as that.
	g, other, err := s.Current.resume(file, folderOf(l.path), true)
	if err == nil && other == "" && s.Current.Length > 0 {
		l.current, l.left = g, nil
		return nil
	}
	return errors.Join(err, file.Close())
}

// carryOn goes on with the file that has the name, or begins a generation where that is another one.
func (l *log) carryOn(m *mark, file *os.File) error {
	g, other, err := m.resume(file, folderOf(l.path), l.cfg.Rehash)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if other != "" {
		g = begin(file, folderOf(l.path), other, m.Link)
		l.tell(Event{Kind: Began, Word: other})
	}
	l.current = g
	return nil
}

// find looks for a file that was renamed, and opens it if it is still the one of the mark.
func (l *log) find(m *mark) *generation {
	if m.File == "" {
		return nil
	}
	for _, folder := range []string{m.Folder, folderOf(l.path)} {
		dir, err := os.Open(folder)
		if err != nil {
			continue
		}
		entries, _ := dir.ReadDir(mostFolder) // in part is enough
		dir.Close()
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || nameOf(info) != m.File {
				continue
			}
			file, err := openRegular(filepath.Join(folder, e.Name()))
			if err != nil {
				continue
			}
			if g, other, err := m.resume(file, folder, l.cfg.Rehash); err == nil && other == "" {
				return g
			}
			file.Close()
		}
	}
	return nil
}

// save writes down how everything stands.
func (l *log) save() error {
	s := &state{Format: stateFormat, Path: l.path, Current: l.left, Unsent: l.unsent, Messages: l.messages}
	var err error
	if l.current != nil {
		if s.Current, err = l.current.keep(); err != nil {
			return err
		}
	}
	for _, g := range l.older {
		m, err := g.keep()
		if err != nil {
			return err
		}
		s.Older = append(s.Older, m)
	}
	return writeState(filepath.Join(l.folder, stateFile), s)
}

// tell hands an event to whoever listens.
func (l *log) tell(e Event) {
	e.Path = l.path
	l.cfg.Told(e)
}

// trouble tells of an error, once as long as it is the same.
func (l *log) trouble(err error) {
	if err == nil {
		l.said = ""
		return
	}
	if text := err.Error(); text != l.said {
		l.said = text
		l.tell(Event{Kind: Trouble, Err: err})
	}
}

// close gives back files and the lock. What was not saved comes again at the next start.
func (l *log) close() error {
	var errs []error
	for _, g := range append(l.older, l.current) {
		if g != nil {
			errs = append(errs, g.file.Close())
		}
	}
	if l.queue != nil {
		errs = append(errs, l.queue.Close())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}
