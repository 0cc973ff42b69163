package proof

import "p2pchain/core"

// A Statement is what a proof that holds says. Whatever is called a claim is no more than that until an
// anchor makes it true: see Anchored.
type Statement struct {
	Network   *core.Network
	ID        core.Hash
	Message   *core.Message // its body is nil where the proof has none
	Block     core.Header
	BlockHash core.Hash
	Position  int    // of the message in its block
	Seen      *Bound // the message is not older; nil: nothing is claimed
	Next      *Bound // the message is not younger; nil: no block is on top in this proof
	Tip       core.Header
	TipHash   core.Hash // of the last header in the proof: tip, next or the message's own block

	// Confirmations is the claimed number of blocks on top of the message's, which is not counted.
	Confirmations uint64
	// ConfirmationsShown is how many of them are in the proof: 0, 1 or 2.
	ConfirmationsShown uint64
	// WorkClaimed is the claimed work of the blocks on top: the last header's minus the block's.
	WorkClaimed core.Work
	// WorkShown is what next and tip have cost whoever made them, by their own bits; zero where the proof
	// of work binds nothing.
	WorkShown core.Work
	// PowBinds is false on a network with the classic proof of work, whose headers cost nothing to make up.
	PowBinds bool

	nextWork core.Work // of next alone
}

// A Bound is a block that lies before or after a message.
type Bound struct {
	Hash   core.Hash
	Height uint64
	TimeMS uint64 // by its miner's clock
}

// A Weight is what lies on the block of a message.
type Weight struct {
	Confirmations uint64
	Work          core.Work
}

// Anchored returns what lies on the message's block as surely as a hash from a trusted source: all that
// is claimed where it is that of the last header, less where it is that of an earlier one, and nothing
// where it is the block's own. It is false for a hash of no header of this proof.
func (s *Statement) Anchored(hash core.Hash) (Weight, bool) {
	switch {
	case hash == s.TipHash:
		return Weight{s.Confirmations, s.WorkClaimed}, true
	case s.Next != nil && hash == s.Next.Hash:
		return Weight{1, s.nextWork}, true
	case hash == s.BlockHash:
		return Weight{}, true
	}
	return Weight{}, false
}

// Shown returns what lies on the message's block without any anchor: what whoever made the proof paid. It
// is nothing where headers cost nothing.
func (s *Statement) Shown() Weight {
	if !s.PowBinds {
		return Weight{}
	}
	return Weight{s.ConfirmationsShown, s.WorkShown}
}

// statement says what the proof shows, once everything was checked.
func (v *verifier) statement() *Statement {
	s := &Statement{
		Network: v.network, ID: v.signed.ID, Message: v.signed,
		Block: v.Block, BlockHash: v.b.hash, Position: v.Position,
		PowBinds: v.network.Params.Pow != core.PowClassic,
	}
	if v.Seen != nil {
		s.Seen = bound(place("seen", &v.Seen.Header))
	}
	last := v.b
	for _, x := range v.onTop() {
		last = x
		s.ConfirmationsShown++
		if own, err := ownWork(x.Header); err == nil && s.PowBinds {
			s.WorkShown, _ = s.WorkShown.Add(own) // below the claimed work, which fits
		}
	}
	if v.Next != nil {
		s.Next, s.nextWork = bound(v.n), v.n.Work.Sub(v.b.Work)
	}
	s.Tip, s.TipHash = *last.Header, last.hash
	s.Confirmations, s.WorkClaimed = last.Height-v.b.Height, last.Work.Sub(v.b.Work)
	return s
}

// onTop returns the headers after the message's block.
func (v *verifier) onTop() []placed {
	var out []placed
	if v.Next != nil {
		out = append(out, v.n)
	}
	if v.Tip != nil {
		out = append(out, place("tip", v.Tip))
	}
	return out
}

func bound(x placed) *Bound { return &Bound{x.hash, x.Height, x.TimeMS} }
