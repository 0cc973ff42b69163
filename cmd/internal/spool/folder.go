package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	suffix     = ".spool"
	lockSuffix = ".lock"
)

// Name returns a name for a new spool in a folder. Names sort by the time of their making.
func Name(folder string, now time.Time) string {
	var random [6]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	return filepath.Join(folder, fmt.Sprintf("%s-%x%s", now.UTC().Format("20060102T150405.000"), random, suffix))
}

// ID returns the part of a spool's name that no other one has, for the keys of its groups.
func ID(path string) string { return strings.TrimSuffix(filepath.Base(path), suffix) }

// List returns the spools in a folder, oldest first, those in use too. A folder that does not exist has
// none.
func List(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// Leftovers opens every spool in a folder that no process uses, oldest first. One that is damaged is
// renamed to NAME.damaged and told of: what is in it was not thrown away.
func Leftovers(folder string, most int64, damaged func(path string, err error)) ([]*Spool, error) {
	paths, err := List(folder)
	if err != nil {
		return nil, err
	}
	var found []*Spool
	for _, path := range paths {
		s, err := Open(path, most)
		switch {
		case errors.Is(err, ErrInUse), errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, ErrDamaged):
			aside := path + ".damaged"
			damaged(aside, errors.Join(err, os.Rename(path, aside)))
		case err != nil:
			return found, err
		case s.Empty():
			if err := s.remove(); err != nil { // every group is done, and only the file was left
				return found, err
			}
		default:
			found = append(found, s)
		}
	}
	return found, nil
}

// Waiting returns how many lines wait in the spools of a folder, those in use too. Files that cannot be
// read count nothing.
func Waiting(folder string) (lines int, err error) {
	paths, err := List(folder)
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		lines += count(path)
	}
	return lines, nil
}

// count reads a file that may be in use, without changing it.
func count(path string) int {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return 0
	}
	s := &Spool{path: path, file: file, size: int64(len(magic))}
	for s.size < stat.Size() {
		if whole, err := s.next(stat.Size()); err != nil || !whole {
			break
		}
	}
	return s.lines
}
