package exchange

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
)

// What one request may ask for. A server refuses more, so a client does not ask for more.
const (
	MaxLocator = 128  // hashes in a locator
	MaxHeaders = 2000 // headers in an answer
	MaxBlocks  = 128  // blocks in a request
	MaxIDs     = 1024 // messages in a request
	MaxPage    = 8192 // ids in a page of the mempool
	MaxOffer   = 256  // ids in an offer: what is taken comes before the answer
)

const (
	maxFrame    = 1 << 20   // of any protocol
	targetFrame = 128 << 10 // a part is sent when it has this size: a slow line moves it in time
	maxAgent    = 128       // characters of an agent
	maxReason   = 200       // characters of a vote's reason

	maxHelloFrame = 4 << 10
	maxSmallFrame = 64 // a request of two numbers
)

// Config holds the times and amounts to which a Client and a Server hold others.
type Config struct {
	FrameTimeout  time.Duration // for one frame in either direction, and for opening a stream
	StreamTimeout time.Duration // for all of a stream
	VoteTimeout   time.Duration // for an answer to a vote

	// BlockMemory bounds the blocks that a Server holds while it sends them, over all peers. Requests
	// wait for room, and no peer has more than two blocks of it. While they wait, who reads less than
	// 256 KiB/s loses his.
	BlockMemory int64

	Log *slog.Logger
}

// DefaultConfig returns the limits that docs/protocol.md names.
func DefaultConfig() Config {
	return Config{
		FrameTimeout:  10 * time.Second,
		StreamTimeout: 5 * time.Minute,
		VoteTimeout:   3 * time.Second,
		BlockMemory:   64 << 20,
		Log:           slog.Default(),
	}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"FrameTimeout", c.FrameTimeout}, {"StreamTimeout", c.StreamTimeout}, {"VoteTimeout", c.VoteTimeout},
	} {
		if f.value <= 0 {
			errs = append(errs, fmt.Errorf("exchange: %s is %v, want more than 0", f.name, f.value))
		}
	}
	if c.BlockMemory < 1 {
		errs = append(errs, fmt.Errorf("exchange: BlockMemory is %d, want at least 1", c.BlockMemory))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("exchange: Log is not set"))
	}
	return errors.Join(errs...)
}

// HelloProtocol is the same on every network, so that nodes of two networks can tell each other so.
const HelloProtocol protocol.ID = "/p2pchain/hello/1"

// Protocols are the ids of the protocols of one network.
type Protocols struct{ Hello, Headers, Blocks, Fill, Leaves, Messages, Mempool, Vote, Peers, Sketch, Offer protocol.ID }

// ProtocolsOf returns the ids for a network.
func ProtocolsOf(n *core.Network) Protocols {
	id := func(name string) protocol.ID { return protocol.ID("/p2pchain/" + n.ID() + "/" + name + "/1") }
	return Protocols{
		Hello:    HelloProtocol,
		Headers:  id("headers"),
		Blocks:   id("blocks"),
		Fill:     id("fill"),
		Leaves:   id("leaves"),
		Messages: id("messages"),
		Mempool:  id("mempool"),
		Vote:     id("vote"),
		Peers:    id("peers"),
		Sketch:   id("sketch"),
		Offer:    id("offer"),
	}
}
