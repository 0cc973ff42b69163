package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/document"
)

const messagePath = "/ui/messages/0707070707070707070707070707070707070707070707070707070707070707"

func body(t *testing.T, s http.Handler, path string) string {
	t.Helper()
	b, err := io.ReadAll(get(t, s, path).Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRecords holds that what is notarised can be read: its name and values, and not only its JSON.
func TestRecords(t *testing.T) {
	sum := core.Hash{0xab, 0xcd}
	for _, tt := range []struct {
		doc  document.Document
		want []string // in the page of the message
	}{
		{&document.File{Name: "report <b>.pdf", Size: 48213, MediaType: "application/pdf", SHA256: sum},
			[]string{">File<", "report &lt;b&gt;.pdf", "48,213 bytes", "application/pdf", sum.String()}},
		{&document.Manifest{Name: "photos", Files: 12, Size: 1 << 20, SHA256: sum}, []string{">Folder<", "photos", ">12<", "1,048,576 bytes", sum.String()}},
		{&document.Commit{Repository: "tool", Commit: strings.Repeat("1", 40), Tree: strings.Repeat("2", 40), Files: 3, Size: 9, SHA256: sum},
			[]string{">Commit<", "tool", strings.Repeat("1", 40), strings.Repeat("2", 40), sum.String()}},
		{&document.Anchor{Log: "app.log", Sequence: 2, Began: document.BeganRotated, Length: 4000, Lines: 120, SHA256: sum, From: 1000, Segment: core.Hash{7},
			TimeMS: 946684800000, Previous: core.Hash{9}},
			[]string{">Log<", "app.log", "4,000 bytes", ">120<", "another file had taken the name", "2000-01-01 00:00:00 UTC", core.Hash{7}.String(), core.Hash{9}.String()}},
		{&document.Erase{Target: sum}, []string{"Wish to be forgotten", "/ui/messages/" + sum.String()}},
	} {
		t.Run(tt.doc.Type(), func(t *testing.T) {
			if err := tt.doc.Validate(); err != nil {
				t.Fatal(err)
			}
			source := &fakeSource{payload: payloadOf(tt.doc), media: tt.doc.Type()}
			s := newSite(t, source)
			page := body(t, s, messagePath)
			for _, want := range tt.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if list := body(t, s, "/ui/messages"); !strings.Contains(list, tt.want[0][1:len(tt.want[0])-1]) || strings.Contains(list, "sha256") {
				t.Error("the list does not show it as what it is")
			}
			source.payload.Message = text("{}").Message // no record: shown as it is
			if page := body(t, s, messagePath); !strings.Contains(page, "<bdi>{}</bdi>") || strings.Contains(page, `class="record"`) {
				t.Error("a message that is no record is shown as one")
			}
		})
	}
}

// payloadOf returns the payload of a document as the API has it.
func payloadOf(d document.Document) api.Payload {
	payload := d.Encode()
	if d.Type() == document.EraseType {
		return api.Payload{Base64: payload}
	}
	return text(string(payload))
}

// TestHostileRecords holds that no name in a record adds an element to a page.
func TestHostileRecords(t *testing.T) {
	source := &fakeSource{media: document.FileType}
	s := newSite(t, source)
	shape := func(name, path string) string {
		source.payload = payloadOf(&document.File{Name: name, Size: 1, MediaType: "text/plain"})
		var b strings.Builder
		for _, n := range parse(t, s, path) {
			if n.Type == html.ElementNode {
				fmt.Fprintf(&b, "%s %v\n", n.Data, n.Attr)
			}
		}
		return b.String()
	}
	named := 0
	for _, path := range []string{messagePath, "/ui/messages", "/ui/blocks/2", "/"} {
		want := shape("plain", path)
		for _, name := range hostile() {
			if document.CheckName(name) != nil {
				continue
			}
			named++
			if got := shape(name, path); got != want {
				t.Fatalf("%s: %q changes the page", path, name)
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d names", named)
	}
}

// TestBlockParts follows the links of a block's page through all of its messages and back.
func TestBlockParts(t *testing.T) {
	s := newSite(t, &fakeSource{payload: text("hello")})
	follow := func(path, rel string) (next string, messages int) {
		for _, n := range parse(t, s, path) {
			attributes := make(map[string]string)
			for _, a := range n.Attr {
				attributes[a.Key] = a.Val
			}
			if strings.HasPrefix(attributes["href"], "/ui/messages/") {
				messages++
			}
			if attributes["rel"] == rel {
				next = attributes["href"]
			}
		}
		return next, messages
	}
	seen, last := 0, ""
	for path := "/ui/blocks/2"; path != ""; {
		last = path
		next, messages := follow(path, "next")
		seen += messages
		if messages == 0 || seen > 120 {
			t.Fatalf("%s shows %d messages, %d so far", path, messages, seen)
		}
		path = next
	}
	if seen != 120 {
		t.Errorf("the pages show %d messages", seen)
	}
	if !strings.Contains(body(t, s, last), "Positions 90 to 119 of 120 messages") {
		t.Errorf("%s does not say which part it shows", last)
	}
	for range 3 { // from 90 to 40 and 0
		if previous, _ := follow(last, "prev"); previous != "" {
			last = previous
		}
	}
	if !strings.HasSuffix(last, "?from=0") {
		t.Errorf("back at %q", last)
	}
	for path, want := range map[string]int{"/ui/blocks/2?from=120": 404, "/ui/blocks/2?from=-1": 200, "/ui/blocks/2?from=x": 200} {
		if got := get(t, s, path).StatusCode; got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
}

// TestFaultWords holds that the page of a message has words for every fault, in each language.
func TestFaultWords(t *testing.T) {
	s := newSite(t, &fakeSource{payload: text("hello")})
	for lang, want := range map[string]string{"en": "the signature is not the author's over this message", "de": "die Unterschrift ist nicht die des Autors"} {
		for _, n := range parse(t, s, messagePath+"?lang="+lang) {
			if n.Data != "script" || n.Attr[len(n.Attr)-1].Val != "faults" {
				continue
			}
			words := make(map[string]string)
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &words); err != nil || words["bad_signature"] != want || len(words) < 30 {
				t.Errorf("%s: %q, %d words, %v", lang, words["bad_signature"], len(words), err)
			}
			want = ""
		}
		if want != "" {
			t.Errorf("%s: there are no words", lang)
		}
	}
}
