package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pchain/api/internal/browsertest"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// examples are the golden proofs that every verifier is held to.
const examples = "../../core/proof/testdata"

// TestBrowser opens receipts from file://, as somebody does who got one by mail, in one browser for all.
func TestBrowser(t *testing.T) {
	b := browsertest.Start(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *browsertest.Browser)
	}{
		{"Primitives", primitives}, {"Golden", golden}, {"Words", words}, {"Own proof", ownProof},
		{"Altered page", alteredPage}, {"Hostile", hostile}, {"Other proofs", otherProofs},
		{"Documents", documents}, {"Manifest", manifest}, {"Anchor", anchors}, {"Save", saves},
		{"German", german}, {"No script", noScript}, {"Keyboard", keyboard}, {"Looks", looks}, {"Paper", paper},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, b) })
	}
}

// open opens a receipt in a tab which must, at the end, have asked for nothing but its own file and have
// complained about nothing.
func open(t *testing.T, b *browsertest.Browser, page []byte, v browsertest.View) *browsertest.Tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "receipt.html")
	if err := os.WriteFile(path, page, 0o600); err != nil {
		t.Fatal(err)
	}
	address := browsertest.FileURL(t, path)
	tab := b.Open(t, address, v)
	t.Cleanup(func() {
		for _, r := range tab.Requests() {
			if r != address && !strings.HasPrefix(r, "blob:") { // what is saved is a blob of the page's own
				t.Errorf("the page asked for %s", r)
			}
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("the browser complains: %q", got)
		}
	})
	return tab
}

func desk() browsertest.View { return browsertest.View{Width: 1440, Height: 1000} }

func openMinutes(t *testing.T, b *browsertest.Browser) *browsertest.Tab {
	t.Helper()
	return open(t, b, write(t, proofOf(t, "", minutes)), desk())
}

