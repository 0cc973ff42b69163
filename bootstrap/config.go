package bootstrap

import (
	"errors"
	"fmt"
	"time"
)

// maxSeeds bounds Config.Seeds: more than this is a mistake, and the book remembers all other peers.
const maxSeeds = 64

// Config says whom to look for, and how eagerly. DefaultConfig gives a usable one.
type Config struct {
	// Network is the network id, 16 lower-case hex digits. It is part of the name under which nodes
	// announce themselves on the local network, so that nodes of different networks do not meet.
	Network string

	// Seeds are retried for as long as Run runs. At most 64.
	Seeds []Seed

	// MDNS turns on discovery by multicast DNS on the local network. Default true.
	MDNS bool

	// DHT turns on a Kademlia DHT of the network's own, in which nodes find each other under a key of the
	// network. Default false.
	DHT bool

	// Exchange, if set, is used to ask connected peers for others while peers are few, and tells which
	// peers are there only to introduce others. Default none.
	Exchange Exchange

	// WantPeers is the number of connected peers below which others than seeds are dialled. Default 8.
	WantPeers int

	// RetryMin and RetryMax bound the time between two tries of one seed or peer: it starts at RetryMin
	// and doubles up to RetryMax, with a jitter of a quarter. Defaults 2 s and 60 s.
	RetryMin, RetryMax time.Duration

	// DialTimeout bounds one try, name resolution included. Default 10 s.
	DialTimeout time.Duration

	// PingEvery is the time between two pings of a connected peer, and a peer that has not answered one
	// for PingTimeout is closed. Defaults 5 s and 10 s.
	PingEvery, PingTimeout time.Duration

	// SaveEvery is the time between two saves of the book. Default 30 s.
	SaveEvery time.Duration

	// BrowseMin and BrowseMax bound the length of a round of browsing the local network while peers are
	// fewer than wanted; each round asks anew. Defaults 5 s and 10 s.
	BrowseMin, BrowseMax time.Duration

	// BrowseIdle is the length of a round while there are enough peers. Default 60 s.
	BrowseIdle time.Duration
}

// DefaultConfig returns the documented defaults for a network, without seeds.
func DefaultConfig(network string) Config {
	return Config{
		Network:     network,
		MDNS:        true,
		WantPeers:   8,
		RetryMin:    2 * time.Second,
		RetryMax:    60 * time.Second,
		DialTimeout: 10 * time.Second,
		PingEvery:   5 * time.Second,
		PingTimeout: 10 * time.Second,
		SaveEvery:   30 * time.Second,
		BrowseMin:   5 * time.Second,
		BrowseMax:   10 * time.Second,
		BrowseIdle:  60 * time.Second,
	}
}

// Validate names every field that cannot be used; nil means that New will take the configuration.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if !isNetworkID(c.Network) {
		bad("network %q: want 16 lower-case hex digits", c.Network)
	}
	if len(c.Seeds) > maxSeeds {
		bad("seeds: %d given, at most %d allowed", len(c.Seeds), maxSeeds)
	}
	for i, s := range c.Seeds {
		if s.text == "" {
			bad("seeds[%d]: empty; make seeds with ParseSeed", i)
		}
	}
	if c.WantPeers < 0 {
		bad("want peers %d: must not be negative", c.WantPeers)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"retry min", c.RetryMin}, {"dial timeout", c.DialTimeout}, {"ping every", c.PingEvery},
		{"ping timeout", c.PingTimeout}, {"save every", c.SaveEvery}, {"browse min", c.BrowseMin},
		{"browse idle", c.BrowseIdle},
	} {
		if d.value <= 0 {
			bad("%s %v: must be positive", d.name, d.value)
		}
	}
	if c.RetryMax < c.RetryMin {
		bad("retry max %v: shorter than retry min %v", c.RetryMax, c.RetryMin)
	}
	if c.BrowseMax < c.BrowseMin {
		bad("browse max %v: shorter than browse min %v", c.BrowseMax, c.BrowseMin)
	}
	return errors.Join(errs...)
}

func isNetworkID(s string) bool {
	if len(s) != 16 {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}
