package chainfile

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"p2pchain/core"
)

// flushBytes is how much of a line a Writer collects before it hands it on.
const flushBytes = 64 << 10

// A Writer writes the lines of a chain file. Each is handed to w in pieces of about 64 KiB, the last
// of which ends it: buffer w where lines are short. A Writer is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	buf    []byte
	inside bool // the line has a message
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Genesis writes the first line of a chain file.
func (w *Writer) Genesis(n *core.Network) error {
	w.buf = AppendGenesis(w.buf[:0], n)
	return w.flush()
}

// Block writes the line of a block that is not genesis.
func (w *Writer) Block(b *core.Block) error {
	w.Begin(&b.Header)
	for _, m := range b.Messages {
		if err := w.Message(m); err != nil {
			return err
		}
	}
	return w.End(&b.Header)
}

// Begin begins the line of a block that is not genesis, for those who have its messages one by one:
// Message is then called for each in order, and End at last.
func (w *Writer) Begin(h *core.Header) {
	w.buf, w.inside = appendHead(w.buf[:0], h), false
}

// Message writes the next message of a line. It does not hold on to it.
func (w *Writer) Message(m *core.Message) error {
	if w.inside {
		w.buf = append(w.buf, ',')
	}
	w.buf, w.inside = appendMessage(w.buf, m), true
	if len(w.buf) < flushBytes {
		return nil
	}
	return w.flush()
}

// End ends the line of a block.
func (w *Writer) End(h *core.Header) error {
	w.buf = appendTail(w.buf, h)
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// AppendGenesis appends the first line of every chain file of a network to dst.
func AppendGenesis(dst []byte, n *core.Network) []byte {
	h := &n.Header
	dst = appendHead(dst, h)
	dst = append(dst, `{"id":null,"message":`...)
	dst = appendString(dst, n.Params.Text)
	dst = append(dst, `}],"proof":null,"previous_hash":null`...)
	dst = appendRoots(dst, h)
	dst = append(dst, `,"params":`...)
	dst = append(dst, n.Params.Encode()...)
	return appendHeader(dst, h)
}

// AppendBlock appends the line of a block that is not genesis to dst.
func AppendBlock(dst []byte, b *core.Block) []byte {
	dst = appendHead(dst, &b.Header)
	for i, m := range b.Messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMessage(dst, m)
	}
	return appendTail(dst, &b.Header)
}

// appendHead appends what stands before the messages.
func appendHead(dst []byte, h *core.Header) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendUint(dst, h.Height, 10)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendUint(dst, h.TimeMS/1000, 10)
	ms := h.TimeMS % 1000
	dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(dst, `,"data":[`...)
}

// appendTail appends what stands after the messages of a block that is not genesis.
func appendTail(dst []byte, h *core.Header) []byte {
	dst = append(dst, `],"proof":`...)
	dst = strconv.AppendUint(dst, h.Nonce, 10)
	dst = appendHex(append(dst, `,"previous_hash":"`...), h.PreviousHash[:])
	dst = append(dst, '"')
	return appendHeader(appendRoots(dst, h), h)
}

// appendRoots appends the members from hash to busy_ms.
func appendRoots(dst []byte, h *core.Header) []byte {
	hash := h.Hash()
	dst = appendHex(append(dst, `,"hash":"`...), hash[:])
	dst = appendHex(append(dst, `","message_root":"`...), h.MessageRoot[:])
	dst = appendHex(append(dst, `","history_root":"`...), h.HistoryRoot[:])
	dst = append(append(dst, `","work":"`...), h.Work.String()...)
	bits := uint32(h.Bits)
	dst = appendHex(append(dst, `","bits":"`...), []byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
	dst = append(dst, `","busy_ms":`...)
	return strconv.AppendUint(dst, uint64(h.BusyMS), 10)
}

const (
	headerMember = `,"header":"`
	lineEnd      = "\"}\n"
	// headerTail is the size of the last member of a line, with the end of the line.
	headerTail = len(headerMember) + 2*core.HeaderSize + len(lineEnd)
)

// appendHeader appends the last member and the end of the line.
func appendHeader(dst []byte, h *core.Header) []byte {
	raw := h.Encode()
	dst = appendHex(append(dst, headerMember...), raw[:])
	return append(dst, lineEnd...)
}

// appendMessage appends an entry of data.
func appendMessage(dst []byte, m *core.Message) []byte {
	dst = appendHex(append(dst, `{"id":"`...), m.ID[:])
	dst = append(dst, `","message":`...)
	switch {
	case m.Body == nil:
		dst = append(dst, `null,"erased":true`...)
	case utf8.Valid(m.Body.Payload):
		dst = appendString(dst, m.Body.Payload)
	default:
		dst = append(dst, `null,"base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, m.Body.Payload)
		dst = append(dst, '"')
	}
	if m.MediaType != "" {
		dst = appendString(append(dst, `,"media_type":`...), m.MediaType)
	}
	dst = appendHex(append(dst, `,"author":"`...), m.Author[:])
	dst = append(dst, `","time":"`...)
	dst = time.UnixMilli(int64(m.TimeMS)).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	var envelope [256]byte
	dst = appendHex(append(dst, `","envelope":"`...), m.Envelope.Append(envelope[:0]))
	dst = appendHex(append(dst, `","signature":"`...), m.Signature[:])
	if m.Body != nil {
		dst = appendHex(append(dst, `","salt":"`...), m.Body.Salt[:])
	}
	return append(dst, `"}`...)
}

func appendHex(dst, b []byte) []byte { return hex.AppendEncode(dst, b) }

// appendString appends valid UTF-8 as a JSON string, with the escapes of RFC 8785.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	done := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		dst = AppendEscape(dst, c)
	}
	return append(append(dst, s[done:]...), '"')
}

// AppendEscape appends the escape of a byte of a JSON string: the short form where there is one, else the
// number in lower-case hex, as RFC 8785 has it.
func AppendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	if short := shortEscape(c); short != 0 {
		return append(dst, '\\', short)
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// shortEscape returns what stands after the backslash for a byte, 0 where there is no short form.
func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	}
	return 0
}
