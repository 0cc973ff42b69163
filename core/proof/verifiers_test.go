package proof

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// The other two verifiers, docs/verify.py and the scripts of the HTML receipt, were written from
// docs/proof-format.md alone. Here they get the same files as ours.

const (
	pythonPage   = "../../docs/verify.py"
	scriptFolder = "../../api/receipt/script"
)

// pythonDriver reads files in base64 from standard input, one a line, and writes a verdict for each.
const pythonDriver = `
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import verify as v
for line in sys.stdin:
    try:
        p = v.verify(base64.b64decode(line))
    except v.Fault as fault:
        print(fault)
        continue
    top, on = p.tip or p.next or p.block, [h for h in (p.next, p.tip) if h]
    print(json.dumps({
        "network": p.network.genesis.hash[:8].hex(), "message": p.id.hex(), "block": p.block.hash.hex(),
        "height": p.block.height, "position": p.position, "seen": p.seen.hash.hex() if p.seen else "",
        "next": p.next.hash.hex() if p.next else "", "last": top.hash.hex(), "confirmations": top.height - p.block.height,
        "confirmations_shown": len(on), "work_claimed": str(top.work - p.block.work),
        "work_shown": str(0 if p.network.classic else sum(map(v.own, on))), "pow_binds": not p.network.classic}))
`

// nodeDriver does the same with the receipt's scripts, which it runs as one, as the receipt does.
const nodeDriver = `
const fs = require('fs'), vm = require('vm');
const code = ['hash.js', 'ed25519.js', 'proof.js'].map((f) => fs.readFileSync(process.argv[1] + '/' + f, 'utf8')).join('\n');
const [check, hex] = vm.runInNewContext(code + '; [check, hex]', { TextDecoder, atob });
for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  const s = check(new Uint8Array(Buffer.from(line, 'base64')));
  if (s.fault) {
    console.log(s.fault);
    continue;
  }
  const number = (n) => '#' + n; // which no hash has
  console.log(JSON.stringify({
    network: hex(s.network.hash.slice(0, 8)), message: hex(s.id), block: hex(s.block.hash), height: number(s.block.height),
    position: s.file.block.position, seen: s.seen ? hex(s.seen.hash) : '', next: s.next ? hex(s.next.hash) : '',
    last: hex(s.last.hash), confirmations: number(s.confirmations), confirmations_shown: [s.next, s.tip].filter(Boolean).length,
    work_claimed: String(s.claimed), work_shown: String(s.shown), pow_binds: s.network.pow !== 'classic' }).replace(/"#(\d+)"/g, '$1'));
}
`

// otherVerifiers returns the command line of each other verifier that can run here.
func otherVerifiers(t *testing.T) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	if python, err := exec.LookPath("python3"); err != nil {
		t.Log("docs/verify.py is NOT compared: there is no python3 here")
	} else {
		out["docs/verify.py"] = []string{python, "-ISB", "-c", pythonDriver, filepath.Dir(pythonPage)}
	}
	if node, err := exec.LookPath("node"); err != nil {
		t.Log("the receipt's scripts are NOT compared: there is no node here (their browser tests are api/receipt's)")
	} else {
		out["api/receipt"] = []string{node, "-e", nodeDriver, scriptFolder}
	}
	if len(out) == 0 {
		t.Skip("neither python3 nor node is here: no other verifier can run")
	}
	return out
}

