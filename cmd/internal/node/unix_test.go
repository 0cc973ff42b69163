package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pchain/api/client"
)

// socketDir returns a folder with a short path, as sockets need.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "p2p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestListenUnix(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(path string) error
		says    string // why not; empty: it works
	}{
		{"nothing there", func(string) error { return nil }, ""},
		{"a dead node's socket", func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return l.Close()
		}, ""},
		{"a living program's socket", func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}, "another program listens there"},
		{"a file", func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) }, "not a socket"},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, "not a socket"},
		{"a link to a file", func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte("mine"), 0o600), os.Symlink(path+".x", path))
		}, "not a socket"},
		{"a pipe", func(path string) error { return makePipe(path) }, "not a socket"},
		{"no folder", func(path string) error { return os.Remove(filepath.Dir(path)) }, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), "s")
			if err := tt.prepare(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			l, _, err := listenHTTP(UnixScheme + path)
			if tt.says != "" {
				if !errors.Is(err, ErrAddressInUse) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("listenHTTP = %v, want ErrAddressInUse and %q", err, tt.says)
				}
				if strings.Contains(err.Error(), "another node") {
					t.Errorf("listenHTTP = %v, but no node has it", err)
				}
				if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
					t.Error("what was there is gone")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Errorf("mode %v, %v; want a socket of mode 0600", info.Mode(), err)
			}
			if _, _, err := listenHTTP(UnixScheme + path); !errors.Is(err, ErrAddressInUse) {
				t.Errorf("a second time: %v, want ErrAddressInUse", err)
			}
			if err := l.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the socket is still there: %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".p2p*")); len(left) != 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
	for _, path := range []string{"", "relative/s", "/" + strings.Repeat("x", 200)} {
		if _, _, err := listenHTTP(UnixScheme + path); !errors.Is(err, ErrAddressInUse) {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

// TestUnixCloseLeavesOthers closes a socket whose place somebody else has by now.
func TestUnixCloseLeavesOthers(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l, _, err := listenHTTP(UnixScheme + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("the file in its place: %q, %v", text, err)
	}
}

// TestNodeOnUnixSocket serves the API on a socket, which needs no token, also in a data directory that is
// not there yet.
func TestNodeOnUnixSocket(t *testing.T) {
	for name, dir := range map[string]string{"elsewhere": "", "in the data directory": "data"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			parent := socketDir(t)
			cfg := config(t, filepath.Join(parent, "data"))
			cfg.HTTP = UnixScheme + filepath.Join(parent, dir, "s")
			n := start(t, cfg)
			address, err := ReadAddress(cfg.Dir)
			if err != nil || address.URL != cfg.HTTP {
				t.Fatalf("address file %+v, %v", address, err)
			}
			c, err := client.New(address.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Add(ctx, []byte("hello"), ""); err != nil {
				t.Errorf("Add = %v", err)
			}
			if err := n.stop(); err != nil {
				t.Errorf("Run = %v", err)
			}
		})
	}
}

// TestSocketLockIsAFile has a stranger put a link where the lock of a socket is to be: nothing happens to
// what it points to.
func TestSocketLockIsAFile(t *testing.T) {
	dir := socketDir(t)
	path, precious := filepath.Join(dir, "s"), filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, path+".lock"); err != nil {
		t.Skip(err)
	}
	l, err := listenUnix(path)
	if err == nil {
		l.Close()
		t.Error("the link was followed")
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "keep me" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}
