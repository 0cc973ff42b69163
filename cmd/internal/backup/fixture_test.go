package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

// A fakeChain is a best chain that a test sets as it likes.
type fakeChain struct {
	mu     sync.Mutex
	best   []*core.Block // by height
	all    map[core.Hash]*core.Block
	broken error
}

func newFakeChain(n *core.Network) *fakeChain {
	c := &fakeChain{all: make(map[core.Hash]*core.Block)}
	c.set(n.GenesisBlock())
	return c
}

// set makes these blocks, from genesis on, the best chain.
func (c *fakeChain) set(blocks ...*core.Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.best = slices.Clone(blocks)
	for _, b := range blocks {
		c.all[b.Header.Hash()] = b
	}
}

func (c *fakeChain) Tip() chain.Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.best[len(c.best)-1].Header
	return chain.Tip{Hash: h.Hash(), Header: h}
}

func (c *fakeChain) HashAt(height uint64) (core.Hash, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if height >= uint64(len(c.best)) {
		return core.Hash{}, chain.ErrNotFound
	}
	return c.best[height].Header.Hash(), nil
}

func (c *fakeChain) Block(hash core.Hash) (*core.Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.all[hash]; b != nil && c.broken == nil {
		return b, nil
	}
	return nil, errors.Join(chain.ErrNotFound, c.broken)
}

func (c *fakeChain) Settled(hash core.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.best, func(b *core.Block) bool { return b.Header.Hash() == hash })
	return i >= 0 && i+6 < len(c.best)
}

// A world is a chain, a folder and a disk that counts and fails.
type world struct {
	t     *testing.T
	n     *core.Network
	chain *fakeChain
	disk  *testDisk
	dir   string
	log   *bytes.Buffer
	clock time.Time
}

func newWorld(t *testing.T) *world {
	n := coretest.Network(t)
	return &world{
		t: t, n: n, chain: newFakeChain(n), disk: &testDisk{fatal: -1, synced: make(map[string]int64)}, dir: t.TempDir(),
		log: new(bytes.Buffer), clock: time.Date(2000, 1, 1, 12, 30, 0, 0, time.UTC),
	}
}

// grow returns a branch that goes on from another one, the blocks of which no other name gives.
func (w *world) grow(base []*core.Block, name string, count int) []*core.Block {
	w.t.Helper()
	out := slices.Clone(base)
	if len(out) == 0 {
		out = append(out, w.n.GenesisBlock())
	}
	tip := coretest.Genesis(w.n)
	for _, b := range out[1:] {
		tip = tip.After(b)
	}
	for i := range count {
		b := coretest.Next(w.t, w.n, tip, coretest.Message(w.t, w.n, coretest.Key(0), fmt.Sprint(name, i)))
		out, tip = append(out, b), tip.After(b)
	}
	return out
}

// job returns a new job, as after a start of the program.
func (w *world) job() *Job {
	w.t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.disk, cfg.Now = w.dir, w.disk, func() time.Time { return w.clock }
	cfg.Log = slog.New(slog.NewTextHandler(w.log, nil))
	j, err := New(w.n, w.chain, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// run makes one start of the program that ends in order: a pass, and one with all blocks.
func (w *world) run() {
	w.t.Helper()
	j := w.job()
	defer j.forget()
	for _, all := range []bool{false, true} {
		if err := j.pass(context.Background(), all); err != nil {
			w.t.Fatal(err)
		}
	}
}

// lines returns how a chain file with these blocks has to be, the first of which is genesis.
func (w *world) lines(blocks []*core.Block) string {
	out := chainfile.AppendGenesis(nil, w.n)
	for _, b := range blocks {
		if b.Header.Height > 0 {
			out = chainfile.AppendBlock(out, b)
		}
	}
	return string(out)
}

// read returns a file of the folder.
func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// want checks the chain file and its hash.
func (w *world) want(blocks []*core.Block) {
	w.t.Helper()
	got := w.read("test.chain")
	if want := w.lines(blocks); got != want {
		w.t.Fatalf("the chain file has %d bytes and %d lines, want %d and %d\nlog: %s",
			len(got), strings.Count(got, "\n"), len(want), strings.Count(want, "\n"), w.log)
	}
	sum := sha256.Sum256([]byte(got))
	if got := w.read("test.hash"); got != hex.EncodeToString(sum[:])+"\n" {
		w.t.Fatalf("test.hash is %s, want %x", got, sum)
	}
}

// aside returns the names of the files that were set aside.
func (w *world) aside() []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, "test_*.chain"))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

