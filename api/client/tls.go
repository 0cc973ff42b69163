package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrCertificate means that a node has another certificate than the one that was expected.
var ErrCertificate = errors.New("another certificate than the expected one")

// ParseFingerprint reads the SHA-256 of a certificate: 64 hex digits, with colons or without, and
// perhaps "sha256:" in front.
func ParseFingerprint(text string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	digits := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(text), "sha256:"), ":", "")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%q is not the fingerprint of a certificate: want 64 hex digits", text)
	}
	return [sha256.Size]byte(b), nil
}

// WithFingerprint has the client talk to a node with exactly this certificate and to no other, whoever
// signed it and whatever names and dates it holds.
func WithFingerprint(sum [sha256.Size]byte) Option {
	return func(c *Client) {
		c.tls = &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, // what follows is all that has to hold
			VerifyConnection: func(state tls.ConnectionState) error {
				got := sha256.Sum256(state.PeerCertificates[0].Raw)
				if subtle.ConstantTimeCompare(got[:], sum[:]) == 1 {
					return nil
				}
				return fmt.Errorf("%w: sha256:%x, want sha256:%x", ErrCertificate, got, sum)
			},
		}
	}
}
