package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"p2pchain/api/receipt"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

const minutes = "The minutes of the meeting of 21 November 2026.\nAll agreed.\n"

func TestWrite(t *testing.T) {
	p := proofOf(t, "", minutes)
	page := write(t, p)
	if !bytes.Equal(page, write(t, p)) {
		t.Error("the same proof gives other bytes")
	}
	doc := parse(t, page)
	if got := textOf(find(doc, "proof")); got != string(p.Encode()) {
		t.Errorf("the proof in the page is\n%s", got)
	}
	if got := attribute(find(doc, "proof"), "data-name"); got != p.Message.ID.String()[:16]+".p2pproof" {
		t.Errorf("the proof is called %q", got)
	}
	if got := textOf(find(doc, "payload")); got != minutes {
		t.Errorf("the payload is shown as %q", got)
	}
	for _, want := range []string{p.Message.ID.String(), "Block 5", "Written after block 3", "Written before block 6", "Last block here: 12"} {
		if !strings.Contains(textOf(find(doc, "facts")), want) {
			t.Errorf("the facts lack %q", want)
		}
	}
	for _, want := range []string{"60 bytes", "paid about 32 hashes"} {
		if !strings.Contains(textOf(find(doc, "proven")), want) {
			t.Errorf("what is proven lacks %q", want)
		}
	}
	for _, want := range []string{"number 3 of 7 in block 5", "Not older than block 3", "Not newer than block 6"} {
		if !strings.Contains(textOf(find(doc, "claimed")), want) || strings.Contains(textOf(find(doc, "proven")), want) {
			t.Errorf("%q, which rests on headers that anybody can make, is not said as a claim", want)
		}
	}
	for _, want := range []string{"That these blocks are the network's", "blocks on the message's block: 7; work in them: 112 hashes", "A time by a trusted clock", "That this page is honest"} {
		if !strings.Contains(textOf(find(doc, "unproven")), want) {
			t.Errorf("what is not proven lacks %q", want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	p := proofOf(t, "", minutes)
	p.Message.Body.Payload[0]++
	var out bytes.Buffer
	err := receipt.Write(&out, p, receipt.Options{})
	if fault, ok := errors.AsType[*proof.Fault](err); !ok || fault.Code != proof.BodyMismatch || out.Len() != 0 {
		t.Errorf("Write = %v with %d bytes, want a fault and none", err, out.Len())
	}
}

// TestSize holds what a receipt weighs beside the proof and what of the payload is shown.
func TestSize(t *testing.T) {
	p := proofOf(t, "", minutes)
	page, own := len(write(t, p)), len(p.Encode())+len(minutes)
	if page-own > 60<<10 {
		t.Errorf("a receipt has %d bytes, %d of them its own; want at most %d more", page, own, 60<<10)
	}
	t.Logf("%d bytes beside the proof and its payload", page-own)
}

// TestStrict holds that the script is read strictly, and knows the networks that are built in.
func TestStrict(t *testing.T) {
	page := string(write(t, proofOf(t, "", minutes)))
	if !strings.Contains(page, "<script>// The source with its comments is in api/receipt/script of p2pchain.\n'use strict';") {
		t.Error("the first statement is not 'use strict'")
	}
	for _, name := range core.BuiltinNames() {
		if want := `"` + name + `":"` + coretest.Builtin(t, name).Genesis.String() + `"`; !strings.Contains(page, want) {
			t.Errorf("the script does not know %s", want)
		}
	}
}

// TestPolicy holds that the policy, in the file and for the header, lets run what is in the file and no
// more: a changed script or style would have another hash.
func TestPolicy(t *testing.T) {
	doc := parse(t, write(t, proofOf(t, "", minutes)))
	var want []string
	for n := range doc.Descendants() {
		if n.Data == "style" || n.Data == "script" && attribute(n, "type") == "" {
			sum := sha256.Sum256([]byte(textOf(n)))
			want = append(want, n.Data+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
	}
	slices.Sort(want)
	policy := "default-src 'none'; " + strings.Join(want, "; ") + "; img-src data:; base-uri 'none'; form-action 'none'"
	i := slices.IndexFunc(slices.Collect(doc.Descendants()), func(n *html.Node) bool {
		return n.Data == "meta" && attribute(n, "http-equiv") == "Content-Security-Policy" && attribute(n, "content") == policy
	})
	if i < 0 {
		t.Errorf("the file has not the policy %s", policy)
	}
	if got := receipt.ContentSecurityPolicy(); got != policy+"; frame-ancestors 'none'" {
		t.Errorf("ContentSecurityPolicy = %s, want %s; frame-ancestors 'none'", got, policy)
	}
}

// hostilePayloads are what strangers may write, and what a receipt shows of each.
func hostilePayloads() map[string]string {
	return map[string]string{
		"</script><script>document.title='run'</script>": "",
		"<!--<script>": "",
		"<img src=x onerror=\"document.title='run'\"><b>bold</b>":    "",
		"</pre></section><form action=//example.com><input>":         "",
		"{{.Script}} {name} {size} ${alert(1)} &lt;b&gt;":            "",
		"invoice \u202egnp.exe\u202c\u2066\u2069":                    "invoice [U+202E]gnp.exe[U+202C][U+2066][U+2069]",
		"bell\a escape\x1b[31m delete\x7f next\u0085 line\u2028":     "bell[U+0007] escape[U+001B][31m delete[U+007F] next[U+0085] line[U+2028]",
		"\ufeffmark, soft\u00adhyphen, zero\u200bwidth":              "[U+FEFF]mark, soft[U+00AD]hyphen, zero[U+200B]width",
		"\n\nwindows\r\nline, tab\tand return\ralone":                "\n\nwindows\nline, tab\tand return[U+000D]alone",
		strings.Repeat("one line without an end ", 650):              "",
		strings.Repeat("\n", 9000):                                   "",
		"\U0001f468\u200d\U0001f469\u200d\U0001f467 و می\u200cخواهم": "",
	}
}

// TestHostile holds that a payload makes no element and no attribute, whatever it is, and is shown in
// full as text that hides nothing.
func TestHostile(t *testing.T) {
	want := shape(parse(t, write(t, proofOf(t, "", minutes))))
	for payload, shown := range hostilePayloads() {
		doc := parse(t, write(t, proofOf(t, "", payload)))
		if got := shape(doc); got != want {
			t.Errorf("%.40q makes a page of the elements\n%s\nwant\n%s", payload, got, want)
		}
		if shown == "" {
			shown = payload
		}
		if got := textOf(find(doc, "payload")); got != shown {
			t.Errorf("%.40q is shown as %.80q", payload, got)
		}
	}
}

// TestHostileNames is TestHostile for what is shown of documents and media types.
func TestHostileNames(t *testing.T) {
	file := &document.File{Name: `<img src=x onerror=alert(1)>.pdf`, Size: 3, MediaType: "text/<b>", SHA256: sha256.Sum256([]byte("abc"))}
	p := proofOf(t, file.Type(), string(file.Encode()))
	var out bytes.Buffer
	if err := receipt.Write(&out, p, receipt.Options{FileName: `"><script>.p2pproof`}); err != nil {
		t.Fatal(err)
	}
	doc := parse(t, out.Bytes())
	for n := range doc.Descendants() {
		if n.Data == "img" || n.Data == "b" {
			t.Errorf("the page has an element %s", n.Data)
		}
	}
	if got := attribute(find(doc, "proof"), "data-name"); got != `"><script>.p2pproof` {
		t.Errorf("the proof is called %q", got)
	}
	if got := textOf(find(doc, "facts")); !strings.Contains(got, "file "+file.Name+", 3 bytes, text/<b>") || !strings.Contains(got, file.SHA256.String()) {
		t.Errorf("the document is shown as %q", got)
	}
	shape(parse(t, write(t, proofOf(t, "<script>alert(1)</script>", "x"))))
}

// TestNoPayload holds what is shown of payloads that are not there or are no text.
func TestNoPayload(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    *proof.Proof
		want string
	}{
		{"left out", proofOf(t, "", minutes).WithoutBody(), "Not in this file. The envelope commits to it (60 bytes) by a salted hash."},
		{"binary", proofOf(t, "image/png", "\x89PNG\r\n\x1a\n\x00"), "No text: 9 bytes."},
		{"one byte", proofOf(t, "", "\x00"), "No text: 1 byte."},
		{"with zeros", proofOf(t, "", "a\x00b"), "No text: 3 bytes."},
	} {
		doc := parse(t, write(t, tt.p))
		if got := textOf(find(doc, "payload-note")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := strings.TrimSpace(textOf(find(doc, "payload"))); got != "" {
			t.Errorf("%s: %q is shown", tt.name, got)
		}
	}
}

// TestClassic holds that nothing about blocks is called proven where headers cost nothing.
func TestClassic(t *testing.T) {
	f, id := inBlock5(t, coretest.Builtin(t, "classic", easy), "", minutes)
	p, err := proof.Build(f, id)
	if err != nil {
		t.Fatal(err)
	}
	doc := parse(t, write(t, p))
	if got := textOf(find(doc, "proven")); strings.Contains(got, "block") {
		t.Errorf("proven on a classic network: %q", got)
	}
	if got := textOf(find(doc, "unproven")); !strings.Contains(got, "headers cost nothing") {
		t.Errorf("not proven on a classic network: %q", got)
	}
}

// TestBorrowedName holds that a network which has only the name of a built-in one is told as that, first.
func TestBorrowedName(t *testing.T) {
	borrowed := coretest.Builtin(t, "main", func(p *core.Params) { p.Difficulty = 1 })
	f, id := inBlock5(t, borrowed, "", minutes)
	p, err := proof.Build(f, id)
	if err != nil {
		t.Fatal(err)
	}
	doc, honest := parse(t, write(t, p)), parse(t, write(t, proofOf(t, "", minutes)))
	want := "That this is main, the network of that name that is built in: it is not. That one has the genesis block " + coretest.Builtin(t, "main").Genesis.String() + "."
	if got := items(find(doc, "unproven"), "li"); got[0] != want {
		t.Errorf("first of what is not proven: %q", got)
	}
	if got := textOf(find(doc, "facts")); !strings.Contains(got, "main ("+borrowed.ID()+"), NOT the built-in network of that name") {
		t.Errorf("facts: %q", got)
	}
	if strings.Contains(textOf(find(honest, "facts"))+textOf(find(honest, "unproven")), "built") {
		t.Error("a built-in network is said to be another one")
	}
}

// TestTexts holds that every text is used, is there in both languages and names the same values.
func TestTexts(t *testing.T) {
	var texts map[string][2]string
	b, err := os.ReadFile("texts.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	names := func(s string) []string {
		found := regexp.MustCompile(`\{\w+\}`).FindAllString(s, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	used := sources(t)
	for key, text := range texts {
		kind, _, _ := strings.Cut(key, ".")
		computed := slices.Contains([]string{"fault", "state", "step", "anchor", "doc", "time", "d", "bytes", "files"}, kind) // by their first part
		if !computed && !strings.Contains(used, `'`+key+`'`) && !strings.Contains(used, `"`+key+`"`) {
			t.Errorf("%s is never said", key)
		}
		if kind == "fault" || key == "verdict.server" {
			continue // English is elsewhere, or there is no German
		}
		if text[0] == "" || text[1] == "" || !slices.Equal(names(text[0]), names(text[1])) {
			t.Errorf("%s: %q and %q do not say the same", key, text[0], text[1])
		}
	}
	for _, f := range proof.Faults() {
		if texts["fault."+f.Code][1] == "" {
			t.Errorf("%s has no German words", f.Code)
		}
	}
	for _, match := range regexp.MustCompile(`say\('([a-z.]+)'|T "([a-z.]+)"|data-text="([a-z.]+)"|say\("([a-z.]+)"`).FindAllStringSubmatch(used, -1) {
		key := strings.Join(match[1:], "")
		if _, ok := texts[key]; !ok && !strings.HasSuffix(key, ".") {
			t.Errorf("%s has no words", key)
		}
	}
}

// sources returns everything that says texts.
func sources(t *testing.T) string {
	t.Helper()
	names := []string{"page.html", "words.go", "statement.go", "receipt.go"}
	scripts, err := filepath.Glob("script/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	var all strings.Builder
	for _, name := range append(names, scripts...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