// verdicts gives files to another verifier and returns what it says about each.
func verdicts(t *testing.T, command []string, files [][]byte) []string {
	t.Helper()
	var in bytes.Buffer
	for _, b := range files {
		in.WriteString(base64.StdEncoding.EncodeToString(b) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		out = append(out, lines.Text())
	}
	if len(out) != len(files) {
		t.Fatalf("%d verdicts about %d files", len(out), len(files))
	}
	return out
}

// agrees reports whether a verdict is ours: the code of the same fault, or the same statement.
func agrees(t *testing.T, verdict string, s *Statement, err error) bool {
	t.Helper()
	if err != nil {
		return verdict == err.(*Fault).Code
	}
	var got says
	dec := json.NewDecoder(strings.NewReader(verdict))
	dec.DisallowUnknownFields()
	return dec.Decode(&got) == nil && got == *saysOf(s)
}

// TestOtherVerifiersGolden holds them to the verdicts about all examples.
func TestOtherVerifiersGolden(t *testing.T) {
	coretest.Sequential(t)
	var index []indexEntry
	b, err := os.ReadFile("testdata/index.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	files := make([][]byte, len(index))
	for i, entry := range index {
		if files[i], err = os.ReadFile(filepath.Join("testdata", entry.File)); err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range otherVerifiers(t) {
		t.Run(name, func(t *testing.T) {
			for i, verdict := range verdicts(t, command, files) {
				if s, err := judge(files[i]); !agrees(t, verdict, s, err) {
					t.Errorf("%s: %s, want %+v %v", index[i].File, verdict, s, err)
				}
			}
			t.Logf("the same verdict about all %d files", len(files))
		})
	}
}

// TestPythonIsShort holds that verify.py can be read in one sitting, and needs nothing but Python.
func TestPythonIsShort(t *testing.T) {
	b, err := os.ReadFile(pythonPage)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(b, []byte("\n")); lines > 250 {
		t.Errorf("%d lines, at most 250", lines)
	}
	standard := "argparse, base64, functools, hashlib, json, re, struct, sys, time"
	for line := range strings.Lines(string(b)) {
		words, imports := strings.CutPrefix(strings.TrimSpace(line), "import ")
		if from, ok := strings.CutPrefix(line, "from "); ok && from != "collections import namedtuple\n" || imports && words != standard {
			t.Errorf("%q imports something else", line)
		}
	}
}

// TestSpeccheckInPython holds verify.py to the 12 vectors on which libraries differ.
func TestSpeccheckInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("docs/verify.py is NOT compared: there is no python3 here")
	}
	const driver = `
import json, sys
sys.path.insert(0, sys.argv[1])
import verify as v
for c in json.load(open(sys.argv[2]))["cases"]:
    print(v.signed(*(bytes.fromhex(c[k]) for k in ("pub_key", "message", "signature"))) == c["valid"], c["comment"])
`
	cmd := exec.CommandContext(t.Context(), python, "-ISB", "-c", driver, filepath.Dir(pythonPage), "../consensus/testdata/speccheck.json")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "True ") {
			t.Error("other verdict: ", line)
		}
	}
	if len(lines) != 12 {
		t.Errorf("%d cases, want 12", len(lines))
	}
}

// TestPythonKnowsTheNetworks holds verify.py to the networks that are built in.
func TestPythonKnowsTheNetworks(t *testing.T) {
	b, err := os.ReadFile(pythonPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range core.BuiltinNames() {
		params, _ := core.Builtin(name)
		n, err := core.NewNetwork(params)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`"%s": "%v"`, name, n.Genesis); !strings.Contains(string(b), want) {
			t.Errorf("it lacks %s", want)
		}
	}
}

// TestPythonCommand holds the exit codes and the words of verify.py as a command.
func TestPythonCommand(t *testing.T) {
	coretest.Sequential(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("docs/verify.py is NOT run: there is no python3 here")
	}
	p := newScene(t).proof()
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	proof, text, other := write("a.p2pproof", p.Encode()), write("a.txt", p.Message.Body.Payload), write("b.txt", []byte("else"))
	forged := write("f.p2pproof", bytes.Replace(p.Encode(), []byte(`"position":`), []byte(`"position":9`), 1))
	hash := func(h *core.Header) string { sum := h.Hash(); return hex.EncodeToString(sum[:]) }
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"good", []string{proof}, 0, "no header was given"},
		{"anchored", []string{proof, "--header", hash(p.Tip)}, 0, "4 blocks"},
		{"anchored at its block", []string{proof, "--header", hash(&p.Block)}, 0, "0 blocks"},
		{"a bound that the header does not cover", []string{proof, "--header", hash(&p.Block)}, 0, "written before nothing but its own block"},
		{"a bound that it covers", []string{proof, "--header", hash(&p.Next.Header)}, 0, "\nwritten before block 6"},
		{"bounds without a header", []string{proof}, 0, "written by its own account before block 6"},
		{"first words without a header", []string{proof}, 0, "holds together; "},
		{"a borrowed name", []string{"testdata/borrowed-name.p2pproof"}, 0, ", NOT the built-in one of that name"},
		{"another header", []string{proof, "--header", strings.Repeat("ab", 32)}, 21, "none of"},
		{"its document", []string{proof, "--file", text}, 0, "holds"},
		{"another document", []string{proof, "--file", other}, 19, "not about this document"},
		{"forged", []string{forged}, 19, "does not hold: wrong_position"},
		{"no proof", []string{text}, 19, "does not hold: not_a_proof"},
		{"no file", []string{filepath.Join(dir, "none")}, 2, ""},
		{"no document", []string{proof, "--file", filepath.Join(dir, "none")}, 2, ""},
		{"no content", []string{write("c.p2pproof", p.WithoutBody().Encode()), "--file", text}, 21, "nothing to compare"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), python, append([]string{"-ISB", pythonPage}, tt.args...)...)
			out, _ := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.says) {
				t.Errorf("exit code %d, %q; want %d, %q", code, out, tt.code, tt.says)
			}
		})
	}
}
