package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

func TestOpenErrors(t *testing.T) {
	n := coretest.Network(t)
	other := coretest.Network(t, func(p *core.Params) { p.Name = "other" })
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    error
		words   []string
	}{
		{"locked", func(t *testing.T, dir string) { openReal(t, dir, n) }, ErrLocked, []string{"in use"}},
		{"other network", func(t *testing.T, dir string) { closeNow(t, openReal(t, dir, other)) }, ErrOtherNetwork,
			[]string{n.String(), other.String()}},
		{"newer schema", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixMeta}, func(v []byte) { v[12]++ })
		}, ErrNewerSchema, []string{"schema 3"}},
		{"older schema", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixMeta}, func(v []byte) { v[12]-- })
		}, ErrOlderSchema, []string{"schema 1"}},
		{"other magic", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixMeta}, func(v []byte) { v[1]++ })
		}, ErrNotStore, nil},
		{"other files", func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "holiday.jpg")) }, ErrNotStore,
			[]string{"holiday.jpg"}},
		{"database of another program", foreignDatabase, ErrNotStore, nil},
		{"damaged tip", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixTip}, func(v []byte) { v[1]++ })
		}, ErrCorrupt, []string{"tip"}},
		{"value of another version", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixTip}, func(v []byte) { v[0]++ })
		}, ErrCorrupt, nil},
		{"damaged journal", func(t *testing.T, dir string) {
			rewrite(t, dir, n, []byte{prefixJournal}, nil)
		}, ErrCorrupt, []string{"journal"}},
		{"lost manifest", func(t *testing.T, dir string) {
			closeNow(t, openReal(t, dir, n))
			manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
			if err != nil || len(manifests) == 0 {
				t.Fatalf("no manifest found: %v", err)
			}
			for _, name := range manifests {
				if err := os.Truncate(name, 10); err != nil {
					t.Fatal(err)
				}
			}
		}, ErrCorrupt, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			s, err := Open(dir, n, Options{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("Open = %v, %v, want %v", s, err, tt.want)
			}
			for _, words := range append(tt.words, dir) {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("Open = %q, want it to say %q", err, words)
				}
			}
		})
	}
}

func TestOpenUnwritable(t *testing.T) {
	n := coretest.Network(t)
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file)
	for _, dir := range []string{file, filepath.Join(file, "store")} {
		if _, err := Open(dir, n, Options{}); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("Open(%s) = %v, want that it is not a directory", dir, err)
		}
	}
	// As root every directory can be written, so the file system says no.
	for _, kind := range []errorfs.OpKind{errorfs.OpMkdirAll, errorfs.OpLock, errorfs.OpCreate} {
		denied := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return &fs.PathError{Op: "open", Path: op.Path, Err: fs.ErrPermission}
			}
			return nil
		}))
		if _, err := Open("store", n, options(t, denied)); !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrLocked) {
			t.Errorf("Open without permission = %v", err)
		}
	}
}

// An interrupted first start, and a lost+found of nobody, are no obstacle.
func TestOpenAgain(t *testing.T) {
	n := coretest.Network(t)
	dir := filepath.Join(t.TempDir(), "deep", "below")
	for range 3 {
		s := openReal(t, dir, n)
		closeNow(t, s)
		if err := s.Close(); !errors.Is(err, ErrClosed) {
			t.Errorf("second Close = %v, want ErrClosed", err)
		}
		if _, err := s.Tip(); !errors.Is(err, ErrClosed) {
			t.Errorf("Tip after Close = %v, want ErrClosed", err)
		}
		if err := s.Commit(chain.Change{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Commit after Close = %v, want ErrClosed", err)
		}
		if _, err := s.Accept(nil, true, 0); !errors.Is(err, ErrClosed) {
			t.Errorf("Accept after Close = %v, want ErrClosed", err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		t.Fatal(err)
	}
	check(t, openReal(t, dir, n))
}

// A file of the database that is damaged is an error of the read that finds it, not the end of the
// process.
func TestDamagedFile(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 5, 20)
	connect(t, s, blocks...)
	closeNow(t, s)
	closeNow(t, openReal(t, dir, n)) // writes the log into tables
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, name := range tables {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(b) / 4; i < len(b)/2; i++ {
			b[i] ^= 0x55
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err = Open(dir, n, Options{})
	if err == nil {
		_, err = s.Check(t.Context(), true)
		for _, b := range blocks {
			if _, blockErr := s.Block(b.Header.Hash()); blockErr != nil {
				err = errors.Join(err, blockErr)
			}
		}
		closeNow(t, s)
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("reading a damaged file = %v, want ErrCorrupt", err)
	}
}

// openReal opens a store on the real file system, and closes it at the end if the test did not.
func openReal(t testing.TB, dir string, n *core.Network) *Store {
	t.Helper()
	s, err := Open(dir, n, Options{OnFatal: func(err error) { t.Errorf("OnFatal(%v)", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

func closeNow(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// rewrite changes one value of a new store.
func rewrite(t *testing.T, dir string, n *core.Network, key []byte, edit func([]byte)) {
	t.Helper()
	s := openReal(t, dir, n)
	value := []byte("nonsense")
	if edit != nil {
		if err := (reader{s.db}).get(key, func(v []byte) error { value = append([]byte{}, v...); return nil }); err != nil {
			t.Fatal(err)
		}
		edit(value)
	}
	if err := s.db.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
}

func foreignDatabase(t *testing.T, dir string) {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{Logger: logger{&Store{log: slog.New(slog.DiscardHandler)}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("key"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
