package openapi

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

//go:embed page.html page.css try.js
var page embed.FS

// Page returns the description as a page of HTML, which needs its style and, to try things, its script.
func Page() ([]byte, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	t, err := template.New("page.html").Funcs(template.FuncMap{"text": text, "line": line}).ParseFS(page, "page.html")
	if err != nil {
		return nil, fmt.Errorf("the page of the API: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("the page of the API: %w", err)
	}
	return out.Bytes(), nil
}

// Style returns the style sheet of the page.
func Style() []byte { return pageFile("page.css") }

// Script returns the ES module of the page.
func Script() []byte { return pageFile("try.js") }

func pageFile(name string) []byte {
	b, err := page.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}

// text turns a description with paragraphs into HTML.
func text(s string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if paragraph != "" {
			out.WriteString("<p>" + string(line(paragraph)) + "</p>\n")
		}
	}
	return template.HTML(out.String())
}

// line turns the marks of a description, for code and for what is important, into HTML.
func line(s string) template.HTML {
	s = template.HTMLEscapeString(s)
	s = regexp.MustCompile("`([^`]+)`").ReplaceAllString(s, "<code>$1</code>")
	s = regexp.MustCompile(`\*\*([^*]+)\*\*`).ReplaceAllString(s, "<strong>$1</strong>")
	return template.HTML(s)
}
