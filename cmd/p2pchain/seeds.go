package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// addSeedFlags declares the options of seed 1's "miner start". They work, but new users need not see
// them.
func (a *app) addSeedFlags(cmd *cobra.Command, f *runFlags) {
	flags := cmd.Flags()
	flags.StringVar(&f.host, "host", "", "the host of --http")
	flags.Uint16Var(&f.port, "port", 0, "the port of --http")
	flags.Var(f.neighbours, "neighbours", "like --bootstrap, by the REST address of each node")
	flags.Var(f.chainSerialization, "chain-serialization", "json; seed 1's pickle is refused")
	for _, name := range []string{"host", "port", "neighbours", "chain-serialization"} {
		if err := flags.MarkHidden(name); err != nil {
			panic(err) // declared above
		}
	}
}

// applySeedFlags folds seed 1's options into ours.
func (a *app) applySeedFlags(f *runFlags) error {
	if f.chainSerialization.value == "pickle" {
		return usagef("--chain-serialization pickle: reading a pickle runs whatever code is in it, so chains are kept as JSON lines only")
	}
	if a.isSet("host") || a.isSet("port") {
		if a.isSet("http") {
			return usagef("--http says it all: leave --host and --port away")
		}
		f.http.value = a.hostPort(f.http.value, f.host, f.port)
	}
	for _, neighbour := range f.neighbours.items {
		f.bootstrap.items = append(f.bootstrap.items, "http://"+neighbour)
	}
	return nil
}

// minerCommand is seed 1's "miner start CHAIN_PATH".
func (a *app) minerCommand() *cobra.Command {
	miner := &cobra.Command{
		Use:    "miner",
		Short:  "Seed 1's name for running a node",
		Hidden: true,
		Args:   takes(0, 0),
		RunE:   func(cmd *cobra.Command, _ []string) error { return usagef("want 'miner start CHAIN_PATH'") },
	}
	start := &cobra.Command{
		Use:     "start CHAIN_PATH",
		Short:   "Start a node that keeps its data in CHAIN_PATH, without .chain",
		Example: "  p2pchain miner start ~/test.chain --port 12346 --neighbours 127.0.0.1:12345",
		Args:    takes(1, 1),
	}
	f := a.newRunFlags(start)
	start.RunE = func(cmd *cobra.Command, args []string) error {
		if a.isSet("data-dir") {
			return usagef("CHAIN_PATH and --data-dir both name the data folder: leave one away")
		}
		a.shared.dataDir = strings.TrimSuffix(args[0], ".chain")
		if a.shared.dataDir == "" {
			return usagef("CHAIN_PATH %q names no folder", args[0])
		}
		return a.runNode(cmd.Context(), f, nil)
	}
	miner.AddCommand(start)
	return miner
}

// rewriteSeedFlags turns seed 2's "-p PORT -pid ID -pport PORT" into ours: listen on PORT, serve
// HTTP on the next one, and join the node ID that listens on the other port of this machine. Those
// are long names behind a single dash, which flags of today cannot be, so it happens before parsing.
func rewriteSeedFlags(args []string) ([]string, error) {
	if len(args) == 0 || (args[0] != "run" && !strings.HasPrefix(args[0], "-")) {
		return args, nil // seed 2 had no subcommands
	}
	var rest []string
	var peer, peerPort string
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		if name != "-p" && name != "-pid" && name != "-pport" {
			rest = append(rest, args[i])
			if args[i] == "--" {
				return append(rest, args[i+1:]...), nil
			}
			continue
		}
		if !inline {
			if i++; i == len(args) {
				return nil, fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		switch name {
		case "-pid":
			peer = value
		case "-pport":
			peerPort = value
		case "-p":
			ours, err := seedPort(value)
			if err != nil {
				return nil, err
			}
			rest = append(rest, ours...)
		}
	}
	if (peer == "") != (peerPort == "") {
		return nil, errors.New("-pid and -pport belong together: the id and the port of the node to join")
	}
	if peer != "" {
		rest = append(rest, "--bootstrap", "/ip4/127.0.0.1/tcp/"+peerPort+"/p2p/"+peer)
	}
	return rest, nil
}

// seedPort returns our flags for seed 2's -p.
func seedPort(value string) ([]string, error) {
	port, err := strconv.ParseUint(value, 10, 16)
	if err != nil || port == 0 || port == 65535 {
		return nil, fmt.Errorf("-p %s: want a port from 1 to 65534", value)
	}
	return []string{"--listen", fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port), "--http", fmt.Sprintf("127.0.0.1:%d", port+1)}, nil
}
