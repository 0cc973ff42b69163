package proof

import (
	"crypto/sha256"
	"crypto/sha512"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// chained makes a proof from a chain whose headers were edited: everything on top of them is right.
func chained(options ...sceneOption) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t, options...)
		seen := -1
		for i, h := range s.hashes[:at] {
			if h == s.m.Seen {
				seen = i
			}
		}
		return s.compose(s.m, at, seen, len(s.blocks)-1).Encode()
	}
}

func workOf(n uint64) core.Work { return core.NewWork(0, n) }

// harderBits are a target that the network test allows, of 256 hashes.
const harderBits = 0x2000ffff

// withBits sets bits and the work that a chain of the lowest difficulty before them has.
func withBits(height uint64, bits core.Bits) sceneOption {
	return withHeader(height, func(h *core.Header) {
		own, err := ownWork(h)
		if err == nil {
			h.Work = h.Work.Sub(own)
		}
		h.Bits = bits
		if own, err = ownWork(h); err == nil {
			h.Work, _ = h.Work.Add(own)
		}
	})
}

func forgedBlocks() []forgery {
	block := func(name, code string, edit func(*core.Header), options ...sceneOption) forgery {
		return forgery{"block-" + name, code, "block", chained(append(options, withHeader(at, edit))...)}
	}
	tipOnly := withBlocks(at) // where nothing can follow
	genesis := coretestGenesis()
	return append([]forgery{
		{"block-genesis", WrongHeight, "block", edited(func(p *Proof) { p.Block = genesis })},
		{"block-easier-than-network", WrongBits, "block", chained(tipOnly, withBits(at, 0x2010ffff))},
		{"block-fixed-other-bits", WrongBits, "block", chained(withParams(isFixed), withBits(at, harderBits))},
		{"block-target-below-128-bits", WrongWork, "block", chained(tipOnly, withBits(at, 0x107fffff))},
		{"block-without-work", NoProofOfWork, "block", chained(withSealed(at, unsealed))},
		block("height-0", WrongHeight, func(h *core.Header) { h.Height = 0 }),
		block("height-of-next", WrongTime, func(h *core.Header) { h.Height = 5000 }, tipOnly),
		block("height-largest", WrongTime, func(h *core.Header) { h.Height = 1<<64 - 1 }, tipOnly),
		block("too-many-messages", WrongMessageCount, func(h *core.Header) { h.MessageCount = 32769 }),
		block("count-largest", WrongMessageCount, func(h *core.Header) { h.MessageCount = 1<<32 - 1 }),
		block("classic-two-messages", WrongMessageCount, func(h *core.Header) { h.MessageCount = 2 }, isClassic),
		block("classic-no-message", WrongMessageCount, func(h *core.Header) { h.MessageCount = 0 }, isClassic),
		block("nonce-53-bits", WrongNonce, func(h *core.Header) { h.Nonce = 1 << 53 }),
		block("after-9999", WrongTime, func(h *core.Header) { h.TimeMS = core.MaxTimeMS + 1 }, tipOnly),
		block("before-genesis", WrongTime, func(h *core.Header) { h.TimeMS = 946684799999 }),
		block("too-early-for-height", WrongTime, func(h *core.Header) { h.TimeMS, h.BusyMS = 946684800000+at-1, 1 }),
		block("busy-0", WrongBusy, func(h *core.Header) { h.BusyMS = 0 }),
		block("busy-over-four-intervals", WrongBusy, func(h *core.Header) { h.BusyMS = 801 }, tipOnly),
		block("busy-longer-than-chain", WrongBusy, func(h *core.Header) { h.TimeMS, h.BusyMS = 946684800000+at-1+50, 51 }, tipOnly),
		block("fixed-busy", WrongBusy, func(h *core.Header) { h.BusyMS = 1 }, withParams(isFixed)),
		block("bits-zero", WrongBits, func(h *core.Header) { h.Bits = 0 }, tipOnly),
		block("bits-mantissa-zero", WrongBits, func(h *core.Header) { h.Bits = 0x20000000 }, tipOnly),
		block("bits-sign", WrongBits, func(h *core.Header) { h.Bits = 0x1f80ffff }, tipOnly),
		block("bits-not-shortest", WrongBits, func(h *core.Header) { h.Bits = 0x21000fff }, tipOnly),
		block("bits-low-digits", WrongBits, func(h *core.Header) { h.Bits = 0x01000001 }, tipOnly),
		block("bits-over-256", WrongBits, func(h *core.Header) { h.Bits = 0x22010000 }, tipOnly),
		block("bits-largest", WrongBits, func(h *core.Header) { h.Bits = 0xffffffff }, tipOnly),
		block("work-too-little", WrongWork, func(h *core.Header) { h.Work = workOf(16*at - 1) }),
		block("work-zero", WrongWork, func(h *core.Header) { h.Work = workOf(0) }),
		block("fixed-work-too-much", WrongWork, func(h *core.Header) { h.Work = workOf(16*at + 1) }, withParams(isFixed)),
	}, forgedFirst()...)
}

