package node

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p"
)

// ErrIdentity means that the file with the node's key cannot be read or written, or holds none.
var ErrIdentity = p2p.ErrIdentity

// A KeyInfo says who the node of a data directory is. The peer id is the public key in libp2p's form.
type KeyInfo struct {
	PublicKey core.PublicKey `json:"public_key"`
	PeerID    string         `json:"peer_id"`
	File      string         `json:"file"`
}

// Identity returns who the node of a data directory is. The first call makes the directory and the
// key.
func Identity(dir string) (KeyInfo, error) {
	if err := makeDirectory(dir); err != nil {
		return KeyInfo{}, err
	}
	key, err := loadKey(dir)
	if err != nil {
		return KeyInfo{}, err
	}
	return keyInfo(dir, key)
}

// PeerID returns the peer id of the node of a data directory, empty where it has no key yet. Unlike
// Identity it makes nothing.
func PeerID(dir string) (string, error) {
	if !exists(filepath.Join(dir, identityFile)) {
		return "", nil
	}
	id, err := Identity(dir)
	return id.PeerID, err
}

// loadKey reads the key of a data directory, and makes it where there is none.
func loadKey(dir string) (crypto.PrivKey, error) {
	key, err := p2p.LoadIdentity(filepath.Join(dir, identityFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	return key, nil
}

func keyInfo(dir string, key crypto.PrivKey) (KeyInfo, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return KeyInfo{}, fmt.Errorf("peer id of the key: %w", err)
	}
	author, err := authorKey(key)
	if err != nil {
		return KeyInfo{}, err
	}
	public := core.PublicKey(author.Public().(ed25519.PublicKey))
	return KeyInfo{public, id.String(), filepath.Join(dir, identityFile)}, nil
}

// authorKey returns a node's key in the form in which it signs messages.
func authorKey(key crypto.PrivKey) (ed25519.PrivateKey, error) {
	raw, err := key.Raw()
	if err != nil {
		return nil, fmt.Errorf("reading the node's key: %w", err)
	}
	if key.Type() != crypto.Ed25519 || len(raw) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("the node's key is of type %v, want Ed25519", key.Type())
	}
	return ed25519.PrivateKey(raw), nil
}
