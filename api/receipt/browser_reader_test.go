package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pchain/api/browsertest"
	"p2pchain/core/document"
)

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
	tab.Drop("#facts", put(t, "report.pdf", content[1:1000]))
	answer(t, tab, "No: report.pdf is another file than report.pdf.", false)
	tab.Do(chromedp.SetUploadFiles(chromedp.CSS("#document-file"), []string{put(t, "empty", "")}))
	answer(t, tab, "No: empty is another file", false)

	text := openMinutes(t, b)
	text.Drop("#document-zone", put(t, "one", "1"))
	answer(t, text, "No: one (1 byte) is not what was written (60 bytes).", false)
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

	other := &document.Manifest{Name: "other", Files: 1, Size: 1, SHA256: sha256.Sum256(nil)}
	tab.Drop("#other-zone", put(t, "other.p2pproof", string(proofOf(t, other.Type(), string(other.Encode())).Encode())))
	tab.Wait(`document.querySelector("#other-state").textContent.includes("other.p2pproof")`)
	tab.Drop("#document-zone", put(t, "b.txt", "content of sub/b.txt")) // of the manifest before
	answer(t, tab, "No: b.txt (SHA-256 ", false)
}

// anchors types hashes that the reader trusts.
func anchors(t *testing.T, b *browsertest.Browser) {
	p := proofOf(t, "", minutes)
	tab := open(t, b, write(t, p), desk())
	for _, tt := range []struct {
		name, text, want string
		claimed          bool   // whether the claim is still one
		proven           string // by the anchor
		bounded          bool   // by the next block, too
	}{
		{"tip", p.Tip.Hash().String(), "The last block, 12:", false, "Tied to your hash: blocks on the message's block: 7; work in them: 112 hashes", true},
		{"next, in capitals", " " + strings.ToUpper(p.Next.Header.Hash().String()), "Block 6, right after", true, "Tied to your hash: blocks on the message's block: 1; work in them: 16 hashes", true},
		{"text of the code", "P2PCHAIN/1 ID " + p.Message.ID.String() + " BLOCK " + p.Block.Hash().String(), "The message's block, 5:", true, "number 3 of 7 in block 5", false},
		{"genesis", p.Tip.PreviousHash.String() + " " + networkOf(t, p).Genesis.String(), "The genesis block:", true, "", false},
		{"id", p.Message.ID.String(), "The id of the message", true, "", false},
		{"foreign", strings.Repeat("ab", 32), "No block of this proof", true, "", false},
		{"short", "abcd", "This is not a hash", true, "", false},
		{"empty", "", "", true, "", false},
	} {
		tab.Fill("#anchor", tt.text)
		if got := tab.Text("#anchor-report"); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := strings.Contains(tab.Text("#unproven"), "What the last header claims"); got != tt.claimed {
			t.Errorf("%s: the claim stands: %v", tt.name, got)
		}
		if got := tab.Text("#proven"); !strings.Contains(got, tt.proven) || tt.proven == "" && strings.Contains(got, "Tied") {
			t.Errorf("%s: proven is %q", tt.name, got)
		}
		if got := strings.Contains(tab.Text("#proven"), "Not newer than block 6"); got != tt.bounded || got == strings.Contains(tab.Text("#claimed"), "Not newer than block 6") {
			t.Errorf("%s: the bound is proven: %v, or it stands twice or nowhere", tt.name, got)
		}
		if got := strings.Contains(tab.Text("#proven"), "number 3 of 7"); got != (tt.proven != "") || got == strings.Contains(tab.Text("#claimed"), "number 3 of 7") {
			t.Errorf("%s: the place is proven: %v, or it stands twice or nowhere", tt.name, got)
		}
		if got := browsertest.Eval[string](tab, `document.querySelector("#verdict").className`); (got == "report good") != (tt.proven != "") || got == "report bad" {
			t.Errorf("%s: the verdict is shown as %s", tt.name, got)
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
