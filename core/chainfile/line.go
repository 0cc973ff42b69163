package chainfile

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"p2pchain/core"
)

// A Line is one line of a chain file, with its newline. Its methods judge the form of the line and
// that all members say the same; errors wrap core.ErrMalformed.
type Line []byte

// Header returns the header at the end of the line, without looking at the rest.
func (l Line) Header() (core.Header, error) {
	if len(l) < headerTail {
		return core.Header{}, fmt.Errorf("%d bytes are no block: %w", len(l), core.ErrMalformed)
	}
	tail, ok := bytes.CutPrefix(l[len(l)-headerTail:], []byte(headerMember))
	digits, end := bytes.CutSuffix(tail, []byte(lineEnd))
	if !ok || !end {
		return core.Header{}, fmt.Errorf(`it does not end with a "header": %w`, core.ErrMalformed)
	}
	var raw [core.HeaderSize]byte
	if err := readHex(raw[:], digits); err != nil {
		return core.Header{}, fmt.Errorf("header: %w", err)
	}
	return core.DecodeHeader(raw[:])
}

// Genesis returns the network whose genesis block the line is.
func (l Line) Genesis() (*core.Network, error) {
	const member = `,"params":`
	start := bytes.LastIndex(l, []byte(member))
	if start < 0 || len(l) < start+len(member)+headerTail {
		return nil, fmt.Errorf("this is not the genesis block of a network: %w", core.ErrMalformed)
	}
	params, err := core.ParseParams(l[start+len(member) : len(l)-headerTail])
	if err != nil {
		return nil, fmt.Errorf("this is not the genesis block of a network: %v: %w", err, core.ErrMalformed)
	}
	n, err := core.NewNetwork(params)
	if err != nil {
		return nil, fmt.Errorf("this is not the genesis block of a network: %v: %w", err, core.ErrMalformed)
	}
	if err := same(l, AppendGenesis(nil, n)); err != nil {
		return nil, fmt.Errorf("genesis block of network %s: %w", n, err)
	}
	return n, nil
}

// Block returns the block of a network, which is not genesis, whose line this is. It shares no memory
// with the line.
func (l Line) Block(n *core.Network) (*core.Block, error) {
	h, err := l.Header()
	if err != nil {
		return nil, err
	}
	head, tail := appendHead(nil, &h), appendTail(nil, &h)
	if len(l) < len(head)+len(tail) {
		return nil, same(l, append(head, tail...))
	}
	middle := l[len(head) : len(l)-len(tail)]
	if err := same(l[:len(head)], head); err != nil {
		return nil, err
	}
	if err := same(l[len(head)+len(middle):], tail); err != nil {
		return nil, err
	}
	if uint64(h.MessageCount) > uint64(n.Params.MaxBlockMessages) {
		return nil, fmt.Errorf("%d messages, at most %d: %w", h.MessageCount, n.Params.MaxBlockMessages, core.ErrMalformed)
	}
	b := &core.Block{Header: h}
	p := parser{rest: middle}
	for i := range int(h.MessageCount) {
		if i > 0 {
			p.want(",")
		}
		m, err := p.message(n.Genesis)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		b.Messages = append(b.Messages, m)
	}
	if len(p.rest) > 0 {
		return nil, fmt.Errorf("more than the %d messages of the header: %w", h.MessageCount, core.ErrMalformed)
	}
	return b, nil
}

// A parser reads messages from the start of rest. Its first error stays.
type parser struct {
	rest    []byte
	err     error
	scratch []byte
}

// message reads an entry of data: first what a message is made of, by the order of the members. Then
// the message is written again, which must give the same bytes.
func (p *parser) message(genesis core.Hash) (*core.Message, error) {
	before := p.rest
	p.want(`{"id":"`)
	p.skip(2 * core.HashSize)
	p.want(`","message":`)
	payload, erased := p.payload()
	if p.has(`,"media_type":`) {
		p.text()
	}
	p.want(`,"author":"`)
	p.skip(2 * core.HashSize)
	p.want(`","time":"`)
	p.skip(len("2006-01-02T15:04:05.000Z"))
	p.want(`","envelope":"`)
	envelope := p.bytes()
	p.want(`,"signature":"`)
	var signature core.Signature
	p.fill(signature[:])
	body := &core.Body{Payload: payload}
	if erased {
		body = nil
	} else {
		p.want(`,"salt":"`)
		p.fill(body.Salt[:])
	}
	p.want(`}`)
	if p.err != nil {
		return nil, p.err
	}
	m, err := compose(genesis, envelope, signature, body)
	if err != nil {
		return nil, err
	}
	p.scratch = appendMessage(p.scratch[:0], m)
	return m, same(before[:len(before)-len(p.rest)], p.scratch)
}

