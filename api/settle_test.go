package api_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// A lateChain tells of its tip late: so often it still gives an older one.
type lateChain struct {
	api.Chain
	mu    sync.Mutex // guards what is below
	old   chain.Tip
	times int
}

func (c *lateChain) Tip() chain.Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times > 0 {
		c.times--
		return c.old
	}
	return c.Chain.Tip()
}

// TestNoMessageIsNowhere seals what waits, which the store shows before the chain tells of the block: no answer may say
// that nothing waits, as long as the chain does not have the messages.
func TestNoMessageIsNowhere(t *testing.T) {
	late := new(lateChain)
	r := newReadNode(t, func(_ *api.Config, d *api.Deps) { late.Chain, d.Chain = d.Chain, late })
	want := r.story()
	parent := r.chain.Tip()
	sealed := coretest.Next(t, r.chain.Network(), coretest.Tip(parent), coretest.Messages(t, r.chain.Network(), "waits", 5)...)
	twin := sealed // of as much work, which loses by its hash
	for nonce := uint64(1); !consensus.Better(sealed.Header.Work, sealed.Header.Hash(), twin.Header.Work, twin.Header.Hash()); nonce++ {
		twin = coretest.NextWith(t, r.chain.Network(), coretest.Tip(parent), func(h *core.Header) { h.Nonce = nonce << 20 })
	}
	r.add(twin)
	equal := r.chain.Tip()
	r.add(sealed)
	for _, old := range []chain.Tip{parent, equal} {
		late.hides(t, r, want, old)
	}
}

// hides reads all lists while the chain tells of an older tip.
func (late *lateChain) hides(t *testing.T, r *readNode, want []string, old chain.Tip) {
	t.Helper()
	for name, read := range map[string]func() error{
		"the list": func() error {
			if got, _ := r.texts(client.Filter{}, len(want), nil); len(got) != len(want) {
				t.Errorf("%d messages, want %d", len(got), len(want))
			}
			return nil
		},
		"/data":                  func() error { return r.read("/data", "") },
		"/api/v1/mempool":        func() error { return r.read("/api/v1/mempool", "") },
		"/api/v1/mempool, lines": func() error { return r.read("/api/v1/mempool", "application/x-ndjson") },
	} {
		late.mu.Lock()
		late.old, late.times = old, 30
		late.mu.Unlock()
		if err := read(); err != nil {
			t.Fatal(err)
		}
		late.mu.Lock()
		if late.times > 0 {
			t.Errorf("%s: answered while the chain did not tell of the block", name)
		}
		late.mu.Unlock()
	}
}

// read reads an answer to its end.
func (r *readNode) read(path, accept string) error {
	rq, err := http.NewRequest("GET", r.url+path, nil)
	if err != nil {
		return err
	}
	rq.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err = io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return err
}
