package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	// ErrFull means that a group would make a spool larger than it may be. Nothing was written.
	ErrFull = errors.New("the spool is full")
	// ErrDamaged means that a file is no spool, or that something in its middle was changed.
	ErrDamaged = errors.New("damaged spool")
	// ErrInUse means that another process has the file.
	ErrInUse = errors.New("another process uses the spool")
)

// A mark says where a group lies.
type mark struct {
	at    int64 // of its frame
	body  int   // its length
	lines int
}

// A Spool is a queue of groups in a file. It is not safe for concurrent use.
type Spool struct {
	path  string
	most  int64 // bytes of the file
	lock  io.Closer
	file  *os.File // nil as long as there is nothing to keep
	size  int64    // of what is whole in the file
	queue []mark   // the groups that are not done
	lines int      // in them
}

// New returns an empty spool. It touches no file before there is something to keep.
func New(path string, most int64) *Spool { return &Spool{path: path, most: most} }

// Open opens a spool that a process left behind. ErrInUse, ErrDamaged; fs.ErrNotExist where somebody
// else finished it meanwhile.
func Open(path string, most int64) (*Spool, error) {
	s := New(path, most)
	if err := s.take(); err != nil {
		return nil, err
	}
	var err error
	if s.file, err = os.OpenFile(path, os.O_RDWR, 0); err == nil {
		err = s.scan()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening spool %s: %w", path, err), s.Close())
	}
	return s, nil
}

// take takes the lock.
func (s *Spool) take() (err error) {
	if s.lock, err = vfs.Default.Lock(s.path + lockSuffix); err != nil {
		return fmt.Errorf("%s: %w: %w", s.path, ErrInUse, err)
	}
	return nil
}

// Path returns the name of the file.
func (s *Spool) Path() string { return s.path }

// Lines returns how many lines are in groups that are not done.
func (s *Spool) Lines() int { return s.lines }

// Empty reports whether every group is done.
func (s *Spool) Empty() bool { return len(s.queue) == 0 }

// Append puts a group at the end. On return it is on the disk. After an error nothing changed: ErrFull,
// or one of the file system.
func (s *Spool) Append(g *Group) error {
	if len(g.Key) < 1 || len(g.Key) > maxKey {
		return fmt.Errorf("a key of %d bytes", len(g.Key))
	}
	body := g.encode()
	if len(body) > maxBody {
		return fmt.Errorf("a group of %d bytes, and %d is the most", len(body), maxBody)
	}
	if s.size+frameHead+int64(len(body)) > s.most {
		return ErrFull
	}
	if err := s.create(); err != nil {
		return err
	}
	at := s.size
	if err := s.write(appendFrame(nil, kindGroup, body)); err != nil {
		return err
	}
	s.queue = append(s.queue, mark{at, len(body), len(g.Lines)})
	s.lines += len(g.Lines)
	return nil
}

