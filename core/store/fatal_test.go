package store

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A faulty file system refuses what its function picks, while it is on.
type faulty struct {
	*errorfs.FS
	on atomic.Bool
}

func newFaulty(fs vfs.FS, pick func(errorfs.Op) error) *faulty {
	f := &faulty{}
	f.FS = errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f.on.Load() {
			return pick(op)
		}
		return nil
	}))
	return f
}

// onLogs fails these kinds of operations on log files.
func onLogs(err error, kinds ...errorfs.OpKind) func(errorfs.Op) error {
	return func(op errorfs.Op) error {
		for _, kind := range kinds {
			if op.Kind == kind && strings.HasSuffix(op.Path, ".log") {
				return err
			}
		}
		return nil
	}
}

// When the disk does not take what was promised, nobody is told that it did: every writer that waits
// gets the error, the owner hears it once, and the next start has all that was acknowledged before.
func TestFailedWriteIsFatal(t *testing.T) {
	sync := []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}
	for _, tt := range []struct {
		name string
		pick func(errorfs.Op) error
		want error
	}{
		{"fsync", onLogs(syscall.EIO, sync...), syscall.EIO},
		{"write", onLogs(syscall.EIO, errorfs.OpFileWrite), syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) { failWriting(t, tt.pick, tt.want) })
	}
}

func failWriting(t *testing.T, pick func(errorfs.Op) error, want error) {
	n, mem := coretest.Network(t), vfs.NewCrashableMem()
	fs := newFaulty(mem, pick)
	var calls atomic.Int32
	s := open(t, n, fs, func(o *Options) { o.OnFatal = func(error) { calls.Add(1) } })
	m := coretest.Messages(t, n, text("%0600d", 1), 900)
	accept(t, s, true, mempool.Accepted, m[:10]...)
	fs.on.Store(true)
	var clients sync.WaitGroup
	var acked [8]int
	for c := range acked {
		clients.Go(func() {
			for i := 10 + c; i < len(m); i += len(acked) {
				if _, err := s.Accept(m[i:i+1], true, 1); err != nil {
					if !errors.Is(err, want) {
						t.Errorf("Accept = %v, want %v", err, want)
					}
					return
				}
				acked[c]++
			}
			t.Error("all messages were accepted without a working disk")
		})
	}
	clients.Wait()
	if calls.Load() != 1 {
		t.Errorf("OnFatal was called %d times, want once", calls.Load())
	}
	connectErr := s.Commit(storing(coretest.Next(t, n, coretest.Genesis(n))))
	if !errors.Is(connectErr, want) || !errors.Is(s.PutPeer("a", nil), want) {
		t.Errorf("Commit after a fatal error = %v, want %v", connectErr, want)
	}
	after := open(t, n, mem.CrashClone(vfs.CrashCloneCfg{}))
	got := make(map[any]bool)
	for _, id := range waiting(t, after) {
		got[id] = true
	}
	for i := range m {
		if known := i < 10 || (i-10)/len(acked) < acked[(i-10)%len(acked)]; known && !got[m[i].ID] {
			t.Errorf("message %d was acknowledged and is lost", i)
		}
	}
}

// Where Pebble cannot start a new log it ends the process; the owner is asked first. This needs a
// process of its own.
func TestNoNewLogEndsTheProcess(t *testing.T) {
	const exitCode = 42
	if os.Getenv("P2PCHAIN_TEST_CHILD") == "" {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=20s")
		child.Env = append(os.Environ(), "P2PCHAIN_TEST_CHILD=1")
		out, err := child.CombinedOutput()
		if child.ProcessState == nil || child.ProcessState.ExitCode() != exitCode {
			t.Errorf("the process ended with %v, want exit code %d:\n%s", err, exitCode, out)
		}
		return
	}
	n := coretest.Network(t)
	fs := newFaulty(vfs.NewMem(), onLogs(syscall.EIO, errorfs.OpCreate, errorfs.OpReuseForWrite))
	s := open(t, n, fs, func(o *Options) { o.OnFatal = func(error) { os.Exit(exitCode) } })
	fs.on.Store(true)
	for _, m := range coretest.Messages(t, n, text("%01000d", 1), 1000) {
		accept(t, s, true, mempool.Accepted, m)
	}
}

