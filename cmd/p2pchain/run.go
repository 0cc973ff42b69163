package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/cmd/internal/invite"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/miner"
	"p2pchain/core/store"
)

// runFlags are the settings of a node.
type runFlags struct {
	listen, announce, bootstrap *list
	safety                      *safetyFlags
	http                        endpoint
	host                        string
	port                        uint16
	network, genesis            string
	difficulty                  int
	mine                        *choice
	mineThreads                 int
	noMDNS, dht                 bool
	reach                       *choice
	maxPeers                    int
	logLevel                    *logLevels
	logFormat                   *choice
	logFile                     string
	pprof                       bool
	forceNewChain, noChainFile  bool
	honourErasures              bool
	prunePayloadsAfter          time.Duration
	repair                      bool
	neighbours                  *list
	chainSerialization          *choice
}

// runCommand is "run", the long name of the bare command.
func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Start a node (the same as p2pchain alone)",
		GroupID: groupNode,
		Example: `  p2pchain run
  p2pchain run --name two                      # a second node on this machine
  p2pchain run --genesis lab7.json             # a node of a network of your own
  p2pchain run --bootstrap http://host:12345   # join the node with this API
  p2pchain run --prune-payloads-after 720h     # keep what is older than 30 days without payloads`,
	}
	a.makeRun(cmd)
	return cmd
}

// makeRun lets a command start a node.
func (a *app) makeRun(cmd *cobra.Command) {
	f := a.newRunFlags(cmd)
	cmd.Args = takes(0, 0)
	if !cmd.HasParent() && cmd.GroupID == "" {
		cmd.Args = nil // the root: cobra then suggests the command that was meant
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.runNode(cmd.Context(), f, nil) }
}

// newRunFlags declares all settings of a node.
func (a *app) newRunFlags(cmd *cobra.Command) *runFlags {
	cmd.Flags().SortFlags = false
	f := newSettings()
	f.addPeerFlags(cmd.Flags())
	f.addAPIFlags(cmd.Flags())
	f.addNetworkFlags(cmd.Flags())
	f.addWorkFlags(cmd.Flags())
	f.addLogFlags(cmd.Flags())
	a.addSeedFlags(cmd, f)
	return f
}

// newSettings returns the defaults, none of which has a flag yet.
func newSettings() *runFlags {
	def := node.DefaultConfig()
	reach := newChoice(string(def.Reach))
	for _, r := range node.Reaches() {
		reach.words = append(reach.words, string(r))
	}
	return &runFlags{
		listen:             &list{kind: "MULTIADDR", check: checkListen},
		announce:           &list{kind: "MULTIADDR", check: checkAnnounce},
		bootstrap:          &list{kind: "ADDRESS", check: checkBootstrap},
		maxPeers:           def.MaxPeers,
		reach:              reach,
		http:               endpoint{node.DefaultHTTP},
		safety:             newSafetyFlags(def),
		mine:               newChoice(string(def.Mine), string(miner.Auto), string(miner.Always), string(miner.Off)),
		mineThreads:        def.MineThreads,
		logLevel:           newLogLevels("info"),
		logFormat:          newChoice("auto", "auto", "text", "json"),
		neighbours:         &list{kind: "HOST:PORT", check: checkHostPort},
		chainSerialization: newChoice("json", "json", "pickle"),
		honourErasures:     def.HonourErasures,
	}
}

// addPeerFlags declares how a node finds others and is found.
func (f *runFlags) addPeerFlags(flags *pflag.FlagSet) {
	flags.Var(f.listen, "listen", fmt.Sprintf("address for other nodes, repeatable (default: TCP, QUIC and WebSocket on port %d, or a free one)", node.DefaultPort))
	flags.Var(f.bootstrap, "bootstrap", "a node to join: /ip4/…/p2p/ID, /dnsaddr/NAME or http://HOST:PORT of its API; repeatable")
	flags.Var(f.announce, "announce", "address that other nodes are told, where it is not one of this machine; repeatable")
	flags.Var(f.reach, "reach", "how other nodes reach this one: direct, at an address of its own; nat, behind a router, by port mapping, hole punching and relays; relay, where all reach it, and it relays for those behind routers")
	flags.BoolVar(&f.dht, "dht", f.dht, "look for nodes everywhere, in a DHT of this network's nodes")
	if !f.noMDNS { // an introducer never does
		flags.BoolVar(&f.noMDNS, "no-mdns", false, "do not look for nodes on the local network")
	}
	flags.IntVar(&f.maxPeers, "max-peers", f.maxPeers, "the most `NODES` to be connected to")
}

// addAPIFlags declares where the API is and who may use it.
func (f *runFlags) addAPIFlags(flags *pflag.FlagSet) {
	flags.Var(&f.http, "http", "where to serve the pages and the REST API; unless set, a free port is used where this one is taken")
	f.safety.add(flags)
	flags.BoolVar(&f.pprof, "pprof", false, "serve Go's profiles at /debug/pprof/ of the API, to those who may administer the node")
}

// addNetworkFlags declares the choice of a network.
func (f *runFlags) addNetworkFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.network, "network", "", "`NAME` of a built-in network: main, classic or test (default: that of the data folder, main in a new one)")
	flags.StringVar(&f.genesis, "genesis", "", "the parameter `FILE` of a network of your own, from p2pchain init")
	flags.IntVar(&f.difficulty, "difficulty", 0, "leading zero hex `DIGITS` that a block hash needs at least, 1 to 16; another number is another network, so it is for new data folders (default: the network's)")
}

