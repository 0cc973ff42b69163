package openapi

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"p2pchain/core/coretest"
)

const (
	referencePage = "../../docs/api.md"
	referenceHead = `# The REST API

<!-- Written by the tests of api/openapi: go test ./api/openapi -run TestReference -update -->

Every node serves this at ` + "`/api`" + `, with forms to try it, and for programs as OpenAPI 3.1 at ` + "`/api/v1/openapi.json`" + ` and
` + "`/api/v1/openapi.yaml`" + `, where all members of all answers are described. A Go client is in ` + "`api/client`" + `. What needs a token, and
what a node does against strangers, is in [safety of the API](security-of-the-api.md).

`
)

var update = flag.Bool("update", false, "write docs/api.md")

// TestReference holds the page of routes to the description.
func TestReference(t *testing.T) {
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(referenceHead)
	b.WriteString(strings.ReplaceAll(strings.TrimSpace(d.Info.Description), "\n#", "\n##") + "\n\n")
	for _, tag := range d.Tags {
		if len(tag.Operations) == 0 {
			continue
		}
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| | scope | |\n|---|---|---|\n", tag.Name, strings.TrimSpace(tag.Description))
		for _, op := range tag.Operations {
			fmt.Fprintf(&b, "| [`%s %s`](#%s) | %s | %s |\n", op.Method, op.Path, op.ID, op.Scope(), cell(op.Summary))
		}
		b.WriteString("\n")
		for _, op := range tag.Operations {
			writeOperation(&b, op)
		}
	}
	got := append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
	coretest.GoldenFile(t, referencePage, got, *update)
}

// writeOperation writes one operation: what it does, takes and answers, and how to try it.
func writeOperation(b *bytes.Buffer, op operation) {
	fmt.Fprintf(b, "<a id=%q></a>\n### `%s %s`\n\n%s.", op.ID, op.Method, op.Path, strings.TrimSuffix(op.Summary, "."))
	if text := strings.TrimSpace(op.Description); text != "" {
		fmt.Fprintf(b, " %s", text)
	}
	b.WriteString("\n\n")
	if len(op.Parameters) > 0 {
		b.WriteString("| parameter | in | |\n|---|---|---|\n")
		for _, p := range op.Parameters {
			note := cell(p.Description)
			if p.Required && p.In != "path" {
				note = strings.TrimSpace(note + " Required.")
			}
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.Name, p.In, note)
		}
		b.WriteString("\n")
	}
	if media := op.Media(); len(media) > 0 {
		fmt.Fprintf(b, "Body: `%s`\n\n", strings.Join(media, "`, `"))
	}
	for _, status := range op.Statuses() {
		name := status
		if code, err := strconv.Atoi(status); err == nil {
			name += " " + http.StatusText(code)
		}
		fmt.Fprintf(b, "- %s: %s\n", name, cell(op.Responses[status].Description))
	}
	if len(op.Codes) > 0 {
		fmt.Fprintf(b, "- codes of problems besides those that any route has: `%s`\n", strings.Join(op.Codes, "`, `"))
	}
	b.WriteString("\n")
	for _, s := range op.Samples {
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.TrimSpace(s.Source))
	}
}

// cell makes one line of a text.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
