package proof

import (
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// seeing makes a proof whose author saw a header that another hand made, with the history path that
// the true block at this height has, or would have.
func seeing(header func(s *scene) core.Header, place int) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		h := header(newScene(t))
		s := newScene(t, withMessage(func(m *core.Message) { m.Seen = h.Hash() }))
		p := s.compose(s.m, at, -1, lastAt)
		p.Seen = &Step{h, s.history(place, at)}
		return p.Encode()
	}
}

// made edits a block of a scene and mines it again.
func made(height int, change func(*core.Header)) func(*scene) core.Header {
	return func(s *scene) core.Header {
		h := s.blocks[height].Header
		change(&h)
		s.seal(&s.blocks[height-1].Header, &h)
		return h
	}
}

func seenPath(change func([]core.Hash) []core.Hash) func(testing.TB) []byte {
	return edited(func(p *Proof) { p.Seen.Path = change(slices.Clone(p.Seen.Path)) })
}

func forgedSeen() []forgery {
	seen := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"seen-" + name, code, "seen", make}
	}
	return []forgery{
		seen("other-block", SeenMismatch, func(t testing.TB) []byte { s := newScene(t); return s.compose(s.m, at, 3, lastAt).Encode() }),
		seen("genesis-instead", SeenMismatch, func(t testing.TB) []byte { s := newScene(t); return s.compose(s.m, at, 0, lastAt).Encode() }),
		seen("nonce-changed", SeenMismatch, edited(func(p *Proof) { p.Seen.Header.Nonce++ })),
		seen("time-changed", SeenMismatch, edited(func(p *Proof) { p.Seen.Header.TimeMS-- })),
		seen("later", SeenNotEarlier, seeing(func(s *scene) core.Header { return s.other(2, 5).blocks[at+2].Header }, 2)),
		seen("of-same-height", SeenNotEarlier, seeing(func(s *scene) core.Header { return s.other(2, 3).blocks[at].Header }, 2)),
		seen("height-largest", SeenNotEarlier, seeing(made(2, func(h *core.Header) { h.Height = 1<<64 - 1 }), 2)),
		seen("other-genesis", SeenNotGenesis, seeing(func(s *scene) core.Header {
			return coretest.Network(s.t, func(p *core.Params) { p.Text = "Another one." }).Header
		}, 0)),
		seen("genesis-edited", SeenNotGenesis, seeing(func(s *scene) core.Header { h := s.n.Header; h.TimeMS++; return h }, 0)),
		seen("without-work", NoProofOfWork, seeing(func(s *scene) core.Header { h := s.blocks[1].Header; unsealed(&h); return h }, 1)),
		seen("easier-than-network", WrongBits, seeing(made(1, func(h *core.Header) { h.Bits, h.Work = 0x207fffff, workOf(2) }), 1)),
		seen("too-many-messages", WrongMessageCount, seeing(made(1, func(h *core.Header) { h.MessageCount = 32769 }), 1)),
		seen("nonce-53-bits", WrongNonce, seeing(made(1, func(h *core.Header) { h.Nonce = 1 << 53 }), 1)),
		seen("busy-0", WrongBusy, seeing(made(1, func(h *core.Header) { h.BusyMS = 0 }), 1)),
		seen("on-other-genesis", WrongPreviousHash, seeing(made(1, func(h *core.Header) { h.PreviousHash[0] ^= 1 }), 1)),
		seen("less-work-than-height", WrongWork, seeing(made(2, func(h *core.Header) { h.Work = workOf(31) }), 2)),
		// A lower bound that is too late: the author names a block that he made up, at the price of its bits.
		seen("later-than-block", WrongTime, seeing(made(1, func(h *core.Header) { h.TimeMS += 3_600_000 }), 1)),
		seen("made-up", SeenPath, seeing(made(1, func(h *core.Header) { h.TimeMS += 300 }), 1)),
		seen("more-work-than-block", WrongWork, seeing(made(2, func(h *core.Header) { h.Bits = harderBits; h.Work = workOf(16 + 256) }), 2)),
		seen("beside-parent", WrongPreviousHash, seeing(func(s *scene) core.Header { return s.other(at-2, 1).blocks[at-1].Header }, at-1)),
		seen("of-side-branch", SeenPath, seeing(func(s *scene) core.Header { return s.other(0, 1).blocks[1].Header }, 1)),
		seen("of-other-network", WrongPreviousHash, seeing(func(s *scene) core.Header {
			w := newWorld(s.t, coretest.Network(s.t, func(p *core.Params) { p.Text = "Another one." }))
			w.grow(1)
			return w.blocks[1].Header
		}, 1)),
		seen("parent-with-other-bits", WrongBits, chained(withSeen(at-1), withBits(at, harderBits))),
		seen("parent-busy", WrongBusy, chained(withSeen(at-1), withHeader(at, func(h *core.Header) { h.BusyMS = 201 }))),
		seen("parent-work", WrongWork, chained(withSeen(at-1), withHeader(at, func(h *core.Header) { h.Work = workOf(16*at + 1) }))),
		seen("path-too-short", SeenPathLength, seenPath(func(p []core.Hash) []core.Hash { return p[:1] })),
		seen("path-too-long", SeenPathLength, seenPath(func(p []core.Hash) []core.Hash { return append(p, core.Hash{}) })),
		seen("path-empty", SeenPathLength, seenPath(func([]core.Hash) []core.Hash { return nil })),
		seen("path-swapped", SeenPath, seenPath(func(p []core.Hash) []core.Hash { slices.Reverse(p); return p })),
		seen("path-changed", SeenPath, seenPath(func(p []core.Hash) []core.Hash { p[0][0] ^= 0x80; return p })),
		seen("path-in-tree-of-tip", SeenPathLength, func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			p.Seen.Path = s.history(seenAt, lastAt)
			return p.Encode()
		}),
		seen("path-of-other-block", SeenPath, func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			p.Seen.Path = s.history(0, at)
			return p.Encode()
		}),
	}
}

