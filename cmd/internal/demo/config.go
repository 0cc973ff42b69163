package demo

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"p2pchain/core"
)

// ErrConfig means that a Config cannot be used; the text names every bad field.
var ErrConfig = errors.New("bad settings of the demo")

// The numbers of nodes that a demo may have: with fewer than two nothing can be cut, and more than a dozen
// nobody can follow.
const (
	MinNodes = 2
	MaxNodes = 12
)

// All nodes together find a block in about the interval that the network aims at: its difficulty costs 16⁵
// tries on average. That is little work for any machine.
const (
	difficulty = 5
	tries      = 1 << (4 * difficulty)
	interval   = 2 * time.Second
	hashRate   = float64(tries) / (float64(interval) / float64(time.Second)) // tries a second, of all nodes
)

// Config says what a demo is to be.
type Config struct {
	Nodes   int    // MinNodes to MaxNodes
	Listen  string // HOST:PORT of the page
	Dir     string // where the nodes' data are; it must exist
	Version string // what the nodes say of themselves
	Log     *slog.Logger
}

// DefaultConfig returns five nodes, without a directory.
func DefaultConfig() Config {
	return Config{Nodes: 5, Listen: "127.0.0.1:0", Version: "unknown", Log: slog.Default()}
}

// Validate names every field that cannot be used; errors wrap ErrConfig.
func (c *Config) Validate() error {
	var errs []error
	if c.Nodes < MinNodes || c.Nodes > MaxNodes {
		errs = append(errs, fmt.Errorf("nodes is %d, want %d to %d: %w", c.Nodes, MinNodes, MaxNodes, ErrConfig))
	}
	if c.Dir == "" {
		errs = append(errs, fmt.Errorf("the directory is not set: %w", ErrConfig))
	}
	if c.Log == nil {
		errs = append(errs, fmt.Errorf("the log is not set: %w", ErrConfig))
	}
	return errors.Join(errs...)
}

// newNetwork returns a network of this demo's own, which no node elsewhere can be on.
func newNetwork(now time.Time) (*core.Network, error) {
	p, _ := core.Builtin("main")
	p.Name, p.Text = "demo", "A network that lives as long as its demo."
	p.GenesisTimeMS, p.Difficulty, p.BlockIntervalMS = uint64(now.UnixMilli()), difficulty, uint64(interval.Milliseconds())
	return core.NewNetwork(p)
}
