package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pchain/api/client"
)

// TestOwnCertificate serves with a certificate of the node's own making: whoever knows it is let in,
// nobody is fooled by another one, and it stays over a restart.
func TestOwnCertificate(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(t, filepath.Join(t.TempDir(), "data"))
	cfg.HTTPTLS = true
	n := start(t, cfg)
	address, err := ReadAddress(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	options, err := address.Options()
	if err != nil || len(options) != 1 {
		t.Fatalf("Options = %v, %v", options, err)
	}
	var wrong [32]byte
	for _, tt := range []struct {
		name    string
		url     string
		options []client.Option
		want    error
	}{
		{"its own", n.API(), options, nil},
		{"another one", n.API(), []client.Option{client.WithFingerprint(wrong)}, client.ErrCertificate},
		{"any that is signed", n.API(), nil, client.ErrUnreachable},
		{"none", "http" + n.API()[len("https"):], nil, client.ErrRefused},
	} {
		c, err := client.New(tt.url, tt.options...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Node(ctx); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		c.Close()
	}
	if info, err := os.Stat(filepath.Join(cfg.Dir, ownKeyFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key has mode %v, %v; want 0600", info.Mode(), err)
	}
	before, err := Fingerprint(address.Cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	if after, err := Fingerprint(address.Cert); after != before || err != nil {
		t.Errorf("after a restart the certificate is %s, %v; was %s", after, err, before)
	}
}

// TestRenewedCertificate replaces the files of a certificate in use, and then damages them.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	renew := func() {
		t.Helper()
		os.Remove(certPath)
		if err := ensureOwnCert(certPath, keyPath, []string{"node.example"}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	c, err := openCertificate(certPath, keyPath, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	get := c.config().GetCertificate
	first, err := get(nil)
	if err != nil || first.Leaf.VerifyHostname("node.example") != nil || first.Leaf.VerifyHostname("127.0.0.1") != nil {
		t.Fatalf("%v: %v", err, first.Leaf.DNSNames)
	}
	if again, _ := get(nil); again != first {
		t.Error("files that did not change were read again")
	}
	renew()
	second, err := get(nil)
	if err != nil || second == first {
		t.Errorf("the renewed one is not served (%v)", err)
	}
	if err := os.WriteFile(certPath, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, err := get(nil); kept != second || err != nil {
		t.Errorf("a damaged file took the certificate away (%v)", err)
	}
	renew()
	if err := os.Chmod(keyPath, 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := openCertificate(certPath, keyPath, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a key that everybody may read was taken")
	}
}

// TestExpiredCertificate makes another one where its own is over.
func TestExpiredCertificate(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	var sums []string
	for _, now := range []time.Time{time.Now(), time.Now().Add(ownCertTime - time.Hour), time.Now().Add(ownCertTime + time.Hour)} {
		if err := ensureOwnCert(certPath, keyPath, nil, now); err != nil {
			t.Fatal(err)
		}
		sum, err := Fingerprint(certPath)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] || sums[1] == sums[2] {
		t.Errorf("fingerprints %q", sums)
	}
}
