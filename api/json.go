package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// maxDepth is how deep the JSON of a request may nest.
const maxDepth = 32

// A member is a part of a JSON object, its value as it was written.
type member struct {
	key string
	raw json.RawMessage
}

// parseObject reads a JSON object strictly: encoding/json would take the last of two equal keys, put
// U+FFFD for what is not Unicode, and follow any nesting. Errors are problems that say where.
func parseObject(b []byte) ([]member, error) {
	p := parser{b: b}
	p.space()
	if p.peek() != '{' {
		return nil, badRequest("bad_json", "want a JSON object")
	}
	var members []member
	p.object(0, &members)
	p.end()
	return members, p.problem()
}

// parseString reads a JSON string as strictly as parseObject reads an object.
func parseString(b []byte) (string, error) {
	p := parser{b: b}
	p.space()
	text := p.text()
	p.end()
	return text, p.problem()
}

// A parser walks over JSON until its first error.
type parser struct {
	b   []byte
	at  int
	err string
}

func (p *parser) problem() error {
	if p.err == "" {
		return nil
	}
	return badRequest("bad_json", fmt.Sprintf("byte %d: %s", p.at, p.err))
}

func (p *parser) fail(what string) {
	if p.err == "" {
		p.err = what
	}
}

// peek returns the next byte, 0 at the end or after an error.
func (p *parser) peek() byte {
	if p.err != "" || p.at >= len(p.b) {
		return 0
	}
	return p.b[p.at]
}

func (p *parser) space() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek() {
		p.at++
	}
}

func (p *parser) expect(c byte) bool {
	if p.peek() != c {
		p.fail(fmt.Sprintf("want %q", c))
		return false
	}
	p.at++
	return true
}

// end fails if anything but white space follows.
func (p *parser) end() {
	p.space()
	if p.err == "" && p.at < len(p.b) {
		p.fail("something follows the value")
	}
}

// value skips one value of any kind.
func (p *parser) value(depth int) {
	if depth > maxDepth {
		p.fail(fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	if p.err != "" {
		return
	}
	switch c := p.peek(); {
	case c == '{':
		p.object(depth, nil)
	case c == '[':
		p.array(depth)
	case c == '"':
		p.span()
	case c == '-' || c >= '0' && c <= '9':
		p.number()
	default:
		p.literal()
	}
}

// object skips an object, and lists its members if asked to.
func (p *parser) object(depth int, members *[]member) {
	p.at++
	p.space()
	if p.peek() == '}' {
		p.at++
		return
	}
	seen := make(map[string]bool)
	for p.err == "" {
		p.space()
		key := p.text()
		if seen[key] {
			p.fail(fmt.Sprintf("key %q stands twice", key))
		}
		seen[key] = true
		p.space()
		p.expect(':')
		p.space()
		start := p.at
		p.value(depth + 1)
		if members != nil && p.err == "" {
			*members = append(*members, member{key, p.b[start:p.at]})
		}
		p.space()
		if p.peek() == '}' {
			p.at++
			return
		}
		p.expect(',')
	}
}

func (p *parser) array(depth int) {
	p.at++
	p.space()
	if p.peek() == ']' {
		p.at++
		return
	}
	for p.err == "" {
		p.space()
		p.value(depth + 1)
		p.space()
		if p.peek() == ']' {
			p.at++
			return
		}
		p.expect(',')
	}
}

func (p *parser) literal() {
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(p.b[p.at:], []byte(word)) {
			p.at += len(word)
			return
		}
	}
	p.fail("want a value")
}

// number skips -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
func (p *parser) number() {
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else {
		p.digits()
	}
	if p.peek() == '.' {
		p.at++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		p.digits()
	}
}

func (p *parser) digits() {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at == start {
		p.fail("want a digit")
	}
}

// text reads a string that is Unicode in full.
func (p *parser) text() string {
	raw, escaped := p.span()
	if p.err != "" {
		return ""
	}
	if !escaped {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		p.fail(err.Error())
	}
	return s
}

// span skips a string that is Unicode in full, and returns it as it was written.
func (p *parser) span() (raw []byte, escaped bool) {
	start := p.at
	if !p.expect('"') {
		return nil, false
	}
	for p.peek() != '"' {
		switch c := p.peek(); {
		case c == '\\':
			escaped = true
			p.escape()
		case c < 0x20: // peek's 0 at the end, too
			p.fail("string is not closed, or holds a control character")
			return nil, false
		default:
			p.at++
		}
	}
	p.at++
	raw = p.b[start:p.at]
	if !utf8.Valid(raw) {
		p.fail("string is not UTF-8")
	}
	return raw, escaped
}

// escape skips one escape, both halves of a surrogate pair at once: a half would be lost.
func (p *parser) escape() {
	p.at++
	c := p.peek()
	p.at++
	if c != 'u' {
		if c == 0 || bytes.IndexByte([]byte(`"\/bfnrt`), c) < 0 {
			p.fail("unknown escape")
		}
		return
	}
	const half = "half of a surrogate pair, which is no character"
	switch unit := p.hex4(); {
	case unit >= 0xdc00 && unit < 0xe000:
		p.fail(half)
	case unit >= 0xd800 && unit < 0xdc00:
		if !bytes.HasPrefix(p.b[p.at:], []byte(`\u`)) {
			p.fail(half)
			return
		}
		p.at += 2
		if low := p.hex4(); low < 0xdc00 || low >= 0xe000 {
			p.fail(half)
		}
	}
}

func (p *parser) hex4() (unit rune) {
	for range 4 {
		c := p.peek()
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			p.fail("want four hex digits")
			return 0
		}
		p.at++
	}
	return unit
}

// writeJSON sends a value as the whole answer.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	return writeAs(w, status, "application/json", v)
}

func writeAs(w http.ResponseWriter, status int, mediaType string, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	out, ok := w.(*response)
	if !ok {
		out = &response{ResponseWriter: w}
	}
	writeWhole(out, status, mediaType, body)
	return nil
}

// encode returns one line of JSON. Unlike json.Marshal it leaves < > & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
