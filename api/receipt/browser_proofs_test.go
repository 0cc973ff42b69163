package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pchain/api/browsertest"
	"p2pchain/api/receipt"
	"p2pchain/core/coretest/random"
	"p2pchain/core/proof"
)

// mutations is for long runs: go test -run Browser/Mutated -args -mutations 20000.
var mutations = flag.Int("mutations", 300, "how many changed proofs the page and the program judge")

// primitives holds the hashes against Go's and the signature rule against ed25519-speccheck.
func primitives(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	rng := random.Source(t)
	var inputs, want []string
	for size := range 300 {
		input := make([]byte, size)
		for i := range input {
			input[i] = byte(rng.Uint32())
		}
		sum := sha256.Sum256(input)
		inputs, want = append(inputs, hex.EncodeToString(input)), append(want, hex.EncodeToString(sum[:]))
	}
	got := browsertest.Eval[[]string](tab, javascript(t, inputs)+`.map((x) => hex(sha256(unhex(x))))`)
	if !slices.Equal(got, want) {
		t.Error("SHA-256 differs from Go's")
	}
	pieces := browsertest.Eval[[]string](tab, javascript(t, inputs)+`.map((x, i) => { const h = new Sha256(), bytes = unhex(x);
		for (let at = 0; at < bytes.length; at += i % 97 + 1) h.update(bytes.subarray(at, at + i % 97 + 1)); return hex(h.digest()); })`)
	if !slices.Equal(pieces, want) {
		t.Error("SHA-256 by pieces differs from Go's")
	}
	var speccheck struct {
		Cases []struct {
			Comment   string `json:"comment"`
			Valid     bool   `json:"valid"`
			Message   string `json:"message"`
			PubKey    string `json:"pub_key"`
			Signature string `json:"signature"`
		} `json:"cases"`
	}
	readJSON(t, "../../core/consensus/testdata/speccheck.json", &speccheck)
	if len(speccheck.Cases) != 12 {
		t.Fatalf("%d cases, want 12", len(speccheck.Cases))
	}
	verdicts := browsertest.Eval[[]bool](tab, javascript(t, speccheck.Cases)+
		`.map((c) => signatureHolds(unhex(c.pub_key), unhex(c.message), unhex(c.signature)))`)
	for i, c := range speccheck.Cases {
		if verdicts[i] != c.Valid {
			t.Errorf("speccheck %d (%s): %v, want %v", i, c.Comment, verdicts[i], c.Valid)
		}
	}
}

// An example is a row of the index of golden proofs.
type example struct {
	File  string `json:"file"`
	Good  bool   `json:"good"`
	Code  string `json:"code"`
	Says  says   `json:"says"`
	bytes []byte
}

// says is what a good proof shows. Heights may be too large for numbers in JavaScript.
type says struct {
	Network       string      `json:"network"`
	Message       string      `json:"message"`
	Block         string      `json:"block"`
	Height        json.Number `json:"height"`
	Position      int         `json:"position"`
	Seen          string      `json:"seen"`
	Next          string      `json:"next"`
	Last          string      `json:"last"`
	Confirmations json.Number `json:"confirmations"`
	WorkClaimed   string      `json:"work_claimed"`
	WorkShown     string      `json:"work_shown"`
}

// A verdict is the code of a fault and how many steps failed, or what is shown.
type verdict struct {
	Code string `json:"code"`
	Says says   `json:"says"`
}

