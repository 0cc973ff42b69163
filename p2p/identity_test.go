package p2p_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2pchain/p2p"
)

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.key")
	first, err := p2p.LoadIdentity(path)
	if err != nil || first.Type() != crypto.Ed25519 {
		t.Fatalf("a new one: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	again, err := p2p.LoadIdentity(path)
	if err != nil || !again.Equals(first) {
		t.Errorf("loaded again: %v, another key", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v besides the key", entries, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := p2p.LoadIdentity(path); !errors.Is(err, p2p.ErrIdentityMode) {
			t.Errorf("mode %v: %v, want ErrIdentityMode", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := p2p.LoadIdentity(path); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

// openssl genpkey -algorithm ed25519, and the same with x25519.
const (
	opensslEd25519 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIO6QFWhVw4nsHDdMX0E+K4HhhuyPVzSGRgPhBwUl2ALG\n-----END PRIVATE KEY-----\n"
	opensslX25519  = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIFg8Zr5sOtEPRcu0mN53bSdgrhT7JluHMHg+poGh1UxW\n-----END PRIVATE KEY-----\n"
)

func TestIdentityFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"of openssl", opensslEd25519, nil},
		{"empty", "", p2p.ErrIdentity},
		{"garbage", "garbage", p2p.ErrIdentity},
		{"two keys", opensslEd25519 + opensslEd25519, p2p.ErrIdentity},
		{"another kind of key", opensslX25519, p2p.ErrIdentity},
		{"cut off", opensslEd25519[:80], p2p.ErrIdentity},
	} {
		path := filepath.Join(t.TempDir(), "identity.key")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p2p.LoadIdentity(path); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != tt.text {
			t.Errorf("%s: the file was changed", tt.name)
		}
	}
	if _, err := p2p.LoadIdentity(filepath.Join(t.TempDir(), "missing", "identity.key")); !errors.Is(err, p2p.ErrIdentity) {
		t.Errorf("in a missing directory: %v", err)
	}
	if _, err := p2p.LoadIdentity(t.TempDir()); err == nil {
		t.Error("a directory is an identity")
	}
}

// TestIdentityRace has many processes make the key at once: all must end with the same one.
func TestIdentityRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	keys := make([]crypto.PrivKey, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = p2p.LoadIdentity(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if k == nil || !k.Equals(keys[0]) {
			t.Fatal("two keys for one file")
		}
	}
}
