//go:build unix

package node

import (
	"crypto/sha256"
	"log/slog"
	"syscall"
	"testing"
)

// TestTokensWithoutFiles asks for a token while the process can open no file, as under a flood of
// connections: it counts again as soon as it can.
func TestTokensWithoutFiles(t *testing.T) {
	dir := t.TempDir()
	token, err := EnsureToken(dir)
	if err != nil {
		t.Fatal(err)
	}
	ring, sum := newKeyring(dir, slog.New(slog.DiscardHandler)), sha256.Sum256([]byte(token))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	none := limit
	none.Cur = 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Skip(err)
	}
	_, early := ring.scope(sum)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if early {
		t.Skip("this system opens files beyond the limit")
	}
	if _, ok := ring.scope(sum); !ok {
		t.Error("the token does not count any more")
	}
}
