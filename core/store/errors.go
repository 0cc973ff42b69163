package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core/chain"
)

var (
	// ErrLocked means that another process, or another Store of this one, has the directory open.
	ErrLocked = errors.New("store is in use by another process")
	// ErrOtherNetwork means that the directory holds the blocks of another network.
	ErrOtherNetwork = errors.New("store belongs to another network")
	// ErrNewerSchema means that a newer program wrote the store.
	ErrNewerSchema = errors.New("store was written by a newer version of p2pchain")
	// ErrOlderSchema means that a program before the first release wrote the store, in a form that
	// is not read any more.
	ErrOlderSchema = errors.New("store was written by a version before the first release")
	// ErrNotStore means that the directory holds something that this package did not write.
	ErrNotStore = errors.New("directory holds something else than a store")
	// ErrCorrupt means that what is on disk cannot be right.
	ErrCorrupt = errors.New("store is damaged")
	// ErrDiskFull means that there is no room to write. Returned by a single write it is harmless:
	// nothing changed, reading goes on, and the write may be tried again. Handed to Options.OnFatal
	// it means that Pebble itself met the full disk.
	ErrDiskFull = errors.New("disk is full")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrBadChange means that a change does not fit what is stored: a bug of the caller.
	ErrBadChange = errors.New("change does not fit the store")
)

// wrap turns an error of Pebble, of the file system or of a decoder into one of ours.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return chain.ErrNotFound
	case errors.Is(err, errValue), pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", ErrCorrupt, corruption{err})
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// A corruption is an error without the line by which Pebble finds its details again: users see the text.
type corruption struct{ err error }

func (c corruption) Error() string {
	return strings.ReplaceAll(c.err.Error(), "\n<corruption detail carrier>", "")
}

func (c corruption) Unwrap() error { return c.err }
