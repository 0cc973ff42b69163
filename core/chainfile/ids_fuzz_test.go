package chainfile

import (
	"testing"

	"p2pchain/core/coretest"
)

// FuzzIDs finds in a line that can be read exactly the ids that it has.
func FuzzIDs(f *testing.F) {
	n := coretest.Network(f)
	f.Add([]byte(AppendBlock(nil, coretest.Next(f, n, coretest.Genesis(n), coretest.Messages(f, n, `{"id":"`, 3)...))))
	f.Fuzz(func(t *testing.T, b []byte) {
		ids := Line(b).IDs()
		block, err := Line(b).Block(n)
		if err != nil {
			return
		}
		if len(ids) != len(block.Messages) {
			t.Fatalf("%d ids of %d messages", len(ids), len(block.Messages))
		}
		for i, m := range block.Messages {
			if ids[i] != m.ID {
				t.Errorf("id %d is %v, want %v", i, ids[i], m.ID)
			}
		}
	})
}