// compose makes a message of its parts.
func compose(genesis core.Hash, envelope []byte, signature core.Signature, body *core.Body) (*core.Message, error) {
	e, trailing, err := core.DecodeEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if len(trailing) > 0 {
		return nil, fmt.Errorf("envelope with %d bytes too many: %w", len(trailing), core.ErrMalformed)
	}
	if body != nil && len(body.Payload) != int(e.PayloadSize) {
		return nil, fmt.Errorf("payload of %d bytes, the envelope says %d: %w", len(body.Payload), e.PayloadSize, core.ErrMalformed)
	}
	return &core.Message{ID: e.ID(genesis), Envelope: e, Signature: signature, Body: body}, nil
}

// payload reads the members that hold the payload, or say that it was erased.
func (p *parser) payload() (payload []byte, erased bool) {
	if !p.has(`null`) {
		return p.text(), false
	}
	if p.has(`,"erased":true`) {
		return nil, true
	}
	p.want(`,"base64":"`)
	end := max(0, bytes.IndexByte(p.rest, '"'))
	payload, err := base64.StdEncoding.AppendDecode(nil, p.rest[:end])
	if err != nil {
		p.fail("base64: %v", err)
	}
	p.skip(end)
	p.want(`"`)
	return payload, false
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), core.ErrMalformed)
		p.rest = nil
	}
}

// has skips a text if it comes next.
func (p *parser) has(text string) bool {
	ok := len(p.rest) >= len(text) && string(p.rest[:len(text)]) == text
	if ok {
		p.rest = p.rest[len(text):]
	}
	return ok
}

func (p *parser) want(text string) {
	if !p.has(text) {
		p.fail("want %s, got %.32q", text, p.rest[:min(len(p.rest), len(text))])
	}
}

// skip leaves out n bytes, which are judged later.
func (p *parser) skip(n int) {
	if len(p.rest) < n {
		p.fail("it breaks off")
		return
	}
	p.rest = p.rest[n:]
}

// fill reads hex and the quote after it.
func (p *parser) fill(dst []byte) {
	digits := p.rest
	p.skip(2 * len(dst))
	p.want(`"`)
	if p.err == nil {
		// Upper case is found when the message is written again.
		if _, err := hex.Decode(dst, digits[:2*len(dst)]); err != nil {
			p.fail("%v", err)
		}
	}
}

// bytes reads hex of any length and the quote after it.
func (p *parser) bytes() []byte {
	end := bytes.IndexByte(p.rest, '"')
	if end < 0 || end%2 != 0 {
		p.fail("want pairs of hex digits")
		return nil
	}
	b := make([]byte, end/2)
	p.fill(b)
	return b
}

// text reads a string with its quotes. Spellings that are not ours are found when the message is
// written again, so only what cannot be read is an error here.
func (p *parser) text() []byte {
	p.want(`"`)
	end := bytes.IndexAny(p.rest, `"\`)
	if end < 0 {
		p.fail("a string breaks off")
		return nil
	}
	out := append(make([]byte, 0, end), p.rest[:end]...)
	for p.rest = p.rest[end:]; p.has(`\`); p.rest = p.rest[end:] {
		out = append(out, p.escape())
		if end = bytes.IndexAny(p.rest, `"\`); end < 0 {
			p.fail("a string breaks off")
			return nil
		}
		out = append(out, p.rest[:end]...)
	}
	p.want(`"`)
	return out
}

// escape reads what stands after a backslash.
func (p *parser) escape() byte {
	if len(p.rest) == 0 {
		p.fail("a string breaks off")
		return 0
	}
	if p.has(`u00`) {
		var c [1]byte
		digits := p.rest
		p.skip(2)
		if p.err == nil && readHex(c[:], digits[:2]) != nil {
			p.fail("escape %#q", `\u00`+string(digits[:2]))
		}
		return c[0]
	}
	for _, c := range []byte("\"\\\b\t\n\f\r") {
		if shortEscape(c) == p.rest[0] {
			p.skip(1)
			return c
		}
	}
	p.fail("escape %#q", `\`+string(p.rest[:1]))
	return 0
}

// readHex reads lower-case hex; len(digits) is twice that of dst.
func readHex(dst, digits []byte) error {
	if bytes.ContainsAny(digits, "ABCDEF") {
		return fmt.Errorf("upper-case hex: %w", core.ErrMalformed)
	}
	if _, err := hex.Decode(dst, digits); err != nil {
		return fmt.Errorf("%w: %w", err, core.ErrMalformed)
	}
	return nil
}

// same compares what stands in a file with how it has to be, and names the member that differs.
func same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	if end := bytes.LastIndex(want[:at], []byte(`":`)); end >= 0 {
		start := bytes.LastIndexByte(want[:end], '"')
		return fmt.Errorf("%q is not what header and envelope say, or not in its one form: %w", want[start+1:end], core.ErrMalformed)
	}
	return fmt.Errorf("want %.32q, got %.32q: %w", want, got, core.ErrMalformed)
}
