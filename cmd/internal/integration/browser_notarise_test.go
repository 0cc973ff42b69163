//go:build linux

package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// TestBrowserNotarise drops a file on a node's page, sees it sealed, and holds what it got for it against the file:
// the proof by the command verify, the receipt and the page of the message by themselves, in the browser.
func TestBrowserNotarise(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	m := lonely(t, "notary")
	m.start()
	dir := t.TempDir()
	path := filepath.Join(dir, `contract "final" ü.txt`)
	content := []byte("The house is sold.\n")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	desk := browsertest.View{Width: 1440, Height: 1000}
	page := b.Open(t, m.url+"/ui/notarise", desk)
	page.Wait(`!document.querySelector("#zone").hidden`)
	page.Drop("#zone", path)
	page.Wait(`document.querySelector("#known").textContent.startsWith("Nobody")`)
	if got := page.Text("#digest"); got != digest {
		t.Errorf("the page hashes to %s", got)
	}
	page.Screenshot("notarise-chosen.png")
	browsertest.Eval[any](page, `document.querySelector("#notarise button").click()`)
	page.Wait(`document.querySelector("#sealed.done") !== null && !document.querySelector("#papers").hidden`)
	page.Screenshot("notarise-sealed.png")

	name, proof := page.Download("#prooffile")
	file := filepath.Join(dir, "contract.p2pproof")
	if err := os.WriteFile(file, proof, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := stranger(t, file, "--file", path, "--genesis", "test"); code != 0 || !strings.HasSuffix(name, ".p2pproof") {
		t.Errorf("%s: verify ended with %d:\n%s", name, code, out)
	}
	name, receipt := page.Download("#receipt")
	kept := filepath.Join(dir, "receipt.html")
	if err := os.WriteFile(kept, receipt, 0o600); err != nil {
		t.Fatal(err)
	}
	paper := b.Open(t, browsertest.FileURL(t, kept), desk)
	paper.Wait(`document.querySelectorAll("#steps li.passed").length >= 7`)
	paper.Drop("#document-zone", path)
	paper.Wait(`document.querySelector("#document-report .good") !== null`)
	if !strings.HasSuffix(name, ".html") || !strings.Contains(paper.Text("body"), digest) {
		t.Errorf("the receipt %s does not name the file", name)
	}

	message := b.Open(t, browsertest.Eval[string](page, `document.querySelector("#page").href`), desk)
	message.Wait(`document.querySelector("#verdict.good") !== null`)
	if got := message.Text(".record h2"); !strings.Contains(got, filepath.Base(path)) {
		t.Errorf("the page of the message shows %q", got)
	}
	browsertest.Eval[any](message, `document.querySelector("#alter [data-part=body]").click()`)
	message.Wait(`document.querySelector("#verdict.bad") !== null && document.querySelector("[data-step=body].failed") !== null`)
	page.Drop("#zone", path)
	page.Wait(`document.querySelectorAll("#list li").length === 1`)
	if got := page.Text("#list"); !strings.Contains(got, filepath.Base(path)) || !strings.Contains(got, "block 1") {
		t.Errorf("a known file is shown as %q", got)
	}
	page.Screenshot("notarise-known.png")
	quiet(t, page, m.url)
	quiet(t, message, m.url)
}
