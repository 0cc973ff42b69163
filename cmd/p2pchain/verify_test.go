package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/api/client"
	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/proof"
)

const goldenProofs = "../../core/proof/testdata"

// A goldenProof is what the index of golden proofs says of one.
type goldenProof struct {
	File string `json:"file"`
	Good bool   `json:"good"`
	Code string `json:"code"`
}

// verifyWith runs the command as main does.
func verifyWith(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	a := &app{
		program: "p2pchain", stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs,
		lookupEnv: func(string) (string, bool) { return "", false }, environ: func() []string { return nil },
	}
	code = a.run(append([]string{"verify"}, args...))
	return code, out.String(), errs.String()
}

// TestVerifyGolden puts every golden proof through the command: the good ones hold, and of each forged
// one the exit code is that of altered files and the reason is the one of the index.
func TestVerifyGolden(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(goldenProofs, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []goldenProof
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	good, forged := 0, 0
	var all []string
	for _, entry := range index {
		file, err := os.ReadFile(filepath.Join(goldenProofs, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := verifyWith(string(file), "-")
		switch {
		case entry.Good:
			good++
			if code != exitOK || stderr != "" || !strings.Contains(stdout, "proof") {
				t.Errorf("%s: ended with %d: %s", entry.File, code, stderr)
			}
		default:
			forged++
			if code != exitAltered || stdout != "" || !strings.Contains(stderr, "standard input does not hold: ") || !strings.Contains(stderr, "("+entry.Code+")\n") {
				t.Errorf("%s: ended with %d, want %d with (%s)\n%s%s", entry.File, code, exitAltered, entry.Code, stdout, stderr)
			}
		}
		if strings.ContainsFunc(stdout+stderr, func(r rune) bool { return r != '\n' && !printableRune(r) }) {
			t.Errorf("%s: what is shown could move a cursor: %q", entry.File, stdout+stderr)
		}
		all = append(all, filepath.Join(goldenProofs, entry.File))
	}
	code, stdout, _ := verifyWith("", append(all, "--json")...)
	if code != exitAltered {
		t.Errorf("all of them at once: ended with %d", code)
	}
	verdicts := json.NewDecoder(strings.NewReader(stdout))
	for _, entry := range index {
		var v verdict
		if err := verdicts.Decode(&v); err != nil || filepath.Join(goldenProofs, entry.File) != v.File || v.Valid != entry.Good || !entry.Good && (v.Code != entry.Code || v.Message != nil) {
			t.Errorf("%s: %v, %+v", entry.File, err, v)
		}
	}
	if good < 20 || forged < 40 {
		t.Errorf("only %d good and %d forged proofs", good, forged)
	}
}

func printableRune(r rune) bool { return printable(string(r)) == string(r) }

// statementOf verifies a golden proof.
func statementOf(t *testing.T, name string) *proof.Statement {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenProofs, name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := proof.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Verify()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVerifyHeader holds how much counts on the word of which header: what is above it stays a claim.
func TestVerifyHeader(t *testing.T) {
	file := filepath.Join(goldenProofs, "plain.p2pproof") // 4 blocks claimed on top, 2 headers of them shown
	s := statementOf(t, "plain.p2pproof")
	for _, tt := range []struct {
		name   string
		header core.Hash
		blocks string
		code   int
	}{
		{"none, what is shown", core.Hash{}, "2", exitOK}, {"none, more than is shown", core.Hash{}, "3", exitWeak},
		{"the last one", s.TipHash, "4", exitOK}, {"the last one, more than there is", s.TipHash, "5", exitWeak},
		{"the next one", s.Next.Hash, "1", exitOK}, {"the next one, more than it covers", s.Next.Hash, "2", exitWeak},
		{"its own", s.BlockHash, "0", exitOK}, {"its own, more than it covers", s.BlockHash, "1", exitWeak},
		{"the seen one", s.Seen.Hash, "0", exitWeak}, {"genesis", s.Network.Genesis, "0", exitWeak}, {"any", core.Hash{1}, "0", exitWeak},
	} {
		args := []string{file, "--min-confirmations", tt.blocks}
		if tt.header != (core.Hash{}) {
			args = append(args, "--header", strings.ToUpper(tt.header.String()))
		}
		if code, _, stderr := verifyWith("", args...); code != tt.code {
			t.Errorf("%s: ended with %d, want %d: %s", tt.name, code, tt.code, stderr)
		}
	}
	for _, tt := range []struct {
		work string
		args []string
		code int
	}{
		{s.WorkShown.String(), nil, exitOK}, {s.WorkClaimed.String(), nil, exitWeak},
		{s.WorkClaimed.String(), []string{"--header", s.TipHash.String()}, exitOK}, {s.WorkClaimed.String(), []string{"--header", s.Next.Hash.String()}, exitWeak},
		{"2^6", []string{"--header", s.TipHash.String()}, exitOK}, {"2^7", []string{"--header", s.TipHash.String()}, exitWeak},
		{"1s", []string{"--header", s.TipHash.String(), "--hash-rate", "64"}, exitOK}, {"2s", []string{"--header", s.TipHash.String(), "--hash-rate", "64"}, exitWeak},
	} {
		if code, _, stderr := verifyWith("", append(tt.args, file, "--min-work", tt.work)...); code != tt.code {
			t.Errorf("--min-work %s %q: ended with %d, want %d: %s", tt.work, tt.args, code, tt.code, stderr)
		}
	}
}

// TestVerifyClassic holds that no work counts where it binds nothing.
func TestVerifyClassic(t *testing.T) {
	file := filepath.Join(goldenProofs, "classic.p2pproof")
	code, stdout, stderr := verifyWith("", file)
	if code != exitOK || !strings.Contains(stdout, "on this network that costs nothing") || !strings.Contains(stdout, "- Any work: the classic proof of work") {
		t.Errorf("ended with %d\n%s%s", code, stdout, stderr)
	}
	tip := statementOf(t, "classic.p2pproof").TipHash
	if code, _, stderr := verifyWith("", file, "--min-confirmations", "1"); code != exitWeak || !strings.Contains(stderr, "it shows 0 blocks on top, want at least 1, where nothing ties it") {
		t.Errorf("blocks that cost nothing count: ended with %d: %s", code, stderr)
	}
	if _, stdout, _ := verifyWith("", file, "--json"); !strings.Contains(stdout, `"confirmations":0,"work":"0"`) || !strings.Contains(stdout, `"shown_confirmations":0`) {
		t.Errorf("blocks that cost nothing are shown as such that count: %s", stdout)
	}
	if code, _, stderr := verifyWith("", file, "--min-confirmations", "2", "--header", tip.String()); code != exitOK {
		t.Errorf("with an anchor: ended with %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"--min-work", "1"}, {"--min-work", "1", "--header", tip.String()}} {
		if code, _, stderr := verifyWith("", append(args, file)...); code != exitWeak || !strings.Contains(stderr, "too_little_work") {
			t.Errorf("%q: ended with %d: %s", args, code, stderr)
		}
	}
}

// TestVerifyUnanchored holds that nobody takes a proof for more than it is who reads only its first lines,
// its one line among many, or valid and anchored of its JSON.
func TestVerifyUnanchored(t *testing.T) {
	file, s := filepath.Join(goldenProofs, "plain.p2pproof"), statementOf(t, "plain.p2pproof")
	tip := []string{file, "--header", s.TipHash.String()}
	for _, tt := range []struct {
		name string
		args []string
		want []string
		not  string
	}{
		{"alone", []string{file}, []string{
			"it holds together; tied to no chain that you know\n", "written     by its own account, between block 2 and block 6, 2000-01-01 00:00:00–00:00:02 by",
			fmt.Sprintf("last block  %d, %v\n", s.Tip.Height, s.TipHash), "\nwhat the file says, which nothing that you trust vouches for:\n- The message is number",
		}, "NOT the built-in"},
		{"anchored", tip, []string{"it holds, and is tied to what you trust\n", "written     between block 2 and block 6, 2000-01-01 00:00:00–00:00:02 by"}, "what the file says"},
		{"too weak", []string{file, "--min-work", "9h"}, []string{"it holds together, but is too weak for what was asked: too_little_work\n"}, "it holds,"},
		{"among many", []string{file, file}, []string{": ok: written, by its own account, between block 2 and block 6, 2000-01-01 00:00:00–00:00:02 by miners' clocks; tied to no chain that you know\n"}, "on top"},
		{"anchored among many", append([]string{file}, tip...), []string{": ok: written between block 2 and block 6, 2000-01-01 00:00:00–00:00:02 by miners' clocks\n"}, "tied"},
		{"as JSON", []string{file, "--json"}, []string{
			`"valid":true,"anchored":false,"code":"ok"`, `"words":"written, by its own account, between`,
			fmt.Sprintf(`"last":{"height":%d,"hash":"%v","time":"2000-01-01T00:00:0`, s.Tip.Height, s.TipHash), `"claimed":["The message is number`,
		}, "named_like"},
		{"anchored as JSON", append(tip, "--json"), []string{`"valid":true,"anchored":true,"code":"ok"`, `"claimed":[]`, `"before":{"height":6`}, "own account"},
		{"anchored at its own block, as JSON", []string{file, "--header", s.BlockHash.String(), "--json"}, []string{`"anchored":true`, `"before":null`, `and before block 5 was there; what you trust`}, "block 2 and block 6"},
	} {
		_, stdout, _ := verifyWith("", tt.args...)
		for _, want := range tt.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: it lacks %q:\n%s", tt.name, want, stdout)
			}
		}
		if strings.Contains(stdout, tt.not) {
			t.Errorf("%s: it has %q:\n%s", tt.name, tt.not, stdout)
		}
	}
}

// TestVerifyBorrowedName holds that a network which has only the name of a built-in one is told as that.
func TestVerifyBorrowedName(t *testing.T) {
	file := filepath.Join(goldenProofs, "borrowed-name.p2pproof")
	s := statementOf(t, "borrowed-name.p2pproof")
	params, _ := core.Builtin("main")
	main, err := core.NewNetwork(params)
	if err != nil {
		t.Fatal(err)
	}
	words := "NOT the built-in network main, whose genesis is " + main.Genesis.String()
	for _, args := range [][]string{{file}, {file, file}, {file, "--header", s.TipHash.String()}} {
		if code, stdout, _ := verifyWith("", args...); code != exitOK || !strings.Contains(stdout, words) {
			t.Errorf("%q: ended with %d:\n%s", args, code, stdout)
		}
	}
	_, stdout, _ := verifyWith("", file)
	if !strings.Contains(stdout, "\nnot proven:\n- That this is main, the network of that name that is built in: it is not.") {
		t.Errorf("it is not the first thing that is not proven:\n%s", stdout)
	}
	if _, stdout, _ := verifyWith("", file, "--json"); !strings.Contains(stdout, `"named_like":"`+main.Genesis.String()+`"`) {
		t.Errorf("JSON: %s", stdout)
	}
	if code, _, _ := verifyWith("", file, "--genesis", "main"); code != exitOtherProof {
		t.Errorf("--genesis main: ended with %d", code)
	}
}

// A fakeNode answers what verify asks a node.
type fakeNode struct {
	genesis core.Hash
	tip     client.TipInfo
	best    map[core.Hash]uint64 // hash → height
}

func (n fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/v1/node":
		json.NewEncoder(w).Encode(client.Node{Network: networkOf(n.genesis), Tip: n.tip})
	case "/api/v1/headers":
		hash, err := core.ParseHash(r.URL.Query().Get("from"))
		height, ok := n.best[hash]
		if err != nil || !ok {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"type":"about:blank","status":404,"code":"block_not_on_best_chain"}`)
			return
		}
		json.NewEncoder(w).Encode(client.HeaderPage{Headers: []client.Block{{Hash: hash, Height: height}}})
	default:
		http.NotFound(w, r)
	}
}

func networkOf(genesis core.Hash) (out struct {
	Name    string          `json:"name"`
	ID      string          `json:"id"`
	Genesis core.Hash       `json:"genesis"`
	Params  json.RawMessage `json:"params"`
}) {
	out.Name, out.Genesis, out.Params = "some", genesis, json.RawMessage("{}")
	return out
}

// TestVerifyNode holds what counts on the word of a node, also of one that is behind, on another branch
// from some header on, or of another network.
func TestVerifyNode(t *testing.T) {
	s := statementOf(t, "plain.p2pproof")
	work := func(onTop uint64) core.Work {
		w, err := s.Block.Work.Add(core.NewWork(0, 16*onTop))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	node := func(height uint64, hashes ...core.Hash) fakeNode {
		n := fakeNode{s.Network.Genesis, client.TipInfo{Height: height, Work: work(height - s.Block.Height)}, map[core.Hash]uint64{}}
		for _, h := range hashes {
			n.best[h] = 1
		}
		return n
	}
	top := s.Block.Height
	elsewhere := node(top + 9)
	elsewhere.genesis = core.Hash{7}
	for _, tt := range []struct {
		name   string
		node   fakeNode
		code   string // of the failure
		blocks uint64
		bounds bool
	}{
		{"it has all, and more", node(top+9, s.TipHash, s.Next.Hash, s.BlockHash), "", 9, true},
		{"another branch above next", node(top+3, s.Next.Hash, s.BlockHash), "", 3, true},
		{"another branch above the block", node(top+2, s.BlockHash), "", 2, false},
		{"the block is its tip", node(top, s.BlockHash), "", 0, false},
		{"another branch", node(top + 5), codeNotOnChain, 0, false},
		{"another network", elsewhere, codeOtherNetwork, 0, false},
	} {
		server := httptest.NewServer(tt.node)
		c, err := client.New(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tieToNode(context.Background(), c, evidence.Trust{Weight: s.Shown()}, s)
		bad, failed := errors.AsType[*verifyError](err)
		switch {
		case failed != (tt.code != "") || failed && bad.code != tt.code:
			t.Errorf("%s: %v, want %q", tt.name, err, tt.code)
		case !failed && (err != nil || got.Weight.Confirmations != tt.blocks || got.Weight.Work != core.NewWork(0, 16*tt.blocks) || got.Bounds != tt.bounds || got.Anchor == ""):
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
		c.Close()
		server.Close()
	}
}

// TestVerifyCodesAreDocumented holds the page for users to the codes of checks that are not the proof's own.
func TestVerifyCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	own := make(map[string]bool)
	for _, fault := range proof.Faults() {
		own[fault.Code] = true
	}
	for _, code := range []string{
		codeOK, codeOtherNetwork, codeFileDiffers, codeNotInManifest, codeNoContent, codeOtherHeader, codeNotOnChain, codeLittleWork, codeFewBlocks,
	} {
		if own[code] {
			t.Errorf("%s is a code of proofs, too", code)
		}
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/proofs.md does not have %s", code)
		}
	}
}
