package node

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/logs"
	"p2pchain/core"
	"p2pchain/core/miner"
)

// ErrConfig means that a Config cannot be used; the text names every bad field.
var ErrConfig = errors.New("bad configuration")

const (
	// DefaultHTTP is where the REST API is, as in seed 1, unless somebody else is there.
	DefaultHTTP = "127.0.0.1:12345"
	// DefaultPort is the TCP and UDP port for other nodes, unless it is taken.
	DefaultPort = 22345
	// HTTPOff as Config.HTTP means that the node serves no API.
	HTTPOff = "off"
)

// A Config says what a node is to be.
type Config struct {
	Dir      string        // the data directory; made where it is missing
	Network  *core.Network // which chain it keeps; see FindNetwork
	SetAside bool          // move an old store away first and start with an empty chain
	Repair   bool          // repair a damaged store, instead of saying so

	Listen    []string // multiaddrs; none: DefaultPort or, where it is taken, a free port
	Announce  []string // multiaddrs that peers are told besides those that the host sees
	Bootstrap []string // nodes to join: multiaddrs, /dnsaddr/ names, addresses of an API
	Keep      []string // nodes to join now and at every later start
	MDNS      bool     // look for nodes on the local network
	DHT       bool     // look for nodes everywhere, in a DHT of the network's own
	Reach     Reach    // what to do to be reached
	MaxPeers  int

	HTTP string // HOST:PORT, UnixScheme and a path, HTTPOff, or empty: DefaultHTTP or, where it is taken, a free port
	// HTTPHosts are names under which the API may be called besides localhost and IP addresses.
	HTTPHosts []string
	Auth      api.Auth
	// HTTPCert and HTTPKey are PEM files; with them the API speaks HTTPS.
	HTTPCert, HTTPKey string
	// HTTPTLS has the API speak HTTPS with a certificate of its own making.
	HTTPTLS bool
	// CORSOrigins are the origins of web pages that may use the API, besides the node's own.
	CORSOrigins []string
	// HTTPRate is how many requests a second that change something the API takes from one address that
	// is not this machine's; 0 is any number.
	HTTPRate int
	// MaxEventClients is how many clients follow the API's events at once.
	MaxEventClients int

	Mine        miner.Mode
	MineThreads int
	// OnMiners, if set, is told how many search threads there are, at the start and whenever that
	// changes; GOMAXPROCS should follow: see background.Procs.
	OnMiners func(threads int)
	// Search, if set, searches for proofs of work in the place of the real search at full speed.
	Search miner.Searcher
	// Gate, if set, says with which peers the node may have connections, by their ids. It may change its
	// mind at any time: that ends no connection, and lets none begin.
	Gate func(peerID string) bool

	ChainFile bool // keep the chain as a file beside the store, too
	// HonourErasures says that messages by which authors ask to forget their own ones are honoured.
	HonourErasures bool
	// PruneAfter is the age of blocks from which on payloads are dropped; 0: never.
	PruneAfter   time.Duration
	ReserveBytes uint64 // free disk under which mining pauses and writes are refused

	// Profiles serves Go's profiles to those who may administer the node.
	Profiles bool
	// LogStats, if set, says what became of log lines.
	LogStats func() logs.Stats

	Version string
	Log     *slog.Logger
	Now     func() time.Time
	// OnSyncFailure, if set, is called at once when the disk did not keep what it was asked to keep.
	// Whatever was not acknowledged by then may be lost, so the process should end in it.
	OnSyncFailure func(error)
	// FS is where the store's files are, for tests with a disk that fails; nil: the real one.
	FS vfs.FS
}

// DefaultConfig returns the settings of a node without flags, but for Dir and Network.
func DefaultConfig() Config {
	return Config{
		MDNS:     true,
		Reach:    ReachDirect,
		MaxPeers: 50,
		Auth:     api.AuthToken,

		HTTPRate:        1000,
		MaxEventClients: 1024,

		Mine:           miner.Auto,
		MineThreads:    1,
		ChainFile:      true,
		HonourErasures: true,
		ReserveBytes:   256 << 20,
		Version:        "unknown",
		Log:            slog.Default(),
		Now:            time.Now,
	}
}

// Validate names every field that cannot be used; errors wrap ErrConfig.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrConfig))
	}
	if c.Dir == "" {
		bad("data directory is not set")
	}
	if c.Network == nil {
		bad("network is not set")
	}
	if c.MaxPeers < 1 || c.MaxPeers > 10000 {
		bad("max-peers is %d, want 1 to 10000", c.MaxPeers)
	}
	if c.MineThreads < 1 || c.MineThreads > miner.MaxThreads {
		bad("mine-threads is %d, want 1 to %d", c.MineThreads, miner.MaxThreads)
	}
	if _, err := miner.ParseMode(string(c.Mine)); err != nil {
		bad("mine: %v", err)
	}
	if c.PruneAfter < 0 || c.PruneAfter > 0 && c.PruneAfter < time.Hour {
		bad("prune-payloads-after is %v, want 0 or at least 1h", c.PruneAfter)
	}
	if c.ReserveBytes == 0 {
		bad("ReserveBytes is 0, want at least 1")
	}
	if err := c.Reach.check(); err != nil {
		bad("%v", err)
	}
	c.checkAPI(bad)
	if err := c.allowsMode(c.Mine); err != nil {
		bad("%v", err)
	}
	if _, err := parseSeeds(c.Bootstrap); err != nil {
		errs = append(errs, err)
	}
	if c.Log == nil || c.Now == nil {
		bad("Log or Now is not set")
	}
	return errors.Join(errs...)
}

// checkAPI names every field about the API that cannot be used.
func (c *Config) checkAPI(bad func(string, ...any)) {
	if !slices.Contains(api.Auths(), c.Auth) {
		bad("auth is %q, want one of %q", c.Auth, api.Auths())
	}
	for _, origin := range c.CORSOrigins {
		if _, err := api.ParseOrigin(origin); err != nil {
			bad("cors-origin: %v", err)
		}
	}
	if (c.HTTPCert == "") != (c.HTTPKey == "") {
		bad("http-cert and http-key belong together")
	}
	if c.HTTPTLS && c.HTTPCert != "" {
		bad("http-tls makes a certificate: leave it away, or http-cert and http-key")
	}
	if c.HTTPRate < 0 {
		bad("http-rate is %d, want at least 0", c.HTTPRate)
	}
	if c.MaxEventClients < 1 || c.MaxEventClients > 100000 {
		bad("max-event-clients is %d, want 1 to 100000", c.MaxEventClients)
	}
}

// parseSeeds reads addresses to join.
func parseSeeds(texts []string) ([]bootstrap.Seed, error) {
	var seeds []bootstrap.Seed
	for _, text := range texts {
		seed, err := bootstrap.ParseSeed(text)
		if err != nil {
			return nil, fmt.Errorf("bootstrap: %w: %w", err, ErrConfig)
		}
		seeds = append(seeds, seed)
	}
	return seeds, nil
}
