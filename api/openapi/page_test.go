package openapi

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestPage has every operation, code and schema on the page, with an example of each operation.
func TestPage(t *testing.T) {
	b, err := Page()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	operations := 0
	for _, tag := range d.Tags {
		for _, op := range tag.Operations {
			operations++
			if len(op.Samples) == 0 || !strings.HasPrefix(op.Samples[0].Source, "curl ") && !strings.Contains(op.Samples[0].Source, "| curl ") {
				t.Errorf("%s has no example with curl", op.ID)
			}
			if !strings.Contains(page, `<article id="`+op.ID+`" class="operation">`) {
				t.Errorf("%s is not on the page", op.ID)
			}
		}
	}
	if operations < 25 || strings.Count(page, `<details class="try"`) != operations {
		t.Errorf("%d operations", operations)
	}
	for name := range d.Components.Schemas {
		if !strings.Contains(page, `id="schema-`+name+`"`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	for _, broken := range []string{"<no value>", "%!", "ZgotmplZ", "map["} {
		if i := strings.Index(page, broken); i >= 0 {
			t.Errorf("%q in …%s…", broken, page[max(0, i-80):i+80])
		}
	}
	links := regexp.MustCompile(`href="#([^"]*)"`)
	for _, link := range links.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+link[1]+`"`) {
			t.Errorf("the link #%s leads nowhere", link[1])
		}
	}
}

// TestPolicy has nothing on the page that its Content-Security-Policy would refuse, and nothing that is
// fetched from elsewhere.
func TestPolicy(t *testing.T) {
	page, err := Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{`<style`, `\sstyle=`, `\son[a-z]+=`, `<script(?: [^>]*)?>[^<]`, `javascript:`, `(src|href|action)="(https?:)?//`, `<(img|iframe|object|embed|base)\b`} {
		if found := regexp.MustCompile(pattern).Find(page); found != nil {
			t.Errorf("the page has %q", found)
		}
	}
	for name, text := range map[string][]byte{"style": Style(), "script": Script()} {
		for _, pattern := range []string{`@import`, `url\(`, `eval\(`, `innerHTML`, `\bimport\b`} {
			if found := regexp.MustCompile(pattern).Find(text); found != nil {
				t.Errorf("the %s has %q", name, found)
			}
		}
	}
}

// TestText turns the marks of a description into HTML, and nothing else.
func TestText(t *testing.T) {
	got := string(text("one `a<b` and **two**\n\nthree <script>\n"))
	want := "<p>one <code>a&lt;b</code> and <strong>two</strong></p>\n<p>three &lt;script&gt;</p>\n"
	if got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

// TestForm says in words what values look like.
func TestForm(t *testing.T) {
	for _, tt := range []struct{ schema, want string }{
		{`{"$ref":"#/components/schemas/Hash"}`, `<a href="#schema-Hash">Hash</a>`},
		{`{"type":"array","items":{"type":"string"}}`, `list of string`},
		{`{"enum":["a","<"]}`, `<code>&#34;a&#34;</code> or <code>&#34;\u003c&#34;</code>`},
		{`{"type":["integer","null"]}`, `integer or null`},
		{`{"type":"integer","minimum":1,"maximum":9,"default":3}`, `integer from 1 to 9, 3 unless given`},
		{`{"oneOf":[{"const":1},{"type":"null"}]}`, `<code>1</code> or null`},
		{`{}`, `anything`},
	} {
		var s schema
		if err := json.Unmarshal([]byte(tt.schema), &s); err != nil {
			t.Fatal(err)
		}
		if got := string(s.Form()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.schema, got, tt.want)
		}
	}
}
