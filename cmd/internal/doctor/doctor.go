package doctor

import (
	"context"
	"slices"
	"sync"
	"time"

	"p2pchain/api/client"
	"p2pchain/core"
)

// A Level says how bad a finding is.
type Level string

// The levels, the harmless ones first.
const (
	OK      Level = "ok"      // as it should be
	Note    Level = "note"    // good to know
	Warning Level = "warning" // works, but not as well as it could
	Problem Level = "problem" // has to be put right
)

// A Finding is one thing that was looked at.
type Finding struct {
	Check string `json:"check"` // which part: node, files, disk, …
	Level Level  `json:"level"`
	What  string `json:"what"`
	Why   string `json:"why,omitempty"` // it matters
	Do    string `json:"do,omitempty"`
}

// partLimit is how long one part may take.
const partLimit = 15 * time.Second

// Config says which node is examined, by the settings that it has or would be started with.
type Config struct {
	Dir        string
	Network    *core.Network // nil: NetworkErr says why it is not known
	NetworkErr error
	HTTP       string   // HOST:PORT, off, a socket, or empty for the default
	Listen     []string // multiaddrs; none for the defaults
	Seeds      []string // that were chosen; those that the directory keeps are added
	MDNS       bool
	DHT        bool
	Reserve    uint64   // bytes of free disk under which a node stops to write
	Stray      []string // what is wrong with the settings themselves, in sentences
	Version    string   // of this program
	Now        func() time.Time
}

// An exam is one run.
type exam struct {
	cfg    Config
	system system
	node   *client.Node // that runs in the directory and answers
	client *client.Client
	holder int // process that has the directory, 0: none, or nobody knows
}

// A part is one thing to look at. Parts but the first run at the same time and only read the exam.
type part struct {
	name string
	look func(*exam, context.Context) []Finding
}

// parts returns all parts in the order in which they are shown.
func parts() []part {
	return []part{
		{"settings", (*exam).lookAtSettings},
		{"network", (*exam).lookAtNetwork},
		{"files", (*exam).lookAtFiles},
		{"disk", (*exam).lookAtDisk},
		{"store", (*exam).lookAtStore},
		{"ports", (*exam).lookAtPorts},
		{"clock", (*exam).lookAtClock},
		{"multicast", (*exam).lookAtMulticast},
		{"firewall", (*exam).lookAtFirewall},
		{"bootstrap", (*exam).lookAtSeeds},
		{"peers", (*exam).lookAtPeers},
	}
}

// Run examines a node and returns what it found, always in the same order. It ends within about half a
// minute, or soon after ctx does.
func Run(ctx context.Context, cfg Config) []Finding {
	e := &exam{cfg: cfg, system: realSystem()}
	return e.run(ctx)
}

func (e *exam) run(ctx context.Context) []Finding {
	first, cancel := context.WithTimeout(ctx, partLimit)
	findings := named("node", e.lookAtNode(first))
	cancel()
	if e.client != nil {
		defer e.client.Close()
	}
	list := parts()
	found := make([][]Finding, len(list))
	var running sync.WaitGroup
	for i, p := range list {
		running.Go(func() {
			limited, cancel := context.WithTimeout(ctx, partLimit)
			defer cancel()
			found[i] = named(p.name, p.look(e, limited))
		})
	}
	running.Wait()
	return append(findings, slices.Concat(found...)...)
}

// named gives findings the name of their part.
func named(name string, found []Finding) []Finding {
	for i := range found {
		found[i].Check = name
	}
	return found
}

// Worst returns the worst level of findings, OK for none.
func Worst(found []Finding) Level {
	order := []Level{OK, Note, Warning, Problem}
	worst := 0
	for _, f := range found {
		worst = max(worst, slices.Index(order, f.Level))
	}
	return order[worst]
}

// one is a list of a single finding.
func one(level Level, what, why, do string) []Finding {
	return []Finding{{Level: level, What: what, Why: why, Do: do}}
}

func (e *exam) lookAtSettings(context.Context) []Finding {
	var found []Finding
	for _, words := range e.cfg.Stray {
		found = append(found, Finding{Level: Warning, What: words, Why: "what it was meant to set keeps its other value", Do: "compare with p2pchain config show --origin"})
	}
	return found
}