// addWorkFlags declares what a node does for the chain.
func (f *runFlags) addWorkFlags(flags *pflag.FlagSet) {
	flags.Var(f.mine, "mine", "seal blocks: auto while messages wait, always, or off")
	flags.IntVar(&f.mineThreads, "mine-threads", f.mineThreads, "how many `THREADS` mine")
	flags.BoolVar(&f.noChainFile, "no-chain-file", false, "do not keep the chain as a file of JSON lines, too")
	flags.BoolVar(&f.honourErasures, "honour-erasures", f.honourErasures, "drop payloads whose authors ask for it")
	flags.DurationVar(&f.prunePayloadsAfter, "prune-payloads-after", 0, "drop payloads of blocks that are older than `TIME`, as in 720h, while a connected peer has them all (default: keep all, as an archive)")
	flags.BoolVar(&f.repair, "repair", false, "repair a damaged store at the start, instead of ending with code 9")
	flags.BoolVar(&f.forceNewChain, "force-new-chain", false, "set the old data aside and start with an empty chain")
}

// addLogFlags declares what is said about it.
func (f *runFlags) addLogFlags(flags *pflag.FlagSet) {
	flags.Var(f.logLevel, "log-level", "the least important log lines to show: debug, info, warn or error; of single parts, too, as in info,p2p=debug")
	flags.Var(f.logFormat, "log-format", "form of the log lines; auto is text on a terminal, else JSON")
	flags.StringVar(&f.logFile, "log-file", "", "`FILE` that gets the log too, with three older ones of 1 MiB beside it")
}

// nodeConfig turns settings into a node's configuration.
func (a *app) nodeConfig(f *runFlags, to *invite.Invite) (node.Config, error) {
	cfg := node.DefaultConfig()
	dir, err := a.dataDir()
	if err != nil {
		return cfg, err
	}
	if err := a.applySeedFlags(f); err != nil {
		return cfg, err
	}
	want, err := a.networkChoice(f)
	if err != nil {
		return cfg, err
	}
	if err := f.fillPeers(&cfg, dir, want, to); err != nil {
		return cfg, err
	}
	cfg.SetAside, cfg.Repair = f.forceNewChain, f.repair
	if a.isSet("http") || a.isSet("host") || a.isSet("port") {
		cfg.HTTP = f.http.value
	}
	f.safety.fill(&cfg)
	cfg.ChainFile, cfg.Profiles = !f.noChainFile, f.pprof
	cfg.Mine, cfg.MineThreads = miner.Mode(f.mine.value), f.mineThreads
	cfg.HonourErasures, cfg.PruneAfter = f.honourErasures, f.prunePayloadsAfter
	cfg.OnSyncFailure = a.dieOfSync
	return cfg, cfg.Validate()
}

// fillPeers sets the directory, the network, and all that is about peers.
func (f *runFlags) fillPeers(cfg *node.Config, dir string, want node.NetworkChoice, to *invite.Invite) (err error) {
	if to != nil {
		want.Network, cfg.Keep = to.Network, to.Addrs
	}
	cfg.Network, err = findNetwork(dir, want)
	cfg.Dir, cfg.Version = dir, programVersion()
	cfg.Listen, cfg.Announce, cfg.Bootstrap = f.listen.items, f.announce.items, f.bootstrap.items
	cfg.MDNS, cfg.DHT, cfg.Reach, cfg.MaxPeers = !f.noMDNS, f.dht, node.Reach(f.reach.value), f.maxPeers
	return err
}

// errOtherDifficulty means that a data directory would fit, were it not for --difficulty.
var errOtherDifficulty = errors.New("difficulty is part of what a network is")

// findNetwork is node.FindNetwork, and says where only the difficulty does not fit: that it makes another
// network is news to many.
func findNetwork(dir string, want node.NetworkChoice) (*core.Network, error) {
	n, err := node.FindNetwork(dir, want)
	if want.Difficulty == 0 || !errors.Is(err, store.ErrOtherNetwork) {
		return n, err
	}
	difficulty := want.Difficulty
	want.Difficulty = 0
	kept, keptErr := node.FindNetwork(dir, want)
	if keptErr != nil {
		return n, err
	}
	return nil, fmt.Errorf("%w: the data in %s are those of %s with difficulty %d, and with %d it is another network: %w",
		errOtherDifficulty, dir, kept, kept.Params.Difficulty, difficulty, store.ErrOtherNetwork)
}

// networkChoice says what the user said about the network.
func (a *app) networkChoice(f *runFlags) (node.NetworkChoice, error) {
	want := node.NetworkChoice{Name: f.network, File: f.genesis, Difficulty: f.difficulty, Anew: f.forceNewChain}
	if f.network != "" && f.genesis != "" {
		return want, usagef("--network and --genesis both choose a network: leave one away")
	}
	if _, err := os.Stat(f.genesis); f.genesis != "" && errors.Is(err, fs.ErrNotExist) {
		return want, usagef("--genesis: there is no file %s", f.genesis)
	}
	if a.isSet("difficulty") && f.difficulty < 1 { // not set, it is 0
		return want, usagef("--difficulty is %d, want 1 to 16", f.difficulty)
	}
	return want, nil
}

// hostPort applies --host and --port to an address that has its own.
func (a *app) hostPort(base, host string, port uint16) string {
	h, p, _ := net.SplitHostPort(base)
	if a.isSet("host") {
		h = strings.Trim(host, "[]")
	}
	if a.isSet("port") {
		p = strconv.Itoa(int(port))
	}
	return net.JoinHostPort(h, p)
}
