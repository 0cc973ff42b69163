package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"p2pchain/api"
	"p2pchain/cmd/internal/invite"
	"p2pchain/core"
)

// ErrNoInvite means that nobody can say yet where a node is, so nobody can be invited to it.
var ErrNoInvite = errors.New("no address to invite to")

const (
	inviteFile = "invite.txt"
	// An invite is a short text: these many addresses of the node itself, and of the nodes that it
	// was told to join, which help where it is off or behind a router.
	inviteOwn    = 4
	inviteOthers = 3
)

// Invite returns what others join the node's network with.
func (n *Node) Invite() (api.Invite, error) {
	return makeInvite(n.cfg.Network, n.Addrs(), n.cfg.Announce, n.seeds)
}

// leaveInvite writes the invite down, for when the node does not run. Not being able to is no reason
// not to start, or not to stop.
func (n *Node) leaveInvite() {
	made, err := n.Invite()
	if errors.Is(err, ErrNoInvite) {
		return
	}
	if err == nil {
		err = keepInvite(n.cfg.Dir, made)
	}
	if err != nil {
		n.log.Warn("leaving an invite in the data directory", "err", err)
	}
}

// keepInvite writes an invite into a data directory.
func keepInvite(dir string, i api.Invite) error {
	return replaceFile(filepath.Join(dir, inviteFile), []byte(i.Invite+"\n"), 0o600)
}

// renewInvite writes the invite down again at the end, with the addresses that were learned since the
// start, unless the machine has just lost its network.
func (n *Node) renewInvite() error {
	if made, err := n.Invite(); err == nil && !made.LocalOnly {
		n.leaveInvite()
	}
	return nil
}

// KeptInvite returns the invite of a node that does not run: with the addresses that it had last, or
// with others, which may lack the node's peer id. ErrNoInvite where neither is known.
func KeptInvite(dir string, addrs []string) (api.Invite, error) {
	if len(addrs) > 0 {
		return inviteTo(dir, addrs)
	}
	path := filepath.Join(dir, inviteFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return api.Invite{}, fmt.Errorf("%s: no node ran here yet: %w", dir, ErrNoInvite)
	}
	if err != nil {
		return api.Invite{}, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	i, err := invite.Parse(string(text))
	if err != nil {
		return api.Invite{}, fmt.Errorf("%s: %w", path, err)
	}
	network, err := FindNetwork(dir, NetworkChoice{})
	if err != nil {
		return api.Invite{}, err
	}
	if network.Genesis != i.Network.Genesis { // its chain was set aside, and it did not run since
		return api.Invite{}, fmt.Errorf("%s is for another network than %s: %w", path, network, ErrNoInvite)
	}
	return encodeInvite(i)
}

// inviteTo makes an invite to the node of a data directory at addresses that its user knows.
func inviteTo(dir string, addrs []string) (api.Invite, error) {
	network, err := FindNetwork(dir, NetworkChoice{})
	if err != nil {
		return api.Invite{}, err
	}
	key, err := Identity(dir)
	if err != nil {
		return api.Invite{}, err
	}
	return encodeInvite(invite.Invite{Network: network, Addrs: withPeer(addrs, key.PeerID)})
}

// InviteTo returns an invite like another one, but with the addresses that the user says the node with
// this peer id has.
func InviteTo(text, id string, addrs []string) (api.Invite, error) {
	i, err := invite.Parse(text)
	if err != nil {
		return api.Invite{}, err
	}
	i.Addrs = withPeer(addrs, id)
	return encodeInvite(i)
}

// withPeer ends addresses with a peer id where they have none.
func withPeer(addrs []string, id string) []string {
	out := make([]string, len(addrs))
	for i, addr := range addrs {
		out[i] = addr
		a, err := multiaddr.NewMultiaddr(addr)
		if _, owner := peer.SplitAddr(a); err == nil && owner == "" {
			out[i] += "/p2p/" + id
		}
	}
	return out
}

// makeInvite chooses among addresses, some of which were announced by the user, and adds some of the
// seeds.
func makeInvite(n *core.Network, addrs, announced, seeds []string) (api.Invite, error) {
	own, local := chooseAddrs(addrs, announced)
	own = own[:min(len(own), inviteOwn)]
	others := farSeeds(n, seeds)
	if local && len(others) > 0 {
		own = nil // whoever reads it elsewhere would dial itself
	}
	if len(own)+len(others) == 0 {
		return api.Invite{}, fmt.Errorf("no other node can reach this one: %w", ErrNoInvite)
	}
	return encodeInvite(invite.Invite{Network: n, Addrs: append(own, others...)})
}

// encodeInvite writes an invite in all the forms that the API has.
func encodeInvite(i invite.Invite) (api.Invite, error) {
	text, err := i.Encode()
	if err != nil {
		return api.Invite{}, err
	}
	local := !slices.ContainsFunc(i.Addrs, func(addr string) bool { return !IsLocal(addr) })
	return api.Invite{
		Invite: text, Network: i.Network.Params.Name, NetworkID: i.Network.ID(), Addresses: i.Addrs, LocalOnly: local,
	}, nil
}

// farSeeds returns the first seeds that are addresses of peers outside of this machine. One that no invite
// holds, as of a peer with another kind of key, is left out: it must not spoil the rest.
func farSeeds(n *core.Network, seeds []string) []string {
	var far []string
	for _, seed := range seeds {
		a, err := multiaddr.NewMultiaddr(seed)
		if err != nil {
			continue // a URL
		}
		if _, id := peer.SplitAddr(a); id == "" || IsLocal(seed) || len(far) == inviteOthers || slices.Contains(far, seed) {
			continue
		}
		if _, err := (invite.Invite{Network: n, Addrs: []string{seed}}).Encode(); err == nil {
			far = append(far, seed)
		}
	}
	return far
}
