package anchor

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"p2pchain/core"
	"p2pchain/core/document"
)

// errNotRegular means that a path names a folder, a pipe or a device.
var errNotRegular = errors.New("not a regular file")

// A generation is one file, open to be read, and what is known of it.
type generation struct {
	id       document.Generation
	began    string
	sequence uint64 // of the last anchor
	timeMS   uint64 // of the last anchor
	link     core.Hash
	sum      *sum

	kept *mark // as of the last anchor; nil: none yet

	file   *os.File
	folder string // of the file, when it was opened

	size    int64 // when it was read last
	changed time.Time
	quiet   int // looks since it grew last
}

// openRegular opens a file that was checked to be a regular one, so that no pipe is waited for.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|noBlock, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, errNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// folderOf returns where a file really is, through links.
func folderOf(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Dir(path)
}

// begin starts a generation with an open file.
func begin(file *os.File, folder, began string, link core.Hash) *generation {
	g := &generation{began: began, link: link, sum: newSum(), file: file, folder: folder, size: -1}
	rand.Read(g.id[:]) // never fails: it ends the process instead
	return g
}

// differs says in which way a file of this size is not the one whose bytes were read; "" where it may
// still be that.
func (s *sum) differs(file io.ReaderAt, size int64) (string, error) {
	switch {
	case s.length == 0:
		return "", nil
	case size == 0:
		return document.BeganEmptied, nil
	}
	head := s.head[:min(int64(len(s.head)), size)]
	if same, err := holds(file, 0, head); err != nil || !same {
		return document.BeganReplaced, err
	}
	if uint64(size) < s.length {
		return document.BeganCut, nil
	}
	if same, err := holds(file, int64(s.length)-int64(len(s.tail)), s.tail); err != nil || same {
		return "", err
	}
	// It may have been emptied since its beginning was read.
	if same, err := holds(file, 0, head); err != nil || !same {
		return document.BeganReplaced, err
	}
	return document.BeganChanged, nil
}

// holds reports whether a file has these bytes at an offset.
func holds(file io.ReaderAt, at int64, want []byte) (bool, error) {
	got := make([]byte, len(want))
	n, err := file.ReadAt(got, at)
	if err == io.EOF {
		err = nil
	}
	return bytes.Equal(got[:n], want), err
}

// A step is what one look at a generation came to.
type step struct {
	read  uint64 // bytes that are new
	more  bool   // not all of them yet
	other string // why the file is another one now; then nothing was read
}

// read takes in at most limit bytes that are new. What it read counts only if the file is the same one
// afterwards as it was before.
func (g *generation) read(limit uint64, buf []byte) (step, error) {
	info, err := g.file.Stat()
	if err != nil {
		return step{}, err
	}
	size := info.Size()
	if size == g.size && info.ModTime().Equal(g.changed) && uint64(size) == g.sum.length {
		return step{}, nil
	}
	if other, err := g.sum.differs(g.file, size); other != "" || err != nil {
		return step{other: other}, err
	}
	out := step{more: uint64(size) > g.sum.length+limit}
	draft, err := g.sum.clone()
	if err != nil {
		return step{}, err
	}
	end := min(uint64(size), g.sum.length+limit)
	for draft.length < end {
		n, err := g.file.ReadAt(buf[:min(uint64(len(buf)), end-draft.length)], int64(draft.length))
		draft.write(buf[:n])
		if err == io.EOF {
			break // it became shorter just now: the next look will see
		}
		if err != nil {
			return step{}, err
		}
	}
	now, err := g.file.Stat()
	if err != nil {
		return step{}, err
	}
	if other, err := draft.differs(g.file, now.Size()); other != "" || err != nil {
		return step{}, err // it was changed while it was read: the next look says how
	}
	out.read = draft.length - g.sum.length
	g.sum, g.size, g.changed = draft, size, info.ModTime()
	return out, nil
}

// keep returns the generation as of its last anchor.
func (g *generation) keep() (*mark, error) {
	if g.kept != nil {
		return g.kept, nil
	}
	unread := *g
	unread.sum = newSum()
	return unread.mark()
}

// mark returns the generation as it stands.
func (g *generation) mark() (*mark, error) {
	state, err := stateOf(g.sum.prefix)
	if err != nil {
		return nil, err
	}
	m := &mark{
		Generation: g.id.String(), Began: g.began, Sequence: g.sequence, TimeMS: g.timeMS, Link: g.link, Folder: g.folder,
		Length: g.sum.length, Lines: g.sum.lines, Partial: g.sum.partial, SHA256: state,
		Heads: headSums(g.sum.head), Tail: sha256.Sum256(g.sum.tail),
	}
	if info, err := g.file.Stat(); err == nil {
		m.File = nameOf(info)
	}
	return m, nil
}

// resume goes on with a generation, if the file is the one of the mark; else it says how it differs.
func (m *mark) resume(file *os.File, folder string, rehash bool) (*generation, string, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, "", err
	}
	s := &sum{segment: sha256.New(), from: m.Length, length: m.Length, lines: m.Lines, partial: m.Partial}
	if s.prefix, err = hashOf(m.SHA256); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	other, err := m.load(s, file, info.Size())
	if other != "" || err != nil {
		return nil, other, err
	}
	if rehash {
		again := sha256.New()
		if _, err := io.Copy(again, io.NewSectionReader(file, 0, int64(m.Length))); err != nil {
			return nil, "", err
		}
		if !bytes.Equal(again.Sum(nil), s.prefix.Sum(nil)) {
			return nil, document.BeganChanged, nil
		}
	}
	id, err := document.ParseGeneration(m.Generation)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	g := &generation{
		id: id, began: m.Began, sequence: m.Sequence, timeMS: m.TimeMS, link: m.Link, sum: s, file: file, folder: folder, size: -1,
	}
	g.kept, err = g.mark()
	return g, "", err
}

// load reads head and tail, and says how they differ from those of the mark.
func (m *mark) load(s *sum, file io.ReaderAt, size int64) (string, error) {
	switch {
	case m.Length == 0:
		return "", nil
	case size == 0:
		return document.BeganEmptied, nil
	}
	if same, err := m.loadHead(s, file, size); err != nil || !same {
		return document.BeganReplaced, err
	}
	if uint64(size) < m.Length {
		return document.BeganCut, nil
	}
	length := min(m.Length, window)
	var err error
	if s.tail, err = section(file, int64(m.Length-length), int(length)); err != nil {
		return "", err
	}
	if sha256.Sum256(s.tail) == m.Tail {
		return "", nil
	}
	// It may have been emptied since its beginning was read.
	if same, err := m.loadHead(s, file, size); err != nil || !same {
		return document.BeganReplaced, err
	}
	return document.BeganChanged, nil
}

// loadHead reads the beginning of a file, and reports whether it is that of the mark.
func (m *mark) loadHead(s *sum, file io.ReaderAt, size int64) (bool, error) {
	for _, h := range m.Heads {
		if int64(h.Bytes) > size {
			break
		}
		head, err := section(file, 0, h.Bytes)
		if err != nil || sha256.Sum256(head) != h.SHA256 {
			return false, err
		}
		s.head = head
	}
	return true, nil
}

// section reads a part of a file, less where the file ends.
func section(file io.ReaderAt, at int64, length int) ([]byte, error) {
	b := make([]byte, length)
	n, err := file.ReadAt(b, at)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}
