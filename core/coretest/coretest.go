// Package coretest makes keys, messages, blocks and forks for tests.
//
// Everything is deterministic: the same arguments give the same bytes in every run. Networks are at
// the lowest difficulty, so that a block is mined within microseconds. Whatever cannot be made ends
// the test.
package coretest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// maxTries bounds the search for a nonce; the lowest difficulty needs 16 on average.
const maxTries = 1 << 24

// Key returns the i-th key.
func Key(i int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "p2pchain/coretest/key/%d", i))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Author returns the public half of the i-th key.
func Author(i int) core.PublicKey {
	return core.PublicKey(Key(i).Public().(ed25519.PublicKey))
}

// Sequential skips t where tests are short, as under the race detector: t does much, one thing after another, which takes
// ten times as long there and has nothing to race with.
func Sequential(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long and sequential: nothing for the race detector")
	}
}

// Network returns the built-in network "test", whose time starts in 2000 as that of
// testing/synctest does, with its parameters edited.
func Network(t testing.TB, edits ...func(*core.Params)) *core.Network {
	t.Helper()
	return Builtin(t, "test", edits...)
}

// Builtin returns a built-in network with its parameters edited.
func Builtin(t testing.TB, name string, edits ...func(*core.Params)) *core.Network {
	t.Helper()
	p, ok := core.Builtin(name)
	if !ok {
		t.Fatalf("no built-in network %q", name)
	}
	for _, edit := range edits {
		edit(&p)
	}
	n, err := core.NewNetwork(p)
	if err != nil {
		t.Fatalf("network: %v", err)
	}
	return n
}

// Message returns a signed and stamped text message. Unlike core.Compose it takes salt, nonce and
// time from its arguments: the same ones give the same message, with the same id.
func Message(t testing.TB, n *core.Network, key ed25519.PrivateKey, text string) *core.Message {
	t.Helper()
	return MessageWith(t, n, key, text, func(*core.Message) {})
}

// MessageWith is Message with the message edited before it is stamped and signed. The commitment
// and the size of the payload are those of the body before the edit.
func MessageWith(t testing.TB, n *core.Network, key ed25519.PrivateKey, text string, edit func(*core.Message)) *core.Message {
	t.Helper()
	seed := sha256.Sum256(append([]byte("p2pchain/coretest/message/"), text...))
	body := &core.Body{Salt: [core.SaltSize]byte(seed[:]), Payload: []byte(text)}
	m := &core.Message{Body: body, Envelope: core.Envelope{
		Author:      core.PublicKey(key.Public().(ed25519.PublicKey)),
		TimeMS:      n.Params.GenesisTimeMS,
		Seen:        n.Genesis,
		Nonce:       binary.BigEndian.Uint64(seed[core.SaltSize:]),
		PayloadSize: uint32(len(text)),
		Commitment:  core.Commit(body.Salt, body.Payload),
	}}
	edit(m)
	for range maxTries {
		m.ID = m.Envelope.ID(n.Genesis)
		if core.Stamped(m.ID, n.Params.StampBits) {
			m.Signature = core.Signature(ed25519.Sign(key, m.ID[:]))
			return m
		}
		m.Nonce++
	}
	t.Fatalf("no stamp of %d bits found", n.Params.StampBits)
	return nil
}

// Messages returns count messages of key 0 whose texts are prefix/0, prefix/1, …
func Messages(t testing.TB, n *core.Network, prefix string, count int) []*core.Message {
	t.Helper()
	msgs := make([]*core.Message, count)
	for i := range msgs {
		msgs[i] = Message(t, n, Key(0), fmt.Sprintf("%s/%d", prefix, i))
	}
	return msgs
}

// WithoutBodies returns a copy of a block that lacks every body.
func WithoutBodies(b *core.Block) *core.Block {
	out := &core.Block{Header: b.Header, Messages: make([]*core.Message, len(b.Messages))}
	for i, m := range b.Messages {
		bare := *m
		bare.Body = nil
		out.Messages[i] = &bare
	}
	return out
}

// Seal searches a nonce from h.Nonce upwards that meets the target of h.Bits, or the network's floor
// where these are no target.
func Seal(t testing.TB, n *core.Network, parent, h *core.Header) {
	t.Helper()
	target, err := h.Bits.Target()
	if err != nil {
		target = n.Floor
	}
	for range maxTries {
		met := false
		if n.Params.Pow == core.PowClassic {
			met = consensus.ClassicMet(consensus.ClassicProof(parent, h.Nonce), n.Params.Difficulty)
		} else {
			met = target.MetBy(h.Hash())
		}
		if met {
			return
		}
		h.Nonce++
	}
	t.Fatalf("no nonce found for target %v", target)
}