func coretestGenesis() core.Header {
	p, _ := core.Builtin("test")
	n, err := core.NewNetwork(p)
	if err != nil {
		panic(err)
	}
	return n.Header
}

// forgedFirst are blocks of height 1, whose parent everybody knows.
func forgedFirst() []forgery {
	first := func(name, code string, before, last func(*core.Header), classic bool) forgery {
		return forgery{"first-" + name, code, "block", func(t testing.TB) []byte {
			n := coretest.Network(t)
			if classic {
				n = coretest.Builtin(t, "classic", func(p *core.Params) { p.Name, p.Difficulty = "classic-2", 2 })
			}
			w := newWorld(t, n)
			w.edits = map[uint64]edit{1: {before, last}}
			m := coretest.Message(t, n, coretest.Key(2), "first")
			w.next(m)
			return w.compose(m, 1, -1, 1).Encode()
		}}
	}
	return []forgery{
		first("on-another-genesis", WrongPreviousHash, func(h *core.Header) { h.PreviousHash[0] ^= 1 }, nil, false),
		first("harder-bits", WrongBits, func(h *core.Header) { h.Bits, h.Work = harderBits, workOf(256) }, nil, false),
		first("too-much-work", WrongWork, func(h *core.Header) { h.Work = workOf(17) }, nil, false),
		first("other-history", WrongHistoryRoot, func(h *core.Header) { h.HistoryRoot = (core.Frontier{}).Root() }, nil, false),
		first("classic-nonce", NoProofOfWork, nil, func(h *core.Header) { h.Nonce++ }, true),
	}
}

// withRoot gives the message's block a root of its own.
func withRoot(root func(leaves []core.Leaf) core.Hash) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t)
		leaves := s.blocks[at].Leaves()
		again := newScene(t, withHeader(at, func(h *core.Header) { h.MessageRoot = root(leaves) }))
		return again.compose(again.m, at, seenAt, lastAt).Encode()
	}
}

// secondSignature signs with another nonce than RFC 8032 would: as valid, but not what the block has.
func secondSignature(p *Proof) {
	digest := sha512.Sum512(coretest.Key(1).Seed())
	digest[0] &= 248
	digest[31] = digest[31]&127 | 64
	a, err := scalar.NewFromBytesModOrder(digest[:32])
	if err != nil {
		panic(err)
	}
	r := scalar.NewFromUint64(424242)
	p.Message.Signature, _ = handSign(compress(multiple(r)), r, a, p.Message.Author, p.Message.ID)
	if consensus.CheckSignature(p.Message) != nil {
		panic("the second signature is not valid")
	}
}

