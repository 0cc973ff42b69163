package exchange

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange/wire"
)

// TestPartLimit refuses messages before it makes room for them.
func TestPartLimit(t *testing.T) {
	frame, err := proto.Marshal(&wire.Part{Messages: make([][]byte, 100)})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := parsePart(frame, 100); err != nil || len(p.messages) != 100 {
		t.Errorf("100 messages of 100: %d, %v", len(p.messages), err)
	}
	if _, err := parsePart(frame, 99); !errors.Is(err, ErrProtocol) {
		t.Errorf("100 messages of 99: %v, want ErrProtocol", err)
	}
	if n := testing.AllocsPerRun(10, func() { parsePart(frame, 3) }); n > 20 { // the race detector adds a few
		t.Errorf("%v allocations to refuse a part", n)
	}
}

// FuzzPart holds the hand-written decoder against the generated one.
func FuzzPart(f *testing.F) {
	n := coretest.Network(f)
	b := coretest.Chain(f, n, coretest.Genesis(n), 1, 2)[0]
	header := b.Header.Encode()
	for _, p := range []*wire.Part{
		{},
		{Header: header[:]},
		{Header: header[:], Messages: [][]byte{b.Messages[0].Bytes(), b.Messages[1].Bytes()}},
		{Messages: [][]byte{{}, {1}, {}}},
	} {
		frame, err := proto.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Add([]byte{0x1a, 1, 5, 0x0a, 0, 0x0b, 0x0c, 0x12, 0}) // an unknown field, a group
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := parsePart(frame, len(frame))
		var want wire.Part
		wantErr := unmarshal(frame, &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, generated code: %v", err, wantErr)
		}
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Fatalf("%v is no ErrProtocol", err)
			}
			return
		}
		if !bytes.Equal(got.header, want.Header) || !slices.EqualFunc(got.messages, want.Messages, bytes.Equal) {
			t.Fatalf("%v, generated code: %v", got, &want)
		}
	})
}

// FuzzFrame reads frames until the bytes end, and never more of them than the limit.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{3, 1, 2, 3, 0, 1, 9})
	f.Add(binary.AppendUvarint(nil, 1<<40))
	f.Add([]byte{0x80, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 64
		in := bufio.NewReader(bytes.NewReader(b))
		var buf, again []byte
		for {
			frame, err := readFrame(in, limit, &buf)
			if err != nil {
				break
			}
			if len(frame) > limit || cap(buf) > 2*limit {
				t.Fatalf("frame of %d bytes in %d", len(frame), cap(buf))
			}
			again = append(binary.AppendUvarint(again, uint64(len(frame))), frame...)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%x read as %x", b, again)
		}
	})
}

// FuzzHello decodes hellos; what passes encodes to a hello that decodes to the same.
func FuzzHello(f *testing.F) {
	h := Hello{Genesis: core.Hash{1}, Network: "test", Agent: "a/1", Tip: core.Hash{2}, Height: 3, Work: core.NewWork(4, 5), ClockMS: 6}
	b, err := proto.Marshal(h.encode())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m wire.Hello
		if unmarshal(b, &m) != nil {
			return
		}
		h, err := decodeHello(&m)
		if err != nil {
			return
		}
		if again, err := decodeHello(h.encode()); err != nil || again != h {
			t.Fatalf("%+v becomes %+v, %v", h, again, err)
		}
		if len(h.Agent) > maxAgent || len(h.NetworkName()) > 60 {
			t.Fatalf("%+v", h)
		}
	})
}

// FuzzHeaders decodes answers; those that pass are one branch, and encode to the same bytes.
func FuzzHeaders(f *testing.F) {
	n := coretest.Network(f)
	var b []byte
	for _, block := range coretest.Chain(f, n, coretest.Genesis(n), 3, 1) {
		h := block.Header.Encode()
		b = append(b, h[:]...)
	}
	f.Add(b)
	f.Add(b[core.HeaderSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		headers, err := decodeHeaders(b, []core.Hash{n.Genesis}, 3)
		if err != nil {
			return
		}
		var again []byte
		parent := n.Genesis
		for i := range headers {
			if headers[i].PreviousHash != parent {
				t.Fatalf("header %d has another parent", i)
			}
			parent = headers[i].Hash()
			h := headers[i].Encode()
			again = append(again, h[:]...)
		}
		if !bytes.Equal(b, again) || len(headers) > 3 {
			t.Fatalf("%d headers of %d bytes", len(headers), len(b))
		}
	})
}

// FuzzVote judges any bytes as a message.
func FuzzVote(f *testing.F) {
	n := coretest.Network(f)
	f.Add(coretest.Message(f, n, coretest.Key(0), "x").Bytes())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := judge(n, b); err == nil {
			m, err := core.DecodeMessage(n.Genesis, b)
			if err != nil || !bytes.Equal(m.Bytes(), b) {
				t.Fatalf("took %x", b)
			}
		}
	})
}
