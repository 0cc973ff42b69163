package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

// A fakeSource is a best chain that a test sets, whose stream may break.
type fakeSource struct {
	n      *core.Network
	blocks []*core.Block // above genesis
	fail   int           // bytes after which the stream breaks; 0: never
}

var errCable = errors.New("cable cut")

func (s *fakeSource) tip(context.Context) (uint64, error) { return uint64(len(s.blocks)), nil }

func (s *fakeSource) isBest(_ context.Context, height uint64, hash core.Hash) (bool, error) {
	return height <= uint64(len(s.blocks)) && s.blocks[height-1].Header.Hash() == hash, nil
}

func (s *fakeSource) open(_ context.Context, since string) (io.ReadCloser, error) {
	above, err := strconv.Atoi(since)
	if err != nil && since != "" {
		above = 1 + slices.IndexFunc(s.blocks, func(b *core.Block) bool { return b.Header.Hash().String() == since })
	}
	text := chainFile(s.n, s.blocks[above:])
	if s.fail > 0 && s.fail < len(text) {
		return io.NopCloser(io.MultiReader(strings.NewReader(text[:s.fail]), iotest.ErrReader(errCable))), nil
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (s *fakeSource) close() error { return nil }

func chainFile(n *core.Network, blocks []*core.Block) string {
	out := chainfile.AppendGenesis(nil, n)
	for _, b := range blocks {
		out = chainfile.AppendBlock(out, b)
	}
	return string(out)
}

// branch makes blocks that go on from others.
func branch(t *testing.T, n *core.Network, base []*core.Block, name string, count int) []*core.Block {
	t.Helper()
	tip := coretest.Genesis(n)
	out := slices.Clone(base)
	for _, b := range out {
		tip = tip.After(b)
	}
	for i := range count {
		b := coretest.Next(t, n, tip, coretest.Message(t, n, coretest.Key(0), name+strconv.Itoa(i)))
		out, tip = append(out, b), tip.After(b)
	}
	return out
}

// TestExportContinues continues files after breaks and reorgs.
func TestExportContinues(t *testing.T) {
	n := coretest.Network(t)
	old := branch(t, n, nil, "a", 10)
	came := branch(t, n, old[:6], "b", 8)
	elsewhere := branch(t, n, nil, "c", 40)
	whole, rest := chainFile(n, came), chainFile(n, came[3:])
	for _, tt := range []struct {
		name        string
		file, since string
		want, says  string
	}{
		{"new", "", "", whole, ""},
		{"new difference", "", "3", rest, ""},
		{"difference by hash", "", came[2].Header.Hash().String(), rest, ""},
		{"genesis", chainFile(n, nil), "", whole, ""},
		{"genesis, difference", chainFile(n, nil), "3", rest, ""},
		{"reorg", chainFile(n, old), "", whole, ""},
		{"reorg below all", chainFile(n, elsewhere), "", whole, ""},
		{"reorg of a difference", chainFile(n, old[3:]), "", rest, ""},
		{"reorg of a difference, named", chainFile(n, old[3:]), "3", rest, ""},
		{"torn", chainFile(n, came[:8])[:6000], "", whole, ""},
		{"reorg below a difference", chainFile(n, elsewhere[4:]), "", "", "no block of FILE is on the best chain any more"},
		{"another difference", chainFile(n, old[3:]), "4", "", "begins with block 4, not above --since 4"},
		{"torn genesis", chainFile(n, nil)[:100], "", "", "something else than a chain file"},
		{"zeros", chainFile(n, came) + strings.Repeat("\x00", 50) + "\n", "", "", "is damaged at byte"},
	} {
		for _, fail := range []int{0, 3000} {
			t.Run(fmt.Sprint(tt.name, ", fails after ", fail), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "FILE")
				if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
				source := &fakeSource{n: n, blocks: came, fail: fail}
				tries, err := exportUntilDone(t, source, tt.since, path)
				text, readErr := os.ReadFile(path)
				if readErr != nil {
					t.Fatal(readErr)
				}
				says := strings.ReplaceAll(tt.says, "FILE", path)
				switch {
				case says != "" && (err == nil || !strings.Contains(err.Error(), says) || !errors.Is(err, errUsage) || string(text) != tt.file):
					t.Errorf("%v, want usage: %s", err, says)
				case says == "" && (err != nil || string(text) != tt.want || (tries > 1) != (fail > 0)):
					t.Errorf("after %d tries: %v, %d bytes, want %d", tries, err, len(text), len(tt.want))
				}
			})
		}
	}
}

// exportUntilDone repeats an export until it is not the cable any more that ends it. After each try
// the file must have whole lines only.
func exportUntilDone(t *testing.T, source *fakeSource, since, path string) (tries int, err error) {
	a := &app{stdout: io.Discard, stderr: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }}
	for tries = 1; tries < 50; tries++ {
		if err = a.exportToFile(t.Context(), source, since, path); !errors.Is(err, errCable) {
			break
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.HasSuffix(text, []byte("\n")) {
			t.Fatalf("try %d leaves %d bytes, %v", tries, len(text), err)
		}
		source.fail += 1000 // at least one more line
	}
	return tries, err
}
