package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nearest returns the word that was probably meant by one that is none of the words, empty where no
// word is close: at most a third of its letters may be wrong.
func nearest(meant string, words []string) string {
	best, least := "", len(meant)/3+1
	for _, word := range words {
		if d := distance(meant, word); d < least {
			best, least = word, d
		}
	}
	return best
}

// distance counts how many letters have to be put in, taken out, replaced or swapped with their
// neighbour to make one word of the other (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// nearestFlag returns the flag that was probably meant by a name that is none of the names: what other
// programs call it, or one that is spelled nearly so. Empty is none.
func nearestFlag(meant string, names []string) string {
	meant = strings.ToLower(strings.ReplaceAll(meant, "_", "-"))
	for _, flag := range elsewhereCalled(meant) {
		if slices.Contains(names, flag) {
			return flag
		}
	}
	return nearest(meant, names)
}

// An otherName is what other programs, or the two older systems, call our flags.
type otherName struct{ names, flags string }

// otherNames lists them. Of several flags the first one is meant that a command has.
func otherNames() []otherName {
	return []otherName{
		{"api rest url server endpoint node-url rpc http-port http-addr http-address api-port rest-port rpc-port api-addr web", "http api"},
		{"http", "api"},
		{"bind addr address p2p p2p-port listen-port listen-addr tcp-port", "listen api"},
		{"peer peers connect join seed seeds bootnode bootnodes bootstrap-peers bootstrap-node neighbor neighbors neighbour node", "bootstrap api"},
		{"data dir datadir data-folder data-path home store storage db path chain-path", "data-dir"},
		{"id node-name nodename instance", "name"},
		{"threads workers cpus jobs miner-threads mining-threads miners", "mine-threads"},
		{"miner mining no-mine no-mining seal", "mine"},
		{"verbose debug quiet trace verbosity", "log-level"},
		{"log logfile", "log-file"},
		{"log-json", "log-format"},
		{"chain testnet params parameters", "network genesis"},
		{"genesis-file params-file network-file", "genesis"},
		{"conf config-file settings", "config"},
		{"auth-token api-token api-key key token", "token-file"},
		{"tls https ssl", "http-tls api-cert"},
		{"cert certificate fingerprint", "http-cert api-cert"},
		{"origin origins allow-origin cors", "cors-origin"},
		{"host-name hostname allowed-hosts", "http-host"},
		{"public external external-ip public-ip advertise announce-addr nat-ip", "announce"},
		{"nat upnp relay", "reach"},
		{"mdns nomdns discovery no-discovery", "no-mdns"},
		{"connections maxpeers", "max-peers"},
		{"prune pruning retention keep", "prune-payloads-after keep"},
		{"output to", "out proof manifest"},
		{"format output-format", "json"},
		{"from after", "since"},
		{"wait-timeout time-limit limit", "timeout"},
		{"follow", "watch"},
		{"count n number last max max-count", "lines limit"},
		{"files filename", "file"},
		{"folder", "directory data-dir"},
		{"reset clean wipe new-chain", "force-new-chain"},
		{"profile", "pprof"},
	}
}

// elsewhereCalled returns our flags for what others call a flag.
func elsewhereCalled(name string) []string {
	for _, other := range otherNames() {
		if slices.Contains(strings.Fields(other.names), name) {
			return strings.Fields(other.flags)
		}
	}
	return nil
}

// suggestCommands says which commands are meant by words that other programs use.
func suggestCommands(root *cobra.Command) {
	words := map[string]string{
		"run":       "start serve server node daemon up",
		"init":      "new create genesis",
		"join":      "connect",
		"invite":    "share",
		"bootstrap": "introducer seed rendezvous",
		"key":       "keys id identity whoami",
		"token":     "auth login",
		"add":       "send put post write push append publish notarise notarize",
		"proof":     "prove",
		"get":       "show read list ls print view cat chain block blocks message messages mempool forks",
		"search":    "find grep query",
		"tail":      "follow watch events log logs subscribe",
		"status":    "info state stats",
		"mine":      "mining seal",
		"peers":     "nodes neighbours neighbors connect disconnect",
		"erase":     "delete forget remove rm",
		"ui":        "web browser open gui dashboard",
		"verify":    "validate",
		"export":    "dump download",
		"import":    "load",
		"check":     "fsck repair",
		"backup":    "save snapshot",
		"health":    "ping",
		"doctor":    "diagnose diagnostics troubleshoot",
		"bench":     "benchmark speed hashrate speedtest",
		"config":    "settings configure set",
		"demo":      "example simulate",
	}
	for _, cmd := range root.Commands() {
		cmd.SuggestFor = strings.Fields(words[cmd.Name()])
	}
}

// flagError names the flag that was probably meant by one that does not exist, or the commands that
// have it.
func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	meant := unknown.GetSpecifiedName()
	if group := unknown.GetSpecifiedShortnames(); len(group) > 1 {
		meant = group // as in -datadir
	}
	if commands := commandsWith(cmd.Root(), meant); len(commands) > 0 && len(elsewhereCalled(meant)) == 0 {
		return fmt.Errorf("%w; it is one of %s", err, strings.Join(commands, ", "))
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if name := nearestFlag(meant, names); name != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, name)
	}
	return err
}

// commandsWith returns up to three commands that have a flag, by how they are called.
func commandsWith(root *cobra.Command, flag string) []string {
	var found []string
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if f := cmd.LocalNonPersistentFlags().Lookup(flag); f != nil && !f.Hidden && !cmd.Hidden {
			found = append(found, cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	if len(found) > 3 {
		found = append(found[:2], fmt.Sprintf("%d others", len(found)-2))
	}
	return found
}

// dashError is what to say of a command line that cannot be understood where it has the name of a flag
// behind one dash: else that is read as letters, and the mistake would be found anywhere.
func dashError(root *cobra.Command, args []string, err error) error {
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		switch {
		case arg == "--":
			return err
		case len(name) > 0 && strings.Trim(name, "0123456789") == "" && strings.HasPrefix(arg, "-"):
			return fmt.Errorf("%s: want no negative number", arg)
		case len(name) < 2 || name[0] == '-' || !strings.HasPrefix(arg, "-"):
		case len(commandsWith(root, name)) > 0 || root.PersistentFlags().Lookup(name) != nil:
			return fmt.Errorf("-%s has one dash: write --%[1]s", name)
		}
	}
	return err
}
