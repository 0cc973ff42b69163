package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/api/receipt"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/proof"
)

// get makes a GET request to the node.
func (r *readNode) get(path string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	rq, err := http.NewRequest("GET", r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		rq.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

func proofPath(id core.Hash) string { return "/api/v1/messages/" + id.String() + "/proof" }

// TestProof follows a message from where it waits to where blocks are on top of it, and verifies each
// proof.
func TestProof(t *testing.T) {
	r := newReadNode(t)
	ctx := context.Background()
	m := coretest.MessageWith(t, r.deps.Network, coretest.Key(1), "prove me", func(m *core.Message) { m.Seen = r.forks.Hash("genesis") })
	if _, _, err := r.client.Proof(ctx, m.ID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("of an unknown message: %v", err)
	}
	r.wait(m)
	if _, _, err := r.client.Proof(ctx, m.ID); !errors.Is(err, client.ErrNotConfirmed) {
		t.Errorf("of a waiting message: %v", err)
	}
	resp, body := r.get(proofPath(m.ID))
	if resp.StatusCode != http.StatusConflict || resp.Header.Get("Retry-After") != "5" || !strings.Contains(body, `"not_confirmed"`) {
		t.Errorf("of a waiting message: %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	r.add(r.forks.Next("genesis", "a1", coretest.Message(t, r.deps.Network, coretest.Key(2), "before"), m))
	var tags []string
	for onTop, name := range []string{"a2", "a3", "a4"} {
		p, s, err := r.client.Proof(ctx, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if s.Confirmations != uint64(onTop) || string(p.Message.Body.Payload) != "prove me" || s.Position != 1 || s.Seen == nil || (s.Next != nil) != (onTop > 0) {
			t.Errorf("with %d blocks on top: %+v", onTop, s)
		}
		resp, body := r.get(proofPath(m.ID))
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != proof.MediaType || body != string(p.Encode()) {
			t.Errorf("%d %s: %s", resp.StatusCode, got, body)
		}
		if got, want := resp.Header.Get("Content-Disposition"), `attachment; filename="`+m.ID.String()+`.p2pproof"`; got != want {
			t.Errorf("Content-Disposition %q, want %q", got, want)
		}
		tags = append(tags, resp.Header.Get("ETag"))
		if again, _ := r.get(proofPath(m.ID), "If-None-Match", tags[onTop]); again.StatusCode != http.StatusNotModified {
			t.Errorf("with the ETag of before: %d", again.StatusCode)
		}
		r.add(r.forks.Next("a"+string(name[1]-1), name))
	}
	if tags[0] == tags[1] || tags[1] == tags[2] {
		t.Errorf("a newer proof has the same ETag: %q", tags)
	}
}

// TestProofTo fetches a proof that ends in a block which somebody noted, by hash and by height.
func TestProofTo(t *testing.T) {
	r := newReadNode(t)
	ctx := context.Background()
	m := coretest.Message(t, r.deps.Network, coretest.Key(1), "noted")
	r.add(r.forks.Next("genesis", "a1"), r.forks.Next("a1", "a2", m))
	r.add(r.forks.Chain("a2", "a3", "a4", "a5")...)
	r.add(r.forks.Next("a2", "b3"))
	for _, tt := range []struct {
		tip, block string
		onTop      uint64
	}{
		{"", "a5", 3}, {"tip", "a5", 3}, {"5", "a5", 3}, {"4", "a4", 2}, {"3", "a3", 1}, {"2", "a2", 0},
		{r.forks.Hash("a4").String(), "a4", 2}, {r.forks.Hash("a2").String(), "a2", 0},
	} {
		_, s, err := r.client.ProofTo(ctx, m.ID, tt.tip)
		if err != nil {
			t.Errorf("to %s: %v", tt.tip, err)
			continue
		}
		if w, ok := s.Anchored(r.forks.Hash(tt.block)); !ok || w.Confirmations != tt.onTop || s.Confirmations != tt.onTop {
			t.Errorf("to %s it has %d blocks on top, of which the noted one vouches for %d, %v", tt.tip, s.Confirmations, w.Confirmations, ok)
		}
	}
	for tip, want := range map[string]string{
		"1": "409 tip_below_message", r.forks.Hash("a1").String(): "409 tip_below_message", "0": "409 tip_below_message", "6": "404 block_not_found",
		r.forks.Hash("b3").String(): "404 block_not_on_best_chain", core.Hash{1}.String(): "404 block_not_found", "03": "400 bad_block", strings.Repeat("A", 64): "400 bad_hash",
	} {
		resp, body := r.get(proofPath(m.ID) + "?tip=" + tip)
		if status, code, _ := strings.Cut(want, " "); !strings.HasPrefix(resp.Status, status) || !strings.Contains(body, `"`+code+`"`) {
			t.Errorf("to %s: %s %s, want %s", tip, resp.Status, body, want)
		}
	}
	if resp, body := r.get(proofPath(m.ID) + "?format=html&tip=4"); resp.StatusCode != 200 || !strings.Contains(body, "Last block here: 4") {
		t.Errorf("the page of a proof to block 4: %s", resp.Status)
	}
}

// TestProofAfterAReorg holds that a message which a reorg gave back has no proof any more.
func TestProofAfterAReorg(t *testing.T) {
	r := newReadNode(t)
	m := coretest.Message(t, r.deps.Network, coretest.Key(1), "comes back")
	r.add(r.forks.Next("genesis", "a1", m))
	if _, _, err := r.client.Proof(context.Background(), m.ID); err != nil {
		t.Fatal(err)
	}
	r.add(r.forks.Chain("genesis", "b1", "b2")...)
	changed, cancel := r.pool.Subscribe()
	defer cancel()
	for {
		if _, err := r.pool.Message(m.ID); err == nil {
			break
		}
		<-changed
	}
	if _, _, err := r.client.Proof(context.Background(), m.ID); !errors.Is(err, client.ErrNotConfirmed) {
		t.Errorf("of a message that was given back: %v", err)
	}
}

// TestProofRefusals holds what is answered where there can be no proof.
func TestProofRefusals(t *testing.T) {
	r := newReadNode(t)
	if resp, body := r.get("/api/v1/messages/abc/proof"); resp.StatusCode != 400 || !strings.Contains(body, `"bad_hash"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	without := start(t)
	if a := without.do("GET", proofPath(core.Hash{1}), ""); without.code(a) != "no_such_endpoint" {
		t.Errorf("of a node that makes none: %s", a.body)
	}
}

// A forger hands out another proof than the one that is asked for.
type forger struct {
	proof.Source
	ask core.Hash
}

func (f *forger) View(use func(proof.View) error) error {
	return f.Source.View(func(v proof.View) error { return use(forgedView{v, f.ask}) })
}

type forgedView struct {
	proof.View
	other core.Hash
}

func (v forgedView) Message(core.Hash) (*core.Message, error) { return v.View.Message(v.other) }

// TestClientVerifiesProofs holds that a program gets no proof which does not hold.
func TestClientVerifiesProofs(t *testing.T) {
	lie := &forger{}
	r := newReadNode(t, func(_ *api.Config, d *api.Deps) { lie.Source = d.Proofs; d.Proofs = lie })
	one, two := coretest.Message(t, r.deps.Network, coretest.Key(1), "one"), coretest.Message(t, r.deps.Network, coretest.Key(1), "two")
	r.add(r.forks.Next("genesis", "a1", one, two))
	lie.ask = two.ID
	if _, _, err := r.client.Proof(context.Background(), one.ID); !errors.Is(err, client.ErrBadProof) {
		t.Errorf("of a forged proof: %v", err)
	}
	lie.ask = one.ID
	if _, _, err := r.client.Proof(context.Background(), one.ID); err != nil {
		t.Errorf("of a good proof: %v", err)
	}
}

// TestProofPage holds who gets the page, and that it may run its own script and nothing else.
func TestProofPage(t *testing.T) {
	r := newReadNode(t)
	m := coretest.Message(t, r.deps.Network, coretest.Key(1), "for people <b>")
	r.add(r.forks.Next("genesis", "a1", m))
	for _, tt := range []struct {
		query, accept string
		page          bool
	}{
		{"", "", false}, {"", "*/*", false}, {"", proof.MediaType, false}, {"", "text/html,application/xhtml+xml,*/*;q=0.8", true},
		{"", "text/html;q=0.5, " + proof.MediaType, false}, {"?format=html", "", true}, {"?format=json", "text/html", false},
	} {
		resp, body := r.get(proofPath(m.ID)+tt.query, "Accept", tt.accept)
		page := resp.Header.Get("Content-Type") == "text/html; charset=utf-8"
		if resp.StatusCode != 200 || page != tt.page || !slices.Contains(resp.Header.Values("Vary"), "Accept") {
			t.Errorf("%q, Accept %q: %d %q, Vary %q, want a page: %v", tt.query, tt.accept, resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Values("Vary"), tt.page)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || page && (policy != receipt.ContentSecurityPolicy() || strings.Contains(policy, "unsafe")) {
			t.Errorf("%q, Accept %q: policy %q", tt.query, tt.accept, policy)
		}
		if page && (!strings.Contains(body, m.ID.String()) || strings.Contains(body, "people <b>")) {
			t.Errorf("the page has not the id, or markup of the message: %.300s", body)
		}
	}
	asPage, _ := r.get(proofPath(m.ID) + "?format=html")
	asFile, _ := r.get(proofPath(m.ID) + "?format=json")
	if asPage.Header.Get("ETag") == asFile.Header.Get("ETag") {
		t.Error("page and file have one ETag")
	}
	if resp, body := r.get(proofPath(m.ID) + "?format=pdf"); resp.StatusCode != 400 || !strings.Contains(body, "bad_parameter") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
