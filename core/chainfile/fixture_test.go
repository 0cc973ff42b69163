package chainfile_test

import (
	"bytes"
	"flag"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story returns a chain with everything that a line can show.
func story(t testing.TB) (*core.Network, []*core.Block) {
	n := coretest.Network(t)
	text := func(s string) *core.Message { return coretest.Message(t, n, coretest.Key(0), s) }
	typed := coretest.MessageWith(t, n, coretest.Key(1), `{"a":1}`, func(m *core.Message) {
		m.MediaType, m.TimeMS = `application/json; q="x\y"`, core.MaxTimeMS
	})
	tip := coretest.Genesis(n)
	var blocks []*core.Block
	add := func(msgs ...*core.Message) {
		b := coretest.Next(t, n, tip, msgs...)
		blocks, tip = append(blocks, b), tip.After(b)
	}
	add(text("hello"), text(""), text("quote \" backslash \\ slash / \b\t\n\f\r \x00 \x1f \x7f"), text("größer → 字 \u2028 😀 <&>"))
	add()
	add(text("\xff\xfe binary"), typed)
	add(text("erased"), text("stays"))
	bare := *blocks[3].Messages[0]
	bare.Body = nil
	blocks[3].Messages[0] = &bare
	return n, blocks
}

// file writes a chain file.
func file(t testing.TB, n *core.Network, blocks []*core.Block) []byte {
	t.Helper()
	var out bytes.Buffer
	w := chainfile.NewWriter(&out)
	if err := w.Genesis(n); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := w.Block(b); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// golden is coretest.Golden with our flag.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	coretest.Golden(t, name, got, *update)
}
