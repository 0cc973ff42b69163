package chainfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// TestGolden holds the form of a chain file, and that reading gives back what was written.
func TestGolden(t *testing.T) {
	n, blocks := story(t)
	written := file(t, n, blocks)
	golden(t, "story.chain", written)

	r, err := chainfile.NewReader(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	if r.Network().Genesis != n.Genesis {
		t.Errorf("network %v, want %v", r.Network(), n)
	}
	for i, want := range blocks {
		line, h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := line.Block(n)
		if err != nil {
			t.Fatalf("block %d: %v", i+1, err)
		}
		if h != want.Header || !reflect.DeepEqual(got.Header, want.Header) || len(got.Messages) != len(want.Messages) {
			t.Fatalf("block %d: %+v, want %+v", i+1, got, want)
		}
		for j, m := range want.Messages {
			if got := got.Messages[j]; !bytes.Equal(got.Bytes(), m.Bytes()) || got.ID != m.ID || (got.Body == nil) != (m.Body == nil) {
				t.Errorf("block %d, message %d: %+v, want %+v", i+1, j, got, m)
			}
		}
		if appended := chainfile.AppendBlock(nil, got); !bytes.Equal(appended, line) {
			t.Errorf("block %d: AppendBlock and Writer differ:\n%s%s", i+1, appended, line)
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last line: %v, want EOF", err)
	}
	if r.Offset() != int64(len(written)) || r.Line() != len(blocks)+1 {
		t.Errorf("read %d bytes, %d lines, want %d and %d", r.Offset(), r.Line(), len(written), len(blocks)+1)
	}
}

// TestPlainJSON reads the file as any program would, in seed 1's words.
func TestPlainJSON(t *testing.T) {
	n, blocks := story(t)
	dec := json.NewDecoder(bytes.NewReader(file(t, n, blocks)))
	for i := range len(blocks) + 1 {
		var line struct {
			Index        uint64      `json:"index"`
			Timestamp    json.Number `json:"timestamp"`
			PreviousHash *core.Hash  `json:"previous_hash"`
			Proof        *uint64     `json:"proof"`
			Params       json.RawMessage
			Data         []struct {
				ID      *core.Hash
				Message *string
				Base64  []byte
				Erased  bool
			}
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if *line.Data[0].Message != n.Params.Text || line.Data[0].ID != nil || line.Proof != nil || line.PreviousHash != nil ||
				!bytes.Equal(line.Params, n.Params.Encode()) {
				t.Errorf("genesis: %+v", line)
			}
			continue
		}
		b := blocks[i-1]
		if line.Index != uint64(i) || *line.PreviousHash != b.Header.PreviousHash || *line.Proof != b.Header.Nonce ||
			string(line.Timestamp) != fmt.Sprintf("%d.%03d", b.Header.TimeMS/1000, b.Header.TimeMS%1000) {
			t.Errorf("block %d: %+v", i, line)
		}
		for j, m := range b.Messages {
			got := line.Data[j]
			switch {
			case *got.ID != m.ID, got.Erased != (m.Body == nil):
				t.Errorf("block %d, message %d: %+v", i, j, got)
			case got.Erased:
			case got.Message != nil && *got.Message != string(m.Body.Payload), got.Message == nil && !bytes.Equal(got.Base64, m.Body.Payload):
				t.Errorf("block %d, message %d: %+v, want %q", i, j, got, m.Body.Payload)
			}
		}
	}
}

// judge judges a line as a node would.
func judge(n *core.Network, line chainfile.Line) error {
	if other, err := line.Genesis(); err == nil && other.Genesis == n.Genesis {
		return nil
	}
	b, err := line.Block(n)
	if err != nil {
		return err
	}
	return consensus.CheckBlock(n, b)
}

// TestEveryByteCounts changes each byte of each line, and cuts the file after each: nothing but what
// was written is taken.
func TestEveryByteCounts(t *testing.T) {
	n, blocks := story(t)
	whole := file(t, n, blocks)
	for i, line := range bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if i == len(blocks) {
			line = append(line, '\n')
		}
		if err := judge(n, line); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		changed := bytes.Clone(line)
		for at, c := range line {
			for _, bit := range []byte{1, 0x20} { // 0x20 is upper and lower case
				changed[at] = c ^ bit
				if judge(n, changed) == nil {
					t.Fatalf("line %d, byte %d changed from %q to %q is taken", i+1, at, c, changed[at])
				}
			}
			changed[at] = c
		}
	}
	for i := range whole {
		cut := whole[:i]
		if bytes.HasSuffix(cut, []byte("\n")) {
			continue
		}
		err := firstError(string(cut))
		if at := new(chainfile.LineError); !errors.Is(err, chainfile.ErrTruncated) || !errors.As(err, &at) || at.Line != bytes.Count(cut, []byte("\n"))+1 {
			t.Fatalf("cut after %d bytes: %v, want ErrTruncated", i, err)
		}
	}
}

// TestRefuses shows what the errors say.
func TestRefuses(t *testing.T) {
	n, blocks := story(t)
	whole := string(file(t, n, blocks))
	lines := strings.SplitAfter(whole, "\n")
	swap := func(old, new string) string {
		if strings.Count(whole, old) == 0 {
			t.Fatalf("no %q in the file", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for _, tt := range []struct {
		name, file string
		want       error
		says       string
	}{
		{"empty", "", chainfile.ErrTruncated, "line 1: the file is empty"},
		{"not a chain", "hello\n", core.ErrMalformed, "line 1: this is not the genesis block of a network"},
		{"no genesis", lines[1], core.ErrMalformed, "line 1: this is not the genesis block of a network"},
		{"bad parameters", swap(`"difficulty":1`, `"difficulty":0`), core.ErrMalformed, "line 1: this is not the genesis block of a network"},
		{"other genesis", swap(`"data":[{"id":null,"message":"`, `"data":[{"id":null,"message":"x`), core.ErrMalformed, `line 1: genesis block of network test (1bb0f2edaf68b6bf): "message" is not what`},
		{"endless first line", strings.Repeat("x", 1<<20), chainfile.ErrTooLong, "line 1: more than 131072 bytes"},
		{"white space", swap(`"index":1`, `"index": 1`), core.ErrMalformed, `line 2: "index" is not what header and envelope say`},
		{"missing line", lines[0] + lines[1] + lines[3], chainfile.ErrOrder, "line 3: block 3 after block 1"},
		{"line twice", lines[0] + lines[1] + lines[1], chainfile.ErrOrder, "line 3: block 1 after block 1"},
		{"genesis twice", lines[0] + lines[0], chainfile.ErrOrder, "line 2: block 0 after block 0"},
		{"empty line", lines[0] + "\n" + lines[1], core.ErrMalformed, "line 2: 1 bytes are no block"},
		{"text", lines[0] + strings.Repeat("hello ", 100) + "\n", core.ErrMalformed, `line 2: it does not end with a "header"`},
		{"author", swap(`"author":"`, `"author":"0`), core.ErrMalformed, `line 2: message 0: want ","time":"`},
		{"message left out", lines[0] + strings.Replace(lines[1], `{"id"`, `{"od"`, 1), core.ErrMalformed, `line 2: message 0: want {"id":", got "{\"od\":\""`},
		{"escape", swap(`quote \"`, `quote \u0022`), core.ErrMalformed, `line 2: message 2: "message" is not what`},
		{"surrogate", swap(`hello`, `\ud83d`), core.ErrMalformed, "line 2: message 0: escape `\\u`"},
		{"escape for a terminal", swap(`hello`, "\\\x1b"), core.ErrMalformed, `line 2: message 0: escape "\\\x1b"`},
		{"hex for a terminal", swap(`hello`, "\\u00\x1bc"), core.ErrMalformed, `line 2: message 0: escape "\\u00\x1bc"`},
		{"base64 of text", swap(`"message":"hello"`, `"message":null,"base64":"aGVsbG8="`), core.ErrMalformed, `line 2: message 0: "message" is not what`},
		{"other size", swap(`"message":"hello"`, `"message":"hello!"`), core.ErrMalformed, "line 2: message 0: payload of 6 bytes, the envelope says 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := firstError(tt.file)
			if !errors.Is(err, tt.want) || !errors.Is(err, chainfile.ErrUnverified) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v\nwant %v, with %q", err, tt.want, tt.says)
			}
		})
	}
}

// firstError reads a file and returns the first error with its line.
func firstError(text string) error {
	r, err := chainfile.NewReader(strings.NewReader(text))
	for err == nil {
		var line chainfile.Line
		if line, _, err = r.Next(); err == nil {
			if _, err = line.Block(r.Network()); err != nil {
				err = &chainfile.LineError{Line: r.Line(), Err: err}
			}
		}
	}
	return err
}

// TestDifference reads a file that begins after another block than genesis, and goes on with one.
func TestDifference(t *testing.T) {
	n, blocks := story(t)
	r, err := chainfile.NewReader(bytes.NewReader(file(t, n, blocks[2:])))
	if err != nil {
		t.Fatal(err)
	}
	if _, h, err := r.Next(); err != nil || h != blocks[2].Header {
		t.Errorf("first block %+v, %v, want block 3", h, err)
	}
	if err := firstError(string(file(t, n, blocks[:1])) + strings.Replace(string(file(t, n, blocks[1:2])), string(chainfile.AppendGenesis(nil, n)), "", 1)); err != io.EOF {
		t.Errorf("a file and its continuation: %v", err)
	}
	other := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.Nonce = 1 << 20 })
	if err := firstError(string(file(t, n, []*core.Block{other, blocks[1]}))); !errors.Is(err, chainfile.ErrOrder) {
		t.Errorf("a block on another one: %v, want ErrOrder", err)
	}
	orphan := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.PreviousHash = core.Hash{1} })
	if err := firstError(string(file(t, n, []*core.Block{orphan}))); !errors.Is(err, chainfile.ErrOrder) {
		t.Errorf("block 1 on another genesis: %v, want ErrOrder", err)
	}
}

