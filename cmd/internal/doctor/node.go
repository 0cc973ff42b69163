package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/store"
)

// nodePatience is how long the node has to answer.
const nodePatience = 3 * time.Second

// lookAtNode finds out whether a node runs in the directory, and keeps what it says of itself.
func (e *exam) lookAtNode(ctx context.Context) []Finding {
	e.holder = e.system.lock(e.cfg.Dir)
	address, err := node.ReadAddress(e.cfg.Dir)
	if errors.Is(err, node.ErrNoAddress) {
		return e.noAddress(err)
	}
	if err != nil {
		return one(Problem, err.Error(), "commands find the node by this file", "run this as the user whose node it is")
	}
	c, n, err := e.ask(ctx, address, "")
	if errors.Is(err, client.ErrUnauthorized) && e.holder != 0 && e.holder == address.PID {
		c.Close() // it is the node itself, so it may see its token
		token, _ := node.ReadToken(e.cfg.Dir)
		c, n, err = e.ask(ctx, address, token)
	}
	if c == nil {
		return one(Problem, fmt.Sprintf("the address file holds %q, which is no address", address.URL), "commands find the node by it", "start the node anew: it writes the file")
	}
	if err != nil || n.PeerID != address.ID {
		c.Close()
		return e.notThere(address, err)
	}
	e.node, e.client = &n, c
	what := fmt.Sprintf("a node runs here: %s, version %s, API %s", n.PeerID, n.Version, address.URL)
	if n.Version != e.cfg.Version {
		return one(Note, what, "this program is version "+e.cfg.Version, "start the node anew to run it in this version")
	}
	return one(OK, what, "", "")
}

// ask returns what a node says of itself, and a client of it; none where its address is not one.
func (e *exam) ask(ctx context.Context, address node.Address, token string) (*client.Client, client.Node, error) {
	options, err := address.Options()
	if err != nil {
		return nil, client.Node{}, err
	}
	c, err := client.New(address.URL, append(options, client.WithTimeout(nodePatience), client.WithToken(token))...)
	if err != nil {
		return nil, client.Node{}, err
	}
	n, err := c.Node(ctx)
	return c, n, err
}

// noAddress says what it means that a directory holds no address.
func (e *exam) noAddress(err error) []Finding {
	if e.holder != 0 {
		return one(Note, fmt.Sprintf("process %d has the data folder, but leaves no address", e.holder),
			"it just starts, its API is off, or it is another command than a node", "")
	}
	if strings.Contains(err.Error(), "not the address") {
		return one(Warning, err.Error(), "no command finds a node by it", "start the node: it writes the file anew")
	}
	return one(Note, "no node runs in "+e.cfg.Dir, "", "start one with p2pchain")
}

// notThere says what it means that a node left its address, and does not answer there.
func (e *exam) notThere(address node.Address, err error) []Finding {
	switch {
	case e.holder != 0:
		return one(Problem, fmt.Sprintf("process %d has the data folder, but no node answers at %s", e.holder, address.URL),
			"it hangs, or is too busy to answer", "look at its log; stop it, if need be with kill -9: what it acknowledged is not lost")
	case err == nil || !errors.Is(err, client.ErrUnreachable):
		return one(Warning, fmt.Sprintf("something else answers at %s, where the node was", address.URL),
			"the node did not stop in order, and another program has its port now", "start the node: it finds another port and replaces the address file")
	}
	return one(Warning, "the node that ran here did not stop in order: its address file is still there",
		"it was killed, or the machine was; what it acknowledged is not lost", "start it again")
}

// lookAtNetwork tells of which network the directory is.
func (e *exam) lookAtNetwork(context.Context) []Finding {
	switch err := e.cfg.NetworkErr; {
	case err == nil:
	case errors.Is(err, store.ErrOtherNetwork):
		return one(Problem, err.Error(), "nodes with another genesis never mix", "choose the network of the folder, or another --data-dir or --name")
	case errors.Is(err, core.ErrBadParams):
		return one(Problem, err.Error(), "without its parameters there is no network", "get the parameter file again, or an invite")
	default:
		return one(Problem, err.Error(), "which network this is cannot be told", "check owner and mode of the data folder")
	}
	if e.node != nil && e.node.Network.ID != e.cfg.Network.ID() {
		return one(Problem, fmt.Sprintf("the node that runs here is on %s (%s), the settings say %s", e.node.Network.Name, e.node.Network.ID, e.cfg.Network),
			"nodes with another genesis never mix", "choose one of them with --network or --genesis, or another --data-dir or --name")
	}
	return one(OK, "network "+e.cfg.Network.String(), "", "")
}

// lookAtPeers tells how the running node is doing among the others.
func (e *exam) lookAtPeers(ctx context.Context) []Finding {
	if e.node == nil {
		return nil
	}
	n := e.node
	var found []Finding
	add := func(level Level, what, why, do string) {
		found = append(found, Finding{Level: level, What: what, Why: why, Do: do})
	}
	switch {
	case n.Peers > 0:
		add(OK, fmt.Sprintf("%d peers, tip %d, %s", n.Peers, n.Tip.Height, n.Sync.State), "", "")
	case n.Links.Introducers > 0:
		add(Warning, "the node is alone: it knows introducers, but they know nobody", "its messages are on this machine only", "start another node, or join one with --bootstrap or an invite")
	default:
		add(Warning, "the node is alone: it has no peers", "its messages are on this machine only", "join another one with --bootstrap or an invite; see what is said of multicast, firewall and bootstrap")
	}
	if n.Forgetting.Pruning == client.PruningRefused {
		add(Warning, "old payloads are kept in spite of --prune-payloads-after: no connected peer has all of them",
			"in a network in which no node has a payload it is lost", "connect to a node that keeps everything: one without --prune-payloads-after, synced from the start")
	}
	for _, reason := range n.Mining.Paused {
		add(Warning, "mining pauses: "+reason, "messages wait for blocks of others", "")
	}
	if err := e.client.Ready(ctx); err != nil {
		level := Problem
		if n.Sync.State != "synced" && n.Sync.State != "alone" {
			level = Note // it is on its way
		}
		add(level, "the node is not ready: "+err.Error(), "", "")
	}
	return found
}
