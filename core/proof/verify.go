package proof

import (
	"errors"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// Verify checks that the proof holds together: everything that can be seen without any other source.
// Its errors are *Fault, the first one in the order of docs/proof-format.md. It is pure, and does not
// trust that the proof came from Decode.
func (p *Proof) Verify() (*Statement, error) {
	v, bad := p.prepare()
	for _, step := range []func(*verifier) *Fault{
		(*verifier).message, (*verifier).block, (*verifier).seen, (*verifier).next, (*verifier).tip,
	} {
		if bad != nil {
			return nil, bad
		}
		bad = step(v)
	}
	if bad != nil {
		return nil, bad
	}
	return v.statement(), nil
}

// A verifier is a proof with what follows from it.
type verifier struct {
	*Proof
	network *core.Network
	signed  *core.Message // the proof's, with the id that its envelope gives
	genesis placed
	b       placed // the message's block
	n       placed // the next one; no header if there is none
}

// prepare derives the network and the id, and looks at what only a proof that Decode did not make can
// have wrong.
func (p *Proof) prepare() (*verifier, *Fault) {
	n, err := core.NewNetwork(p.Params)
	if err != nil {
		return nil, fault("network", BadNetwork, "%v", err)
	}
	if p.Message == nil {
		return nil, fault("message", BadEnvelope, "there is none")
	}
	signed := *p.Message
	if len(signed.MediaType) > core.MaxMediaType {
		return nil, fault("message", BadEnvelope, "media type of %d bytes", len(signed.MediaType))
	}
	if _, rest, err := core.DecodeEnvelope(signed.Envelope.Append(nil)); err != nil || len(rest) > 0 {
		return nil, fault("message", BadEnvelope, "%v", err)
	}
	signed.ID = signed.Envelope.ID(n.Genesis)
	v := &verifier{Proof: p, network: n, signed: &signed, genesis: placed{&n.Header, "network", n.Genesis}}
	v.b = place("block", &p.Block)
	if p.Next != nil {
		v.n = place("next", &p.Next.Header)
	}
	return v, nil
}

// message judges the message by itself.
func (v *verifier) message() *Fault {
	err := consensus.CheckMessage(v.network, v.signed)
	if err == nil {
		err = consensus.CheckSignature(v.signed)
	}
	for _, rule := range []struct {
		err  error
		code string
	}{
		{consensus.ErrPayloadSize, PayloadTooLarge},
		{consensus.ErrAuthor, AuthorNotAllowed},
		{consensus.ErrStamp, StampMissing},
		{core.ErrBodyMismatch, BodyMismatch},
	} {
		if errors.Is(err, rule.err) {
			return fault("message", rule.code, "%v", err)
		}
	}
	if err != nil {
		return fault("message", BadSignature, "%v", err)
	}
	return nil
}

// block judges the message's block and the message's place in it.
func (v *verifier) block() *Fault {
	if bad := alone(v.network, v.b); bad != nil {
		return bad
	}
	if bad := after(v.network, v.genesis, v.b); bad != nil {
		return bad
	}
	index, count := uint64(v.Position), uint64(v.Block.MessageCount)
	if v.Position < 0 || index >= count {
		return fault("block", WrongPosition, "%d of %d messages", v.Position, count)
	}
	leaf := v.signed.Leaf()
	return checkPath("block", MessagePathLength, MessagePath, index, count, leafHash(&leaf), v.Path, v.Block.MessageRoot)
}

// seen judges the lower bound of time.
func (v *verifier) seen() *Fault {
	if v.Seen == nil {
		return nil
	}
	s := place("seen", &v.Seen.Header)
	switch {
	case s.hash != v.signed.Seen:
		return s.fault(SeenMismatch, "%v, the author signed %v", s.hash, v.signed.Seen)
	case s.Height >= v.b.Height:
		return s.fault(SeenNotEarlier, "%d, the message's is %d", s.Height, v.b.Height)
	case s.Height == 0 && s.hash != v.genesis.hash:
		return s.fault(SeenNotGenesis, "%v, want %v", s.hash, v.genesis.hash)
	case s.Height > 0:
		if bad := alone(v.network, s); bad != nil {
			return bad
		}
		if bad := after(v.network, v.genesis, s); bad != nil {
			return bad
		}
	}
	if bad := after(v.network, s, v.b); bad != nil {
		bad.Part = "seen" // the block was found good on genesis
		return bad
	}
	return checkPath("seen", SeenPathLength, SeenPath, s.Height, v.b.Height, core.LeafHash(s.hash[:]), v.Seen.Path, v.b.HistoryRoot)
}

// next judges the upper bound of time.
func (v *verifier) next() *Fault {
	if v.Next == nil {
		if v.Tip != nil {
			return fault("next", NextMissing, "")
		}
		return nil
	}
	if v.b.Height+1 == 0 || v.n.Height != v.b.Height+1 {
		return v.n.fault(WrongHeight, "%d on %d", v.n.Height, v.b.Height)
	}
	if v.n.PreviousHash != v.b.hash { // the link itself, before all else
		return v.n.fault(WrongPreviousHash, "%v, want %v", v.n.PreviousHash, v.b.hash)
	}
	if bad := alone(v.network, v.n); bad != nil {
		return bad
	}
	return after(v.network, v.b, v.n)
}

// tip judges the last header, and that the next one is in its history.
func (v *verifier) tip() *Fault {
	switch {
	case v.Next == nil:
		return nil
	case v.Tip == nil && len(v.Next.Path) > 0:
		return fault("tip", TipMissing, "a path of %d hashes", len(v.Next.Path))
	case v.Tip == nil:
		return nil
	}
	t := place("tip", v.Tip)
	if t.Height <= v.n.Height {
		return t.fault(TipNotLater, "%d, the next one is %d", t.Height, v.n.Height)
	}
	if bad := alone(v.network, t); bad != nil {
		return bad
	}
	if bad := after(v.network, v.n, t); bad != nil {
		return bad
	}
	return checkPath("next", NextPathLength, NextPath, v.n.Height, t.Height, core.LeafHash(v.n.hash[:]), v.Next.Path, t.HistoryRoot)
}

// checkPath judges an audit path; index is below size.
func checkPath(part, lengthCode, code string, index, size uint64, leaf core.Hash, path []core.Hash, root core.Hash) *Fault {
	if want := pathLength(index, size); len(path) != want {
		return fault(part, lengthCode, "%d hashes, want %d for number %d of %d", len(path), want, index, size)
	}
	if got := pathRoot(index, size, leaf, path); got != root {
		return fault(part, code, "it leads to %v, not to %v", got, root)
	}
	return nil
}