// nextMade replaces the next block in a proof by one on the same block, changed and mined.
func nextMade(change func(*core.Header), keepTip bool) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t)
		p := s.proof()
		p.Next.Header = made(at+1, change)(s)
		if !keepTip {
			p.Next.Path, p.Tip = nil, nil
		}
		return p.Encode()
	}
}

func nextIs(header func(*scene) core.Header) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t)
		p := s.proof()
		p.Next.Header = header(s)
		return p.Encode()
	}
}

func forgedNext() []forgery {
	next := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"next-" + name, code, "next", make}
	}
	path := func(change func([]core.Hash) []core.Hash) func(testing.TB) []byte {
		return edited(func(p *Proof) { p.Next.Path = change(slices.Clone(p.Next.Path)) })
	}
	return []forgery{
		next("missing", NextMissing, edited(func(p *Proof) { p.Next = nil })),
		next("is-genesis", WrongHeight, nextIs(func(s *scene) core.Header { return s.n.Header })),
		next("is-block", WrongHeight, nextIs(func(s *scene) core.Header { return s.blocks[at].Header })),
		next("is-seen", WrongHeight, nextIs(func(s *scene) core.Header { return s.blocks[seenAt].Header })),
		next("is-one-later", WrongHeight, func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			p.Next = &Step{s.blocks[at+2].Header, s.history(at+2, lastAt)}
			return p.Encode()
		}),
		next("is-tip", WrongHeight, nextIs(func(s *scene) core.Header { return s.blocks[lastAt].Header })),
		next("on-other-block", WrongPreviousHash, nextIs(func(s *scene) core.Header { return s.other(at-1, 2).blocks[at+1].Header })),
		next("not-linked", WrongPreviousHash, nextMade(func(h *core.Header) { h.PreviousHash[31] ^= 1 }, false)),
		next("without-work", NoProofOfWork, nextIs(func(s *scene) core.Header { h := s.blocks[at+1].Header; unsealed(&h); return h })),
		next("of-easier-chain", WrongBits, nextMade(func(h *core.Header) { h.Bits = 0x2010ffff }, false)),
		next("of-harder-chain", WrongBits, nextMade(func(h *core.Header) { h.Bits = harderBits }, false)),
		next("not-after-block", WrongTime, nextMade(func(h *core.Header) { h.TimeMS -= 200 }, false)),
		next("after-9999", WrongTime, nextMade(func(h *core.Header) { h.TimeMS = core.MaxTimeMS + 1 }, false)),
		next("time-largest", WrongTime, nextMade(func(h *core.Header) { h.TimeMS = 1<<64 - 1 }, false)),
		next("busy-longer-than-gap", WrongBusy, nextMade(func(h *core.Header) { h.BusyMS = 201 }, false)),
		next("busy-largest", WrongBusy, nextMade(func(h *core.Header) { h.BusyMS = 1<<32 - 1 }, false)),
		next("too-much-work", WrongWork, nextMade(func(h *core.Header) { h.Work = workOf(1 << 40) }, false)),
		next("too-little-work", WrongWork, nextMade(func(h *core.Header) { h.Work = workOf(16*(at+1) - 1) }, false)),
		next("work-wraps", WrongWork, chained(withBlocks(at+1),
			withHeader(at, func(h *core.Header) { h.Work = core.NewWork(1<<64-1, 1<<64-1) }),
			withHeader(at+1, func(h *core.Header) { h.Work = workOf(15) }))),
		next("too-many-messages", WrongMessageCount, nextMade(func(h *core.Header) { h.MessageCount = 32769 }, false)),
		next("nonce-53-bits", WrongNonce, nextMade(func(h *core.Header) { h.Nonce = 1 << 53 }, false)),
		// Upper bounds that are too early or too late: made up at the price of their bits, they do not fit the
		// true tip.
		next("too-early", NextPath, nextMade(func(h *core.Header) { h.TimeMS, h.BusyMS = h.TimeMS-199, 1 }, true)),
		next("too-late", NextPath, nextMade(func(h *core.Header) { h.TimeMS += 100 }, true)),
		next("with-other-messages", NextPath, nextMade(func(h *core.Header) { h.MessageRoot[0] ^= 1 }, true)),
		next("path-too-short", NextPathLength, path(func(p []core.Hash) []core.Hash { return p[:1] })),
		next("path-too-long", NextPathLength, path(func(p []core.Hash) []core.Hash { return append(p, core.Hash{}) })),
		next("path-empty", NextPathLength, path(func([]core.Hash) []core.Hash { return nil })),
		next("path-swapped", NextPath, path(func(p []core.Hash) []core.Hash { slices.Reverse(p); return p })),
		next("path-changed", NextPath, path(func(p []core.Hash) []core.Hash { p[1][7] ^= 0x10; return p })),
		next("classic-nonce", NoProofOfWork, edited(func(p *Proof) { p.Next.Header.Nonce++ }, isClassic, withBlocks(at+1))),
		next("classic-count", WrongMessageCount, edited(func(p *Proof) { p.Next.Header.MessageCount = 0 }, isClassic, withBlocks(at+1))),
	}
}

