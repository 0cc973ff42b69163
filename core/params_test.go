package core_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

const validParams = `{"name":"lab7","text":"ours","genesis_time_ms":1,"pow":"header","difficulty":4,` +
	`"block_interval_ms":2000,"max_payload_bytes":16384,"max_block_messages":32768,"max_block_bytes":8388608,` +
	`"stamp_bits":0,"authors":[]}`

// TestParseParamsForgives holds that white space and the order of keys change nothing.
func TestParseParamsForgives(t *testing.T) {
	want, err := core.ParseParams([]byte(validParams))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(want.Encode()); got != validParams {
		t.Fatalf("written as %s", got)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(validParams), "\r\n", "\t "); err != nil {
		t.Fatal(err)
	}
	fields := strings.SplitAfter(strings.Trim(validParams, "{}"), ",")
	fields[len(fields)-1] += ","
	slices.Reverse(fields)
	for name, text := range map[string]string{
		"indented":                   indented.String(),
		"white space around":         " \t\r\n" + validParams + "\n\n",
		"keys in the opposite order": "{" + strings.TrimSuffix(strings.Join(fields, ""), ",") + "}",
		"a space among no authors":   strings.Replace(validParams, "[]", "[ ]", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := core.ParseParams([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got.Hash() != want.Hash() {
				t.Errorf("params_hash %v, want %v: %s", got.Hash(), want.Hash(), got.Encode())
			}
		})
	}
}

// A badParams is a text that is refused with these words.
type badParams struct{ name, text, says string }

// edited is the valid text with a part replaced.
func edited(old, new string) string {
	if !strings.Contains(validParams, old) {
		panic(old + " is not in the text")
	}
	return strings.Replace(validParams, old, new, 1)
}

func refuse(t *testing.T, rows []badParams) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			p, err := core.ParseParams([]byte(tt.text))
			if !errors.Is(err, core.ErrBadParams) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("ParseParams = %+v, %v; want an error that says %q", p, err, tt.says)
			}
		})
	}
}

// TestParseParamsForm holds that every refusal of a text's form says what is wrong.
func TestParseParamsForm(t *testing.T) {
	refuse(t, []badParams{
		{"nothing", "", "not a JSON object"},
		{"an array", "[]", "not a JSON object"},
		{"null", "null", "not a JSON object"},
		{"a byte order mark", "\ufeff" + validParams, "not a JSON object"},
		{"cut off", validParams[:len(validParams)-1], "EOF"},
		{"something behind", validParams + "{}", "follows the object"},
		{"a letter behind", validParams + "x", "follows the object"},
		{"too long", validParams + strings.Repeat(" ", 128<<10), "at most"},
		{"an unknown key", edited(`"authors"`, `"colour":1,"authors"`), `unknown key "colour"`},
		{"a key in another case", edited(`"name"`, `"Name"`), `unknown key "Name"`},
		{"an empty key", edited(`"name"`, `""`), `unknown key ""`},
		{"a missing key", edited(`"stamp_bits":0,`, ``), `"stamp_bits" is missing`},
		{"a repeated key", edited(`"stamp_bits":0,`, `"stamp_bits":0,"stamp_bits":0,`), `"stamp_bits" stands twice`},
		{"a null string", edited(`"lab7"`, `null`), `"name" is null`},
		{"a null number", edited(`"stamp_bits":0`, `"stamp_bits":null`), `"stamp_bits" is null`},
		{"a null list", edited(`[]`, `null`), `"authors" is null`},
		{"a null author", edited(`[]`, `[null]`), `authors`},
		{"an escape", edited(`ours`, `our\u0073`), "escape"},
		{"an escaped key", edited(`"name"`, `"n\u0061me"`), "escape"},
		{"a number as a string", edited(`"difficulty":4`, `"difficulty":"4"`), `"difficulty"`},
		{"a string as a number", edited(`"lab7"`, `7`), `"name"`},
		{"a fraction", edited(`"difficulty":4`, `"difficulty":4.5`), `"difficulty"`},
		{"an exponent", edited(`"difficulty":4`, `"difficulty":4e0`), `"difficulty"`},
		{"a leading zero", edited(`"difficulty":4`, `"difficulty":04`), `invalid character '4'`},
		{"a list for a number", edited(`"difficulty":4`, `"difficulty":[4]`), `"difficulty"`},
		{"a negative time", edited(`"genesis_time_ms":1`, `"genesis_time_ms":-1`), `"genesis_time_ms"`},
		{"a time over 64 bits", edited(`"genesis_time_ms":1`, `"genesis_time_ms":18446744073709551616`), `"genesis_time_ms"`},
	})
}

