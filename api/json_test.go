package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseObject(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"empty", `{}`, true},
		{"white space", " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } \n", true},
		{"all kinds", `{"a":[1,-0,0.5,1e9,-1.5E-3,true,false,null,"x",{}]}`, true},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, true},
		{"as deep as may be", deep(maxDepth), true},
		{"equal keys in two objects", `{"a":{"x":1},"b":{"x":1}}`, true},
		{"DEL is no control character here", "{\"a\":\"\x7f\"}", true},

		{"one deeper", deep(maxDepth + 2), false},
		{"arrays deeper", `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, false},
		{"nothing", ``, false},
		{"array", `[]`, false},
		{"key twice", `{"a":1,"b":2,"a":3}`, false},
		{"key twice by an escape", `{"a":1,"\u0061":3}`, false},
		{"key twice inside", `{"x":[{"a":1,"a":1}]}`, false},
		{"comma at the end", `{"a":1,}`, false},
		{"comma in front", `{,"a":1}`, false},
		{"no colon", `{"a" 1}`, false},
		{"no value", `{"a":}`, false},
		{"not closed", `{"a":1`, false},
		{"string not closed", `{"a":"x}`, false},
		{"trailing", `{} x`, false},
		{"two objects", `{}{}`, false},
		{"single quotes", `{'a':1}`, false},
		{"bare key", `{a:1}`, false},
		{"leading zero", `{"a":01}`, false},
		{"plus", `{"a":+1}`, false},
		{"no digit after the dot", `{"a":1.}`, false},
		{"no digit after e", `{"a":1e}`, false},
		{"lone minus", `{"a":-}`, false},
		{"NaN", `{"a":NaN}`, false},
		{"True", `{"a":True}`, false},
		{"half of a pair", `{"a":"\ud83d"}`, false},
		{"wrong half first", `{"a":"\ude00\ud83d"}`, false},
		{"pair with something else", `{"a":"\ud83d\u0041"}`, false},
		{"pair broken off", `{"a":"\ud83d`, false},
		{"unknown escape", `{"a":"\x41"}`, false},
		{"short escape", `{"a":"\u12"}`, false},
		{"escape at the end", `{"a":"\`, false},
		{"control character", "{\"a\":\"\n\"}", false},
		{"zero byte", "{\"a\":\"\x00\"}", false},
		{"not UTF-8", "{\"a\":\"\xc3\x28\"}", false},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", false},
		{"byte order mark", "\ufeff{}", false},
	} {
		if _, err := parseObject([]byte(tt.text)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	members, err := parseObject([]byte(`{"a": [1, 2] ,"b":"x"}`))
	if err != nil || len(members) != 2 || members[0].key != "a" || string(members[0].raw) != "[1, 2]" || string(members[1].raw) != `"x"` {
		t.Errorf("members %q, %v", members, err)
	}
}

// FuzzParseObject holds the parser against encoding/json: it takes nothing that is no JSON, takes all
// that has no special reason to be refused, and reads the same values.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,2,{"c":"\ud83d\ude00"}]},"d":-1.5e3}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`,
		"{\"a\":\"\xff\"}", `{"a":01}`, ` {"message":"x"} `, `{"a":`, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, err := parseObject(text)
		if err == nil && !json.Valid(text) {
			t.Fatalf("took %q", text)
		}
		var want map[string]json.RawMessage
		if err != nil {
			lossless := utf8.Valid(text) && !bytes.Contains(text, []byte(`\u`)) // no half surrogates
			if lossless && json.Unmarshal(text, &want) == nil && want != nil && !twice(text) && depth(text) <= maxDepth {
				t.Fatalf("refused %q: %v", text, err)
			}
			return
		}
		if err := json.Unmarshal(text, &want); err != nil || len(want) != len(members) {
			t.Fatalf("%d members of %q, want %d (%v)", len(members), text, len(want), err)
		}
		for _, m := range members {
			if !bytes.Equal(want[m.key], m.raw) {
				t.Fatalf("member %q of %q is %q, want %q", m.key, text, m.raw, want[m.key])
			}
		}
	})
}

// twice reports whether an object of valid JSON has a key twice; depth how deep it nests. Both walk
// over the tokens of encoding/json.
func twice(text []byte) bool {
	found := false
	dec := json.NewDecoder(bytes.NewReader(text))
	var walk func()
	walk = func() {
		tok, _ := dec.Token()
		switch tok {
		case json.Delim('{'):
			seen := make(map[any]bool)
			for dec.More() {
				key, _ := dec.Token()
				found = found || seen[key]
				seen[key] = true
				walk()
			}
			dec.Token()
		case json.Delim('['):
			for dec.More() {
				walk()
			}
			dec.Token()
		}
	}
	walk()
	return found
}

func depth(text []byte) int {
	now, most := 0, 0
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		tok, err := dec.Token()
		if err != nil {
			return most
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			now++
			most = max(most, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

func FuzzParseString(f *testing.F) {
	for _, seed := range []string{`"a"`, `"\u00e9"`, `"`, `"a" b`, "\"\xff\"", `"\ud83d\ude00"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseString(text)
		if err != nil {
			return
		}
		var want string
		if err := json.Unmarshal(text, &want); err != nil || got != want {
			t.Fatalf("%q is %q, want %q (%v)", text, got, want, err)
		}
	})
}

// FuzzLine holds what a line of a batch may become.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{`"a"`, `{"message":"a"}`, `{"payload_base64":"AA==","media_type":"x"}`, `{"message":""}`, `{"x":1}`, `1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return
		}
		d, err := parseLine(line)
		if err != nil {
			if p, ok := errors.AsType[*Problem](err); !ok || p.Status != 400 {
				t.Fatalf("%q: %v is no problem of the client's", line, err)
			}
			return
		}
		if len(d.payload) == 0 || len(d.payload) > len(line) {
			t.Fatalf("%q gives %d bytes", line, len(d.payload))
		}
	})
}

// FuzzTime holds that every time has one spelling.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{"2000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", "2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000+01:00", "2000-01-01T00:00:00,000Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var at Time
		if at.UnmarshalText([]byte(text)) != nil {
			return
		}
		if at.String() != text {
			t.Fatalf("%q is written as %q", text, at)
		}
	})
}

// FuzzHostName holds that no two spellings of a Host hide a name from the list.
func FuzzHostName(f *testing.F) {
	for _, seed := range []string{"localhost", "localhost:1", "[::1]:1", "a.b.", "127.0.0.1:80", "[::ffff:127.0.0.1]", "x:y", "[a]", "[::0000:1%00000]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := hostName(host)
		if !ok {
			return
		}
		if name == "" || name != strings.ToLower(name) || !strings.Contains(strings.ToLower(host), name) {
			t.Fatalf("%q gives %q", host, name)
		}
		if hostAllowed(host, nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}) && name != "localhost" {
			if ip := net.ParseIP(name); ip == nil || !ip.IsLoopback() {
				t.Fatalf("%q is allowed", host)
			}
		}
	})
}
