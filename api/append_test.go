package api

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// FuzzAppend compares what this package writes by hand with what encoding/json makes of the same values.
func FuzzAppend(f *testing.F) {
	for _, text := range []string{
		"", "plain", `"\`, "\x00\x1f\b\t\n\f\r\x7f", "é€😀", "\u2028\u2029 \u2027\u202a", strings.Repeat("x", 17) + `"`, "<&>",
		"12345678\x1f", "1234567\"8", "\xe2", "\xe2\x80", "\xff\xfe", "€€€€€\u2028",
	} {
		f.Add(text, "text/plain", uint64(946684800001), uint64(1), true)
		f.Add(text, "t/xyz", uint64(946684800001), uint64(1), true)
		f.Add(text, "text/x", uint64(946684800001), uint64(1), true)
		f.Add(text, "", uint64(core.MaxTimeMS), uint64(core.MaxTimeMS), false)
	}
	f.Fuzz(func(t *testing.T, text, media string, ms, seen uint64, confirmed bool) {
		ms, seen = ms%(core.MaxTimeMS+1), seen%(core.MaxTimeMS+1)
		m := &core.Message{ID: core.Hash{1, 0xab}, Envelope: core.Envelope{
			Author: core.PublicKey{2}, TimeMS: ms, Seen: core.Hash{3}, PayloadSize: uint32(len(text)), MediaType: strings.ToValidUTF8(media, "?"),
		}}
		if len(text) != 3 {
			m.Body = &core.Body{Payload: []byte(text)}
		}
		h := &core.Header{Height: ms, TimeMS: seen, MessageCount: 7, Bits: core.Bits(seen), BusyMS: 5, Nonce: 1<<53 - 1, Work: core.NewWork(1, ms)}
		var erasure *chain.Erasure
		switch len(media) % 4 {
		case 1:
			erasure = &chain.Erasure{TimeMS: seen}
		case 2:
			erasure = &chain.Erasure{TimeMS: seen, ByAuthor: true, Author: core.PublicKey{5}, Message: core.Hash{6}, Settled: true, Gone: true}
		}
		at, want := Standing{Status: StatusWaiting}, Message{Content: contentOf(m, erasure), FirstSeen: Time(seen), Local: confirmed}
		var block *core.Header
		var written *Written
		if confirmed {
			hash, position := core.Hash{9}, int(ms%40000)
			at = Standing{StatusConfirmed, &hash, &h.Height, &position, 4}
			block, want.BlockTime = h, (*Time)(&h.TimeMS)
			written = &Written{Before: &Bound{h.Height + 1, core.Hash{8}, Time(ms)}, Words: strings.ToValidUTF8(text, "?") + " – é"}
			if seen%2 == 0 {
				written.After, written.Before = written.Before, nil
			}
			want.Written = written
		}
		want.Standing = at
		same(t, appendMessage(nil, m, &place{at, chain.FirstSeen{MS: seen, Local: confirmed}, block, written, erasure}), want)
		same(t, append(appendContent(nil, m, erasure), '}'), contentOf(m, erasure))
		composed := Time(ms)
		same(t, appendChainMessage(nil, m, erasure), ChainMessage{ID: &m.ID, Payload: payloadOf(m, erasure), MediaType: m.MediaType, Author: &m.Author, Time: &composed})
		same(t, appendSeconds(nil, ms), Seconds(ms))
		view := blockOf(core.Hash{9}, h)
		same(t, append(appendBlock(nil, core.Hash{9}, h, 0), '}'), view)
		view.Connected, view.Confirmations = true, 3
		same(t, append(appendBlock(nil, core.Hash{9}, h, 3), '}'), view)
		if utf8.ValidString(text) {
			same(t, appendString(nil, text), text)
			same(t, appendString(nil, []byte(text)), text)
		}
	})
}

// same compares bytes with what encoding/json writes.
func same(t *testing.T, got []byte, value any) {
	t.Helper()
	want, err := encode(value)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !json.Valid(got) {
		t.Errorf("not JSON: %s", got)
	}
}

// TestAppendAllocates holds that a stream makes no memory for a message.
func TestAppendAllocates(t *testing.T) {
	m := &core.Message{Envelope: core.Envelope{TimeMS: 946684800001, PayloadSize: 300}, Body: &core.Body{Payload: []byte(strings.Repeat("text \"quoted\" ", 25))}}
	dst := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { dst = appendChainMessage(appendContent(dst[:0], m, nil), m, nil) }); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}