// TestParseParamsLimits holds that every value out of its limits is refused by name.
func TestParseParamsLimits(t *testing.T) {
	key0, key1 := coretest.Author(0).String(), coretest.Author(1).String()
	if key0 > key1 {
		key0, key1 = key1, key0
	}
	authors := func(keys ...string) string { return edited(`[]`, `["`+strings.Join(keys, `","`)+`"]`) }
	refuse(t, []badParams{
		{"no name", edited(`lab7`, ``), `name ""`},
		{"a name of 33 letters", edited(`lab7`, strings.Repeat("a", 33)), `name "aaa`},
		{"a name in upper case", edited(`lab7`, `Lab7`), `name "Lab7"`},
		{"a name with a dot", edited(`lab7`, `lab.7`), `name "lab.7"`},
		{"a text of 201 characters", edited(`ours`, strings.Repeat("a", 201)), `text want`},
		{"a text with a quote sign", edited(`ours`, `a&b`), `text want`},
		{"a text with a tag", edited(`ours`, `<b>`), `text want`},
		{"a text that is not ASCII", edited(`ours`, `größer`), `text want`},
		{"a text that is not UTF-8", edited(`ours`, "\xff"), `text want`},
		{"a text with a delete character", edited(`ours`, "\x7f"), `text want`},
		{"a text with a line end", edited(`ours`, "a\nb"), `"text"`},
		{"a time after 9999", edited(`"genesis_time_ms":1`, `"genesis_time_ms":253402300800000`), `genesis_time_ms is`},
		{"another pow", edited(`"header"`, `"stake"`), `pow is "stake"`},
		{"difficulty 0", edited(`"difficulty":4`, `"difficulty":0`), `difficulty is 0`},
		{"difficulty 17", edited(`"difficulty":4`, `"difficulty":17`), `difficulty is 17`},
		{"an interval of 99 ms", edited(`2000`, `99`), `block_interval_ms is 99`},
		{"an interval over an hour", edited(`2000`, `3600001`), `block_interval_ms is 3600001`},
		{"no payload", edited(`16384`, `0`), `max_payload_bytes is 0`},
		{"payloads too large", edited(`16384`, `61441`), `max_payload_bytes is 61441`},
		{"no messages", edited(`32768`, `0`), `max_block_messages is 0`},
		{"too many messages", edited(`32768`, `32769`), `max_block_messages is 32769`},
		{"blocks too small", edited(`8388608`, `65535`), `max_block_bytes is 65535`},
		{"blocks too large", edited(`8388608`, `33554433`), `max_block_bytes is 33554433`},
		{"a negative stamp", edited(`"stamp_bits":0`, `"stamp_bits":-1`), `stamp_bits is -1`},
		{"a stamp of 33 bits", edited(`"stamp_bits":0`, `"stamp_bits":33`), `stamp_bits is 33`},
		{"an author in upper case", authors(strings.ToUpper(key0)), `"authors"`},
		{"a short author", authors(key0[2:]), `"authors"`},
		{"authors in the wrong order", authors(key1, key0), `authors are not strictly ascending at entry 1`},
		{"an author twice", authors(key0, key0), `authors are not strictly ascending at entry 1`},
		{"1025 authors", authors(manyAuthors(1025)...), `authors (their number) is 1025`},
		{"classic with an interval", edited(`"header"`, `"classic"`), `classic needs`},
	})
}

