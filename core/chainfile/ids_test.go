package chainfile

import (
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// IDs finds the ids of all messages, and nothing in what they say.
func TestIDs(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 5)
	trick := coretest.Message(t, n, coretest.Key(0), `{"id":"`+msgs[0].ID.String()+`"`)
	b := coretest.Next(t, n, coretest.Genesis(n), append(msgs, trick)...)
	var want []core.Hash
	for _, m := range b.Messages {
		want = append(want, m.ID)
	}
	for _, block := range []*core.Block{b, coretest.WithoutBodies(b)} {
		if got := Line(AppendBlock(nil, block)).IDs(); !slices.Equal(got, want) {
			t.Errorf("IDs = %v, want %v", got, want)
		}
	}
	if got := Line(`{"id":"` + "zz").IDs(); len(got) != 0 {
		t.Errorf("IDs of nonsense = %v", got)
	}
}