// TestLastLine walks a file from its end, whatever the length of the lines.
func TestLastLine(t *testing.T) {
	n, blocks := story(t)
	tip := coretest.Genesis(n)
	for _, b := range blocks {
		tip = tip.After(b)
	}
	long := coretest.Next(t, n, tip, coretest.Messages(t, n, "long", 400)...) // over two chunks
	blocks = append(blocks, long, coretest.Next(t, n, tip.After(long)))
	whole := file(t, n, blocks)
	end := int64(len(whole))
	for i := len(blocks); i >= 0; i-- {
		want := n.Header
		if i > 0 {
			want = blocks[i-1].Header
		}
		start, h, err := chainfile.LastLine(bytes.NewReader(whole), end)
		if err != nil || h != want || (start > 0 && whole[start-1] != '\n') || start >= end {
			t.Fatalf("line %d: begins at %d with %+v, %v", i+1, start, h, err)
		}
		end = start
	}
	if end != 0 {
		t.Errorf("%d bytes are left", end)
	}
	for _, end := range []int64{0, 1, int64(len(whole)) - 1} {
		if _, _, err := chainfile.LastLine(bytes.NewReader(whole), end); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("end %d: %v, want ErrMalformed", end, err)
		}
	}
}

// A countingWriter counts what is handed on at once.
type countingWriter struct{ most, all int }

func (w *countingWriter) Write(b []byte) (int, error) {
	w.most, w.all = max(w.most, len(b)), w.all+len(b)
	return len(b), nil
}

// TestWriterIsFlat writes a large block in small pieces.
func TestWriterIsFlat(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, strings.Repeat("x", 1000), 1000)...)
	var w countingWriter
	if err := chainfile.NewWriter(&w).Block(b); err != nil {
		t.Fatal(err)
	}
	if w.most > 80<<10 || w.all != len(chainfile.AppendBlock(nil, b)) {
		t.Errorf("%d bytes in pieces of up to %d", w.all, w.most)
	}
}