// javascript writes a value as an expression.
func javascript(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// primitives holds the hashes against Go's and the signature rule against ed25519-speccheck.
func primitives(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var inputs, want []string
	for size := range 300 {
		input := make([]byte, size)
		for i := range input {
			input[i] = byte(random.Uint32())
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
	File string `json:"file"`
	Good bool   `json:"good"`
	Code string `json:"code"`
	Says struct {
		Network       string `json:"network"`
		Message       string `json:"message"`
		Block         string `json:"block"`
		Height        uint64 `json:"height"`
		Position      int    `json:"position"`
		Seen          string `json:"seen"`
		Next          string `json:"next"`
		Last          string `json:"last"`
		Confirmations uint64 `json:"confirmations"`
		WorkClaimed   string `json:"work_claimed"`
		WorkShown     string `json:"work_shown"`
	} `json:"says"`
	bytes []byte
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

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// decoded is an expression for the bytes of a golden proof.
func decoded(b []byte) string {
	return `Uint8Array.from(atob("` + base64.StdEncoding.EncodeToString(b) + `"), (c) => c.charCodeAt(0))`
}

// golden holds the verifier in the page to the verdict on every example.
func golden(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	for _, e := range readExamples(t) {
		got := browsertest.Eval[map[string]any](tab, `(() => { const s = check(`+decoded(e.bytes)+`), text = (h) => h ? hex(h.hash) : "";
			return s.fault ? {fault: s.fault, failed: s.steps.filter((x) => x.state === "failed").length} : {
			network: hex(s.network.hash).slice(0, 16), message: hex(s.id), block: text(s.block), height: String(s.block.height),
			position: s.file.block.position, seen: text(s.seen), next: text(s.next), last: text(s.last),
			confirmations: String(s.confirmations), claimed: String(s.claimed), shown: String(s.shown)}; })()`)
		want := map[string]any{"fault": e.Code, "failed": 1}
		if e.Good {
			says := e.Says
			want = map[string]any{
				"network": says.Network, "message": says.Message, "block": says.Block, "height": fmt.Sprint(says.Height),
				"position": says.Position, "seen": says.Seen, "next": says.Next, "last": says.Last,
				"confirmations": fmt.Sprint(says.Confirmations), "claimed": says.WorkClaimed, "shown": says.WorkShown,
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", e.File, got, want)
		}
	}
}

// shownWords is what the page says about a proof.
type shownWords struct{ Facts, Proven, Unproven, Payload, Note []string }

const readWords = `(() => { const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent); return {
	Facts: texts("#facts dt, #facts dd"), Proven: texts("#proven li"), Unproven: texts("#unproven li"),
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
			Proven: items(find(doc, "proven"), "li"), Unproven: items(find(doc, "unproven"), "li"),
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
	if got := tab.Text("#verdict"); got != "The proof holds: all of its parts fit together." {
		t.Errorf("verdict = %q", got)
	}
	steps := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("#steps li")].map((e) => e.textContent)`)
	if len(steps) != 10 || slices.ContainsFunc(steps, func(s string) bool { return !strings.HasSuffix(s, " — passed") }) {
		t.Errorf("steps = %q", steps)
	}
}

// alteredPage holds that a receipt whose proof was altered says so, and nothing of what its maker wrote
// about the proof is left.
func alteredPage(t *testing.T, b *browsertest.Browser) {
	page := write(t, proofOf(t, "", minutes))
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
	tab.Screenshot("receipt/altered.png")
}

// hostile holds that a browser runs and makes nothing of a payload.
func hostile(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	const count = `document.querySelectorAll("*").length`
	want := browsertest.Eval[int](tab, count)
	for payload, shown := range hostilePayloads() {
		if shown == "" {
			shown = payload
		}
		p := proofOf(t, "", payload).Encode()
		title := browsertest.Eval[string](tab, `(show(`+decoded(p)+`, ""), document.title)`)
		if got := browsertest.Eval[int](tab, count); got != want || title != "Receipt of a message · p2pchain" {
			t.Errorf("%.40q makes a page %q of %d elements, want %d", payload, title, got, want)
		}
		if got := tab.Text("#payload"); got != shown {
			t.Errorf("%.40q is shown as %.80q", payload, got)
		}
		if browsertest.Eval[bool](tab, `document.documentElement.scrollWidth > innerWidth`) {
			t.Errorf("%.40q makes the page wider than its window", payload)
		}
	}
	all := strings.Join(slices.Sorted(func(yield func(string) bool) {
		for payload := range hostilePayloads() {
			if len(payload) < 200 && !yield(payload) {
				return
			}
		}
	}), "\n")
	own := open(t, b, write(t, proofOf(t, "<b>text</b>", all)), browsertest.View{Width: 390, Height: 800})
	if got := own.Text("title"); got != "Receipt of a message · p2pchain" || browsertest.Eval[int](own, count) != want {
		t.Errorf("the receipt of hostile texts, %q, has %d elements, want %d", got, browsertest.Eval[int](own, count), want)
	}
	own.Screenshot("receipt/hostile.png")
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

// answer waits for what the page says about the last document, and holds whether it is a yes.
func answer(t *testing.T, tab *browsertest.Tab, want string, good bool) {
	t.Helper()
	tab.Wait(`[...document.querySelectorAll("#document-report p")].some((e) => e.textContent.startsWith(` + javascript(t, want) + `))`)
	class := "bad"
	if good {
		class = "good"
	}
	if browsertest.Eval[bool](tab, `!document.querySelector("#document-report .`+class+`")`) {
		t.Errorf("%q is not shown as %s", tab.Text("#document-report"), class)
	}
}

// put writes a file and returns its path.
func put(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// documents drops the right and the wrong document on the receipts of a file and of a text.
func documents(t *testing.T, b *browsertest.Browser) {
	content := strings.Repeat("page of a long report\n", 200_000) // of two pieces
	file := &document.File{Name: "report.pdf", Size: uint64(len(content)), MediaType: "application/pdf", SHA256: sha256.Sum256([]byte(content))}
	tab := open(t, b, write(t, proofOf(t, file.Type(), string(file.Encode()))), desk())
	if facts := tab.Text("#facts"); !strings.Contains(facts, "file report.pdf, 4\u202f400\u202f000 bytes, application/pdf") {
		t.Errorf("facts = %q", facts)
	}
	tab.Drop("#document-zone", put(t, "copy of report.pdf", content))
	answer(t, tab, "Yes: copy of report.pdf is the notarised file, with SHA-256 "+file.SHA256.String(), true)
	tab.Drop("#facts", put(t, "report.pdf", content[:len(content)-1]+"."))
	answer(t, tab, "No: report.pdf is another file than report.pdf.", false)
	tab.Do(chromedp.SetUploadFiles(chromedp.CSS("#document-file"), []string{put(t, "empty", "")}))
	answer(t, tab, "No: empty is another file", false)
	tab.Screenshot("receipt/document.png")

	text := openMinutes(t, b)
	text.Drop("#document-zone", put(t, "minutes.txt", minutes), put(t, "draft.txt", minutes[1:]))
	answer(t, text, "Yes: minutes.txt is what was written, byte for byte.", true)
	answer(t, text, "No: draft.txt (59 bytes) is not what was written (60 bytes).", false)

	bare := open(t, b, write(t, proofOf(t, "", minutes).WithoutBody()), desk())
	bare.Drop("#document-zone", put(t, "minutes.txt", minutes))
	answer(t, bare, "The payload is not in this proof", false)
}

// manifest drops a manifest and files of it on the receipt of a directory.
func manifest(t *testing.T, b *browsertest.Browser) {
	list := ""
	for _, name := range []string{"a.txt", "sub/b.txt"} {
		list += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte("content of "+name)), name)
	}
	d := &document.Manifest{Name: "papers", Files: 2, Size: 37, SHA256: sha256.Sum256([]byte(list))}
	tab := open(t, b, write(t, proofOf(t, d.Type(), string(d.Encode()))), desk())
	tab.Drop("#document-zone", put(t, "b.txt", "content of sub/b.txt"))
	answer(t, tab, "No: b.txt (SHA-256 ", false)
	tab.Drop("#document-zone", put(t, "papers.sha256", list))
	answer(t, tab, "Yes: papers.sha256 is the notarised manifest of 2 files.", true)
	tab.Drop("#document-zone", put(t, "b.txt", "content of sub/b.txt"))
	answer(t, tab, "Yes: b.txt is in the manifest, as sub/b.txt.", true)
	tab.Drop("#document-zone", put(t, "c.txt", "content of c.txt"))
	answer(t, tab, "No: no file of the manifest has the content of c.txt", false)
}

// anchors types hashes that the reader trusts.
func anchors(t *testing.T, b *browsertest.Browser) {
	p := proofOf(t, "", minutes)
	tab := open(t, b, write(t, p), desk())
	for _, tt := range []struct {
		name, text, want string
		claimed          bool   // whether the claim is still one
		proven           string // by the anchor
	}{
		{"tip", p.Tip.Hash().String(), "The last block, 12:", false, "Tied to your hash: 7 more blocks and 112 hashes"},
		{"next, in capitals", " " + strings.ToUpper(p.Next.Header.Hash().String()), "Block 6, right after", true, "Tied to your hash: 1 more blocks and 16 hashes"},
		{"text of the code", "P2PCHAIN/1 ID " + p.Message.ID.String() + " BLOCK " + p.Block.Hash().String(), "The message's block, 5:", true, "Tied to your hash: 0 more blocks"},
		{"genesis", p.Tip.PreviousHash.String() + " " + networkOf(t, p).Genesis.String(), "The genesis block:", true, ""},
		{"id", p.Message.ID.String(), "The id of the message", true, ""},
		{"foreign", strings.Repeat("ab", 32), "No block of this proof", true, ""},
		{"short", "abcd", "This is not a hash", true, ""},
		{"empty", "", "", true, ""},
	} {
		tab.Fill("#anchor", tt.text)
		if got := tab.Text("#anchor-report"); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := strings.Contains(tab.Text("#unproven"), "The last header claims it"); got != tt.claimed {
			t.Errorf("%s: the claim stands: %v", tt.name, got)
		}
		if got := tab.Text("#proven"); !strings.Contains(got, tt.proven) || tt.proven == "" && strings.Contains(got, "Tied") {
			t.Errorf("%s: proven is %q", tt.name, got)
		}
		tied := strings.Contains(tab.Text("#verdict"), "tied to the hash")
		if tied != (tt.proven != "") {
			t.Errorf("%s: %q", tt.name, tab.Text("#verdict"))
		}
	}
}

func saves(t *testing.T, b *browsertest.Browser) {
	p := proofOf(t, "", minutes)
	tab := open(t, b, write(t, p), desk())
	if name, got := tab.Download("#save-proof"); name != p.Message.ID.String()[:16]+".p2pproof" || !bytes.Equal(got, p.Encode()) {
		t.Errorf("saved %s:\n%s", name, got)
	}
	if name, got := tab.Download("#save-payload"); name != p.Message.ID.String()[:16]+".payload" || string(got) != minutes {
		t.Errorf("saved %s:\n%s", name, got)
	}
}

func german(t *testing.T, b *browsertest.Browser) {
	v := desk()
	v.Language = "de-AT"
	tab := open(t, b, write(t, proofOf(t, "", minutes)), v)
	if got := tab.Text("#verdict"); got != "Der Beweis stimmt: alle Teile passen zusammen." {
		t.Errorf("verdict = %q", got)
	}
	tab.Screenshot("receipt/german.png")
	const left = `[...document.querySelectorAll("[data-text], #proven li, #unproven li, #facts dt, #steps li")].map((e) => e.textContent)`
	inGerman := browsertest.Eval[[]string](tab, left)
	tab.Do(chromedp.Click(chromedp.CSS("#language")))
	inEnglish := browsertest.Eval[[]string](tab, left)
	for i := range inGerman {
		if inGerman[i] == inEnglish[i] && inGerman[i] != "Block 5" {
			t.Errorf("%q is the same in both languages", inGerman[i])
		}
	}
	if got := browsertest.Eval[string](tab, `document.documentElement.lang`) + tab.Text("#verdict"); got != "enThe proof holds: all of its parts fit together." {
		t.Errorf("after the switch: %s", got)
	}
}

// noScript holds that the page can be read without scripts, says what it lacks and offers nothing that
// does not work.
func noScript(t *testing.T, b *browsertest.Browser) {
	v := desk()
	v.NoScript = true
	tab := open(t, b, write(t, proofOf(t, "", minutes)), v)
	if got := tab.Text("#verdict"); !strings.Contains(got, "Your browser has not checked it: that needs JavaScript") {
		t.Errorf("verdict = %q", got)
	}
	if browsertest.Eval[bool](tab, `[...document.querySelectorAll("button, input, textarea, #steps")].some((e) => e.offsetParent)`) {
		t.Error("controls are shown that do nothing")
	}
	if !browsertest.Eval[bool](tab, `["facts", "payload", "proven", "unproven"].every((id) => document.getElementById(id).offsetParent)`) {
		t.Error("the statement is not shown")
	}
	tab.Screenshot("receipt/no-script.png")
}

// keyboard walks through the page by the tab key: every control is reached, shows that it is, and works.
func keyboard(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	var reached []string
	for range 10 {
		tab.Do(chromedp.KeyEvent("\t"))
		reached = append(reached, browsertest.Eval[string](tab, `(() => { const e = document.activeElement, shown = e.closest(".file") ?? e;
			return e.id + (getComputedStyle(shown).outlineStyle === "none" ? " without outline" : ""); })()`))
	}
	want := []string{"language", "payload", "save-proof", "save-payload", "document-file", "anchor", "other-file", "other-text", "other-check"}
	if !slices.Equal(reached[:len(want)], want) {
		t.Errorf("the tab key reaches %q, want %q", reached, want)
	}
	unnamed := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("button, input, textarea")].filter((e) =>
		!(e.textContent.trim() && e.tagName === "BUTTON") && !e.labels?.length).map((e) => e.id)`)
	if len(unnamed) > 0 {
		t.Errorf("controls without a name: %q", unnamed)
	}
}

// contrasts returns the texts whose contrast is less than WCAG AA asks for.
const contrasts = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
	const light = (color) => rgb(color).slice(0, 3).reduce((sum, v, i) => { v /= 255;
		return sum + [0.2126, 0.7152, 0.0722][i] * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] === 255) return c; } return "Canvas"; };
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), poor = [];
	let seen = 0;
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!e.offsetParent || !walker.currentNode.textContent.trim()) continue;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
		seen++;
		if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(walker.currentNode.textContent);
	}
	return seen > 50 ? poor : ["only " + seen + " texts"];
})()`

// looks keeps pictures for people, and holds what can be measured: nothing is wider than its window, and
// every text can be told from what is behind it.
func looks(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	for _, width := range []int64{1440, 1024, 390} {
		for _, dark := range []bool{false, true} {
			tab.Look(browsertest.View{Width: width, Height: 1000, Dark: dark})
			if got := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); got > int(width) {
				t.Errorf("at %d pixels the page is %d wide", width, got)
			}
			if poor := browsertest.Eval[[]string](tab, contrasts); len(poor) > 0 {
				t.Errorf("dark %v: too little contrast: %q", dark, poor)
			}
			tab.Screenshot(fmt.Sprintf("receipt/%d-dark-%v.png", width, dark))
		}
	}
	tab.Fill("#other-text", "{")
	tab.Do(chromedp.Click(chromedp.CSS("#other-check")))
	if poor := browsertest.Eval[[]string](tab, strings.Replace(contrasts, "seen > 50", "seen > 20", 1)); len(poor) > 0 {
		t.Errorf("failed: too little contrast: %q", poor)
	}
}

// paper holds that a receipt prints on one page, and one of a long payload on two at most.
func paper(t *testing.T, b *browsertest.Browser) {
	for _, tt := range []struct {
		name, payload string
		most          int
	}{
		{"short", minutes, 1},
		{"long", strings.Repeat("A line of a long text, which goes on and on, and has no end at all. ", 240), 2},
		{"lines", strings.Repeat("line\n", 3000), 2},
	} {
		tab := open(t, b, write(t, proofOf(t, "", tt.payload)), desk())
		pdf := tab.PDF("receipt/" + tt.name + ".pdf")
		if got := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); got < 1 || got > tt.most {
			t.Errorf("%s: %d pages, want at most %d", tt.name, got, tt.most)
		}
	}
}
