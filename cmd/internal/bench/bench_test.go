package bench

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"p2pchain/core/store"
)

// short is a run in which every part does its least.
func short(dir string) Config { return Config{Dir: dir, Time: 10 * time.Millisecond, Now: time.Now} }

// wantGone fails if a run left anything in a data directory.
func wantGone(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != len(want) || len(want) > 0 && names[0] != want[0] {
		t.Errorf("the folder has %q, want %q", names, want)
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	cfg := short(dir)
	var parts []string
	cfg.OnPart = func(name string) { parts = append(parts, name) }
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Processors < 1 || r.Platform == "" || r.Dir != dir {
		t.Errorf("%+v", r)
	}
	searches := min(r.Processors, 2)
	if len(r.Search) != searches || len(r.Durable) != 2 || len(r.Outlook) != 2*searches || len(parts) != 6+searches {
		t.Fatalf("parts %q, %+v", parts, r)
	}
	rates := map[string]float64{
		"signed": r.Signed, "checked singly": r.CheckedSingly, "checked in batches": r.CheckedBatched,
		"hashed": r.HashedBytes, "validated": r.Validated, "by one writer": r.Durable[0].Messages, "by many writers": r.Durable[1].Messages,
		"searched by one": r.Search[0].Hashes, "searched by all": r.Search[searches-1].Hashes,
	}
	for name, rate := range rates {
		if !(rate > 0) || math.IsInf(rate, 0) {
			t.Errorf("%s: %v", name, rate)
		}
	}
	wantGone(t, dir)
}

// TestRunEndsEarly ends the run at the beginning of each part.
func TestRunEndsEarly(t *testing.T) {
	all := 0
	count := short(t.TempDir())
	count.OnPart = func(string) { all++ }
	if _, err := Run(t.Context(), count); err != nil {
		t.Fatal(err)
	}
	for last := 1; last <= all; last++ {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cfg, begun := short(dir), 0
		cfg.OnPart = func(string) {
			if begun++; begun == last {
				cancel()
			}
		}
		r, err := Run(ctx, cfg)
		cancel()
		if !errors.Is(err, context.Canceled) || r.Complete {
			t.Errorf("part %d: complete %v, %v", last, r.Complete, err)
		}
		if got := measured(r); got != last-1 {
			t.Errorf("part %d: %d parts were measured: %+v", last, got, r)
		}
		wantGone(t, dir)
	}
}

// measured counts the parts whose figure a report has.
func measured(r Report) int {
	count := len(r.Search) + len(r.Durable)
	for _, rate := range []float64{r.Signed, r.CheckedBatched, r.HashedBytes, r.Validated} {
		if rate > 0 {
			count++
		}
	}
	return count
}

func TestRunOnBadConfig(t *testing.T) {
	dir := t.TempDir()
	for name, edit := range map[string]func(*Config){
		"no time":       func(c *Config) { c.Time = 0 },
		"too much time": func(c *Config) { c.Time = MaxTime + 1 },
		"no folder":     func(c *Config) { c.Dir = "" },
		"no clock":      func(c *Config) { c.Now = nil },
	} {
		cfg := short(dir)
		edit(&cfg)
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	wantGone(t, dir)
}

// TestRate holds the arithmetic to a clock that the test moves.
func TestRate(t *testing.T) {
	at, calls := time.Unix(0, 0), 0
	s := &site{now: func() time.Time { return at }}
	step := func() (int, error) {
		calls++
		at = at.Add(400 * time.Millisecond)
		return 100, nil
	}
	if got, err := s.rate(t.Context(), time.Second, step); err != nil || math.Abs(got-250) > 1e-9 || calls != 3 {
		t.Errorf("%v a second after %d calls, %v; want 250 after 3", got, calls, err)
	}
	calls = 0
	if got, err := s.rate(t.Context(), time.Nanosecond, step); err != nil || math.Abs(got-250) > 1e-9 || calls != 1 {
		t.Errorf("%v a second after %d calls, %v; want 250 after 1", got, calls, err)
	}
	broken := errors.New("broken")
	if _, err := s.rate(t.Context(), time.Second, func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestShare holds the share of the processors to clocks that the test moves.
func TestShare(t *testing.T) {
	const second = time.Second
	broken := errors.New("broken")
	for _, tt := range []struct {
		name       string
		took, used time.Duration
		threads    int
		err        error
		want       float64
	}{
		{"alone", 2 * second, 2 * second, 1, nil, 1},
		{"the collector of garbage works, too", 2 * second, 3 * second, 1, nil, 1},
		{"half of four processors", 2 * second, 4 * second, 4, nil, 0.5},
		{"nothing", second, 0, 1, nil, 0},
		{"too short to tell", second / 10, 0, 1, nil, 0},
		{"a part that also waits", second, second / 2, 0, nil, 0},
		{"not known", second, 0, 1, broken, 0},
	} {
		at, used := time.Unix(0, 0), 7*second
		cfg := Config{Now: func() time.Time { return at }, Used: func() (time.Duration, error) { return used, nil }}
		m, err := startMeter(cfg)
		at, used = at.Add(tt.took), used+tt.used
		m.cfg.Used = func() (time.Duration, error) { return used, tt.err }
		got, shareErr := m.share(tt.threads)
		if err != nil || !errors.Is(shareErr, tt.err) || got != tt.want {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, got, shareErr, tt.want, tt.err)
		}
	}
	for share, disturbed := range map[float64]bool{0: false, 0.5: true, 0.95: false} {
		if r := (Report{ProcessorShare: share}); r.Disturbed() != disturbed {
			t.Errorf("a share of %v: disturbed %v", share, r.Disturbed())
		}
	}
}

// TestProcessTime works for a while, which the process is said to have used.
func TestProcessTime(t *testing.T) {
	first, err := ProcessTime()
	if err != nil {
		t.Fatal(err)
	}
	for sum := 0; ; sum++ {
		now, err := ProcessTime()
		if err != nil || now < first {
			t.Fatalf("%v after %v, %v", now, first, err)
		}
		if now > first {
			return
		}
	}
}

// TestRunTellsShare gives a run processor time as a busy machine does.
func TestRunTellsShare(t *testing.T) {
	cfg := short(t.TempDir())
	var seconds atomic.Int64 // each look at the clock takes one
	cfg.Now = func() time.Time { return time.Unix(seconds.Add(1), 0) }
	cfg.Used = func() (time.Duration, error) { return time.Duration(seconds.Load()) * time.Second / 4, nil }
	r, err := Run(t.Context(), cfg)
	if err != nil || !r.Disturbed() || r.ProcessorShare > 0.3 {
		t.Errorf("share %v, %v; want a quarter or less", r.ProcessorShare, err)
	}
}

func TestFolder(t *testing.T) {
	t.Run("a data directory that is missing goes again", func(t *testing.T) {
		above := t.TempDir()
		f, err := openFolder(filepath.Join(above, "a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.remove(); err != nil {
			t.Error(err)
		}
		wantGone(t, above)
	})
	t.Run("one into which somebody puts something stays", func(t *testing.T) {
		above := t.TempDir()
		dir := filepath.Join(above, "a", "b")
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "identity.key"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.remove(); err != nil {
			t.Error(err)
		}
		wantGone(t, dir, "identity.key")
	})
	t.Run("what a kill left is replaced", func(t *testing.T) {
		dir := t.TempDir()
		left := filepath.Join(dir, folderName, "store", "000002.log")
		if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left, []byte("half a record"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.store()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the store of an earlier run is still there (%v)", err)
		}
		if err := f.remove(); err != nil {
			t.Error(err)
		}
		wantGone(t, dir)
	})
	t.Run("two runs at once", func(t *testing.T) {
		dir := t.TempDir()
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), short(dir)); !errors.Is(err, store.ErrLocked) || !errors.Is(err, ErrFolder) {
			t.Errorf("got %v, want %v", err, store.ErrLocked)
		}
		wantGone(t, dir, folderName) // the first one still works there
		if err := f.remove(); err != nil {
			t.Error(err)
		}
		wantGone(t, dir)
	})
	t.Run("a file in its place", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), short(dir)); !errors.Is(err, ErrFolder) {
			t.Errorf("got %v, want %v", err, ErrFolder)
		}
	})
}

func TestOutlook(t *testing.T) {
	for _, tt := range []struct {
		hashes, wanted float64
		difficulty     int
		expected       float64
	}{
		{1 << 20, 1, 5, 1},
		{1 << 20, 10, 6, 16},
		{40e6, 10, 7, 6.7109},
		{40e6, 60, 8, 107.374},
		{1, 10, 1, 16},
		{1e-6, 10, 1, 16e6}, // nothing is easier
		{1e30, 60, 16, 1.8447e-11},
	} {
		got := outlook([]Search{{Threads: 3, Hashes: tt.hashes}})
		o := nearest(Search{Threads: 3, Hashes: tt.hashes}, tt.wanted)
		if o.Threads != 3 || o.Difficulty != tt.difficulty || math.Abs(o.Expected/tt.expected-1) > 1e-3 {
			t.Errorf("%v hashes/s for %v s: %+v, want difficulty %d with %v s", tt.hashes, tt.wanted, o, tt.difficulty, tt.expected)
		}
		if len(got) != 2 || got[0].Wanted != 10 || got[1].Wanted != 60 {
			t.Errorf("%+v", got)
		}
	}
}