// create makes the file where there is none yet, and the folder where that is missing.
func (s *Spool) create() error {
	if s.file != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	if s.lock == nil {
		if err := s.take(); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.file, s.size = file, 0
	if err := errors.Join(s.write([]byte(magic)), syncFolder(filepath.Dir(s.path))); err != nil {
		s.file = nil
		return errors.Join(err, file.Close(), os.Remove(s.path))
	}
	return nil
}

// write appends to the file, all or nothing.
func (s *Spool) write(b []byte) error {
	_, err := s.file.WriteAt(b, s.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// Where this fails, too, the next opening cuts off what is not whole.
		return errors.Join(fmt.Errorf("writing spool %s: %w", s.path, err), s.file.Truncate(s.size))
	}
	s.size += int64(len(b))
	return nil
}

// First returns the oldest group that is not done; nil if there is none. ErrDamaged where it changed
// since it was written.
func (s *Spool) First() (*Group, error) {
	if s.Empty() {
		return nil, nil
	}
	body, err := s.read(s.queue[0])
	if err != nil {
		return nil, fmt.Errorf("reading spool %s: %w", s.path, err)
	}
	return decodeGroup(body)
}

func (s *Spool) read(m mark) ([]byte, error) {
	frame := make([]byte, frameHead+m.body)
	if _, err := s.file.ReadAt(frame, m.at); err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(frame[5:]) != checksum(frame[0], frame[frameHead:]) {
		return nil, fmt.Errorf("%w at byte %d", ErrDamaged, m.at)
	}
	return frame[frameHead:], nil
}

// Done takes the oldest group out, and removes the file with the last one. An error of the file system
// means that the group may come again after a restart.
func (s *Spool) Done() error {
	s.lines -= s.queue[0].lines
	s.queue = s.queue[1:]
	if len(s.queue) > 0 {
		return s.write(appendFrame(nil, kindDone, nil))
	}
	err := errors.Join(s.file.Close(), os.Remove(s.path))
	s.file, s.size, s.queue = nil, 0, nil
	return err
}

// remove ends a spool without any group.
func (s *Spool) remove() error {
	err := errors.Join(s.file.Close(), os.Remove(s.path))
	s.file = nil
	return errors.Join(err, s.Close())
}

// Close closes the file and keeps it if there is anything in it.
func (s *Spool) Close() error {
	if s.lock == nil {
		return nil
	}
	var err error
	if s.file != nil {
		err = s.file.Close()
	} else {
		// Only with the lines gone: whoever gets the lock just now finds nothing that it is for, while two
		// who held locks of the same name could both take the lines.
		err = os.Remove(s.path + lockSuffix)
	}
	err = errors.Join(err, s.lock.Close())
	s.file, s.lock = nil, nil
	return err
}

// scan reads the frames of a file that was left behind, and cuts off a write that was cut short.
func (s *Spool) scan() error {
	stat, err := s.file.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, len(magic))
	if n, err := s.file.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	} else if n < len(magic) && bytes.HasPrefix([]byte(magic), head[:n]) {
		return s.rest(0, stat.Size()) // its first write was cut short
	}
	if string(head) != magic {
		return fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	s.size = int64(len(magic))
	for s.size < stat.Size() {
		whole, err := s.next(stat.Size())
		if err != nil {
			return err
		}
		if !whole {
			return s.rest(s.size, stat.Size())
		}
	}
	return nil
}

// next reads the frame at the end of what was read so far, and reports whether it is whole.
func (s *Spool) next(end int64) (bool, error) {
	head := make([]byte, frameHead)
	if end-s.size < frameHead {
		return false, nil
	}
	if _, err := s.file.ReadAt(head, s.size); err != nil {
		return false, err
	}
	length := int64(binary.BigEndian.Uint32(head[1:]))
	frame := mark{at: s.size, body: int(length)}
	if length > maxBody || s.size+frameHead+length > end {
		return false, nil
	}
	body, err := s.read(frame)
	if errors.Is(err, ErrDamaged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.size += frameHead + length
	if head[0] == kindDone {
		if s.Empty() {
			return false, fmt.Errorf("%w: more groups are done than there were", ErrDamaged)
		}
		s.lines -= s.queue[0].lines
		s.queue = s.queue[1:]
		return true, nil
	}
	g, err := decodeGroup(body)
	if err != nil {
		return false, err
	}
	frame.lines = len(g.Lines)
	s.queue, s.lines = append(s.queue, frame), s.lines+frame.lines
	return true, nil
}

// rest decides about what follows the last whole frame. What a crash cut short is cut off; where whole
// frames follow, it is no such thing.
func (s *Spool) rest(from, end int64) error {
	tail := make([]byte, min(end-from, maxBody+frameHead))
	if _, err := s.file.ReadAt(tail, from); err != nil && err != io.EOF {
		return err
	}
	if end-from > int64(len(tail)) || holdsFrame(tail[min(1, len(tail)):]) {
		return fmt.Errorf("%w at byte %d", ErrDamaged, from)
	}
	s.size = from
	if from == 0 {
		if err := s.file.Truncate(0); err != nil {
			return err
		}
		return s.write([]byte(magic))
	}
	return s.file.Truncate(from)
}

// holdsFrame reports whether a whole frame begins anywhere in b.
func holdsFrame(b []byte) bool {
	for ; len(b) >= frameHead; b = b[1:] {
		if b[0] != kindGroup && b[0] != kindDone {
			continue
		}
		length := int64(binary.BigEndian.Uint32(b[1:]))
		if length <= int64(len(b)-frameHead) &&
			binary.BigEndian.Uint32(b[5:]) == checksum(b[0], b[frameHead:frameHead+length]) {
			return true
		}
	}
	return false
}

// syncFolder makes the name of a new file durable.
func syncFolder(path string) error {
	dir, err := vfs.Default.OpenDir(path) // which knows the systems that cannot
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