func forgedPlaces() []forgery {
	place := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"place-" + name, code, "block", make}
	}
	sum := func(parts ...[]byte) core.Hash { return sha256.Sum256(slices.Concat(parts...)) }
	path := func(change func([]core.Hash) []core.Hash) func(testing.TB) []byte {
		return edited(func(p *Proof) { p.Path = change(slices.Clone(p.Path)) })
	}
	resigned := func(key int, change func(*core.Message)) func(testing.TB) []byte {
		return func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			change(p.Message)
			signAgain(s.n, p.Message, key)
			return p.Encode()
		}
	}
	return []forgery{
		place("position-is-count", WrongPosition, edited(func(p *Proof) { p.Position = 3 })),
		place("position-largest", WrongPosition, respelled(`"position":1`, `"position":999999999999999`)),
		place("position-wraps-32-bits", WrongPosition, respelled(`"position":1`, `"position":4294967297`)),
		place("empty-block", WrongPosition, chained(withHeader(at, func(h *core.Header) { h.MessageCount = 0 }))),
		place("other-position", MessagePath, edited(func(p *Proof) { p.Position = 0 })),
		place("last-position", MessagePathLength, edited(func(p *Proof) { p.Position = 2 })),
		place("path-too-short", MessagePathLength, path(func(p []core.Hash) []core.Hash { return p[:1] })),
		place("path-too-long", MessagePathLength, path(func(p []core.Hash) []core.Hash { return append(p, core.Hash{}) })),
		place("path-empty", MessagePathLength, path(func([]core.Hash) []core.Hash { return nil })),
		place("path-of-root", MessagePathLength, func(t testing.TB) []byte {
			p := newScene(t).proof()
			p.Path = append(p.Path, p.Block.MessageRoot)
			return p.Encode()
		}),
		place("path-swapped", MessagePath, path(func(p []core.Hash) []core.Hash { slices.Reverse(p); return p })),
		place("path-changed", MessagePath, path(func(p []core.Hash) []core.Hash { p[1][31] ^= 1; return p })),
		place("count-too-large", MessagePathLength, chained(withHeader(at, func(h *core.Header) { h.MessageCount = 5 }), withBlocks(at),
			func(o *sceneOptions) { o.alone = true })),
		place("other-block", MessagePath, func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			p.Message = coretest.MessageWith(t, s.n, coretest.Key(1), "never sent", func(m *core.Message) { m.Seen = p.Message.Seen })
			return p.Encode()
		}),
		place("backdated-by-author", MessagePath, resigned(1, func(m *core.Message) { m.TimeMS -= 1000 })),
		place("stolen-by-other-author", MessagePath, resigned(2, func(m *core.Message) { m.Author = coretest.Author(2) })),
		place("second-signature", MessagePath, edited(secondSignature)),
		place("leaf-without-prefix", MessagePath, withRoot(func(l []core.Leaf) core.Hash {
			plain := func(i int) core.Hash { b := l[i].Bytes(); return sum(b[:]) }
			return nodeHash(nodeHash(plain(0), plain(1)), plain(2))
		})),
		place("leaf-with-prefix-of-node", MessagePath, withRoot(func(l []core.Leaf) core.Hash {
			node := func(i int) core.Hash { b := l[i].Bytes(); return sum([]byte{1}, b[:]) }
			return nodeHash(nodeHash(node(0), node(1)), node(2))
		})),
		place("node-without-prefix", MessagePath, withRoot(func(l []core.Leaf) core.Hash {
			join := func(a, b core.Hash) core.Hash { return sum(a[:], b[:]) }
			return join(join(leafHash(&l[0]), leafHash(&l[1])), leafHash(&l[2]))
		})),
		place("node-with-prefix-of-leaf", MessagePath, withRoot(func(l []core.Leaf) core.Hash {
			join := func(a, b core.Hash) core.Hash { return sum([]byte{0}, a[:], b[:]) }
			return join(join(leafHash(&l[0]), leafHash(&l[1])), leafHash(&l[2]))
		})),
		place("leaf-of-id-alone", MessagePath, withRoot(func(l []core.Leaf) core.Hash {
			id := func(i int) core.Hash { return core.LeafHash(l[i].ID[:]) }
			return nodeHash(nodeHash(id(0), id(1)), id(2))
		})),
		place("last-leaf-twice", MessagePath, withRoot(func(l []core.Leaf) core.Hash { // as Bitcoin's trees do
			return nodeHash(nodeHash(leafHash(&l[0]), leafHash(&l[1])), nodeHash(leafHash(&l[2]), leafHash(&l[2])))
		})),
	}
}

// other is a branch beside the scene's, from the block at a height on; its first block differs in its
// time.
func (s *scene) other(from, count int) *world {
	w := newWorld(s.t, s.n)
	w.blocks, w.hashes = slices.Clone(s.blocks[:from+1]), slices.Clone(s.hashes[:from+1])
	w.nextWith(func(h *core.Header) { h.TimeMS += 77 })
	w.grow(count - 1)
	return w
}
