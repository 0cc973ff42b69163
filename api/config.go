package api

import (
	"errors"
	"log/slog"
	"time"
)

// ErrNeedsToken means that a listener is not on a loopback address, and there is neither a token
// that writes need nor the explicit permission to do without.
var ErrNeedsToken = errors.New("an API that is not on a loopback address needs a token, or the explicit choice to have none")

// A Config holds what a node may choose about its API.
type Config struct {
	Version string // of the program, shown to users

	// Hosts are names under which the API may be called besides localhost and IP addresses. A name
	// that is not here is refused, since a stranger's page may have had it resolved to us.
	Hosts []string
	// Token, if set, is what requests that change something must bring as "Authorization: Bearer".
	Token string
	// Anonymous lets everybody write who reaches a listener that is not on a loopback address.
	Anonymous bool

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

	// DiskFull is what errors about a full disk wrap; they are answered with 507.
	DiskFull error

	Now func() time.Time
	Log *slog.Logger
}

// DefaultConfig returns limits for a node on one machine and the wall clock.
func DefaultConfig() Config {
	return Config{
		Version:           "unknown",
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		Grace:             3 * time.Second,
		MaxReads:          1024,
		MaxWrites:         256,
		MaxEventClients:   1024,
		Now:               time.Now,
		Log:               slog.Default(),
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
	if c.MaxReads < 1 || c.MaxWrites < 1 || c.MaxEventClients < 1 {
		errs = append(errs, errors.New("api: MaxReads, MaxWrites and MaxEventClients must be at least 1"))
	}
	if c.Now == nil || c.Log == nil {
		errs = append(errs, errors.New("api: Now and Log must be set"))
	}
	return errors.Join(errs...)
}
