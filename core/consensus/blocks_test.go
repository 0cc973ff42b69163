package consensus_test

import (
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// Blocks that are checked together have the verdicts that each has alone: the first bad one is found,
// whatever is wrong with it, and the error names the message by its place in its own block.
func TestCheckBlocks(t *testing.T) {
	n := coretest.Network(t)
	spoil := func(edits map[int]func(m *core.Message)) []*core.Block {
		tip := coretest.Genesis(n)
		var blocks []*core.Block
		for i := range 6 {
			msgs := coretest.Messages(t, n, tip.Hash.String(), 1+i%3)
			if edit := edits[i]; edit != nil {
				edit(msgs[len(msgs)-1])
			}
			blocks = append(blocks, coretest.Next(t, n, tip, msgs...))
			tip = tip.After(blocks[i])
		}
		return blocks
	}
	badSignature := func(m *core.Message) { m.Signature[9] ^= 1 }
	badBody := func(m *core.Message) { m.Body = &core.Body{Payload: []byte("other")} }
	badID := func(m *core.Message) { m.ID[3] ^= 1 }
	for _, tt := range []struct {
		name  string
		edits map[int]func(*core.Message)
		good  int
		want  error
	}{
		{"all good", nil, 6, nil},
		{"signature", map[int]func(*core.Message){4: badSignature}, 4, consensus.ErrSignature},
		{"signature of the first", map[int]func(*core.Message){0: badSignature}, 0, consensus.ErrSignature},
		{"signature before id", map[int]func(*core.Message){2: badSignature, 5: badID}, 2, consensus.ErrSignature},
		{"id before signature", map[int]func(*core.Message){2: badID, 5: badSignature}, 2, consensus.ErrMessageID},
		{"body before signature", map[int]func(*core.Message){1: badBody, 3: badSignature}, 1, core.ErrBodyMismatch},
		{"signature before body", map[int]func(*core.Message){1: badSignature, 3: badBody}, 1, consensus.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			blocks := spoil(tt.edits)
			good, err := consensus.CheckBlocks(n, nil, blocks)
			if good != tt.good || !errors.Is(err, tt.want) {
				t.Fatalf("CheckBlocks = %d, %v, want %d, %v", good, err, tt.good, tt.want)
			}
			if err == nil {
				return
			}
			alone := consensus.CheckBlock(n, blocks[good])
			if alone == nil || alone.Error() != err.Error() {
				t.Errorf("alone: %v, together: %v", alone, err)
			}
		})
	}
	if good, err := consensus.CheckBlocks(n, nil, nil); good != 0 || err != nil {
		t.Errorf("no blocks: %d, %v", good, err)
	}
}
