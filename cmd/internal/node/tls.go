package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"p2pchain/api/client"
)

const (
	ownCertFile = "api.crt"
	ownKeyFile  = "api.key"
	// ownCertTime is how long a certificate of our own counts. Nobody trusts it for its dates.
	ownCertTime = 10 * 365 * 24 * time.Hour
)

// A certificate is what an API shows who it is with. Files that are renewed are read again, so no
// restart is needed. It is safe for concurrent use.
type certificate struct {
	certPath, keyPath string
	log               *slog.Logger

	mu        sync.Mutex // guards all below
	cert, key fs.FileInfo
	loaded    *tls.Certificate
}

// openCertificate reads a certificate and its key.
func openCertificate(certPath, keyPath string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certPath: certPath, keyPath: keyPath, log: log}
	return c, c.refresh()
}

// refresh reads the files if they are not those that were read.
func (c *certificate) refresh() error {
	cert, err := os.Stat(c.certPath)
	if err != nil {
		return fmt.Errorf("the API's certificate: %w", err)
	}
	key, err := os.Stat(c.keyPath)
	if err != nil {
		return fmt.Errorf("the key of the API's certificate: %w", err)
	}
	if c.cert != nil && sameFile(c.cert, cert) && sameFile(c.key, key) {
		return nil
	}
	if key.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s has mode %04o, so everybody may know the key: chmod 600 it", c.keyPath, key.Mode().Perm())
	}
	loaded, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	if err != nil {
		return fmt.Errorf("the API's certificate: %w", err)
	}
	c.cert, c.key, c.loaded = cert, key, &loaded
	return nil
}

// config returns how the API encrypts: HTTP/1.1 only, whose limits are known.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if err := c.refresh(); err != nil {
				c.log.Error("the certificate stays as it was", "err", err)
			}
			return c.loaded, nil
		},
	}
}

// openTLS returns the certificate that the settings name, nil if there is to be none.
func (n *Node) openTLS(log *slog.Logger) (*certificate, error) {
	certPath, keyPath := n.cfg.HTTPCert, n.cfg.HTTPKey
	if n.cfg.HTTPTLS {
		certPath, keyPath = filepath.Join(n.cfg.Dir, ownCertFile), filepath.Join(n.cfg.Dir, ownKeyFile)
		if err := ensureOwnCert(certPath, keyPath, n.cfg.HTTPHosts, n.cfg.Now()); err != nil {
			return nil, err
		}
	}
	if certPath == "" {
		return nil, nil
	}
	c, err := openCertificate(certPath, keyPath, log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrConfig)
	}
	return c, nil
}

// ensureOwnCert makes a certificate that nobody has signed but itself, unless there is one that counts.
// Who knows its fingerprint knows the node; to all others it proves nothing.
func ensureOwnCert(certPath, keyPath string, names []string, now time.Time) error {
	if pair, err := tls.LoadX509KeyPair(certPath, keyPath); err == nil && now.Before(pair.Leaf.NotAfter) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key for the API: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("making a certificate for the API: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "p2pchain node"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(ownCertTime), // clients' clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              append([]string{"localhost"}, names...), IPAddresses: ownIPs(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("making a certificate for the API: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("making a key for the API: %w", err)
	}
	return errors.Join(
		replaceFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		replaceFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
	)
}

// ownIPs returns the addresses of this machine.
func ownIPs() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ips // the certificate holds for names, then
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			ips = append(ips, ip.IP)
		}
	}
	return ips
}

// Fingerprint returns the SHA-256 of the first certificate in a PEM file, in hex.
func Fingerprint(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			sum := sha256.Sum256(block.Bytes)
			return hex.EncodeToString(sum[:]), nil
		}
	}
	return "", fmt.Errorf("%s holds no certificate: %w", path, ErrDirectory)
}

// Options returns how a client recognises the node that left an address.
func (a Address) Options() ([]client.Option, error) {
	if a.Cert == "" {
		return nil, nil
	}
	text, err := Fingerprint(a.Cert)
	if err != nil {
		return nil, err
	}
	sum, err := client.ParseFingerprint(text)
	return []client.Option{client.WithFingerprint(sum)}, err
}
