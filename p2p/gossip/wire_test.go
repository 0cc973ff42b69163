package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// bundle packs messages into one bundle.
func bundle(t testing.TB, msgs ...*core.Message) []byte {
	t.Helper()
	var b bundler
	for i, m := range msgs {
		if !b.add(m) {
			t.Fatalf("no room for message %d", i)
		}
	}
	return b.take()
}

func TestBundle(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 3)
	data := bundle(t, msgs...)
	got, err := decodeBundle(n.Genesis, data)
	if err != nil || len(got) != 3 {
		t.Fatalf("decodeBundle = %d messages, %v", len(got), err)
	}
	for i := range got {
		if !bytes.Equal(got[i].Bytes(), msgs[i].Bytes()) {
			t.Errorf("message %d is another one", i)
		}
	}
}

func TestBundleIsBounded(t *testing.T) {
	n := coretest.Network(t)
	var b bundler
	for i, m := range coretest.Messages(t, n, "m", maxBundleMessages+1) {
		if got, want := b.add(m), i < maxBundleMessages; got != want {
			t.Errorf("add message %d: %v", i, got)
		}
	}
	b.take()
	large := core.Envelope{MediaType: strings.Repeat("m", core.MaxMediaType), PayloadSize: core.MaxPayload}
	m := &core.Message{Envelope: large, Body: &core.Body{Payload: make([]byte, core.MaxPayload)}}
	if !b.add(m) || b.add(m) {
		t.Error("an empty bundle has room for the largest message, a full one has none")
	}
	if data := b.take(); len(data) > maxBundleBytes {
		t.Errorf("bundle of %d bytes", len(data))
	}
	if b.take() != nil {
		t.Error("an empty bundle is sent")
	}
}

func TestDecodeBundleRefuses(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 257)
	good := bundle(t, msgs[:2]...)
	bare := coretest.WithoutBodies(&core.Block{Messages: msgs[:1]}).Messages
	head := good[:bundleHead]
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"bundle without a number", []byte{kindBundle, 1, 2, 3}},
		{"empty bundle", head},
		{"another kind", append([]byte{kindWhole}, good[1:]...)},
		{"cut off", good[:len(good)-1]},
		{"trailing byte", append(good[:len(good):len(good)], 0)},
		{"size over the end", append(slices.Clone(head), 0xff, 0xff, 0xff, 0xff)},
		{"too many", appendMessage(bundle(t, msgs[:256]...), msgs[256])},
		{"too large", append(good[:len(good):len(good)], make([]byte, maxBundleBytes)...)},
		{"twice the same", bundle(t, msgs[0], msgs[0])},
		{"without body", bundle(t, bare[0])},
		{"message of no bytes", append(slices.Clone(head), 0, 0, 0, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decodeBundle(n.Genesis, tt.data); !errors.Is(err, core.ErrMalformed) {
				t.Errorf("decodeBundle = %v, want ErrMalformed", err)
			}
		})
	}
}

func TestEncodeBlock(t *testing.T) {
	n := coretest.Network(t)
	small := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...)
	text := strings.Repeat("x", n.Params.MaxPayloadBytes-10)
	large := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, text, 13)...)
	for _, tt := range []struct {
		name  string
		block *core.Block
		kind  byte
	}{
		{"small", small, kindWhole},
		{"without messages", coretest.Next(t, n, coretest.Genesis(n)), kindWhole},
		{"large", large, kindCompact},
		{"a body was dropped", coretest.WithoutBodies(small), kindCompact},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := encodeBlock(tt.block)
			a, err := decodeAnnouncement(data)
			if err != nil || a.hash != tt.block.Header.Hash() || a.kind != tt.kind {
				t.Fatalf("decodeAnnouncement: kind %d, %v", a.kind, err)
			}
			if a.kind == kindCompact {
				wantShortIDs(t, tt.block, &a)
				return
			}
			got, err := a.block(n.Genesis)
			if err != nil || !bytes.Equal(encodeBlock(got), data) {
				t.Errorf("the block does not come back: %v", err)
			}
		})
	}
}

func wantShortIDs(t *testing.T, b *core.Block, a *announcement) {
	t.Helper()
	short, key := decodeShortIDs(a.rest), core.ShortKeyOf(a.hash)
	if len(short) != len(b.Messages) {
		t.Fatalf("%d short ids for %d messages", len(short), len(b.Messages))
	}
	for i, m := range b.Messages {
		leaf := m.Leaf()
		if hash := leaf.Hash(); short[i] != key.ID(&hash) {
			t.Errorf("short id %d is that of another message", i)
		}
	}
}

