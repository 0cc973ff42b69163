package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// watchEvery is how often --watch asks the node.
const watchEvery = time.Second

// statusCommand is "status".
func (a *app) statusCommand() *cobra.Command {
	watch := false
	cmd := a.redialCommand(&cobra.Command{
		Use:     "status",
		Short:   "Show how a node is doing",
		GroupID: groupClient,
		Example: `  p2pchain status
  p2pchain status --watch                     # one line that follows the node
  p2pchain status --name two
  p2pchain status --json | jq .tip.height`,
		Args: takes(0, 0),
	}, func(ctx context.Context, c *client.Client, again redial, _ []string) error {
		if watch {
			return a.watchStatus(ctx, c, again)
		}
		return a.showStatus(ctx, c)
	})
	cmd.Flags().BoolVar(&watch, "watch", false, "follow the node on one line, with rate and time left of a sync, until interrupted")
	return cmd
}

// A nodeStatus is what status answers: what the node says, and where it was found.
type nodeStatus struct {
	client.Node
	DataDir string `json:"data_dir,omitempty"` // empty where it was found by an address
}

// askStatus asks a node how it is.
func (a *app) askStatus(ctx context.Context, c *client.Client) (n nodeStatus, err error) {
	if !a.isSet("api") && !a.isSet("host") && !a.isSet("port") {
		n.DataDir, _ = a.dataDir() // there is one, since the node was found there
	}
	n.Node, err = c.Node(ctx)
	return n, err
}

func (a *app) showStatus(ctx context.Context, c *client.Client) error {
	n, err := a.askStatus(ctx, c)
	if err != nil {
		return err
	}
	return a.print(n, func(t *text) {
		t.row("node", n.PeerID)
		t.row("version", printable(n.Version))
		t.row("network", printable(n.Network.Name)+" ("+printable(n.Network.ID)+")")
		t.row("API", c.Address())
		if n.DataDir != "" {
			t.row("data", n.DataDir)
		}
		t.addresses("addresses", n.Addresses)
		t.row("tip", fmt.Sprintf("block %d, %v", n.Tip.Height, n.Tip.Hash))
		t.row("", fmt.Sprintf("%v, %v hashes of work", n.Tip.Time, n.Tip.Work))
		t.row("sync", syncWords(n.Node))
		t.row("peers", peerWords(n.Node))
		t.row("known", knownWords(n.Links))
		if words := reachWords(n.Node); words != "" {
			t.row("reach", words)
		}
		if lines, folder := a.spooled(); lines > 0 {
			t.row("spool", fmt.Sprintf("%s of \"add -\" wait in %s: p2pchain add --flush sends them", plural(lines, "line"), folder))
		}
		t.row("waiting", plural(n.Mempool.Count, "message")+", "+plural(n.Mempool.Bytes, "byte"))
		t.row("mining", miningWords(n.Mining))
		if words := forgettingWords(n.Forgetting); words != "" {
			t.row("payloads", words)
		}
		if n.ClockSkewMS != nil {
			t.row("clock", fmt.Sprintf("%v from that of the peers", time.Duration(*n.ClockSkewMS)*time.Millisecond))
		}
		t.row("up", fmt.Sprintf("%v, since %v", time.Duration(n.UptimeSeconds)*time.Second, n.Started))
	})
}

// nodeAway is what --watch shows of a node that is gone: it may be started again.
const nodeAway = "the node does not answer"

