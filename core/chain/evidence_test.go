package chain_test

import (
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
)

// wishes are what authors asked for, as far as a chain found it good.
type wishes map[core.Hash]core.PublicKey

func (w wishes) config(cfg *chain.Config) {
	cfg.Erased = func(m *core.Message) bool { return w[m.ID] == m.Author }
	cfg.Honour = func(asks []*core.Message) error {
		for _, m := range asks {
			target, _ := document.Erased(m)
			w[target] = m.Author
		}
		return nil
	}
}

// ask is a message of a key by which another one is to be erased.
func ask(t *testing.T, n *core.Network, key int, target core.Hash) *core.Message {
	return coretest.MessageWith(t, n, coretest.Key(key), string(target[:]), func(m *core.Message) { m.MediaType = document.EraseType })
}

func forged(m *core.Message) *core.Message {
	out := *m
	out.Signature[7] ^= 1
	return &out
}

// A block whose bodies are missing since their authors asked for that is connected at once; what is said in
// the name of somebody else, or not signed, is no reason.
func TestExcuse(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 2)
	both := []*core.Message{ask(t, n, 0, m[0].ID), ask(t, n, 0, m[1].ID)}
	other := coretest.Network(t, func(p *core.Params) { p.Name = "other" })
	wish := ask(t, n, 1, core.Hash{1})
	for _, tt := range []struct {
		name    string
		missing []*core.Message
		near    []*core.Message
		want    bool
	}{
		{"asked for", m, both, true},
		{"nothing missing", nil, nil, true},
		{"no reason", m, nil, false},
		{"one of two", m, both[1:], false},
		{"a foreign author", m, []*core.Message{both[0], ask(t, n, 1, m[1].ID)}, false},
		{"another message", m, []*core.Message{both[0], ask(t, n, 0, core.Hash{3})}, false},
		{"forged", m, []*core.Message{both[0], forged(both[1])}, false},
		{"of another network", m, []*core.Message{both[0], ask(t, other, 0, m[1].ID)}, false},
		{"forged and good", m, []*core.Message{forged(both[1]), both[0], forged(both[0]), both[1]}, true},
		{"no body", m, coretest.WithoutBodies(&core.Block{Messages: both}).Messages, false},
		{"a wish to erase a wish", []*core.Message{wish}, []*core.Message{ask(t, n, 1, wish.ID)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noted := make(wishes)
			c, _, f := setup(t, noted.config)
			bare := coretest.WithoutBodies(f.Next("genesis", "a1", tt.missing...))
			near := []*core.Block{bare, {Messages: coretest.Messages(t, n, "x", 3)}, {Messages: tt.near}}
			got, err := c.Excuse(bare, near)
			if err != nil || got != tt.want {
				t.Fatalf("Excuse = %v, %v; want %v", got, err, tt.want)
			}
			if !tt.want && len(noted) > 0 {
				t.Errorf("noted %v", noted)
			}
			if _, err := c.AddBlocks([]*core.Block{bare}); (err == nil) != tt.want || err != nil && !errors.Is(err, consensus.ErrBodyMissing) {
				t.Errorf("AddBlocks = %v", err)
			}
			if again, err := c.Excuse(bare, nil); again != tt.want || err != nil {
				t.Errorf("without blocks, then, Excuse = %v, %v", again, err)
			}
		})
	}
}

// A node that honours nobody's wishes has no reasons, and many forgeries end the search.
func TestExcuseLimits(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Message(t, n, coretest.Key(0), "m")
	wish := ask(t, n, 0, m.ID)
	flood := make([]*core.Message, 100)
	for i := range flood {
		flood[i] = forged(wish)
	}
	noted := make(wishes)
	c, _, f := setup(t, noted.config)
	bare := coretest.WithoutBodies(f.Next("genesis", "a1", m))
	if ok, err := c.Excuse(bare, []*core.Block{{Messages: append(flood, wish)}}); ok || err != nil {
		t.Errorf("behind 100 forgeries: %v, %v", ok, err)
	}
	if ok, err := c.Excuse(bare, []*core.Block{{Messages: append([]*core.Message{wish}, flood...)}}); !ok || err != nil || noted[m.ID] != m.Author {
		t.Errorf("before 100 forgeries: %v, %v", ok, err)
	}
	keeps, _, _ := setup(t)
	if ok, err := keeps.Excuse(bare, []*core.Block{{Messages: []*core.Message{wish}}}); ok || err != nil {
		t.Errorf("without Honour: %v, %v", ok, err)
	}
	broken := errors.New("disk on fire")
	failing, _, _ := setup(t, func(cfg *chain.Config) { cfg.Honour = func([]*core.Message) error { return broken } })
	if ok, err := failing.Excuse(bare, []*core.Block{{Messages: []*core.Message{wish}}}); ok || !errors.Is(err, broken) {
		t.Errorf("a wish that cannot be noted: %v, %v", ok, err)
	}
}
