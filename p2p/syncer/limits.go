package syncer

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what is asked for and held at any time.
type Limits struct {
	HeadersPage int // headers asked for in one request
	Sessions    int // peers that are asked for headers at the same time

	Window      int // blocks that may be asked for or waiting, counted from the first missing one
	WindowBytes int // and their bytes
	InFlight    int // blocks asked of one peer
	Chunk       int // blocks asked for in one request
	SmallBytes  int // small blocks are asked for as many in one request as have so many bytes, if that is more
	MaxChunk    int // but no more than so many
	Streams     int // block requests that are open, over all peers
	BatchBlocks int // blocks handed to the chain in one call: one synced batch
	BatchBytes  int // and their bytes, of which one block may be more

	Patience    time.Duration // how long a peer may go without progress at first
	MaxPatience time.Duration // and at most, after doubling
	Poll        time.Duration // how often a quiet peer is asked whether it has more
}

// DefaultLimits returns the limits that docs/protocol.md names.
func DefaultLimits() Limits {
	return Limits{
		HeadersPage: 2000,
		Sessions:    4,
		Window:      1024,
		WindowBytes: 32 << 20,
		InFlight:    16,
		Chunk:       8,
		SmallBytes:  256 << 10,
		MaxChunk:    128,
		Streams:     32,
		BatchBlocks: 256,
		BatchBytes:  4 << 20,
		Patience:    2 * time.Second,
		MaxPatience: 64 * time.Second,
		Poll:        30 * time.Second,
	}
}

// Validate names every limit that cannot be used.
func (l *Limits) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int64 // also where an int has 32 bits, which is too few for two seconds in nanoseconds
	}{
		{"HeadersPage", int64(l.HeadersPage)}, {"Sessions", int64(l.Sessions)}, {"Window", int64(l.Window)},
		{"WindowBytes", int64(l.WindowBytes)}, {"InFlight", int64(l.InFlight)}, {"Chunk", int64(l.Chunk)},
		{"SmallBytes", int64(l.SmallBytes)}, {"MaxChunk", int64(l.MaxChunk)}, {"Streams", int64(l.Streams)},
		{"BatchBlocks", int64(l.BatchBlocks)}, {"BatchBytes", int64(l.BatchBytes)},
		{"Patience", int64(l.Patience)}, {"Poll", int64(l.Poll)},
	} {
		if f.value < 1 {
			errs = append(errs, fmt.Errorf("syncer: %s is %d, want at least 1", f.name, f.value))
		}
	}
	if l.Chunk > l.InFlight {
		errs = append(errs, errors.New("syncer: Chunk is larger than InFlight"))
	}
	if l.MaxPatience < l.Patience {
		errs = append(errs, errors.New("syncer: MaxPatience is shorter than Patience"))
	}
	return errors.Join(errs...)
}