// tipMade replaces the last header by one that is changed and mined.
func tipMade(height int, change func(*core.Header), options ...sceneOption) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t, append(options, withBlocks(height))...)
		p := s.proof()
		tip := made(height, change)(s)
		p.Tip = &tip
		return p.Encode()
	}
}

func tipIs(header func(*scene) core.Header) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		s := newScene(t)
		p := s.proof()
		tip := header(s)
		p.Tip = &tip
		return p.Encode()
	}
}

func forgedTips() []forgery {
	tip := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"tip-" + name, code, "tip", make}
	}
	other := func(name string, make func(testing.TB) []byte) forgery {
		return forgery{"tip-" + name, NextPath, "next", make}
	}
	const adjacent = at + 2 // a tip whose parent is next
	return []forgery{
		tip("missing", TipMissing, edited(func(p *Proof) { p.Tip = nil })),
		tip("is-next", TipNotLater, tipIs(func(s *scene) core.Header { return s.blocks[at+1].Header })),
		tip("is-block", TipNotLater, tipIs(func(s *scene) core.Header { return s.blocks[at].Header })),
		tip("is-genesis", TipNotLater, tipIs(func(s *scene) core.Header { return s.n.Header })),
		tip("without-work", NoProofOfWork, tipIs(func(s *scene) core.Header { h := s.blocks[lastAt].Header; unsealed(&h); return h })),
		tip("easier-than-network", WrongBits, tipMade(lastAt, func(h *core.Header) { h.Bits = 0x2010ffff })),
		tip("target-below-128-bits", WrongWork, tipMade(lastAt, func(h *core.Header) { h.Bits = 0x107fffff })),
		tip("too-little-work", WrongWork, tipMade(lastAt, func(h *core.Header) { h.Work = workOf(16*lastAt - 1) })),
		tip("less-work-than-bits", WrongWork, tipMade(lastAt, func(h *core.Header) { h.Bits = harderBits })),
		tip("fixed-too-much-work", WrongWork, tipMade(lastAt, func(h *core.Header) { h.Work = workOf(16*lastAt + 1) }, withParams(isFixed))),
		tip("fixed-other-bits", WrongBits, tipMade(lastAt, func(h *core.Header) { h.Bits = harderBits }, withParams(isFixed))),
		tip("too-early", WrongTime, tipMade(lastAt, func(h *core.Header) { h.TimeMS, h.BusyMS = h.TimeMS-598, 1 })),
		tip("after-9999", WrongTime, tipMade(lastAt, func(h *core.Header) { h.TimeMS = core.MaxTimeMS + 1 })),
		tip("higher-than-time-allows", WrongTime, tipMade(lastAt, func(h *core.Header) { h.Height = 1000 })),
		tip("height-largest", WrongTime, tipMade(lastAt, func(h *core.Header) { h.Height = 1<<64 - 1 })),
		tip("busy-0", WrongBusy, tipMade(lastAt, func(h *core.Header) { h.BusyMS = 0 })),
		tip("busy-longer-than-gap", WrongBusy, tipMade(lastAt, func(h *core.Header) { h.TimeMS, h.BusyMS = h.TimeMS-597, 2 })),
		tip("too-many-messages", WrongMessageCount, tipMade(lastAt, func(h *core.Header) { h.MessageCount = 32769 })),
		tip("nonce-53-bits", WrongNonce, tipMade(lastAt, func(h *core.Header) { h.Nonce = 1 << 53 })),
		tip("not-on-next", WrongPreviousHash, tipMade(adjacent, func(h *core.Header) { h.PreviousHash[3] ^= 1 })),
		tip("on-next-other-bits", WrongBits, tipMade(adjacent, func(h *core.Header) { h.Bits, h.Work = harderBits, workOf(16*(at+1)+256) })),
		tip("on-next-too-much-work", WrongWork, tipMade(adjacent, func(h *core.Header) { h.Work = workOf(16*(at+2) + 1) })),
		tip("classic-nonce", NoProofOfWork, edited(func(p *Proof) { p.Tip.Nonce++ }, isClassic, withBlocks(adjacent))),
		other("of-other-branch", tipIs(func(s *scene) core.Header { return s.other(at, lastAt-at).blocks[lastAt].Header })),
		other("of-other-network", tipIs(func(s *scene) core.Header {
			w := newWorld(s.t, coretest.Network(s.t, func(p *core.Params) { p.Text = "Another one." }))
			w.grow(lastAt)
			return w.blocks[lastAt].Header
		})),
		other("with-other-history", tipMade(lastAt, func(h *core.Header) { h.HistoryRoot[0] ^= 1 })),
		{"tip-higher", NextPathLength, "next", tipMade(lastAt, func(h *core.Header) { h.Height, h.Work = 17, workOf(16*17) })},
	}
}
