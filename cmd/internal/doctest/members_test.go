package doctest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
)

// members returns the names of a JSON object's members, in their order.
func members(t *testing.T, text []byte) []string {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(text))
	if _, err := in.Token(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for in.More() {
		name, err := in.Token()
		var skipped json.RawMessage
		if err == nil {
			err = in.Decode(&skipped)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
	}
	return names
}

// listedMembers returns the names in the first column of the first table after some words of a page.
func listedMembers(t *testing.T, page, after string) []string {
	t.Helper()
	_, rest, found := strings.Cut(readPage(t, page), after)
	_, table, ok := strings.Cut(rest, "|---")
	if !found || !ok {
		t.Fatalf("%s has no table after %q", page, after)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var names []string
	for _, line := range strings.Split(table, "\n")[1:] {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestMembers holds the tables of JSON members to what is written, in their order.
func TestMembers(t *testing.T) {
	same := func(page, after string, want []string) {
		t.Helper()
		if got := listedMembers(t, page, after); !slices.Equal(got, want) {
			t.Errorf("%s, after %q: the table has %q, what is written %q", page, after, got, want)
		}
	}
	e := newExample(t)
	payloads := examplesOfPayloads(e)
	for name, after := range map[string]string{"file": "\n**File**", "manifest": "\n**Manifest**", "commit": "\n**Commit**"} {
		same("docs/formats.md", after, members(t, payloads[name].Encode()))
	}
	same("docs/anchor.md", "\n## What is written", members(t, payloads["anchor"].Encode()))
	same("docs/formats.md", "## Network parameters", members(t, e.n.Params.Encode()))
	same("docs/formats.md", "its members in this order. It has one spelling", members(t, chainfile.AppendGenesis(nil, e.n)))
	same("docs/formats.md", "the 152 bytes, which all of the above must fit", membersOfMessages(t, e))
	for _, d := range payloads {
		if !strings.Contains(readPage(t, "docs/formats.md"), "`"+d.Type()+"`") {
			t.Errorf("docs/formats.md does not know %s", d.Type())
		}
	}
}

// membersOfMessages returns every member that a message in a chain file may have.
func membersOfMessages(t *testing.T, e example) []string {
	typed := coretest.MessageWith(t, e.n, coretest.Key(0), "\xff", func(m *core.Message) { m.MediaType = document.EraseType })
	bare := *typed
	bare.Body = nil
	var line struct {
		Data []json.RawMessage `json:"data"`
	}
	b := coretest.Next(t, e.n, coretest.Genesis(e.n), typed)
	b.Messages = append(b.Messages, &bare)
	if err := json.Unmarshal(chainfile.AppendBlock(nil, b), &line); err != nil {
		t.Fatal(err)
	}
	names := members(t, line.Data[0])
	for _, name := range members(t, line.Data[1]) {
		if !slices.Contains(names, name) { // erased stands where base64 would
			names = slices.Insert(names, slices.Index(names, "base64")+1, name)
		}
	}
	return names
}
