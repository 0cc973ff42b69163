package api_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestBlockMessages reads a block in parts of every kind of size.
func TestBlockMessages(t *testing.T) {
	r := newReadNode(t)
	r.story()
	whole, err := r.client.Block(t.Context(), "4")
	if err != nil || len(whole.Messages) != 150 {
		t.Fatalf("%d messages, %v", len(whole.Messages), err)
	}
	for _, size := range []int{1, 7, 50, 149, 150, 151, 1000} {
		var got []client.Content
		for len(got) < 150 {
			part, err := r.client.BlockMessages(t.Context(), whole.Hash.String(), len(got), size)
			if err != nil || part.Position != len(got) || len(part.Messages) == 0 || len(part.Messages) > size || part.Block != whole.Block {
				t.Fatalf("parts of %d: at %d %d messages from %d on, %+v, %v", size, len(got), len(part.Messages), part.Position, part.Block, err)
			}
			got = append(got, part.Messages...)
		}
		if show(t, got) != show(t, whole.Messages) {
			t.Errorf("parts of %d are not the block", size)
		}
	}
	for _, position := range []int{150, 151, 1<<20 - 1} {
		part, err := r.client.BlockMessages(t.Context(), "4", position, 0)
		if err != nil || len(part.Messages) != 0 || part.MessageCount != 150 {
			t.Errorf("from %d on: %d messages, %v", position, len(part.Messages), err)
		}
	}
	if part, err := r.client.BlockMessages(t.Context(), "4", 0, 0); err != nil || len(part.Messages) != 100 {
		t.Errorf("without a limit: %d messages, %v", len(part.Messages), err)
	}
	if part, err := r.client.BlockMessages(t.Context(), "0", 0, 0); err != nil || len(part.Messages) != 0 {
		t.Errorf("genesis: %d messages, %v", len(part.Messages), err)
	}
}

// TestBlockMessagesBounds holds that a part of large messages is small, and what is refused.
func TestBlockMessagesBounds(t *testing.T) {
	r := newReadNode(t)
	n := r.chain.Network()
	msgs := coretest.Messages(t, n, strings.Repeat("x", 16000), 60)
	r.add(coretest.Next(t, n, coretest.Genesis(n), msgs...))
	part, err := r.client.BlockMessages(t.Context(), "tip", 0, 60)
	if err != nil || len(part.Messages) < 10 || len(part.Messages) > 20 {
		t.Errorf("%d messages of 16 KB in one part, %v", len(part.Messages), err)
	}
	if at := slices.IndexFunc(msgs, func(m *core.Message) bool { return m.ID == part.Messages[0].ID }); at < 0 {
		t.Error("the first message is none of the block")
	}
	f := start(t)
	f.seal()
	for query, code := range map[string]string{
		"position=-1": "bad_parameter", "position=x": "bad_parameter", "position=1048576": "bad_parameter", "limit=0": "bad_parameter", "limit=1001": "bad_parameter",
	} {
		if a := f.do("GET", "/api/v1/blocks/tip/messages?"+query, ""); a.status != 400 || f.code(a) != code {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if _, err := r.client.BlockMessages(t.Context(), "99", 0, 0); !errors.Is(err, client.ErrNotFound) {
		t.Error(err)
	}
	first := f.do("GET", "/api/v1/blocks/1/messages", "")
	if again := f.do("GET", "/api/v1/blocks/1/messages", "", "If-None-Match", first.header.Get("ETag")); again.status != 304 {
		t.Error(fmt.Sprint(again.status, " for what is unchanged"))
	}
}
