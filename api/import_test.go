package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
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

// exported returns the chain file of a node with three blocks.
func exported(t *testing.T) (string, core.Hash) {
	t.Helper()
	f := start(t)
	for _, text := range []string{"one", "two", "three"} {
		f.seal(coretest.Message(t, f.network, coretest.Key(0), text))
	}
	return f.do("GET", "/api/v1/export", "").body, f.chain.Tip().Hash
}

// importing is a node that imports block by block into its chain.
func importing(t *testing.T, edits ...func(*api.Config, *api.Deps)) *fixture {
	t.Helper()
	var f *fixture
	f = start(t, append(edits, func(_ *api.Config, d *api.Deps) {
		d.Import = func(ctx context.Context, file *chainfile.Reader, progress func(api.Imported)) (api.Imported, error) {
			return importBlocks(ctx, f, file, progress)
		}
	})...)
	return f
}

func importBlocks(ctx context.Context, f *fixture, file *chainfile.Reader, progress func(api.Imported)) (done api.Imported, err error) {
	for ctx.Err() == nil {
		line, _, err := file.Next()
		if err == io.EOF {
			return done, nil
		}
		if err != nil {
			return done, err
		}
		b, err := line.Block(f.network)
		if err == nil {
			_, err = f.chain.AddBlocks([]*core.Block{b})
		}
		if err != nil {
			return done, &chainfile.LineError{Line: file.Line(), Err: err}
		}
		done.Blocks, done.Messages = done.Blocks+1, done.Messages+len(b.Messages)
		progress(done)
	}
	return done, ctx.Err()
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestImport takes in a chain file in every form.
func TestImport(t *testing.T) {
	file, tip := exported(t)
	for _, tt := range []struct{ name, body, media, accept string }{
		{"plain", file, "application/x-ndjson", ""},
		{"no type", file, "", ""},
		{"gzip", packed(t, file), "application/gzip", ""},
		{"aloud", file, "application/x-ndjson", "application/x-ndjson"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := importing(t)
			a := f.do("POST", "/api/v1/import", tt.body, "Content-Type", tt.media, "Accept", tt.accept)
			lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
			last := decode[api.ImportResult](t, answer{a.status, map[string][]string{"Content-Type": {"application/json"}}, lines[len(lines)-1]})
			if last.Status != api.ImportDone || last.Blocks != 3 || last.Messages != 3 || last.Hash != tip || last.Height != 3 {
				t.Errorf("%+v", last)
			}
			if last.Bytes != int64(len(tt.body)) {
				t.Errorf("read %d of %d bytes", last.Bytes, len(tt.body))
			}
			if f.chain.Tip().Hash != tip {
				t.Error("the chain is another one")
			}
		})
	}
}

// TestImportDamage ends at the first line that is wrong, says which, and keeps what is before it.
func TestImportDamage(t *testing.T) {
	file, _ := exported(t)
	lines := strings.SplitAfter(file, "\n")
	bad := lines[0] + lines[1] + strings.Replace(lines[2], "two", "owt", 1) + lines[3]
	other := *coretest.Network(t)
	params := other.Params
	params.Name = "lab"
	lab, err := core.NewNetwork(params)
	if err != nil {
		t.Fatal(err)
	}
	whole := packed(t, file)
	for _, tt := range []struct {
		name, body string
		status     int
		code, says string
		blocks     int
	}{
		{"damaged line", bad, 422, "bad_chain_file", "line 3", 1},
		{"half a line", file[:len(file)-9], 422, "bad_chain_file", "line 4", 2},
		{"gap", lines[0] + lines[2], 422, "chain_file_begins_above", "line 2", 0},
		{"a diary", "dear diary\n", 422, "bad_chain_file", "line 1", 0},
		{"empty", "", 422, "bad_chain_file", "line 1", 0},
		{"other network", string(chainfile.AppendGenesis(nil, lab)), 409, "other_network", "lab", 0},
		{"half of a packed one", whole[:len(whole)/2], 422, "bad_chain_file", "unexpected EOF", -1},
		{"damage in a packed one", whole[:10] + "\xff\xff\xff\xff", 422, "bad_chain_file", "corrupt", 0},
		{"damage further down in a packed one", packed(t, lines[0]+lines[1]) + whole[:10] + "\xff\xff\xff\xff", 422, "bad_chain_file", "corrupt", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := importing(t)
			a := f.do("POST", "/api/v1/import", tt.body)
			if a.status != tt.status || f.code(a) != tt.code || !strings.Contains(a.body, tt.says) {
				t.Errorf("%d %s, want %d %s with %q", a.status, a.body, tt.status, tt.code, tt.says)
			}
			if tip := f.chain.Tip().Header.Height; tt.blocks >= 0 && tip != uint64(tt.blocks) {
				t.Errorf("%d blocks are kept, want %d", tip, tt.blocks)
			}
		})
	}
	f := importing(t)
	last, err := f.client().Import(t.Context(), strings.NewReader(bad), nil)
	answer, ok := errors.AsType[*client.Error](err)
	if !ok || answer.Status != 422 || answer.Code != "bad_chain_file" || last.Blocks != 1 {
		t.Errorf("Import = %+v, %v", last, err)
	}
	if a := f.do("POST", "/api/v1/import", file, "Content-Type", "image/png"); a.status != 415 {
		t.Errorf("a picture: %d", a.status)
	}
}

// TestImportProgress reads progress while the file is still being sent, and lets one import in at a
// time.
func TestImportProgress(t *testing.T) {
	file, tip := exported(t)
	f := importing(t)
	out, in := io.Pipe()
	begun := make(chan struct{})
	go func() {
		half := strings.Index(file, "\n") + 1
		io.WriteString(in, file[:half])
		<-begun
		io.WriteString(in, file[half:])
		in.Close()
	}()
	calls := 0
	last, err := f.client().Import(t.Context(), out, func(now client.ImportResult) {
		if calls++; calls > 1 {
			return
		}
		if now.Status != client.ImportRunning || now.Height != 0 {
			t.Errorf("at first: %+v", now)
		}
		if a := f.do("POST", "/api/v1/import", file); a.status != 503 || f.code(a) != "import_running" {
			t.Errorf("a second one: %d %s", a.status, a.body)
		}
		close(begun)
	})
	if err != nil || last.Hash != tip || calls == 0 {
		t.Errorf("Import = %+v, %v after %d calls", last, err, calls)
	}
}

// TestImportAbsent has a node that cannot import.
func TestImportAbsent(t *testing.T) {
	f := start(t)
	if a := f.do("POST", "/api/v1/import", "x"); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
