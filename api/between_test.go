package api_test

import (
	"net/url"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestWritten holds the blocks between which a message was written, for every kind of seen block, below
// the tip and in it, in each answer that shows a message.
func TestWritten(t *testing.T) {
	f := start(t)
	forks := coretest.NewForks(t, f.network)
	add := func(blocks ...*core.Block) {
		t.Helper()
		if _, err := f.chain.AddBlocks(blocks); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(text string, hash core.Hash) *core.Message {
		return coretest.MessageWith(t, f.network, coretest.Key(1), text, func(m *core.Message) { m.Seen = hash })
	}
	const genesis = "genesis"
	add(forks.Chain(genesis, "a1", "a2")...)
	side := forks.Next(genesis, "side", coretest.Message(t, f.network, coretest.Key(2), "elsewhere"))
	add(side)
	below, other := seen("sees the block below", forks.Hash("a2")), seen("sees another branch", forks.Hash("side"))
	strange, old := seen("sees what nobody knows", core.Hash{9}), seen("sees a1", forks.Hash("a1"))
	add(forks.Next("a2", "a3", below, other, strange, old))

	check := func(m *core.Message, after, before string) {
		t.Helper()
		checkWritten(t, f, m, &api.Written{After: bound(forks, after), Before: bound(forks, before)})
	}
	check(below, "a2", "")
	check(old, "a1", "")
	check(other, "", "")
	check(strange, "", "")
	add(forks.Next("a3", "a4"))
	check(below, "a2", "a4")
	check(old, "a1", "a4")
	check(other, "", "a4")
	check(strange, "", "a4")

	waiting := seen("sees and waits", forks.Hash("a4"))
	f.pool.waiting = []*core.Message{waiting}
	if got := decode[api.Message](t, f.do("GET", "/api/v1/messages/"+waiting.ID.String(), "")).Written; got != nil {
		t.Errorf("of a waiting message written is %+v", got)
	}
}

// checkWritten looks for a message in every answer that shows it.
func checkWritten(t *testing.T, f *fixture, m *core.Message, want *api.Written) {
	t.Helper()
	got := decode[api.Message](t, f.do("GET", "/api/v1/messages/"+m.ID.String(), "")).Written
	if got == nil {
		t.Fatalf("%v has no written", m.ID)
	}
	if !sameBound(got.After, want.After) || !sameBound(got.Before, want.Before) || !strings.HasPrefix(got.Words, "written ") {
		t.Errorf("of %q written is %v %v %q, want %v and %v", m.Body.Payload, got.After, got.Before, got.Words, want.After, want.Before)
	}
	page := decode[api.MessagePage](t, f.do("GET", "/api/v1/messages?text="+url.QueryEscape(string(m.Body.Payload)), ""))
	found := decode[api.SearchResult](t, f.do("GET", "/api/v1/search?q="+m.ID.String()[:16], ""))
	listed := 0
	for _, shown := range append(page.Messages, found.Messages...) {
		if shown.ID != m.ID {
			continue
		}
		listed++
		if shown.Written.Words != got.Words || !sameBound(shown.Written.After, got.After) || !sameBound(shown.Written.Before, got.Before) {
			t.Errorf("a list shows %+v, want %+v", shown.Written, got)
		}
	}
	if listed != 2 {
		t.Errorf("%v is in %d of the 2 lists", m.ID, listed)
	}
}

// TestWrittenAfterAReorg holds that the block on top is that of the best chain.
func TestWrittenAfterAReorg(t *testing.T) {
	f := start(t)
	forks := coretest.NewForks(t, f.network)
	m := coretest.MessageWith(t, f.network, coretest.Key(1), "stays", func(m *core.Message) { m.Seen = f.network.Genesis })
	first := forks.Next("genesis", "a1", m)
	branches := [][]*core.Block{{first, forks.Next("a1", "a2")}, forks.Chain("a1", "b2", "b3")}
	for i, top := range []string{"a2", "b2"} {
		if _, err := f.chain.AddBlocks(branches[i]); err != nil {
			t.Fatal(err)
		}
		got := decode[api.Message](t, f.do("GET", "/api/v1/messages/"+m.ID.String(), "")).Written
		if !sameBound(got.Before, bound(forks, top)) || got.After == nil || got.After.Hash != f.network.Genesis {
			t.Errorf("with %s on top, written is %v %v", top, got.After, got.Before)
		}
	}
}

// bound returns a named block as a bound, nil for the empty name.
func bound(forks *coretest.Forks, name string) *api.Bound {
	if name == "" {
		return nil
	}
	h := forks.Block(name).Header
	return &api.Bound{Height: h.Height, Hash: forks.Hash(name), Time: api.Time(h.TimeMS)}
}

func sameBound(a, b *api.Bound) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
