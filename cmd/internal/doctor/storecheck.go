package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"p2pchain/cmd/internal/node"
	"p2pchain/core/store"
)

// storePatience is how long the store is walked; a long chain takes longer, and check goes all the way.
const storePatience = 8 * time.Second

// lookAtStore opens the store of a node that does not run, and walks its invariants for a while.
func (e *exam) lookAtStore(ctx context.Context) []Finding {
	dir := node.StoreDir(e.cfg.Dir)
	info, err := os.Stat(dir)
	if err != nil {
		return nil // a new directory; what else may be wrong is in lookAtFiles
	}
	free, diskErr := e.system.disk(dir)
	switch {
	case e.node != nil || e.holder != 0:
		return one(OK, "the store is in use; its process watches it", "", "")
	case e.cfg.Network == nil:
		return nil
	case e.system.uid() >= 0 && ownerOf(info) >= 0 && ownerOf(info) != e.system.uid():
		return one(Note, fmt.Sprintf("the store was not looked at: it belongs to another user (uid %d)", ownerOf(info)),
			"to open it would leave files there that its owner cannot use", "run this as that user")
	case diskErr == nil && free < 1<<20:
		return one(Note, "the store was not looked at: to open it takes some space", "", "")
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	s, err := store.Open(dir, e.cfg.Network, store.Options{ReserveBytes: 1, CreatedBy: "p2pchain " + e.cfg.Version})
	if err != nil {
		return storeError(err)
	}
	report, err := s.Check(ctx, false)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return one(OK, fmt.Sprintf("the store opens, and what %v show of it is sound", storePatience), "", "p2pchain check goes all the way")
	case err != nil:
		return storeError(err)
	}
	if err := report.Err(); err != nil {
		return storeError(err)
	}
	return one(OK, fmt.Sprintf("the store is sound: %d blocks, %d messages wait", report.Height+1, report.Waiting), "", "")
}

// storeError says what an error of the store means.
func storeError(err error) []Finding {
	what := "the store: " + err.Error()
	for _, row := range []struct {
		cause   error
		level   Level
		why, do string
	}{
		{store.ErrLocked, Note, "another process just opened it", "run this again"},
		{store.ErrOtherNetwork, Problem, "nodes with another genesis never mix", "choose the network of the folder, or another --data-dir or --name"},
		{store.ErrNewerSchema, Problem, "a newer version wrote it", "install that version"},
		{store.ErrOlderSchema, Problem, "a version from before the first release wrote it", "set it aside with --force-new-chain"},
		{store.ErrNotStore, Problem, "the folder holds something else", "choose another --data-dir"},
		{store.ErrDiskFull, Problem, "it needs room to open", "free some space"},
		{store.ErrCorrupt, Problem, "a disk, a file system or another program damaged it; a node serves nothing wrong, but stops", "p2pchain check --deep --repair keeps what is sound; the rest comes from peers"},
		{os.ErrPermission, Problem, "it belongs to another user, or its mode does not allow it", "run p2pchain as its owner, or give it to yourself with chown -R"},
	} {
		if errors.Is(err, row.cause) {
			return one(row.level, what, row.why, row.do)
		}
	}
	return one(Problem, what, "the node cannot start without it", "look at the disk and at the kernel's log")
}
