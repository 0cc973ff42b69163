package api

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// A Config holds what a node may choose about its API.
type Config struct {
	Version string // of the program, shown to users

	// Hosts are names under which the API may be called besides localhost and IP addresses. A name
	// that is not here is refused, since a stranger's page may have had it resolved to us.
	Hosts []string
	// Origins are those of web pages that may use the API besides the node's own, as ParseOrigin
	// returns them. What they change needs a token, unless Auth is AuthNone.
	Origins []string
	// Auth says what needs a token.
	Auth Auth
	// Tokens returns what a token allows, by its SHA-256, and false for one that does not count. It is
	// asked with every request that needs one. Nil: there are none.
	Tokens func(sum [sha256.Size]byte) (Scope, bool)
	// TLS, if set, is how connections are encrypted. There is no HTTP/2.
	TLS *tls.Config

	ReadHeaderTimeout time.Duration
	// ReadTimeout bounds reading a request; a batch must make progress within it.
	ReadTimeout time.Duration
	// WriteTimeout bounds writing an answer; a streamed one must make progress within it.
	WriteTimeout time.Duration
	IdleTimeout  time.Duration
	// Grace is how long running requests may go on once Run's context ended.
	Grace time.Duration

	// MaxReads is how many requests that only read are served at once.
	MaxReads int
	// MaxWrites is how many requests make and store messages at once; more wait for a few seconds.
	MaxWrites int
	// MaxEventClients is how many clients follow the events at once; they count among no others.
	MaxEventClients int
	// MaxConnections is how many connections there are at once, MaxConnectionsPerClient how many of them
	// one address has that is not this machine's (of IPv6 64 bits).
	MaxConnections, MaxConnectionsPerClient int
	// MaxWriteRate is how many requests a second that change something one such address may make; 0 is
	// any number.
	MaxWriteRate int

	// DiskFull is what errors about a full disk wrap; they are answered with 507.
	DiskFull error
	// Damaged is what errors about damaged data wrap; they are answered with 500 and a code of their own.
	Damaged error

	Now func() time.Time
	Log *slog.Logger
}

// DefaultConfig returns limits for a node on one machine and the wall clock.
func DefaultConfig() Config {
	return Config{
		Version:           "unknown",
		Auth:              AuthToken,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		Grace:             3 * time.Second,
		MaxReads:          1024,
		MaxWrites:         256,
		MaxEventClients:   1024,
		MaxConnections:    2048,

		MaxConnectionsPerClient: 128,

		MaxWriteRate: 1000,
		Now:          time.Now,
		Log:          slog.Default(),
	}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"ReadHeaderTimeout", c.ReadHeaderTimeout}, {"ReadTimeout", c.ReadTimeout},
		{"WriteTimeout", c.WriteTimeout}, {"IdleTimeout", c.IdleTimeout}, {"Grace", c.Grace},
	} {
		if d.value <= 0 {
			errs = append(errs, errors.New("api: "+d.name+" must be positive"))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"MaxReads", c.MaxReads}, {"MaxWrites", c.MaxWrites}, {"MaxEventClients", c.MaxEventClients},
		{"MaxConnections", c.MaxConnections}, {"MaxConnectionsPerClient", c.MaxConnectionsPerClient},
	} {
		if n.value < 1 {
			errs = append(errs, errors.New("api: "+n.name+" must be at least 1"))
		}
	}
	if c.MaxWriteRate < 0 {
		errs = append(errs, errors.New("api: MaxWriteRate must not be negative"))
	}
	if !slices.Contains(Auths(), c.Auth) {
		errs = append(errs, fmt.Errorf("api: Auth is %q, want one of %q", c.Auth, Auths()))
	}
	if c.Now == nil || c.Log == nil {
		errs = append(errs, errors.New("api: Now and Log must be set"))
	}
	return errors.Join(errs...)
}
