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
		whole bool
	}{
		{"small", small, true},
		{"without messages", coretest.Next(t, n, coretest.Genesis(n)), true},
		{"large", large, false},
		{"a body was dropped", coretest.WithoutBodies(small), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := encodeBlock(tt.block)
			a, err := decodeAnnouncement(data)
			if err != nil || a.hash != tt.block.Header.Hash() || a.whole() != tt.whole {
				t.Fatalf("decodeAnnouncement: whole %v, %v", a.whole(), err)
			}
			if !tt.whole {
				return
			}
			got, err := a.block(n.Genesis)
			if err != nil || !bytes.Equal(encodeBlock(got), data) {
				t.Errorf("the block does not come back: %v", err)
			}
		})
	}
}

func TestDecodeAnnouncementRefuses(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 2)...)
	whole, alone := encodeBlock(b), encodeHeader(&b.Header)
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"cut off in the header", alone[:100]},
		{"trailing byte", append(alone[:len(alone):len(alone)], 0)},
		{"unknown kind", append([]byte{9}, alone[1:]...)},
		{"no header", make([]byte, len(alone))},
		{"too large", append(whole[:len(whole):len(whole)], make([]byte, maxWholeBytes)...)},
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
	f.Add(encodeBlock(b))
	f.Add(encodeHeader(&b.Header))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAnnouncement(data)
		if err != nil {
			if !errors.Is(err, core.ErrMalformed) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		if !a.whole() {
			if !bytes.Equal(encodeHeader(&a.header), data) {
				t.Error("a header does not encode to the same bytes")
			}
			return
		}
		if got, err := a.block(n.Genesis); err == nil && len(data) < maxWholeBytes && !bytes.Equal(encodeWhole(got), data) {
			t.Error("a whole block does not encode to the same bytes")
		}
	})
}
