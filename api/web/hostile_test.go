package web

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"p2pchain/core/coretest"
)

// hostile returns payloads that try to be more than text.
func hostile() []string {
	tags := []string{"script", "img src=x onerror=alert(1)", "svg onload=alert(1)", "iframe src=javascript:alert(1)", "style", "base href=//x", "form action=//x",
		"a href=javascript:alert(1)", "template", "math", "object data=x", "embed src=x", "link rel=stylesheet href=//x", "meta http-equiv=refresh content=0"}
	frames := []string{"<%s>", "</code><%s>", "\"><%s>", "'><%s>", "--><%s><!--", "]]><%s>", "</title><%s>", "</textarea><%s>", "&lt;%s&gt;", "{{%s}}", "<\x00%s>", "\u202e<%s>",
		"</pre></bdi></main><%s>", "<%s", "<%s/>"}
	var out []string
	for _, tag := range tags {
		for _, frame := range frames {
			out = append(out, fmt.Sprintf(frame, tag))
		}
	}
	return append(out, strings.Repeat("x", 100_000), strings.Repeat("<", 5000), strings.Repeat("\u202e\u200b\x1b", 500), "\u2028\u2029\u0000\u0085")
}

// TestHostile holds that no payload adds or changes an element of any page.
func TestHostile(t *testing.T) {
	coretest.Sequential(t)
	source := &fakeSource{payload: text("plain"), media: "text/plain"}
	s := newSite(t, source)
	shape := func(path string) string {
		var b strings.Builder
		for _, n := range parse(t, s, path) {
			if n.Type == html.ElementNode {
				fmt.Fprintf(&b, "%s %v\n", n.Data, n.Attr)
			}
		}
		return b.String()
	}
	payloads := hostile()
	if len(payloads) < 200 {
		t.Fatalf("only %d payloads", len(payloads))
	}
	for _, path := range paths() {
		if path == "/ui/learn" { // large, and asks the source for nothing
			continue
		}
		source.payload, source.media = text("plain"), "text/plain"
		want := shape(path)
		for _, p := range payloads {
			source.payload, source.media = text(p), p
			got := shape(path)
			if path == "/ui/messages/"+strings.Repeat("07", 32) { // says that it is cut
				got, want = strings.ReplaceAll(got, "p [{ class faint}]\n", ""), strings.ReplaceAll(want, "p [{ class faint}]\n", "")
			}
			if got != want {
				t.Fatalf("%s: %.100q changes the page from\n%s\nto\n%s", path, p, want, got)
			}
		}
	}
}

// TestHostileQuery holds the same for what is searched.
func TestHostileQuery(t *testing.T) {
	s := newSite(t, &fakeSource{payload: text("plain")})
	for _, q := range hostile()[:30] {
		r := httptest.NewRequest("GET", "/ui/search", nil)
		r.URL.RawQuery = "q=" + strings.NewReplacer(" ", "%20", "&", "%26", "\x00", "%00", "#", "%23", "+", "%2b").Replace(q)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		root, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			checkNode(t, q, n, make(map[string]bool))
		}
	}
}
