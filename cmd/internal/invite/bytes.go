package invite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"p2pchain/core"
)

const (
	genesisBytes = 8
	ownNetwork   = 0 // parameters follow
)

var errShort = errors.New("cut off")

// builtins are the networks that have a byte of their own. The list is part of the format: a network
// that is built in later goes with its parameters.
func builtins() map[byte]string { return map[byte]string{1: "main", 2: "classic", 3: "test"} }

// builtin returns the byte of a network, ownNetwork if it has none.
func builtin(n *core.Network) byte {
	for kind, name := range builtins() {
		if p, ok := core.Builtin(name); ok && p.Hash() == n.Header.MessageRoot {
			return kind
		}
	}
	return ownNetwork
}

func appendNetwork(b []byte, n *core.Network) []byte {
	kind := builtin(n)
	b = append(b, kind)
	if kind != ownNetwork {
		return b
	}
	p := &n.Params
	b = append(append(b, byte(len(p.Name))), p.Name...)
	b = append(append(b, byte(len(p.Text))), p.Text...)
	b = binary.AppendUvarint(b, p.GenesisTimeMS)
	pow := byte(0)
	if p.Pow == core.PowClassic {
		pow = 1
	}
	b = append(b, pow, byte(p.Difficulty))
	b = binary.AppendUvarint(b, p.BlockIntervalMS)
	for _, v := range []int{p.MaxPayloadBytes, p.MaxBlockMessages, p.MaxBlockBytes} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	b = append(b, byte(p.StampBits))
	b = binary.AppendUvarint(b, uint64(len(p.Authors)))
	for _, key := range p.Authors {
		b = append(b, key[:]...)
	}
	return b
}

// decode reads the bytes of an invite.
func decode(raw []byte) (Invite, error) {
	r := &reader{rest: raw}
	n, err := r.network()
	if err != nil {
		return Invite{}, err
	}
	genesis := r.take(genesisBytes)
	if r.err == nil && string(genesis) != string(n.Genesis[:genesisBytes]) {
		return Invite{}, fmt.Errorf("it is for network %x, but what it says of it makes %v", genesis, n)
	}
	peers := r.peers()
	if r.err == nil && len(r.rest) > 0 {
		r.err = errors.New("something follows")
	}
	if r.err != nil {
		return Invite{}, r.err
	}
	addrs, err := ungroup(peers)
	return Invite{n, addrs}, err
}

// A reader takes bytes apart until its first error; from then on everything is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && len(r.rest) < n {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); r.err == nil {
		return b[0]
	}
	return 0
}

func (r *reader) text() string { return string(r.take(int(r.byte()))) }

// number reads a varint in its shortest form.
func (r *reader) number() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.rest)
	switch {
	case n == 0:
		r.err = errShort
		return 0
	case n < 0 || n > 1 && r.rest[n-1] == 0:
		r.err = errors.New("a number is not in its shortest form")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// int reads a number that fits an int everywhere.
func (r *reader) int() int {
	v := r.number()
	if v > math.MaxInt32 {
		r.err = errors.New("a number is too large")
		return 0
	}
	return int(v)
}

// network reads which network it is.
func (r *reader) network() (*core.Network, error) {
	kind := r.byte()
	if r.err != nil {
		return nil, r.err
	}
	if kind != ownNetwork {
		p, ok := core.Builtin(builtins()[kind])
		if !ok {
			return nil, fmt.Errorf("network number %d is unknown", kind)
		}
		return core.NewNetwork(p)
	}
	p := r.params()
	if r.err != nil {
		return nil, r.err
	}
	n, err := core.NewNetwork(p)
	if err != nil {
		return nil, err
	}
	if builtin(n) != ownNetwork {
		return nil, fmt.Errorf("network %s is spelled out", n)
	}
	return n, nil
}

func (r *reader) params() core.Params {
	p := core.Params{Name: r.text(), Text: r.text(), GenesisTimeMS: r.number()}
	switch pow := r.byte(); {
	case pow == 0:
		p.Pow = core.PowHeader
	case pow == 1:
		p.Pow = core.PowClassic
	case r.err == nil:
		r.err = fmt.Errorf("proof of work number %d is unknown", pow)
	}
	p.Difficulty = int(r.byte())
	p.BlockIntervalMS = r.number()
	p.MaxPayloadBytes, p.MaxBlockMessages, p.MaxBlockBytes = r.int(), r.int(), r.int()
	p.StampBits = int(r.byte())
	authors := r.int()
	if r.err == nil && authors > len(r.rest)/len(core.PublicKey{}) { // before room is made for them
		r.err = errShort
	}
	for range authors {
		if key := r.take(len(core.PublicKey{})); r.err == nil {
			p.Authors = append(p.Authors, core.PublicKey(key))
		}
	}
	return p
}
