package invite

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/bootstrap"
)

// A place is a peer and where it is.
type place struct {
	id    peer.ID
	key   []byte // 32 bytes
	addrs []ma.Multiaddr
}

// group puts the addresses of each peer together, in the order in which they come.
func group(addrs []string) ([]place, error) {
	var places []place
	if len(addrs) == 0 {
		return nil, errors.New("no address to invite to")
	}
	if len(addrs) > MaxAddrs {
		return nil, fmt.Errorf("%d addresses, at most %d", len(addrs), MaxAddrs)
	}
	for _, text := range addrs {
		transport, id, err := readAddr(text)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(places, func(p place) bool { return p.id == id })
		if at < 0 {
			key, err := rawKey(id)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", text, err)
			}
			at, places = len(places), append(places, place{id: id, key: key})
		}
		if !ma.Contains(places[at].addrs, transport) {
			places[at].addrs = append(places[at].addrs, transport)
		}
	}
	if len(places) > MaxPeers {
		return nil, fmt.Errorf("%d peers, at most %d", len(places), MaxPeers)
	}
	return places, nil
}

// readAddr takes an address apart that bootstrap can dial.
func readAddr(text string) (ma.Multiaddr, peer.ID, error) {
	if _, err := bootstrap.ParseSeed(text); err != nil {
		return nil, "", err
	}
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, "", err // a URL, which names no peer
	}
	transport, id := peer.SplitAddr(a)
	if id == "" {
		return nil, "", fmt.Errorf("%s: %w", text, bootstrap.ErrNoPeerID)
	}
	if len(transport.Bytes()) > 255 {
		return nil, "", fmt.Errorf("%.100s…: longer than 255 bytes", text)
	}
	return transport, id, nil
}

// rawKey returns the public key that a peer id is.
func rawKey(id peer.ID) ([]byte, error) {
	key, err := id.ExtractPublicKey()
	if err != nil || key.Type() != crypto.Ed25519 {
		return nil, errors.New("its peer id is not an Ed25519 key")
	}
	return key.Raw()
}

func appendPeers(b []byte, places []place) []byte {
	b = append(b, byte(len(places)))
	for _, p := range places {
		b = append(append(b, p.key...), byte(len(p.addrs)))
		for _, a := range p.addrs {
			b = append(append(b, byte(len(a.Bytes()))), a.Bytes()...)
		}
	}
	return b
}

// A rawPeer is a peer as an invite has it, not looked into yet.
type rawPeer struct {
	key   []byte
	addrs [][]byte
}

func (r *reader) peers() []rawPeer {
	count := int(r.byte())
	if r.err == nil && (count < 1 || count > MaxPeers) {
		r.err = fmt.Errorf("%d peers, want 1 to %d", count, MaxPeers)
	}
	var peers []rawPeer
	all := 0
	for range count {
		p := rawPeer{key: r.take(ed25519.PublicKeySize)}
		addrs := int(r.byte())
		if all += addrs; r.err == nil && (addrs < 1 || all > MaxAddrs) {
			r.err = fmt.Errorf("%d addresses of a peer, want at least 1, and at most %d of all", addrs, MaxAddrs)
		}
		for range addrs {
			if r.err != nil {
				return nil
			}
			p.addrs = append(p.addrs, r.take(int(r.byte())))
		}
		peers = append(peers, p)
	}
	return peers
}

// ungroup turns peers into addresses, each of which bootstrap can dial and stands once.
func ungroup(peers []rawPeer) ([]string, error) {
	var out []string
	seen := make(map[string]bool)
	for _, p := range peers {
		if seen[string(p.key)] {
			return nil, errors.New("a peer stands twice")
		}
		seen[string(p.key)] = true
		key, err := crypto.UnmarshalEd25519PublicKey(p.key)
		if err != nil {
			return nil, err
		}
		id, err := peer.IDFromPublicKey(key)
		if err != nil {
			return nil, err
		}
		for _, raw := range p.addrs {
			text, err := fullAddr(raw, id)
			if err != nil {
				return nil, err
			}
			if slices.Contains(out, text) {
				return nil, fmt.Errorf("address %s stands twice", text)
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// fullAddr reads a binary multiaddr and returns it with its peer. It must be what its text says, so
// that nobody is shown one address and dials another.
func fullAddr(raw []byte, id peer.ID) (string, error) {
	a, err := ma.NewMultiaddrBytes(raw)
	if err != nil {
		return "", fmt.Errorf("an address in it: %w", err)
	}
	text := a.String() + "/p2p/" + id.String()
	transport, owner, err := readAddr(text)
	if err != nil {
		return "", err
	}
	if owner != id || string(transport.Bytes()) != string(raw) {
		return "", fmt.Errorf("address %s is not in its usual form", text)
	}
	return text, nil
}
