package api_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

// readExport returns the blocks of a chain file, which must be whole.
func readExport(t *testing.T, text string) []*core.Block {
	t.Helper()
	r, err := chainfile.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*core.Block
	for {
		line, _, err := r.Next()
		if err == io.EOF {
			return blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := line.Block(r.Network())
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
}

// TestExport reads the chain, and what is above a block, as chain files.
func TestExport(t *testing.T) {
	f := start(t)
	f.sample()
	a := f.do("GET", "/api/v1/export", "")
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %s", a.status, a.header.Get("Content-Type"))
	}
	blocks := readExport(t, a.body)
	if len(blocks) != 3 || blocks[2].Header != f.chain.Tip().Header || blocks[1].Messages[2].Body != nil {
		t.Errorf("%d blocks", len(blocks))
	}
	first := blocks[0].Header.Hash().String()
	for since, want := range map[string]int{"0": 3, "1": 2, first: 2, "3": 0, "tip": 0} {
		body, err := f.client().Export(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		body.Close()
		if got := readExport(t, string(text)); err != nil || len(got) != want || want > 0 && got[want-1].Header != f.chain.Tip().Header {
			t.Errorf("since %s: %d blocks, %v, want %d", since, len(got), err, want)
		}
	}
	if a := f.do("HEAD", "/api/v1/export", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
	side := coretest.NextWith(t, f.network, coretest.Genesis(f.network), func(h *core.Header) { h.Nonce = 1 << 30 })
	if _, err := f.chain.AddBlocks([]*core.Block{side}); err != nil {
		t.Fatal(err)
	}
	for since, want := range map[string]error{
		"4": client.ErrNotFound, strings.Repeat("0", 64): client.ErrNotFound, side.Header.Hash().String(): client.ErrNotFound, "x": client.ErrRefused, "-1": client.ErrRefused,
	} {
		if _, err := f.client().Export(t.Context(), since); !errors.Is(err, want) {
			t.Errorf("since %s: %v, want %v", since, err, want)
		}
	}
}

// TestExportReorgs has a reorg between any two looks at the chain: the file is always one branch.
func TestExportReorgs(t *testing.T) {
	old, came := 0, 0
	for at := 1; at <= 40; at++ {
		f, turning := startTurning(t, at)
		for range 9 {
			f.seal()
		}
		oldTip := f.chain.Tip().Header
		turning.turn = func() { f.reorg(12) }
		a := f.do("GET", "/api/v1/export?since=1", "")
		if a.status != 200 {
			t.Fatalf("reorg at look %d: %d %s", at, a.status, a.body)
		}
		blocks := readExport(t, a.body) // looks at the links between them, too
		switch last := blocks[len(blocks)-1].Header; {
		case blocks[0].Header.Height != 2:
			t.Errorf("reorg at look %d: begins at %d", at, blocks[0].Header.Height)
		case last == oldTip:
			old++
		case last == f.chain.Tip().Header:
			came++
		default:
			t.Errorf("reorg at look %d: ends at %d", at, last.Height)
		}
		f.stop()
	}
	if old < 5 || came < 5 {
		t.Errorf("%d old and %d new branches: not every case was met", old, came)
	}
}

// TestExportBreaks has the disk fail in the middle: the client must notice.
func TestExportBreaks(t *testing.T) {
	broken := &brokenChain{endlessChain: endlessChain{top: 5000}}
	f := start(t, func(_ *api.Config, d *api.Deps) {
		broken.Chain = d.Chain
		d.Chain = broken
	})
	c := f.client()
	body, err := c.Export(t.Context(), "")
	if err == nil {
		var got bytes.Buffer
		_, err = got.ReadFrom(body)
		body.Close()
	}
	if !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("half an answer: %v, want ErrUnreachable", err)
	}
	f.stop()
	if !strings.Contains(f.log.String(), "bad sector") {
		t.Errorf("log: %s", f.log)
	}
}
