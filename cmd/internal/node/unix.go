package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// UnixScheme begins a Config.HTTP that names a unix socket.
	UnixScheme = "unix://"
	// maxSocketPath is room for what every system takes, and for the name under which a socket is made.
	maxSocketPath = 88
)

// A unixListener is a socket in the file system that only its owner may connect to.
type unixListener struct {
	net.Listener
	path string
	made fs.FileInfo
	lock io.Closer
	once sync.Once
	err  error
}

// listenUnix opens a unix socket. What a dead node left is replaced; a socket where somebody listens,
// or a file of another kind, is ErrAddressInUse.
//
// It is made in a folder that nobody else can enter, and moved to its place when its mode is right: so
// at no moment can others connect.
func listenUnix(path string) (net.Listener, error) {
	if !filepath.IsAbs(path) || len(path) > maxSocketPath {
		return nil, fmt.Errorf("%q: want the path of a socket from the root on, of at most %d bytes", path, maxSocketPath)
	}
	// The lock is for the time between looking and making: without it two nodes that start together
	// could both find the socket dead. It stays as long as the socket.
	if info, err := os.Lstat(path + ".lock"); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s.lock is no regular file", path) // locking empties what a link points to
	}
	lock, err := vfs.Default.Lock(path + ".lock")
	if _, missing := errors.AsType[*fs.PathError](err); missing {
		return nil, err // its folder is, for one, so nobody has it
	}
	if err != nil {
		return nil, fmt.Errorf("another node has it: %w", err)
	}
	l, err := makeSocket(path)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l.lock = lock
	return l, nil
}

func makeSocket(path string) (*unixListener, error) {
	if err := checkStale(path); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".p2p") // mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	hidden := filepath.Join(folder, "s")
	inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, err
	}
	inner.SetUnlinkOnClose(false) // it will not be there
	l := &unixListener{Listener: inner, path: path}
	err = os.Chmod(hidden, 0o600)
	if err == nil {
		l.made, err = os.Lstat(hidden)
	}
	if err == nil {
		err = os.Rename(hidden, path)
	}
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return l, nil
}

// checkStale returns nil if nothing is at a path but, perhaps, a socket where nobody listens.
func checkStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something that is not a socket")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		return errors.Join(errors.New("another program listens there"), conn.Close())
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil
	}
	return fmt.Errorf("whether another program listens there is unknown: %w", err) // it is busy, or not ours
}

// Addr names the place where the socket is.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close removes the socket, unless another one has its place by now.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if at, err := os.Lstat(l.path); err == nil && os.SameFile(at, l.made) {
			l.err = os.Remove(l.path)
		}
		l.err = errors.Join(l.err, l.Listener.Close(), l.lock.Close())
	})
	return l.err
}
