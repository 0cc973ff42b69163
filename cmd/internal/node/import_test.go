package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/store"
)

// A depot makes chains, files of them, and nodes that do not run.
type depot struct {
	t *testing.T
	n *core.Network
}

func newDepot(t *testing.T) *depot { return &depot{t, coretest.Network(t)} }

// grow returns a branch that goes on from another one.
func (d *depot) grow(base []*core.Block, name string, count int) []*core.Block {
	d.t.Helper()
	out := slices.Clone(base)
	tip := coretest.Genesis(d.n)
	for _, b := range out {
		tip = tip.After(b)
	}
	for i := range count {
		b := coretest.Next(d.t, d.n, tip, coretest.Message(d.t, d.n, coretest.Key(0), fmt.Sprint(name, " ", i)))
		out, tip = append(out, b), tip.After(b)
	}
	return out
}

// file returns the chain file of blocks.
func (d *depot) file(blocks []*core.Block) string {
	out := chainfile.AppendGenesis(nil, d.n)
	for _, b := range blocks {
		out = chainfile.AppendBlock(out, b)
	}
	return string(out)
}

// config returns a directory on a disk in memory.
func (d *depot) config() Config {
	cfg := config(d.t, filepath.Join(d.t.TempDir(), "data"))
	cfg.Network, cfg.FS = d.n, vfs.NewMem()
	return cfg
}

