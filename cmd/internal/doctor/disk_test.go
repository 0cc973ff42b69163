package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/store"
)

func TestDisk(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*system)
		level Level
		words string
	}{
		{"fine", func(*system) {}, OK, "102400 MiB of disk are free"},
		{"full", func(s *system) { s.disk = func(string) (uint64, error) { return 100 << 20, nil } }, Problem, "100 MiB"},
		{"no room at all", func(s *system) { s.disk = func(string) (uint64, error) { return 10, nil } }, Problem, "0 MiB"},
		{"nearly full", func(s *system) { s.disk = func(string) (uint64, error) { return 300 << 20, nil } }, Warning, "free some space soon"},
		{"nobody knows", func(s *system) { s.disk = func(string) (uint64, error) { return 0, errors.New("x") } }, Note, "cannot be told"},
		{"slow", func(s *system) { s.fsync = func(string) (time.Duration, error) { return time.Second, nil } }, Warning, "takes 1s"},
		{"in memory", func(s *system) { s.fileSystem = func(string) string { return memoryDisk } }, Warning, "in memory"},
		{"on a network", func(s *system) { s.fileSystem = func(string) string { return networkDisk } }, Warning, "network file system"},
		{"in a container", func(s *system) { s.fileSystem = func(string) string { return containerDisk } }, Warning, "mount a volume"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(&e.system)
			expect(t, e.lookAtDisk(t.Context()), tt.level, tt.words)
		})
	}
}

func TestRealDisk(t *testing.T) {
	dir := t.TempDir()
	if took, err := measureSync(dir); err != nil || took <= 0 {
		t.Errorf("measureSync = %v, %v", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if _, err := measureSync(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("measured where nothing is")
	}
	if free, err := freeDisk(dir); err != nil || free == 0 {
		t.Errorf("freeDisk = %d, %v", free, err)
	}
}

// makeStore leaves a sound store in the exam's directory.
func makeStore(t *testing.T, e *exam) string {
	t.Helper()
	dir := node.StoreDir(e.cfg.Dir)
	s, err := store.Open(dir, e.cfg.Network, store.Options{ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*testing.T, *exam, string)
		level Level
		words string
	}{
		{"sound", func(*testing.T, *exam, string) {}, OK, "the store is sound: 1 blocks"},
		{"in use", func(_ *testing.T, e *exam, _ string) { e.holder = 7 }, OK, "in use"},
		{"damaged", func(t *testing.T, _ *exam, dir string) {
			for _, pattern := range []string{"MANIFEST-*", "*.log", "*.sst"} {
				for _, path := range match(t, dir, pattern) {
					if err := os.WriteFile(path, []byte("not what it was, not at all"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}, Problem, "p2pchain check --deep --repair"},
		{"of another network", func(t *testing.T, e *exam, _ string) {
			p, _ := core.Builtin("main")
			n, err := core.NewNetwork(p)
			if err != nil {
				t.Fatal(err)
			}
			e.cfg.Network = n
		}, Problem, "another genesis"},
		{"somebody else's", func(_ *testing.T, e *exam, _ string) { e.system.uid = func() int { return 12345 } }, Note, "belongs to another user"},
		{"no room to open", func(_ *testing.T, e *exam, _ string) {
			e.system.disk = func(string) (uint64, error) { return 0, nil }
		}, Note, "takes some space"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(t, e, makeStore(t, e))
			expect(t, e.lookAtStore(t.Context()), tt.level, tt.words)
		})
	}
	if found := healthy(t).lookAtStore(t.Context()); found != nil {
		t.Errorf("no store yet: %v", found)
	}
}

func match(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestStoreError(t *testing.T) {
	for err, words := range map[error]string{
		store.ErrNewerSchema: "install that version",
		store.ErrOlderSchema: "--force-new-chain",
		store.ErrNotStore:    "something else",
		store.ErrDiskFull:    "free some space",
		store.ErrCorrupt:     "check --deep --repair",
		os.ErrPermission:     "chown",
		errors.New("x"):      "kernel's log",
	} {
		expect(t, storeError(err), Problem, words)
	}
	expect(t, storeError(store.ErrLocked), Note, "just opened it")
}