// watchStatus follows a node until a signal ends it, which is no mistake: on a terminal as a line that
// changes in place, for programs as an object every second, else as a line for every change. A node that was
// there and goes away is waited for, and asked again at where it is then.
func (a *app) watchStatus(ctx context.Context, c *client.Client, again redial) error {
	var live *liveLine
	if a.isLive(a.stdout) && !a.shared.json {
		live = &liveLine{w: a.stdout}
		defer fmt.Fprintln(a.stdout) // the last line stays
	}
	defer func() { c.Close() }()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for before := ""; ; {
		n, err := a.askStatus(ctx, c)
		if ctx.Err() == context.Canceled {
			return nil
		}
		line := nodeAway
		switch {
		case err == nil:
			line = watchLine(n.Node)
		case before == "" || !isAway(err):
			return err
		default:
			if back, err := again(); err == nil {
				c.Close()
				c = back
			}
		}
		if err := a.showWatched(live, n, line, before); err != nil {
			return err
		}
		before = line
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// showWatched shows a look at a node.
func (a *app) showWatched(live *liveLine, n nodeStatus, line, before string) error {
	switch {
	case a.shared.json && line == nodeAway:
		if line != before {
			a.remark("p2pchain: " + line)
		}
	case a.shared.json:
		return a.printJSON(n)
	case live != nil:
		return live.show(line)
	case line != before:
		_, err := fmt.Fprintln(a.stdout, line)
		return err
	}
	return nil
}

// watchLine describes a node on one line.
func watchLine(n client.Node) string {
	if isBehind(n.Sync) {
		return syncLine(n.Sync)
	}
	line := fmt.Sprintf("block %s", grouped(n.Tip.Height))
	if n.Sync.State != stateAlone {
		line += ", " + printable(n.Sync.State)
	}
	return line + fmt.Sprintf(", %s, %s waiting", plural(n.Peers, "peer"), plural(n.Mempool.Count, "message"))
}

// syncWords says how far a node is behind its peers.
func syncWords(n client.Node) string {
	if n.Sync.Target <= n.Tip.Height {
		return n.Sync.State
	}
	if n.Sync.State == stateAlone {
		return fmt.Sprintf("alone: no peer is there to send the blocks up to %d", n.Sync.Target)
	}
	words := fmt.Sprintf("%s, on the way to block %d", n.Sync.State, n.Sync.Target)
	if fast := rates(n.Sync); len(fast) > 0 {
		words += ", " + strings.Join(fast, ", ")
	}
	if n.Sync.ETASeconds != nil {
		words += fmt.Sprintf(", %v left", seconds(*n.Sync.ETASeconds))
	}
	return words
}

// forgettingWords says which payloads a node does not have, nothing where it has all.
func forgettingWords(f client.Forgetting) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if f.Erased > 0 {
		add("%s erased", plural(f.Erased, "message"))
	}
	if f.PrunedHeight > 0 {
		add("%s up to block %d dropped since they were old", plural(f.Pruned, "payload"), f.PrunedHeight)
	}
	if f.Missing > 0 {
		add("%s missing, peers are asked for them", plural(f.Missing, "payload"))
	}
	switch {
	case f.Pruning == client.PruningRefused:
		add("those older than %v are kept: no connected peer has all of them", time.Duration(f.PruneAfterSeconds)*time.Second)
	case f.PruneAfterSeconds > 0:
		add("kept for %v", time.Duration(f.PruneAfterSeconds)*time.Second)
	}
	return strings.Join(words, "; ")
}

// peerWords counts the peers by who called whom.
func peerWords(n client.Node) string {
	words := fmt.Sprint(n.Peers)
	if n.Peers > 0 {
		words += fmt.Sprintf(" (%d inbound, %d outbound)", n.Links.Inbound, n.Links.Outbound)
	}
	if n.Links.Introducers > 0 {
		words += ", and " + plural(n.Links.Introducers, "introducer")
	}
	return words
}

// knownWords says how many nodes could be called.
func knownWords(l client.Links) string {
	words := plural(l.Known, "node")
	if l.DHTNodes != nil {
		words += ", and " + plural(*l.DHTNodes, "node") + " of the DHT to ask for more"
	}
	return words
}

// reachWords says how a node is reached and what that lacks, nothing where it does nothing for it and
// nothing is known.
func reachWords(n client.Node) string {
	l := n.Links
	found := map[string]string{
		"public":  "nodes outside of the local network reach this one",
		"relayed": "nodes outside of the local network reach this one through relays",
		"private": "nodes outside of the local network do not reach this one",
		"unknown": "not known yet whether nodes outside of the local network reach this one",
	}[l.Reachable]
	if l.Reach == "direct" && l.Reachable == "unknown" {
		return ""
	}
	if lacks := reachLacks(n); lacks != "" {
		found += "; " + lacks
	}
	return printable(l.Reach) + ": " + found
}

// reachLacks says what a node needs to be reached, or to find out whether it is.
func reachLacks(n client.Node) string {
	switch l := n.Links; {
	case l.Reachable != "unknown" && l.Reachable != "private", l.Reach == "direct":
		return ""
	case n.Peers+l.Introducers == 0:
		return "there is no peer to try it"
	case l.Reach == "nat" && l.Relays == 0:
		return "no peer relays: start one that all reach with --reach relay"
	case l.Reachable == "unknown" && !slices.ContainsFunc(n.Addresses, isPublic):
		return "all its addresses are private: name the one that others use with --announce"
	}
	return ""
}

// isPublic reports whether an address is one of the internet.
func isPublic(addr string) bool {
	a, err := multiaddr.NewMultiaddr(addr)
	return err == nil && manet.IsPublicAddr(a)
}

// miningWords says what the miner does.
func miningWords(m client.Mining) string {
	switch {
	case len(m.Paused) > 0:
		return fmt.Sprintf("paused: %s", printable(strings.Join(m.Paused, ", ")))
	case m.Working:
		return fmt.Sprintf("%s, at block %d, %.2f million hashes a second, %s sealed", m.Mode, m.Height, m.HashRate/1e6, plural(m.Sealed, "block"))
	case m.Mode == "off":
		return "off"
	}
	return fmt.Sprintf("%s, idle, %s sealed", m.Mode, plural(m.Sealed, "block"))
}