func readExamples(t *testing.T) []example {
	t.Helper()
	var all []example
	readJSON(t, filepath.Join(examples, "index.json"), &all)
	for i := range all {
		var err error
		if all[i].bytes, err = os.ReadFile(filepath.Join(examples, all[i].File)); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 70 {
		t.Fatalf("only %d examples", len(all))
	}
	return all
}

// decoded is an expression for the bytes of a golden proof.
func decoded(b []byte) string {
	return `Uint8Array.from(atob("` + base64.StdEncoding.EncodeToString(b) + `"), (c) => c.charCodeAt(0))`
}

// verdicts is what the page finds out about bytes: as much as the index of examples says.
const verdicts = `.map((text) => { const s = check(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))), hash = (h) => h ? hex(h.hash) : "";
	return s.fault ? {code: s.fault + s.steps.filter((x) => x.state === "failed").length} : {says: {
	network: hex(s.network.hash).slice(0, 16), message: hex(s.id), block: hash(s.block), height: String(s.block.height),
	position: s.file.block.position, seen: hash(s.seen), next: hash(s.next), last: hash(s.last),
	confirmations: String(s.confirmations), work_claimed: String(s.claimed), work_shown: String(s.shown)}}; })`

// golden holds the verifier in the page to the verdict on every example.
func golden(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	all := readExamples(t)
	files := make([]string, len(all))
	for i, e := range all {
		files[i] = base64.StdEncoding.EncodeToString(e.bytes)
	}
	got := browsertest.Eval[[]verdict](tab, javascript(t, files)+verdicts)
	for i, e := range all {
		want := verdict{Says: e.Says}
		if !e.Good {
			want = verdict{Code: e.Code + "1"} // one step failed
		}
		if got[i] != want {
			t.Errorf("%s: %+v, want %+v", e.File, got[i], want)
		}
	}
}

// mutated holds that proofs in which something was changed at random get the same verdict here as from
// the program: two implementations that share nothing but the description of the format.
func mutated(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	rng := random.Source(t)
	all := readExamples(t)
	var files, want []string
	for range *mutations {
		e := all[rng.IntN(len(all))]
		content := mutate(rng, e.bytes)
		code := "none"
		if fault, ok := errors.AsType[*proof.Fault](judge(content)); ok {
			code = fault.Code
		}
		files, want = append(files, base64.StdEncoding.EncodeToString(content)), append(want, code)
	}
	for from := 0; from < len(files); from += 500 {
		to := min(from+500, len(files))
		got := browsertest.Eval[[]string](tab, javascript(t, files[from:to])+
			`.map((text) => check(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))).fault ?? "none")`)
		for i := range got {
			if got[i] != want[from+i] {
				t.Errorf("the page says %s, the program %s:\n%s", got[i], want[from+i], files[from+i])
			}
		}
	}
}

// judge returns the fault of a proof, nil if it holds.
func judge(b []byte) error {
	p, err := proof.Decode(b)
	if err == nil {
		_, err = p.Verify()
	}
	return err
}

// mutate changes a few characters of a proof, mostly such that it still has its form.
func mutate(rng *rand.Rand, b []byte) []byte {
	out := slices.Clone(b)
	for range 1 + rng.IntN(2) {
		if len(out) == 0 {
			return out
		}
		i := rng.IntN(len(out))
		switch rng.IntN(8) {
		case 0:
			out[i] = byte(rng.Uint32())
		case 1:
			out = slices.Delete(out, i, min(i+1+rng.IntN(3), len(out)))
		case 2:
			out = slices.Insert(out, i, out[rng.IntN(len(out))])
		default:
			if strings.IndexByte("0123456789abcdef", out[i]) >= 0 {
				out[i] = "0123456789abcdef"[rng.IntN(16)]
			}
		}
	}
	return out
}

// shownWords is what the page says about a proof.
type shownWords struct{ Facts, Proven, Claimed, Unproven, Payload, Note []string }

const readWords = `(() => { const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent); return {
	Facts: texts("#facts dt, #facts dd"), Proven: texts("#proven li"), Claimed: texts("#claimed li"), Unproven: texts("#unproven li"),
	Payload: texts("#payload"), Note: texts("#payload-note")}; })()`

// words holds that the page says the same in English as the program that made it.
func words(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	for _, e := range readExamples(t) {
		if !e.Good {
			continue
		}
		p, err := proof.Decode(e.bytes)
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, write(t, p))
		want := shownWords{
			Proven: items(find(doc, "proven"), "li"), Claimed: items(find(doc, "claimed"), "li"), Unproven: items(find(doc, "unproven"), "li"),
			Payload: []string{strings.TrimPrefix(textOf(find(doc, "payload")), "\n")}, Note: []string{textOf(find(doc, "payload-note"))},
		}
		for row := range find(doc, "facts").ChildNodes() {
			want.Facts = append(append(want.Facts, items(row, "dt")...), items(row, "dd")...)
		}
		got := browsertest.Eval[shownWords](tab, `(show(`+decoded(e.bytes)+`, ""), `+readWords+`)`)
		if javascript(t, got) != javascript(t, want) {
			t.Errorf("%s: the page says\n%s\nand the program said\n%s", e.File, javascript(t, got), javascript(t, want))
		}
	}
}