func manyAuthors(count int) []string {
	out := make([]string, count)
	for i := range out {
		out[i] = fmt.Sprintf("%064x", i)
	}
	return out
}

// TestParamsLimits holds that the limits themselves are allowed.
func TestParamsLimits(t *testing.T) {
	low := core.Params{
		Name: "a", Pow: core.PowHeader, Difficulty: 1, BlockIntervalMS: 100,
		MaxPayloadBytes: 1, MaxBlockMessages: 1, MaxBlockBytes: 65536,
	}
	high := core.Params{
		Name: strings.Repeat("z", 28) + "-0-9", Text: strings.Repeat("~ ", 100), GenesisTimeMS: core.MaxTimeMS,
		Pow: core.PowHeader, Difficulty: 16, BlockIntervalMS: 3600000, MaxPayloadBytes: 61440,
		MaxBlockMessages: 32768, MaxBlockBytes: 33554432, StampBits: 32,
	}
	for _, text := range manyAuthors(1024) {
		key, err := core.ParsePublicKey(text)
		if err != nil {
			t.Fatal(err)
		}
		high.Authors = append(high.Authors, key)
	}
	classic := low
	classic.Pow, classic.BlockIntervalMS = core.PowClassic, 0
	for name, p := range map[string]core.Params{"low": low, "high": high, "classic": classic} {
		n, err := core.NewNetwork(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back, err := core.ParseParams(p.Encode())
		if err != nil || back.Hash() != n.Header.MessageRoot {
			t.Errorf("%s: read back as %+v, %v", name, back, err)
		}
	}
}

// TestParamsNamesEveryFault holds that all faults are reported at once.
func TestParamsNamesEveryFault(t *testing.T) {
	p := core.Params{Name: "A", Text: "\"", GenesisTimeMS: core.MaxTimeMS + 1, Pow: "x", BlockIntervalMS: 1, StampBits: 33}
	_, err := core.NewNetwork(p)
	for _, field := range []string{
		"name", "text", "genesis_time_ms", "pow", "difficulty", "block_interval_ms",
		"max_payload_bytes", "max_block_messages", "max_block_bytes", "stamp_bits",
	} {
		if err == nil || !strings.Contains(err.Error(), field+" ") {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}

// TestEveryParameterMakesANetwork holds that a difference in any field gives another genesis.
func TestEveryParameterMakesANetwork(t *testing.T) {
	seen := map[core.Hash]string{coretest.Network(t).Genesis: "unchanged"}
	for field, edit := range map[string]func(*core.Params){
		"name":               func(p *core.Params) { p.Name = "other" },
		"text":               func(p *core.Params) { p.Text += "." },
		"genesis_time_ms":    func(p *core.Params) { p.GenesisTimeMS++ },
		"pow":                func(p *core.Params) { p.Pow, p.BlockIntervalMS, p.MaxBlockMessages = core.PowClassic, 0, 1 },
		"difficulty":         func(p *core.Params) { p.Difficulty++ },
		"block_interval_ms":  func(p *core.Params) { p.BlockIntervalMS++ },
		"max_payload_bytes":  func(p *core.Params) { p.MaxPayloadBytes++ },
		"max_block_messages": func(p *core.Params) { p.MaxBlockMessages-- },
		"max_block_bytes":    func(p *core.Params) { p.MaxBlockBytes++ },
		"stamp_bits":         func(p *core.Params) { p.StampBits++ },
		"authors":            func(p *core.Params) { p.Authors = append(p.Authors, coretest.Author(0)) },
	} {
		n := coretest.Network(t, edit)
		if same := seen[n.Genesis]; same != "" {
			t.Errorf("%s gives the genesis of %s", field, same)
		}
		seen[n.Genesis] = field
	}
}
