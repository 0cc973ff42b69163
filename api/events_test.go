package api_test

import (
	"testing"

	"p2pchain/core"
)

// of returns what is told of a block with these messages: first those that nobody has heard of.
func of(b *core.Block) []string {
	out := []string{"block " + b.Header.Hash().String()}
	for _, m := range b.Messages {
		out = append(out, "confirmed "+m.ID.String())
	}
	return out
}

func TestEventsTellAMessageFromItsAcceptanceToItsBlock(t *testing.T) {
	r := newRealNode(t).serve()
	old := r.message("before")
	r.add(old)
	l := r.listen("")
	l.want("hello")
	m := r.message("one")
	r.add(m)
	l.want("message one")
	b := r.forks.Next("genesis", "a1", old, m)
	r.connect(b)
	l.want(of(b)...)
	// A block brings messages that nobody had: they are told before it.
	unheard := r.message("unheard")
	b = r.forks.Next("a1", "a2", unheard)
	r.connect(b)
	l.want("message unheard")
	l.want(of(b)...)
}