// What a receiver that knows all messages pays for a block, and what small blocks may cost: the
// figure is 8 bytes a message and 4 KiB.
func TestAnnouncementBytes(t *testing.T) {
	n := coretest.Network(t)
	for _, tt := range []struct {
		name     string
		messages int
		payload  int
	}{
		{"one", 1, 200}, {"one large", 1, 16000}, {"ten", 10, 200}, {"eleven", 11, 200}, {"hundred", 100, 200}, {"10,000", 10_000, 1},
	} {
		b := &core.Block{Header: core.Header{MessageCount: uint32(tt.messages)}}
		for i := range tt.messages {
			m := &core.Message{Body: &core.Body{Payload: make([]byte, tt.payload)}}
			m.PayloadSize, m.Nonce = uint32(tt.payload), uint64(i)
			m.ID = m.Envelope.ID(n.Genesis)
			b.Messages = append(b.Messages, m)
		}
		data := encodeBlock(b)
		t.Logf("%s: kind %d, %d bytes", tt.name, data[0], len(data))
		if limit := 8*tt.messages + 4096; len(data) > limit {
			t.Errorf("%s: %d bytes, at most %d", tt.name, len(data), limit)
		}
	}
	if most := 1 + core.HeaderSize + core.ShortIDSize*32768; most > maxAnnouncementBytes || most > maxFrame-1024 {
		t.Errorf("the largest block is announced by %d bytes", most)
	}
}

func TestDecodeAnnouncementRefuses(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 2)...)
	whole, alone, compact := encodeWhole(b), encodeHeader(&b.Header), encodeCompact(b)
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"cut off in the header", alone[:100]},
		{"trailing byte", append(alone[:len(alone):len(alone)], 0)},
		{"unknown kind", append([]byte{9}, alone[1:]...)},
		{"no header", make([]byte, len(alone))},
		{"too large", append(whole[:len(whole):len(whole)], make([]byte, maxAnnouncementBytes)...)},
		{"a short id less", compact[:len(compact)-core.ShortIDSize]},
		{"a short id more", append(compact[:len(compact):len(compact)], make([]byte, core.ShortIDSize)...)},
		{"half a short id", compact[:len(compact)-3]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decodeAnnouncement(tt.data); !errors.Is(err, core.ErrMalformed) {
				t.Errorf("decodeAnnouncement = %v, want ErrMalformed", err)
			}
		})
	}
	one := binary.BigEndian.Uint32(whole[1+core.HeaderSize:]) + prefixBytes
	for name, data := range map[string][]byte{
		"cut off": whole[:len(whole)-1], "a message less": whole[:len(whole)-int(one)],
		"a message more": appendMessage(whole[:len(whole):len(whole)], b.Messages[0]),
	} {
		a, err := decodeAnnouncement(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.block(n.Genesis); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func FuzzDecodeBundle(f *testing.F) {
	n := coretest.Network(f)
	f.Add(bundle(f, coretest.Messages(f, n, "m", 3)...))
	f.Add([]byte{kindBundle, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		msgs, err := decodeBundle(n.Genesis, data)
		if err != nil {
			if !errors.Is(err, core.ErrMalformed) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		if !bytes.Equal(bundle(t, msgs...)[bundleHead:], data[bundleHead:]) {
			t.Error("a bundle does not encode to the same bytes")
		}
	})
}

func FuzzDecodeAnnouncement(f *testing.F) {
	n := coretest.Network(f)
	b := coretest.Next(f, n, coretest.Genesis(n), coretest.Messages(f, n, "m", 2)...)
	f.Add(encodeWhole(b))
	f.Add(encodeHeader(&b.Header))
	f.Add(encodeCompact(b))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAnnouncement(data)
		if err != nil {
			if !errors.Is(err, core.ErrMalformed) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		again := startAnnouncement(a.kind, &a.header, 0)
		switch a.kind {
		case kindCompact:
			short := decodeShortIDs(a.rest)
			if len(short) != int(a.header.MessageCount) {
				t.Errorf("%d short ids, header says %d messages", len(short), a.header.MessageCount)
			}
			for _, id := range short {
				again = id.Append(again)
			}
		case kindWhole:
			got, err := a.block(n.Genesis)
			if err != nil {
				return
			}
			again = encodeWhole(got)
		}
		if !bytes.Equal(again, data) {
			t.Error("an announcement does not encode to the same bytes")
		}
	})
}