func (d *depot) open(cfg Config) *Stopped {
	d.t.Helper()
	s, err := OpenStopped(d.t.Context(), cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// load imports a file into a directory that may be used again.
func (d *depot) load(cfg Config, file string) (Imported, error) {
	d.t.Helper()
	s := d.open(cfg)
	defer d.close(s)
	done, err := s.Import(d.t.Context(), Import{File: d.reader(file), Again: d.again(file), batchBlocks: 20})
	report, checkErr := s.node.store.Check(d.t.Context(), true)
	if checkErr = errors.Join(checkErr, report.Err()); checkErr != nil {
		d.t.Errorf("the store after the import: %v", checkErr)
	}
	return done, err
}

func (d *depot) close(s *Stopped) {
	d.t.Helper()
	if err := s.Close(); err != nil {
		d.t.Error(err)
	}
}

func (d *depot) reader(file string) *chainfile.Reader {
	d.t.Helper()
	r, err := chainfile.NewReader(strings.NewReader(file))
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

func (d *depot) again(file string) func() (*chainfile.Reader, io.Closer, error) {
	return func() (*chainfile.Reader, io.Closer, error) { return d.reader(file), io.NopCloser(nil), nil }
}

// export returns the chain of a directory as a file.
func (d *depot) export(cfg Config, since string) string {
	d.t.Helper()
	s := d.open(cfg)
	defer d.close(s)
	r, err := s.Export(since)
	if err != nil {
		d.t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// waiting returns the texts of the waiting messages.
func (d *depot) waiting(cfg Config) []string {
	d.t.Helper()
	s := d.open(cfg)
	defer d.close(s)
	list, err := s.node.pool.List(0, 10000)
	if err != nil {
		d.t.Fatal(err)
	}
	var texts []string
	for _, w := range list {
		m, err := s.node.store.Message(w.ID)
		if err != nil {
			d.t.Fatal(err)
		}
		texts = append(texts, string(m.Body.Payload))
	}
	return texts
}

// TestImport takes a chain in, again, and after an interruption, and gives it out unchanged.
func TestImport(t *testing.T) {
	d := newDepot(t)
	blocks := d.grow(nil, "a", 300)
	for i := range blocks[:len(blocks)-10] {
		if i%7 == 0 {
			blocks[i] = coretest.WithoutBodies(blocks[i])
		}
	}
	file := d.file(blocks)
	cfg := d.config()
	if done, err := d.load(cfg, file); err != nil || done != (Imported{Blocks: 300, Messages: 300}) {
		t.Fatalf("%+v, %v", done, err)
	}
	if d.export(cfg, "") != file {
		t.Error("what is exported is not what was imported")
	}
	if done, err := d.load(cfg, file); err != nil || done != (Imported{Known: 300}) {
		t.Errorf("again: %+v, %v", done, err)
	}

	cfg = d.config()
	s := d.open(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Import(ctx, Import{File: d.reader(file), batchBlocks: 20, Progress: func(done Imported) {
		if done.Blocks > 0 {
			cancel()
		}
	}})
	height, _ := s.Tip()
	d.close(s)
	if !errors.Is(err, context.Canceled) || height == 0 || height == 300 {
		t.Fatalf("interrupted at height %d: %v", height, err)
	}
	if done, err := d.load(cfg, file); err != nil || done.Known != int(height) || done.Blocks != 300-int(height) {
		t.Errorf("continued at %d: %+v, %v", height, done, err)
	}
	if d.export(cfg, "") != file {
		t.Error("what is exported is not what was imported in two parts")
	}
}

// TestImportStops has files that are damaged or break a rule: the error names the line, and everything
// before it is kept.
func TestImportStops(t *testing.T) {
	d := newDepot(t)
	blocks := d.grow(nil, "a", 300)
	lines := strings.SplitAfter(d.file(blocks), "\n")
	const at = 280 // index of the line, and height of its block
	change := func(edit func(string) string) string {
		changed := slices.Clone(lines)
		changed[at] = edit(changed[at])
		return strings.Join(changed, "")
	}
	forged := coretest.MessageWith(t, d.n, coretest.Key(0), "forged", func(*core.Message) {})
	forged.Signature[0] ^= 1
	tip := coretest.Genesis(d.n)
	for _, b := range blocks[:at-1] {
		tip = tip.After(b)
	}
	early := coretest.NextWith(t, d.n, tip, func(h *core.Header) { h.TimeMS = tip.Header.TimeMS })
	late := coretest.NextWith(t, d.n, tip, func(h *core.Header) { h.TimeMS = core.MaxTimeMS })
	sealed := coretest.Next(t, d.n, tip, forged)
	bare := slices.Clone(blocks)
	bare[at-1] = coretest.WithoutBodies(bare[at-1])
	for _, tt := range []struct {
		name, file string
		want       error
	}{
		{"payload", change(func(s string) string { return strings.Replace(s, `"a 279"`, `"b 279"`, 1) }), core.ErrBodyMismatch},
		{"signature", change(func(s string) string {
			i := strings.Index(s, `"signature":"`) + len(`"signature":"`)
			return s[:i] + string('0'+('1'-s[i])&1) + s[i+1:]
		}), consensus.ErrMessageRoot},
		{"torn", change(func(s string) string { return s[:len(s)/2] })[:len(strings.Join(lines[:at], ""))+len(lines[at])/2], chainfile.ErrTruncated},
		{"line left out", strings.Join(slices.Delete(slices.Clone(lines), at, at+1), ""), chainfile.ErrOrder},
		{"time", d.file(append(slices.Clone(blocks[:at-1]), early)), consensus.ErrTimeNotAfterParent},
		{"future", d.file(append(slices.Clone(blocks[:at-1]), late)), consensus.ErrTimeInFuture},
		{"bad signature in a sealed block", d.file(append(slices.Clone(blocks[:at-1]), sealed)), consensus.ErrSignature},
		{"body missing in a block that is not settled", d.file(bare[:at+3]), consensus.ErrBodyMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &depot{t, d.n}
			cfg := d.config()
			done, err := d.load(cfg, tt.file)
			line := new(chainfile.LineError)
			if !errors.Is(err, tt.want) || !errors.As(err, &line) || line.Line != at+1 || !errors.Is(err, chainfile.ErrUnverified) {
				t.Errorf("%v, want line %d: %v", err, at+1, tt.want)
			}
			if done.Blocks != at-1 || d.export(cfg, "") != d.file(blocks[:at-1]) {
				t.Errorf("%+v was kept, want %d blocks", done, at-1)
			}
			if done, err := d.load(cfg, strings.Join(lines, "")); err != nil || done != (Imported{Known: at - 1, Blocks: 301 - at, Messages: 301 - at}) {
				t.Errorf("with a good file: %+v, %v", done, err)
			}
		})
	}
}

// TestImportDifference carries blocks between islands that parted at block 10.
func TestImportDifference(t *testing.T) {
	for length, more := range map[int]int{
		20:  5,
		180: 200, // too far below the tip to be remembered just so
		200: 5,   // that, too, but it has enough work at its end
	} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			if testing.Short() && length > 20 {
				t.Skip("many blocks of the same kind")
			}
			d := newDepot(t)
			shared := d.grow(nil, "shared", 10)
			heavy := d.grow(shared, "heavy", length+more)
			light := d.grow(shared, "light", length)
			parted := shared[9].Header.Hash().String()
			mine, theirs := d.config(), d.config()
			for cfg, blocks := range map[*Config][]*core.Block{&mine: light, &theirs: heavy} {
				if _, err := d.load(*cfg, d.file(blocks)); err != nil {
					t.Fatal(err)
				}
			}
			texts := make([]string, length)
			for i := range texts {
				texts[i] = fmt.Sprint("light ", i)
			}

			// The lighter branch comes to the heavier one: its messages wait.
			done, err := d.load(theirs, d.export(mine, parted))
			if err != nil || done.Waiting != length || !slices.Equal(d.waiting(theirs), texts) {
				t.Errorf("the light branch: %+v, %v, %d wait", done, err, len(d.waiting(theirs)))
			}
			if d.export(theirs, "") != d.file(heavy) {
				t.Error("the light branch won")
			}
			if done, err := d.load(theirs, d.export(mine, "")); err != nil || done.Waiting != 0 || done.Messages != 0 {
				t.Errorf("the light branch again: %+v, %v", done, err)
			}
			if stored := done.Blocks == length; stored != (length != 180) {
				t.Errorf("the light branch: %+v, is it stored?", done)
			}
			// And the other way round: it wins, and the messages of the lighter one wait.
			whole := d.export(theirs, "")
			if length > 144 {
				once := d.export(theirs, "10")
				s := d.open(mine)
				_, err := s.Import(t.Context(), Import{File: d.reader(once), batchBlocks: 20})
				if line := new(chainfile.LineError); !errors.Is(err, chain.ErrLowWork) || !errors.As(err, &line) || line.Line != 2 {
					t.Errorf("a deep branch that is read once: %v", err)
				}
				d.close(s)
			}
			done, err = d.load(mine, whole)
			if err != nil || done.Blocks != length+more || !slices.Equal(d.waiting(mine), texts) {
				t.Errorf("the heavy branch: %+v, %v, %d wait", done, err, len(d.waiting(mine)))
			}
			if d.export(mine, "") != d.file(heavy) {
				t.Error("the heavy branch lost")
			}
		})
	}
}

// TestImportLightBranchIsJudged names the line of a bad signature in a branch that is not stored.
func TestImportLightBranchIsJudged(t *testing.T) {
	d := newDepot(t)
	shared := d.grow(nil, "shared", 10)
	cfg := d.config()
	if _, err := d.load(cfg, d.file(d.grow(shared, "heavy", 380))); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(d.file(d.grow(shared, "light", 180)), "\n")
	before, after, found := strings.Cut(lines[100], `"signature":"`)
	if !found {
		t.Fatal("no signature in the line")
	}
	digit := "0"
	if after[0] == '0' {
		digit = "1"
	}
	lines[100] = before + `"signature":"` + digit + after[1:]
	_, err := d.load(cfg, strings.Join(lines, ""))
	line := new(chainfile.LineError)
	if !errors.As(err, &line) || line.Line != 101 || !errors.Is(err, consensus.ErrSignature) {
		t.Errorf("%v, want consensus.ErrSignature in line 101", err)
	}
}

// TestImportRecovers goes on where an import ended before the messages of a lighter branch waited.
func TestImportRecovers(t *testing.T) {
	d := newDepot(t)
	cfg := d.config()
	heavy, light := d.grow(nil, "heavy", 20), d.grow(nil, "light", 10)
	if _, err := d.load(cfg, d.file(heavy)); err != nil {
		t.Fatal(err)
	}
	s := d.open(cfg)
	if _, err := s.node.chain.AddBlocks(light); err != nil {
		t.Fatal(err)
	}
	d.close(s)
	if done, err := d.load(cfg, d.file(light)); err != nil || done != (Imported{Known: 10, Waiting: 10}) {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestStoppedRefuses asks for what is not there.
func TestStoppedRefuses(t *testing.T) {
	d := newDepot(t)
	blocks := d.grow(nil, "a", 20)
	cfg := d.config()
	if _, err := d.load(cfg, d.file(blocks[10:])); !errors.Is(err, consensus.ErrParentUnknown) || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("a difference without what it builds on: %v", err)
	}
	if _, err := d.load(cfg, d.file(blocks[:5])); err != nil {
		t.Fatal(err)
	}
	s := d.open(cfg)
	for _, since := range []string{"6", "18446744073709551615", blocks[10].Header.Hash().String()} {
		if _, err := s.Export(since); !errors.Is(err, ErrNoBlock) {
			t.Errorf("since %s: %v, want ErrNoBlock", since, err)
		}
	}
	r, err := s.Export("5")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, chainfile.AppendGenesis(nil, d.n)) {
		t.Errorf("since the tip: %q, %v", text, err)
	}
	r.Close()
	if r, err := s.Export(""); err != nil || r.Close() != nil { // nobody reads it
		t.Error(err)
	}
	if _, err := OpenStopped(t.Context(), cfg); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	d.close(s)
	cfg.Network = builtin(t, "test", 2)
	if _, err := OpenStopped(t.Context(), cfg); !errors.Is(err, store.ErrOtherNetwork) {
		t.Errorf("another network: %v", err)
	}
	if HasChain(filepath.Join(t.TempDir(), "nobody")) {
		t.Error("a chain where nothing is")
	}
}
