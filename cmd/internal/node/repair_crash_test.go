package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core/coretest/random"
	"p2pchain/core/store"
)

// A killer is a disk that keeps, at some of the writes to it, what a kill of the process would leave there
// just before that write.
type killer struct {
	dir  string               // whose content is kept
	when func(write int) bool // to keep it
	into string

	mu     sync.Mutex // held over a write's turn, guards the rest
	writes int
	kept   []string
}

func (k *killer) fs() vfs.FS {
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.writes++
		if !k.when(k.writes) {
			return nil
		}
		to := filepath.Join(k.into, fmt.Sprintf("write-%05d", k.writes))
		if err := keep(k.dir, to); err != nil {
			return fmt.Errorf("keeping %s: %w", to, err)
		}
		k.kept = append(k.kept, to)
		return nil
	}))
}

// keep copies a folder in which others may delete files.
func keep(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(at, content, 0o600)
	})
}

// A repairCrashes is a damaged data directory, what a repair makes of it, and how often a crash met each
// part of one.
type repairCrashes struct {
	truth   *truth
	image   *image
	dir     string // damaged, never touched
	tables  map[string][]byte
	height  uint64 // after a repair that nothing interrupts
	waiting int
	stages  map[string]int
}

// TestRepairSurvivesCrashes kills repairs at writes all over them, at each of their last ones, and again
// while they are finished or repeated: the next run ends with the same store as one that nothing
// interrupted, and the tables of the damaged one are still there, byte for byte.
func TestRepairSurvivesCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("one repair after another, which takes half a minute under the race detector")
	}
	rng := random.Source(t)
	c := newRepairCrashes(t)
	k := c.killed(t, c.dir, func(int) bool { return false })
	total := k.writes
	every := max(1, total/max(8, *damageCases/4))
	k = c.killed(t, c.dir, func(write int) bool { return write%every == 0 || write > total-12 })
	for _, dir := range k.kept {
		c.stages[stage(dir)]++
		at := 1 + rng.IntN(total)
		if stage(dir) != "building" {
			at = 1 + rng.IntN(6)
		}
		for _, again := range c.killed(t, dir, func(write int) bool { return write == at }).kept {
			c.stages["again, "+stage(again)]++
			c.killed(t, again, func(int) bool { return false })
		}
	}
	t.Logf("%d writes in a repair, killed at %d: %v", total, len(k.kept), c.stages)
	for _, want := range []string{"building", "complete", "between", "in place", "again, building"} {
		if c.stages[want] == 0 {
			t.Errorf("no crash met the stage %q", want)
		}
	}
}

// stage says how far a repair was when it was killed.
func stage(dir string) string {
	work := filepath.Join(dir, repairFolder)
	switch {
	case !exists(filepath.Join(work, repairMark)) && exists(filepath.Join(dir, suspectFile)):
		return "building"
	case !exists(filepath.Join(work, repairMark)):
		return "done"
	case !exists(filepath.Join(work, storeFolder)):
		return "in place"
	case !exists(filepath.Join(dir, storeFolder)):
		return "between"
	}
	return "complete"
}

// newRepairCrashes damages a store, and repairs a copy.
func newRepairCrashes(t *testing.T) *repairCrashes {
	t.Helper()
	tr := newTruth(t)
	c := &repairCrashes{truth: tr, image: tr.images[0], dir: filepath.Join(tr.fast, "damaged"), tables: make(map[string][]byte), stages: make(map[string]int)}
	copyTree(t, c.image.dir, c.dir)
	names, err := filepath.Glob(filepath.Join(c.dir, storeFolder, "*.sst"))
	if err != nil || len(names) == 0 {
		t.Fatalf("tables %v, %v", names, err)
	}
	for i, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			content[len(content)/3] ^= 1
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.tables[filepath.Base(name)] = content
	}
	if err := os.WriteFile(filepath.Join(c.dir, suspectFile), []byte("a test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.height = 1 << 62 // not known yet
	c.killed(t, c.dir, func(int) bool { return false })
	return c
}

// killed repairs a copy of a directory, keeps what kills at some writes would leave, and compares the
// outcome with what it is without any.
func (c *repairCrashes) killed(t *testing.T, dir string, when func(write int) bool) *killer {
	t.Helper()
	base, err := os.MkdirTemp(c.truth.fast, "repair-")
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{dir: filepath.Join(base, "data"), into: base, when: when}
	copyTree(t, dir, k.dir)
	cfg := c.truth.config(k.dir)
	cfg.FS = k.fs()
	if _, err := Check(t.Context(), cfg, true, true); err != nil {
		t.Fatalf("repairing %s of %s: %v", dir, stage(dir), err)
	}
	if _, err := Check(t.Context(), c.truth.config(k.dir), true, false); err != nil {
		t.Errorf("after repairing %s: %v", dir, err)
	}
	if exists(filepath.Join(k.dir, repairFolder)) || exists(filepath.Join(k.dir, suspectFile)) {
		t.Errorf("something of the repair of %s is left", dir)
	}
	c.compare(t, k.dir)
	return k
}

// compare looks into a repaired directory.
func (c *repairCrashes) compare(t *testing.T, dir string) {
	t.Helper()
	s, err := OpenStopped(t.Context(), c.truth.config(dir))
	if err != nil {
		t.Fatal(err)
	}
	height, _ := s.Tip()
	waiting := c.truth.countWaiting(s, c.image)
	if c.height == 1<<62 {
		c.height, c.waiting = height, waiting
	}
	if height != c.height || waiting != c.waiting {
		t.Errorf("height %d and %d waiting messages in %s, want %d and %d", height, waiting, dir, c.height, c.waiting)
	}
	if err := errors.Join(c.truth.heal(s), c.truth.same(s, c.image), s.Close()); err != nil {
		t.Error(err)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "store.damaged-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside are %v, %v, want one", aside, err)
	}
	for name, want := range c.tables {
		if got, err := os.ReadFile(filepath.Join(aside[0], name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s of the damaged store was changed, or is gone: %v", name, err)
		}
	}
}

// TestRepairWithoutRenames ends in words where the system refuses to move a folder, and the next run
// finishes the repair.
func TestRepairWithoutRenames(t *testing.T) {
	c := newRepairCrashes(t)
	for _, refused := range []string{storeFolder, filepath.Join(repairFolder, storeFolder)} {
		dir := filepath.Join(c.truth.fast, "refused-"+filepath.Base(filepath.Dir(refused)))
		copyTree(t, c.dir, dir)
		cfg := c.truth.config(dir)
		cfg.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpRename && op.Path == filepath.Join(dir, refused) {
				return syscall.EACCES
			}
			return nil
		}))
		_, err := Check(t.Context(), cfg, true, true)
		if !errors.Is(err, ErrDirectory) || !errors.Is(err, syscall.EACCES) || errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s is refused: %v, want ErrDirectory", refused, err)
		}
		if _, err := Check(t.Context(), c.truth.config(dir), true, false); err != nil {
			t.Errorf("the next run: %v", err)
		}
		c.compare(t, dir)
	}
}
