package core_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// Every decoder, on any bytes: no panic, only its own error, and what it accepts is written again as
// the same bytes.

func FuzzDecodeHeader(f *testing.F) {
	var vectors []headerVector
	readGolden(f, "headers.json", &vectors)
	for _, v := range vectors {
		f.Add(unhex(f, v.Bytes))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := core.DecodeHeader(b)
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		if got := h.Encode(); !bytes.Equal(got[:], b) {
			t.Errorf("%x is written as %x", b, got)
		}
	})
}

func FuzzDecodeEnvelope(f *testing.F) {
	addMessages(f, func(m *core.Message) []byte { return m.Envelope.Append(nil) })
	f.Fuzz(func(t *testing.T, b []byte) {
		e, rest, err := core.DecodeEnvelope(b)
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		if got := append(e.Append(nil), rest...); !bytes.Equal(got, b) || e.Size() != len(b)-len(rest) {
			t.Errorf("%x is written as %x", b, got)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	addMessages(f, (*core.Message).Bytes)
	n := coretest.Network(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := core.DecodeMessage(n.Genesis, b)
		many, manyErr := core.DecodeMessages(n.Genesis, [][]byte{b, b})
		if (err == nil) != (manyErr == nil) {
			t.Fatalf("alone: %v, with others: %v", err, manyErr)
		}
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		if len(many) != 2 || !reflect.DeepEqual(many[0], m) || !reflect.DeepEqual(many[1], m) {
			t.Errorf("%x is one message alone and another with others", b)
		}
		if got := m.Bytes(); !bytes.Equal(got, b) {
			t.Errorf("%x is written as %x", b, got)
		}
		if m.ID != m.Envelope.ID(n.Genesis) || m.Size() > core.MaxMessageSize || len(b) > m.Size() {
			t.Errorf("%x: id %v, size %d", b, m.ID, m.Size())
		}
		if err := m.CheckBody(); err != nil && !errors.Is(err, core.ErrBodyMismatch) {
			t.Errorf("%x: %v", b, err)
		}
	})
}

func addMessages(f *testing.F, encode func(*core.Message) []byte) {
	var vectors []messageVector
	readGolden(f, "messages.json", &vectors)
	for _, v := range vectors {
		m, err := core.DecodeMessage(v.GenesisHash, unhex(f, v.Bytes))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encode(m))
	}
	f.Add([]byte{})
}

func FuzzParseParams(f *testing.F) {
	for _, name := range core.BuiltinNames() {
		b, err := os.ReadFile(filepath.Join("testdata", name+".params.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(validParams))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := core.ParseParams(b)
		if err != nil {
			if !errors.Is(err, core.ErrBadParams) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		back, err := core.ParseParams(p.Encode())
		if err != nil || !bytes.Equal(back.Encode(), p.Encode()) {
			t.Errorf("%q is written as %s, read again as %+v, %v", b, p.Encode(), back, err)
		}
		if _, err := core.NewNetwork(p); err != nil {
			t.Errorf("%q: %v", b, err)
		}
	})
}

// FuzzTexts reads any text as a hash, a key, a signature and an amount of work.
func FuzzTexts(f *testing.F) {
	f.Add(core.Hash{1}.String())
	f.Add(core.Signature{1}.String())
	f.Add("340282366920938463463374607431768211455")
	f.Add("-0")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := core.ParseHash(text); err == nil && h.String() != text {
			t.Errorf("hash %q is written as %v", text, h)
		}
		if k, err := core.ParsePublicKey(text); err == nil && k.String() != text {
			t.Errorf("key %q is written as %v", text, k)
		}
		var s core.Signature
		if err := s.UnmarshalText([]byte(text)); err == nil && s.String() != text {
			t.Errorf("signature %q is written as %v", text, s)
		}
		var w core.Work
		if err := w.UnmarshalText([]byte(text)); err == nil && w.String() != text {
			t.Errorf("work %q is written as %v", text, w)
		}
	})
}

func FuzzBits(f *testing.F) {
	for _, bits := range []uint32{0, 1, 0x01010000, 0x03000001, 0x04008000, 0x1e00ffff, 0x200fffff, 0x2100ffff, 0x22000001, 0xff7fffff} {
		f.Add(bits)
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		target, err := core.Bits(bits).Target()
		if err != nil {
			if !errors.Is(err, core.ErrBadBits) {
				t.Errorf("%08x: %v", bits, err)
			}
			return
		}
		if target.Bits() != core.Bits(bits) {
			t.Errorf("%08x is written as %08x", bits, uint32(target.Bits()))
		}
		if w, err := target.Work(); err == nil && w.Cmp(core.Work{}) == 0 {
			t.Errorf("%08x is worth nothing", bits)
		}
	})
}

// FuzzNewFrontier reads a size and peaks.
func FuzzNewFrontier(f *testing.F) {
	f.Add(uint64(0), []byte{})
	f.Add(uint64(5), make([]byte, 64))
	f.Fuzz(func(t *testing.T, size uint64, b []byte) {
		peaks := make([]core.Hash, len(b)/core.HashSize)
		for i := range peaks {
			peaks[i] = core.Hash(b[i*core.HashSize:][:core.HashSize])
		}
		frontier, err := core.NewFrontier(size, peaks)
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		frontier.Root()
		if size < 1<<64-1 && frontier.Append(core.Hash{}).Size() != size+1 {
			t.Errorf("a leaf more than %d", size)
		}
		for i, h := range frontier.Peaks() {
			if h != peaks[i] {
				t.Errorf("peak %d of %d changed", i, size)
			}
		}
	})
}

func onlyMalformed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, core.ErrMalformed) {
		t.Errorf("%v does not wrap ErrMalformed", err)
	}
}
