package core_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// TestDecodeMessageRefuses edits the bytes of a valid message of 118 + 3 + 64 + 16 + 4 bytes.
func TestDecodeMessageRefuses(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.MessageWith(t, n, coretest.Key(0), "1234", func(m *core.Message) { m.MediaType = "a/b" })
	valid := m.Bytes()
	if len(valid) != 205 {
		t.Fatalf("%d bytes, want 205", len(valid))
	}
	put := func(at int, b ...byte) []byte { return slices.Concat(valid[:at], b, valid[at+len(b):]) }
	for name, b := range map[string][]byte{
		"version 0":                       put(0, 0),
		"version 2":                       put(0, 2),
		"a time after 9999":               put(33, 0, 0, 0xe6, 0x77, 0xd2, 0x1f, 0xdc, 0x00),
		"a media type over 64 bytes":      put(81, 65),
		"a media type over the end":       put(81, 255),
		"a control character":             put(82, 0x1f),
		"a delete character":              put(82, 0x7f),
		"a media type that is not ASCII":  put(82, 0xc3),
		"a payload over any limit":        put(85, 0, 0, 0xf0, 0x01),
		"a payload of 2³² − 1 bytes":      put(85, 0xff, 0xff, 0xff, 0xff),
		"a payload longer than it is":     put(85, 0, 0, 0, 5),
		"a payload shorter than it is":    put(85, 0, 0, 0, 3),
		"one byte more":                   append(bytes.Clone(valid), 0),
		"a salt alone":                    valid[:121+64+16],
		"a message twice":                 slices.Concat(valid, valid),
		"another message behind the body": slices.Concat(valid, m.Envelope.Append(nil)),
	} {
		if m, err := core.DecodeMessage(n.Genesis, b); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	for cut := range valid {
		_, err := core.DecodeMessage(n.Genesis, valid[:cut])
		if bare := cut == 121+64; (err == nil) != bare || err != nil && !errors.Is(err, core.ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

// TestDecodeMessageLimits goes to the limits of a media type and a payload, and one byte further.
func TestDecodeMessageLimits(t *testing.T) {
	n := coretest.Network(t)
	for _, tt := range []struct {
		media, payload int
		valid          bool
	}{{64, 61440, true}, {65, 0, false}, {0, 61441, false}} {
		m := coretest.MessageWith(t, n, coretest.Key(0), strings.Repeat("x", tt.payload), func(m *core.Message) {
			m.MediaType = strings.Repeat("a", tt.media)
		})
		b := m.Bytes()
		_, err := core.DecodeMessage(n.Genesis, b)
		if (err == nil) != tt.valid || err != nil && !errors.Is(err, core.ErrMalformed) {
			t.Errorf("media type of %d bytes, payload of %d: %v", tt.media, tt.payload, err)
		}
		if full := tt.media == 64 && tt.payload == 61440; full && len(b) != core.MaxMessageSize {
			t.Errorf("largest message has %d bytes, MaxMessageSize is %d", len(b), core.MaxMessageSize)
		}
	}
}

// TestDecodeMessageCopies holds that a message does not change with the buffer that it came in.
func TestDecodeMessageCopies(t *testing.T) {
	n := coretest.Network(t)
	want := coretest.MessageWith(t, n, coretest.Key(0), "text", func(m *core.Message) { m.MediaType = "a/b" }).Bytes()
	buf := bytes.Clone(want)
	m, err := core.DecodeMessage(n.Genesis, buf)
	if err != nil {
		t.Fatal(err)
	}
	clear(buf)
	if !bytes.Equal(m.Bytes(), want) {
		t.Error("the message changed with the buffer")
	}
}

func TestCompose(t *testing.T) {
	n := coretest.Network(t, func(p *core.Params) { p.StampBits, p.MaxPayloadBytes = 4, 100 })
	for _, tt := range []struct {
		name  string
		draft core.Draft
		media string
		valid bool
	}{
		{"text", core.Draft{Payload: []byte("hello"), TimeMS: 5, Seen: n.Genesis}, "", true},
		{"nothing", core.Draft{}, "", true},
		{"the largest payload", core.Draft{Payload: make([]byte, 100)}, "", true},
		{"one byte too large", core.Draft{Payload: make([]byte, 101)}, "", false},
		{"the default media type has one spelling", core.Draft{MediaType: core.DefaultMediaType}, "", true},
		{"another media type", core.Draft{MediaType: "image/png"}, "image/png", true},
		{"the largest media type", core.Draft{MediaType: strings.Repeat("x", 64)}, strings.Repeat("x", 64), true},
		{"a media type too large", core.Draft{MediaType: strings.Repeat("x", 65)}, "", false},
		{"a media type with a line end", core.Draft{MediaType: "a\n"}, "", false},
		{"the last time", core.Draft{TimeMS: core.MaxTimeMS}, "", true},
		{"a time after 9999", core.Draft{TimeMS: core.MaxTimeMS + 1}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := core.Compose(n, coretest.Key(0), tt.draft)
			if !tt.valid {
				if !errors.Is(err, core.ErrMalformed) {
					t.Fatalf("Compose = %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkComposed(t, n, m, tt.draft, tt.media)
		})
	}
}

func checkComposed(t *testing.T, n *core.Network, m *core.Message, d core.Draft, media string) {
	t.Helper()
	if err := errors.Join(consensus.CheckMessage(n, m), consensus.CheckSignature(m)); err != nil {
		t.Error(err)
	}
	if m.MediaType != media || m.TimeMS != d.TimeMS || m.Seen != d.Seen || !bytes.Equal(m.Body.Payload, d.Payload) || m.Author != coretest.Author(0) {
		t.Errorf("composed %+v", m)
	}
	back, err := core.DecodeMessage(n.Genesis, m.Bytes())
	if err != nil || back.ID != m.ID || !bytes.Equal(back.Bytes(), m.Bytes()) {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if again, err := core.Compose(n, coretest.Key(0), d); err != nil || again.ID == m.ID || again.Body.Salt == m.Body.Salt {
		t.Error("two messages of one text have one id or one salt")
	}
}

func TestStamped(t *testing.T) {
	for bits, id := range map[int]core.Hash{
		0: {0xff}, 1: {0x7f}, 7: {0x01}, 8: {0, 0x80}, 15: {0, 1}, 31: {3: 1}, 32: {4: 0x80},
	} {
		if !core.Stamped(id, bits) || core.Stamped(id, bits+1) {
			t.Errorf("%v has not exactly %d leading zero bits", id, bits)
		}
	}
}

func TestDecodeHeaderRefuses(t *testing.T) {
	header := coretest.Network(t).Header.Encode()
	other := header
	other[3]++
	for name, b := range map[string][]byte{
		"nothing": nil, "one byte short": header[:151], "one byte more": append(header[:], 0), "another version": other[:],
	} {
		if _, err := core.DecodeHeader(b); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTexts holds that every value has one spelling.
func TestTexts(t *testing.T) {
	hash := core.Hash{0xab, 31: 0x01}
	valid := "ab" + strings.Repeat("00", 30) + "01"
	if hash.String() != valid {
		t.Fatalf("written as %s", hash)
	}
	if got, err := core.ParseHash(valid); err != nil || got != hash {
		t.Errorf("read as %v, %v", got, err)
	}
	for _, text := range []string{
		"", valid[1:], valid + "0", valid[2:], strings.ToUpper(valid), "0x" + valid[2:], valid[:63] + "g", valid[:62] + "é", " " + valid[1:],
	} {
		if got, err := core.ParseHash(text); !errors.Is(err, core.ErrBadHex) {
			t.Errorf("ParseHash(%q) = %v, %v", text, got, err)
		}
		if got, err := core.ParsePublicKey(text); !errors.Is(err, core.ErrBadHex) {
			t.Errorf("ParsePublicKey(%q) = %v, %v", text, got, err)
		}
		var s core.Signature
		if err := s.UnmarshalText([]byte(text)); !errors.Is(err, core.ErrBadHex) {
			t.Errorf("signature %q: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "-1", "+1", "01", "1.0", "1e3", "0x1", "1_0", " 1", "1 ", "340282366920938463463374607431768211456", strings.Repeat("9", 1<<20),
	} {
		var w core.Work
		if err := w.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("work %.50q is read as %v", text, w)
		}
	}
}

func TestWorkTextLargest(t *testing.T) {
	const text = "340282366920938463463374607431768211455"
	var w core.Work
	if err := w.UnmarshalText([]byte(text)); err != nil || w.String() != text {
		t.Errorf("read as %v, %v", w, err)
	}
}

func ExampleCompose() {
	params, _ := core.Builtin("test")
	network, _ := core.NewNetwork(params)
	message, _ := core.Compose(network, coretest.Key(0), core.Draft{
		TimeMS: 946684800000, Seen: network.Genesis, Payload: []byte("hello"),
	})
	back, _ := core.DecodeMessage(network.Genesis, message.Bytes())
	fmt.Printf("%s in %d bytes: %s\n", back.Type(), back.Size(), back.Body.Payload)
	// Output: text/plain; charset=utf-8 in 203 bytes: hello
}
