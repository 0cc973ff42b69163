package evidence

import (
	"fmt"
	"strings"

	"p2pchain/core"
	"p2pchain/core/proof"
)

// A Trust is what a proof is tied to from outside, and by what work is measured.
type Trust struct {
	// Anchor says in words what ties the proof to a chain, as "the header that you named"; empty: nothing.
	Anchor string
	// Weight is what lies on the message's block as surely as the anchor, or what is shown without one.
	Weight proof.Weight
	// Bounds says that the anchor covers the next block, too, and so the upper bound of time.
	Bounds bool
	// Network says that the network is the one that was asked for, or that of the anchor.
	Network bool
	// HashRate is that of one laptop core in hashes a second.
	HashRate float64
}

// An Account is what a proof shows, a sentence each.
type Account struct {
	Proven   []string
	Claimed  []string // what the file says, by headers that anybody can make
	Unproven []string
}

// Tell says what a proof that holds shows, and what it does not.
func Tell(s *proof.Statement, t Trust) Account {
	a := &teller{Statement: s, trust: t}
	a.network()
	a.message()
	a.place()
	a.times()
	a.weight()
	a.never()
	return a.Account
}

// A teller makes an Account.
type teller struct {
	*proof.Statement
	trust Trust
	Account
}

func (a *teller) proven(format string, args ...any) {
	a.Proven = append(a.Proven, fmt.Sprintf(format, args...))
}

func (a *teller) unproven(format string, args ...any) {
	a.Unproven = append(a.Unproven, fmt.Sprintf(format, args...))
}

// claimed tells what the file says and cannot show.
func (a *teller) claimed(format string, args ...any) {
	a.Claimed = append(a.Claimed, fmt.Sprintf(format, args...))
}

// anchored reports whether headers count. Without an anchor they do not, whatever they cost: who made the
// file may have paid for them.
func (a *teller) anchored() bool { return a.trust.Anchor != "" }

// network tells of one that has the name of another one.
func (a *teller) network() {
	if genesis, ok := NamedLike(a.Network); ok {
		a.unproven("That this is %s, the network of that name that is built in: it is not. The genesis hash of that one is %v; this file brings another network, %v, with the same name.",
			a.Network.Params.Name, genesis, a.Network.Genesis)
	}
}

// NamedLike returns the genesis hash of the built-in network that has the name of this one, and false
// where there is none, or it is this one. Whoever makes a network chooses its name.
func NamedLike(n *core.Network) (core.Hash, bool) {
	params, ok := core.Builtin(n.Params.Name)
	if !ok {
		return core.Hash{}, false
	}
	known, err := core.NewNetwork(params)
	if err != nil {
		panic(err) // what is built in is valid
	}
	return known.Genesis, known.Genesis != n.Genesis
}

// message tells what the signature shows, which needs no chain.
func (a *teller) message() {
	a.proven("The key %v signed this message for the network %v, and nothing in it was changed since.", a.Message.Author, a.Network)
	if a.Message.Body == nil {
		a.unproven("What the message said: its content was erased or left out. Only that it had %d bytes is signed, and a commitment to them.", a.Message.PayloadSize)
	}
}

// place tells where the message is.
func (a *teller) place() {
	where := fmt.Sprintf("The message is number %d of %d in block %d (%v)", a.Position+1, a.Block.MessageCount, a.Block.Height, a.BlockHash)
	switch {
	case a.anchored():
		a.proven("%s, and that block is on the chain of %s.", where, a.trust.Anchor)
	case a.PowBinds:
		a.claimed("%s.", where)
	default:
		a.claimed("%s. On a network with the classic proof of work anybody makes up such headers at no cost. A header or a node that you trust would show it.", where)
	}
}

