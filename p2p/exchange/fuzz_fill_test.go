package exchange

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange/wire"
)

// answerOf returns an answer whose peer wrote these bytes.
func answerOf(t testing.TB, b []byte) *answer {
	t.Helper()
	p, err := newPipe(&tape{in: bytes.NewReader(b)}, maxFrame, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{pipe: p}
}

func framed(t testing.TB, msgs ...proto.Message) []byte {
	t.Helper()
	var b tape
	for _, m := range msgs {
		if err := (&pipe{stream: &b}).write(m); err != nil {
			t.Fatal(err)
		}
	}
	return b.out.Bytes()
}

// FuzzLeaves reads any bytes as an answer of three leaves.
func FuzzLeaves(f *testing.F) {
	f.Add(framed(f, &wire.LeavesReply{Leaves: make([]byte, 3*core.LeafSize)}))
	f.Add(framed(f, &wire.LeavesReply{Leaves: make([]byte, core.LeafSize)}, &wire.LeavesReply{Leaves: make([]byte, 2*core.LeafSize)}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		leaves, err := readLeaves(answerOf(t, b), 3)
		checkParts(t, len(leaves), err)
	})
}

// FuzzFill reads any bytes as an answer of three messages of a block.
func FuzzFill(f *testing.F) {
	n := coretest.Network(f)
	var all [][]byte
	for _, m := range coretest.Messages(f, n, "m", 3) {
		all = append(all, m.Bytes())
	}
	f.Add(framed(f, &wire.Part{Messages: all}))
	f.Add(framed(f, &wire.Part{Messages: all[:1]}, &wire.Part{Messages: all[1:]}))
	f.Add([]byte{})
	c := &Client{network: n}
	f.Fuzz(func(t *testing.T, b []byte) {
		msgs, err := c.readFill(answerOf(t, b), 3)
		checkParts(t, len(msgs), err)
	})
}

func checkParts(t *testing.T, count int, err error) {
	t.Helper()
	switch {
	case err == nil && count != 3:
		t.Errorf("%d came, want 3", count)
	case err != nil && !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrAbsent) && !errors.Is(err, io.ErrUnexpectedEOF):
		t.Errorf("error of another kind: %v", err)
	}
}