// errKilled is what happens to a process that was killed: nothing happens any more.
var errKilled = errors.New("killed")

// killEverywhere plays a story in a new world for each change of the disk that it makes from where it arms
// the disk, which stops at that change: as a kill does, and as a power cut does. Then the disk works again.
func killEverywhere(t *testing.T, least int, story func(w *world, arm func()) error, then func(w *world, where string)) {
	t.Helper()
	for _, power := range []bool{false, true} {
		killed := 0
		for {
			w := newWorld(t)
			err := story(w, func() { w.disk.fatal = w.disk.changes + killed + 1 })
			if err == nil {
				break
			}
			killed++
			where := fmt.Sprintf("change %d, power cut %v", killed, power)
			if !errors.Is(err, errKilled) {
				t.Fatalf("%s: %v", where, err)
			}
			if power {
				w.disk.cutPower(t, filepath.Join(w.dir, "test.chain"))
			}
			w.disk.fatal = -1
			then(w, where)
		}
		if killed < least {
			t.Errorf("the story has %d changes of the disk only, want at least %d", killed, least)
		}
	}
}

// A testDisk counts what is read, and can fail, or stop for good in the middle of its fatal-th change.
type testDisk struct {
	osDisk
	changes int // so far
	renames int // among them
	fatal   int // -1: never
	fail    error
	read    int64
	synced  map[string]int64 // how much of each file survives a power cut
}

// cutPower takes from the chain file what was never synced.
func (d *testDisk) cutPower(t *testing.T, path string) {
	t.Helper()
	f, err := d.osDisk.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	if from := min(d.synced[path], size); from < size {
		if _, err := f.WriteAt(make([]byte, size-from), from); err != nil {
			t.Fatal(err)
		}
	}
}

// change counts a change. It returns how much of it happens, of size bytes.
func (d *testDisk) change(size int) (int, error) {
	if d.fail != nil {
		return size / 2, d.fail
	}
	d.changes++
	switch {
	case d.fatal < 0 || d.changes < d.fatal:
		return size, nil
	case d.changes == d.fatal:
		return size * (d.changes % 4) / 4, errKilled
	}
	return 0, errKilled
}

func (d *testDisk) Open(path string) (file, error) {
	if _, err := d.change(0); err != nil {
		return nil, err
	}
	f, err := d.osDisk.Open(path)
	return &testFile{f, d, path}, err
}

func (d *testDisk) Create(path string) (file, error) {
	if _, err := d.change(0); err != nil {
		return nil, err
	}
	f, err := d.osDisk.Create(path)
	d.synced[path] = 0
	return &testFile{f, d, path}, err
}

func (d *testDisk) Rename(from, to string) error {
	if _, err := d.change(0); err != nil {
		return err
	}
	d.renames++
	d.synced[to] = d.synced[from]
	d.synced[from] = 0
	return d.osDisk.Rename(from, to)
}

type testFile struct {
	file
	disk *testDisk
	path string
}

func (f *testFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(b, at)
	f.disk.read += int64(n)
	return n, err
}

func (f *testFile) WriteAt(b []byte, at int64) (int, error) {
	part, failed := f.disk.change(len(b))
	n, err := f.file.WriteAt(b[:part], at)
	return n, errors.Join(failed, err)
}

func (f *testFile) Truncate(size int64) error {
	if _, err := f.disk.change(0); err != nil {
		return err
	}
	f.disk.synced[f.path] = min(f.disk.synced[f.path], size)
	return f.file.Truncate(size)
}

func (f *testFile) Sync() error {
	if _, err := f.disk.change(0); err != nil {
		return err
	}
	size, err := f.file.Size()
	f.disk.synced[f.path] = size
	return err // a real one would take the test's time
}