// A table that cannot be written is fatal too.
func TestFailedFlushIsFatal(t *testing.T) {
	for _, want := range []error{syscall.EIO, syscall.EACCES} {
		n := coretest.Network(t)
		fs := newFaulty(vfs.NewMem(), func(op errorfs.Op) error {
			if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
				return want
			}
			return nil
		})
		fatal := make(chan error, 1)
		s := open(t, n, fs, func(o *Options) {
			o.OnFatal = func(err error) {
				fatal <- err
				fs.on.Store(false) // or Pebble would try until the process ends, as it should here
			}
		})
		fs.on.Store(true)
		m := coretest.Messages(t, n, text("%01000d", 1), 2000)
		for len(m) > 0 {
			if _, err := s.Accept(m[:100], true, 1); err != nil {
				break
			}
			m = m[100:]
		}
		if err := <-fatal; !errors.Is(err, want) {
			t.Errorf("OnFatal(%v), want %v", err, want)
		}
	}
}

// With less than the reserve free, writes are refused and reads go on; with room again, all is well.
func TestLowDisk(t *testing.T) {
	n, mem := coretest.Network(t), vfs.NewMem()
	free := func(mib uint64) {
		mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: mib << 20, TotalBytes: 1 << 40, UsedBytes: 1 << 30})
	}
	free(1000)
	s := open(t, n, mem)
	m := coretest.Messages(t, n, "m", 3)
	b := coretest.Next(t, n, coretest.Genesis(n), m[0])
	accept(t, s, false, mempool.Accepted, m[0])
	free(255)
	if _, err := s.Accept(m[1:2], true, 1); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "255 MiB free") {
		t.Errorf("Accept = %v, want ErrDiskFull", err)
	}
	if err := s.Commit(storing(b)); !errors.Is(err, ErrDiskFull) {
		t.Errorf("Commit = %v, want ErrDiskFull", err)
	}
	if err := s.PutPeer("a", nil); !errors.Is(err, ErrDiskFull) {
		t.Errorf("PutPeer = %v, want ErrDiskFull", err)
	}
	if _, err := s.Message(m[0].ID); err != nil {
		t.Errorf("Message = %v", err)
	}
	if _, left, err := s.Disk(); err != nil || left != 255<<20 {
		t.Errorf("Disk = %d free, %v", left, err)
	}
	free(257)
	accept(t, s, true, mempool.Accepted, m[1])
	connect(t, s, b)
}

// A disk that is full only for a moment is waited for; nothing is lost and nobody notices.
func TestFullDiskForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, mem := coretest.Network(t), vfs.NewMem()
		full := func(full bool) {
			usage := vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 41}
			if full {
				usage.AvailBytes = 0
			}
			mem.TestingSetDiskUsage(usage)
		}
		full(false)
		var began time.Time
		fs := newFaulty(mem, func(op errorfs.Op) error {
			if op.Kind != errorfs.OpFileWrite || !strings.HasSuffix(op.Path, ".log") {
				return nil
			}
			if began.IsZero() {
				began = time.Now()
				full(true)
				time.AfterFunc(time.Second, func() { full(false) })
			}
			if time.Since(began) < time.Second {
				return syscall.ENOSPC
			}
			return nil
		})
		s := open(t, n, fs)
		fs.on.Store(true)
		accept(t, s, true, mempool.Accepted, coretest.Message(t, n, coretest.Key(0), "m"))
		fs.on.Store(false)
		if waited := time.Since(began); began.IsZero() || waited < time.Second || waited > 2*time.Second {
			t.Errorf("waited %v for room", waited)
		}
	})
}

// A disk that stays full under the log is fatal, by its name.
func TestFullDiskIsFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, mem := coretest.Network(t), vfs.NewCrashableMem()
		fs := newFaulty(mem, onLogs(syscall.ENOSPC, errorfs.OpFileWrite))
		var fatal error
		s := open(t, n, fs, func(o *Options) { o.OnFatal = func(err error) { fatal = err } })
		m := coretest.Messages(t, n, "m", 2)
		accept(t, s, true, mempool.Accepted, m[0])
		fs.on.Store(true)
		if _, err := s.Accept(m[1:], true, 1); !errors.Is(err, ErrDiskFull) || !errors.Is(fatal, ErrDiskFull) {
			t.Errorf("Accept = %v, OnFatal(%v), want ErrDiskFull", err, fatal)
		}
		fs.on.Store(false)
		after := open(t, n, mem.CrashClone(vfs.CrashCloneCfg{}))
		if got := waiting(t, after); !slices.Contains(got, m[0].ID) {
			t.Error("the message before the full disk is lost")
		}
	})
}

// TestDamageIsReadable holds that users do not see the mark that Pebble puts into what it says of damage,
// and that it can still be told by it.
func TestDamageIsReadable(t *testing.T) {
	err := wrap(errors.Join(pebble.ErrCorruption, errors.New("<corruption detail carrier>")))
	if !errors.Is(err, ErrCorrupt) || !pebble.IsCorruptionError(err) {
		t.Errorf("%v is not damage any more", err)
	}
	if strings.Contains(err.Error(), "carrier") {
		t.Errorf("users see %q", err)
	}
}
