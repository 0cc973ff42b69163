package mempool

import (
	"errors"
	"log/slog"
	"time"

	"p2pchain/core/consensus"
)

// Config holds what a node may choose about its waiting messages.
type Config struct {
	// MaxBytes is the disk space for waiting messages, as the sum of their sizes. At this cap local
	// messages are ErrFull; foreign ones are from three quarters of it on, so that flooding peers
	// cannot shut out the node's own users. What a reorg gives back is taken in any case.
	MaxBytes int64
	// MemoryBytes bounds the waiting messages that are held in memory, overhead included.
	MemoryBytes int64
	Now         func() time.Time // for acceptance times
	Log         *slog.Logger

	// Verified, if set, is told of every good signature, for whoever judges blocks.
	Verified *consensus.Verified
}

// DefaultConfig returns the usual limits and the wall clock.
func DefaultConfig() Config {
	return Config{MaxBytes: 1 << 30, MemoryBytes: 32 << 20, Now: time.Now, Log: slog.Default()}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.MaxBytes < 1 || c.MemoryBytes < 1 {
		errs = append(errs, errors.New("mempool: MaxBytes and MemoryBytes must be at least 1"))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("mempool: Now is not set"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("mempool: Log is not set"))
	}
	return errors.Join(errs...)
}

// foreignBytes is the part of MaxBytes up to which messages of peers are taken.
func (c *Config) foreignBytes() int64 { return c.MaxBytes - c.MaxBytes/4 }
