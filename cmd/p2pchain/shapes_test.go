package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/cmd/internal/anchor"
	"p2pchain/cmd/internal/bench"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
)

// What --json of commands that stream answers with.
type (
	chainAnswer struct {
		Chain  []client.ChainBlock `json:"chain"`
		Length int                 `json:"length"`
	}
	dataAnswer struct {
		Unprocessed []client.WaitingMessage `json:"unprocessed"`
		Length      int                     `json:"length"`
	}
	messagesAnswer struct {
		Messages []client.Message `json:"messages"`
		Length   int              `json:"length"`
	}
	headersAnswer struct {
		Headers []client.Block `json:"headers"`
		Length  int            `json:"length"`
	}
	erasedAnswer struct {
		Erased []client.ErasedMessage `json:"erased"`
		Length int                    `json:"length"`
	}
	tokensAnswer struct {
		Tokens []node.Token `json:"tokens"`
	}
	mempoolAnswer struct {
		Messages []client.WaitingMessage `json:"messages"`
		Length   int                     `json:"length"`
	}
)

// A shape is what a command answers with --json: one value, or one a line.
type shape struct {
	value any
	note  string // for the page
}

// shapes returns the answer of every command that has one, by its name without "p2pchain".
func shapes() map[string]shape {
	return map[string]shape{
		"":               {greeting{}, "as soon as the node runs"},
		"run":            {greeting{}, "as soon as the node runs"},
		"bootstrap":      {introduction{}, "as soon as it runs"},
		"join":           {joined{}, "with --no-run, and where a node runs already; else that of run"},
		"init":           {madeNetwork{}, ""},
		"invite":         {client.Invite{}, ""},
		"key":            {node.KeyInfo{}, ""},
		"add":            {addedMessage{}, "with - a line for each line"},
		"proof":          {savedProof{}, "where files are written"},
		"verify":         {verdict{}, "a line for each file"},
		"anchor":         {anchored{}, "a line for each anchor"},
		"anchor verify":  {anchor.Report{}, ""},
		"anchor list":    {anchoredLogs{}, ""},
		"get chain":      {chainAnswer{}, ""},
		"get block":      {client.FullBlock{}, ""},
		"get message":    {client.Message{}, ""},
		"get data":       {dataAnswer{}, ""},
		"get mempool":    {mempoolAnswer{}, ""},
		"get neighbours": {api.Neighbours{}, ""},
		"get peers":      {client.PeerList{}, ""},
		"erase":          {client.EraseResult{}, ""},
		"get erased":     {erasedAnswer{}, ""},
		"status":         {nodeStatus{}, "with --watch one a second"},
		"health":         {wellness{}, ""},
		"doctor":         {diagnosis{}, ""},
		"bench":          {bench.Report{}, "also after an early end, with what there is"},
		"export":         {exported{}, "where a file is written"},
		"import":         {imported{}, ""},
		"config show":    {configuration{}, ""},
		"config init":    {configFileMade{}, ""},
		"man":            {manual{}, "where a folder is written"},
		"version":        {versions{}, ""},
		"get messages":   {messagesAnswer{}, ""},
		"get headers":    {headersAnswer{}, ""},
		"get forks":      {forks{}, ""},
		"search":         {client.SearchResult{}, ""},
		"token add":      {shownToken{}, ""},
		"token list":     {tokensAnswer{}, ""},
		"token show":     {shownToken{}, ""},
		"token remove": {struct {
			Removed string `json:"removed"`
		}{}, ""},
		"backup":        {backedUp{}, "where a file is written"},
		"restore":       {restored{}, ""},
		"tail":          {client.Message{}, "a line for each message"},
		"check":         {node.Checked{}, ""},
		"mine":          {client.Mining{}, ""},
		"peers connect": {api.Connected{}, ""},
		"peers disconnect": {struct {
			Disconnected string `json:"disconnected"`
		}{}, ""},
	}
}

// withoutJSON lists commands whose output is not data.
func withoutJSON() []string {
	return []string{"completion", "help", "get", "config", "peers", "token", "ui", "demo"}
}

// fits is the script command "fits NAME": every line of standard output is the answer that the page
// promises of a command, with nothing more in it.
func fits(ts *testscript.TestScript, _ bool, args []string) {
	name := strings.Join(args, " ")
	s, ok := shapes()[name]
	if !ok {
		ts.Fatalf("shapes_test.go has no shape for %q", name)
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.DisallowUnknownFields()
	values := 0
	for ; dec.More(); values++ {
		if err := dec.Decode(reflect.New(reflect.TypeOf(s.value)).Interface()); err != nil {
			ts.Fatalf("%s --json: %v", name, err)
		}
	}
	if values == 0 {
		ts.Fatalf("%s --json: nothing", name)
	}
}

// describe writes a type as JSON with what each member holds; a ? marks those that may be missing.
func describe(t reflect.Type, indent string) string {
	if words := scalar(t); words != "" {
		return words
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem(), indent) + " or null"
	case reflect.Slice, reflect.Array:
		return "[" + describe(t.Elem(), indent) + ", …]"
	case reflect.Map:
		return "{\"…\": " + describe(t.Elem(), indent) + ", …}"
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("{\n")
		members(&b, t, indent+"  ")
		return strings.TrimSuffix(b.String(), ",\n") + "\n" + indent + "}"
	}
	return t.String()
}

// scalar names a type that JSON has as one string or number, empty for others.
func scalar(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[core.Hash](), t == reflect.TypeFor[core.PublicKey]():
		return "64 hex digits"
	case t == reflect.TypeFor[client.Time]():
		return "time"
	case t == reflect.TypeFor[json.RawMessage]():
		return "object"
	case t == reflect.TypeFor[[]byte]():
		return "base64"
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()), reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]()):
		return "string"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Float64, reflect.Int32, reflect.Uint16:
		return "number"
	}
	return ""
}

// members writes the members of a struct, those of embedded ones too.
func members(b *strings.Builder, t reflect.Type, indent string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			members(b, f.Type, indent)
			continue
		case !f.IsExported() || name == "-":
			continue
		}
		typ, mark := f.Type, ""
		if strings.Contains(options, "omit") {
			mark = "?"
			if typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
		}
		fmt.Fprintf(b, "%s%q%s: %s,\n", indent, name, mark, describe(typ, indent))
	}
}

func TestDescribe(t *testing.T) {
	type inner struct {
		X *int `json:"x"`
	}
	type outer struct {
		inner
		ID   core.Hash         `json:"id"`
		When *client.Time      `json:"when,omitempty"`
		Map  map[string]string `json:"map"`
		List []inner           `json:"list"`
		Not  int               `json:"-"`
	}
	want := "{\n  \"x\": number or null,\n  \"id\": 64 hex digits,\n  \"when\"?: time,\n  \"map\": {\"…\": string, …},\n  \"list\": [{\n    \"x\": number or null\n  }, …]\n}"
	if got := describe(reflect.TypeFor[outer](), ""); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if bytes.Contains([]byte(want), []byte("Not")) {
		t.Error("a member that is not there")
	}
}
