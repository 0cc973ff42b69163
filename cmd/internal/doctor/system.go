package doctor

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/cmd/internal/node"
)

// A system is what the exam asks of the operating system. Tests replace parts of it.
type system struct {
	lock       func(dir string) int             // the process that has it open, 0: none, or nobody knows
	uid        func() int                       // -1 where there are none
	disk       func(dir string) (uint64, error) // bytes free
	fsync      func(dir string) (time.Duration, error)
	fileSystem func(dir string) string     // its kind where that matters, else empty
	synced     func() (synced, known bool) // whether something keeps the clock right
	interfaces func() ([]net.Interface, error)
	command    func(ctx context.Context, name string, args ...string) (string, error)
	holder     func(proto string, port int) string // who listens there, empty if nobody knows
}

func realSystem() system {
	return system{
		lock:       node.Holder,
		uid:        os.Geteuid,
		disk:       freeDisk,
		fsync:      measureSync,
		fileSystem: fileSystemOf,
		synced:     clockSynced,
		interfaces: net.Interfaces,
		command:    runCommand,
		holder:     holderOf,
	}
}

func freeDisk(dir string) (uint64, error) {
	usage, err := vfs.Default.GetDiskUsage(dir)
	return usage.AvailBytes, err
}

// measureSync returns the middle one of some times that it takes to make a small write durable.
func measureSync(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const tries = 7
	took := make([]time.Duration, tries)
	page := make([]byte, 4096)
	for i := range took {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	return middle(took), nil
}

// commandLimit is how long a command of the system may take.
const commandLimit = 3 * time.Second

// runCommand runs a command of the system, also one of the folders that are not in everybody's PATH.
// exec.ErrNotFound means that it is not here.
func runCommand(ctx context.Context, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	if err != nil {
		return "", exec.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