func ownProof(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	if got := tab.Text("#verdict"); got != "The proof holds together; it is tied to no chain that you know." {
		t.Errorf("verdict = %q", got)
	}
	steps := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("#steps li")].map((e) => e.textContent)`)
	if len(steps) != 10 || slices.ContainsFunc(steps, func(s string) bool { return !strings.HasSuffix(s, " — passed") }) {
		t.Errorf("steps = %q", steps)
	}
}

// served holds that a receipt works under the policy that a server sends with it, and asks it for nothing
// else, not even for an icon.
func served(t *testing.T, b *browsertest.Browser) {
	page := write(t, proofOf(t, "", minutes))
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Header().Set("Content-Security-Policy", receipt.ContentSecurityPolicy())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	}))
	defer server.Close()
	tab := b.Open(t, server.URL+"/receipt", desk())
	tab.Wait(`!!document.querySelector("#steps li")`)
	if got := tab.Text("#verdict"); !strings.HasPrefix(got, "The proof holds") || len(tab.Complaints()) > 0 {
		t.Errorf("%q, complaints %q", got, tab.Complaints())
	}
	if got := <-asked; got != "/receipt" || len(asked) > 0 || len(tab.Requests()) != 1 {
		t.Errorf("the page asked for %q and more: %q", got, tab.Requests())
	}
}

// alteredPage holds that a receipt whose proof was altered says so, and nothing of what its maker wrote
// about the proof is left.
func alteredPage(t *testing.T, b *browsertest.Browser) {
	p := proofOf(t, "", minutes)
	page := write(t, p)
	payload := base64.StdEncoding.EncodeToString([]byte(minutes))
	other := base64.StdEncoding.EncodeToString([]byte(strings.Replace(minutes, "agreed", "denied", 1)))
	tab := open(t, b, bytes.Replace(page, []byte(payload), []byte(other), 1), desk())
	if got := tab.Text("#verdict"); got != "The proof does not hold: the content is not the one that was signed (body_mismatch)." {
		t.Errorf("verdict = %q", got)
	}
	states := browsertest.Eval[string](tab, `[...document.querySelectorAll("#steps li")].map((e) => e.className).join(" ")`)
	if states != "passed passed passed failed"+strings.Repeat(" open", 6) {
		t.Errorf("steps: %s", states)
	}
	if browsertest.Eval[bool](tab, `["about", "statement", "save-payload"].some((id) => document.getElementById(id).offsetParent)`) {
		t.Error("the statement is still shown")
	}
	tab.Fill("#anchor", p.Tip.Hash().String())
	tab.Drop("#document-zone", put(t, "minutes.txt", minutes))
	answer(t, tab, "The proof does not hold, so it says nothing", false)
	if got := tab.Text("#anchor-report") + tab.Text("#verdict"); !strings.HasPrefix(got, "The proof does not hold") {
		t.Errorf("with an anchor: %q", got)
	}
	tab.Screenshot("receipt/altered.png")
}

// otherProofs drops, chooses and pastes proofs.
func otherProofs(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	verdict := func(what, want, name string) {
		t.Helper()
		tab.Wait(`document.querySelector("#other-state").textContent.includes(` + javascript(t, name) + `)`)
		if got := tab.Text("#verdict"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	abs := func(name string) string {
		path, err := filepath.Abs(filepath.Join(examples, name))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	tab.Drop("#other-zone", abs("classic.p2pproof"))
	verdict("a good one dropped", "The proof holds", "classic.p2pproof")
	if browsertest.Eval[bool](tab, `!!document.querySelector("#qr").offsetParent`) {
		t.Error("the code of this receipt is shown beside another proof")
	}
	tab.Drop("#verdict", abs("forged/block-without-work.p2pproof"))
	verdict("a forged one dropped anywhere", "(no_proof_of_work)", "block-without-work.p2pproof")
	tab.Do(chromedp.SetUploadFiles(chromedp.CSS("#other-file"), []string{abs("forged/file-cut.p2pproof")}))
	verdict("a broken one chosen", "(not_canonical)", "file-cut.p2pproof")
	tab.Do(chromedp.Click(chromedp.CSS("#other-back")))
	verdict("its own again", "The proof holds", "")
	pasted := "  " + strings.ReplaceAll(string(proofOf(t, "", "pasted").Encode()), "\n", "\r\n")
	tab.Fill("#other-text", pasted)
	tab.Do(chromedp.Click(chromedp.CSS("#other-check")))
	verdict("one pasted", "The proof holds", "pasted text")
	if got := tab.Text("#payload"); got != "pasted" {
		t.Errorf("the pasted proof shows %q", got)
	}
	tab.Fill("#other-text", "hello")
	tab.Do(chromedp.Click(chromedp.CSS("#other-check")))
	verdict("no proof pasted", "(not_a_proof)", "pasted text")
}