// times tells between which blocks the message was written.
func (a *teller) times() {
	tell := a.proven
	if !a.anchored() {
		tell = a.claimed
	}
	if a.Seen == nil {
		a.unproven("Since when it exists: it names no earlier block of this chain.")
	} else {
		whose := "Its miner's clock said"
		if a.Seen.Height == 0 {
			whose = "It is the first one, which the parameters of the network date"
		}
		tell("It was written after block %d was there, since the key signed that block's hash. %s %s.", a.Seen.Height, whose, clock(a.Seen.TimeMS))
	}
	if a.Next == nil {
		a.unproven("Until when it was written: its miner says that block %d was sealed by %s, and no block on top confirms that yet.", a.Block.Height, clock(a.Block.TimeMS))
		return
	}
	if !a.trust.Bounds {
		tell = a.claimed
	}
	tell("It was written before block %d was on top of its own. The miner of block %d says %s; the next block, %d, confirms %s.",
		a.Next.Height, a.Block.Height, clock(a.Block.TimeMS), a.Next.Height, clock(a.Next.TimeMS))
}

// weight tells how much work there is.
func (a *teller) weight() {
	shown, claimed := Effort(a.WorkShown, a.trust.HashRate), Effort(a.WorkClaimed, a.trust.HashRate)
	w := a.trust.Weight
	switch {
	case a.anchored() && w.Confirmations == 0:
	case a.anchored() && a.PowBinds:
		a.proven("On top of its block: %s, %s, on the word of %s.", blocks(w.Confirmations), Effort(w.Work, a.trust.HashRate), a.trust.Anchor)
	case a.anchored():
		a.proven("On top of its block: %s, on the word of %s.", blocks(w.Confirmations), a.trust.Anchor)
	case a.PowBinds && a.Next != nil:
		a.proven("Whoever made the headers on top that are in this file paid for them: %s.", shown)
	}
	if !a.anchored() {
		a.unproven("That the network has this block: nothing ties the file to a chain that you know. The price of such a file is the work of its own headers, no more. A header or a node that you trust would show it.")
	}
	if a.Confirmations > w.Confirmations {
		a.unproven("That %s are on top, with %s: the last header says so, and saying so costs no more than that header.", blocks(a.Confirmations), claimed)
	}
	if !a.PowBinds {
		a.unproven("Any work: the classic proof of work of this network binds no data, so all that is on top can be made anew around another message.")
	}
}

// never tells what no proof can show.
func (a *teller) never() {
	if !a.trust.Network {
		a.unproven("That this is the network you mean: the file brings the parameters of its own. Compare the genesis hash, %v.", a.Network.Genesis)
	}
	a.unproven("That the author's clock was right, which said %s. The author alone decides what it says.", clock(a.Message.TimeMS))
	a.unproven("That miners' clocks were right. A miner can date a block back into a gap when nothing was mined, so a block's time counts only with the next one's; it can date ahead by about two minutes before other nodes refuse it.")
	a.unproven("Who wrote it, whether what it says is true, and how long its content was there before: a key is no person, and whoever has a copy of it signs as well.")
}

// clock writes a time as a miner or an author wrote it.
func clock(ms uint64) string {
	t := down(ms)
	return fmt.Sprintf("%s.%03d UTC", t.Format(dayAndTime), ms%1000)
}

// blocks counts blocks.
func blocks(n uint64) string {
	if n == 1 {
		return "1 block"
	}
	return fmt.Sprintf("%d blocks", n)
}

// Written says between which blocks the proof has the message written, as far as an anchor covers that;
// without one it is the file's own account.
func Written(s *proof.Statement, t Trust) string {
	after, next := point(s.Seen), point(s.Next)
	switch {
	case t.Anchor == "":
		return "written, by its own account, " + strings.TrimPrefix(between(after, s.Block.Height, next, dated), "written ")
	case t.Bounds || next == nil:
		return between(after, s.Block.Height, next, dated)
	case after == nil:
		return fmt.Sprintf("written before block %d was there; the message does not prove since when, and what you trust does not vouch for the next block", s.Block.Height)
	}
	return fmt.Sprintf("written after block %d, %s by its miner's clock, and before block %d was there; what you trust does not vouch for the next block's time",
		after.Height, down(after.TimeMS).Format(dayAndTime), s.Block.Height)
}

func point(b *proof.Bound) *Point {
	if b == nil {
		return nil
	}
	return &Point{b.Height, b.TimeMS}
}
