package api_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
)

// fileMessage notarises a file of this name with the SHA-256.
func fileMessage(t *testing.T, n *core.Network, name string, digest core.Hash) *core.Message {
	t.Helper()
	f := &document.File{Name: name, Size: 7, MediaType: "text/plain", SHA256: digest}
	return coretest.MessageWith(t, n, coretest.Key(0), string(f.Encode()), func(m *core.Message) { m.MediaType = f.Type() })
}

// TestMessagesWithDigest lists what notarises a file, through pages of every size, as lines, with other
// filters and by a search; what only a side branch has is not among them.
func TestMessagesWithDigest(t *testing.T) {
	r := newReadNode(t)
	n := r.deps.Network
	digest, other := core.Hash(sha256.Sum256([]byte("content"))), core.Hash(sha256.Sum256([]byte("other")))
	var files []*core.Message
	for i := range 5 {
		files = append(files, fileMessage(t, n, fmt.Sprint("file", i), digest))
	}
	first := coretest.Next(t, n, coretest.Genesis(n), files[0], coretest.Message(t, n, coretest.Key(0), digest.String()), files[1])
	side := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.TimeMS += 7 }, fileMessage(t, n, "side", digest))
	second := coretest.Next(t, n, coretest.Genesis(n).After(first), files[2], fileMessage(t, n, "else", other))
	r.add(first)
	r.add(side)
	r.add(second)
	r.wait(files[3], files[4])
	names := func(msgs []client.Message) (out []string) {
		for _, m := range msgs {
			_, name, _ := strings.Cut(*m.Message, `"name":"`)
			name, _, _ = strings.Cut(name, `"`)
			out = append(out, name)
		}
		return out
	}
	all := []string{"file4", "file3", "file2", "file1", "file0"}
	for size := 1; size <= 6; size++ {
		var got []client.Message
		for cursor := ""; ; {
			p, err := r.client.Messages(t.Context(), client.Filter{SHA256: &digest}, cursor, size)
			if err != nil || len(p.Messages) > size {
				t.Fatalf("%d messages, %v", len(p.Messages), err)
			}
			got = append(got, p.Messages...)
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(names(got), all) {
			t.Errorf("pages of %d have %v, want %v", size, names(got), all)
		}
	}
	list := func(f client.Filter) (out []client.Message) {
		f.SHA256 = &digest
		for m, err := range r.client.AllMessages(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, m)
		}
		return out
	}
	for _, tt := range []struct {
		filter client.Filter
		want   []string
	}{
		{client.Filter{}, all},
		{client.Filter{Status: client.StatusWaiting}, all[:2]},
		{client.Filter{Status: client.StatusConfirmed}, all[2:]},
		{client.Filter{Text: "file3"}, all[1:2]},
		{client.Filter{MediaType: "text/plain"}, nil},
	} {
		if got := names(list(tt.filter)); !slices.Equal(got, tt.want) {
			t.Errorf("%+v takes %v, want %v", tt.filter, got, tt.want)
		}
	}
	// The list and the message by itself say the same of a message.
	for _, m := range list(client.Filter{}) {
		alone, err := r.client.Message(t.Context(), m.ID)
		if err != nil || show(t, alone) != show(t, m) {
			t.Errorf("in the list %s, alone %s, %v", show(t, m), show(t, alone), err)
		}
	}
	found, err := r.client.Search(t.Context(), strings.ToUpper(digest.String()))
	if got := names(found.Messages); err != nil || len(got) != 6 || !slices.Equal(got[:5], all) {
		t.Errorf("the search found %v, %v, want %v and the text", got, err, all)
	}
}

// TestDigestParams: cursors of another kind of list, and what is no hash, are refused.
func TestDigestParams(t *testing.T) {
	f := start(t)
	f.sample()
	hash := strings.Repeat("0a", 32)
	for query, want := range map[string]string{
		"sha256=12": "bad_parameter", "sha256=" + strings.Repeat("g", 64): "bad_parameter", "sha256=" + hash: "",
		"sha256=" + hash + "&cursor=3": "bad_cursor", "sha256=" + hash + "&cursor=came-x": "bad_cursor", "sha256=" + hash + "&cursor=came-7": "",
		"cursor=came-7": "bad_cursor",
	} {
		got := ""
		if a := f.do("GET", "/api/v1/messages?"+query, ""); a.status != 200 {
			got = f.code(a)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
