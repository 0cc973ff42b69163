package document

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"p2pchain/core"
)

// maxNumber is the largest number of a document: the last one that every reader of JSON gets right.
const maxNumber = 1<<53 - 1

// maxJSON bounds what a decoder looks at. The largest valid document is far smaller.
const maxJSON = 16 << 10

// A writer appends the members of one object.
type writer struct{ b []byte }

func (w *writer) key(name string) {
	sep := byte(',')
	if len(w.b) == 0 {
		sep = '{'
	}
	w.b = append(append(w.b, sep, '"'), name...)
	w.b = append(w.b, '"', ':')
}

// text writes a string. Of all that may stand in one, only two characters need an escape.
func (w *writer) text(key, value string) {
	w.key(key)
	w.b = append(w.b, '"')
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' {
			w.b = append(w.b, '\\')
		}
		w.b = append(w.b, value[i])
	}
	w.b = append(w.b, '"')
}

func (w *writer) number(key string, value uint64) {
	w.key(key)
	w.b = strconv.AppendUint(w.b, value, 10)
}

func (w *writer) hash(key string, value core.Hash) { w.text(key, value.String()) }

func (w *writer) close() []byte { return append(w.b, '}') }

// A reader takes the members of one object in the order in which they must come. The first fault
// sticks; object and close stand around the members.
type reader struct {
	b     []byte
	any   bool // a member was read
	fault error
}

func (r *reader) fail(format string, args ...any) {
	if r.fault == nil {
		r.fault = fmt.Errorf(format+": %w", append(args, ErrMalformed)...)
	}
}

// expect takes exactly these bytes.
func (r *reader) expect(want string, what string) {
	if r.fault != nil {
		return
	}
	rest, ok := bytes.CutPrefix(r.b, []byte(want))
	if !ok {
		r.fail("%s expected at %.20q", what, r.b)
		return
	}
	r.b = rest
}

func (r *reader) key(name string) {
	sep := ","
	if !r.any {
		sep, r.any = "{", true
	}
	r.expect(sep+`"`+name+`":`, "key "+name)
}

func (r *reader) text(key string) string {
	r.key(key)
	r.expect(`"`, key+": a string")
	var value []byte
	for i := 0; r.fault == nil; i++ {
		switch {
		case i >= len(r.b):
			r.fail("%s: the string does not end", key)
		case r.b[i] == '"':
			r.b = r.b[i+1:]
			return string(value)
		case r.b[i] == '\\' && i+1 < len(r.b) && (r.b[i+1] == '"' || r.b[i+1] == '\\'):
			i++
			value = append(value, r.b[i])
		case r.b[i] == '\\' || r.b[i] < 0x20:
			r.fail("%s: a character that is escaped otherwise or must be", key)
		default:
			value = append(value, r.b[i])
		}
	}
	return ""
}

func (r *reader) number(key string) uint64 {
	r.key(key)
	if r.fault != nil {
		return 0
	}
	end := 0
	for end < len(r.b) && r.b[end] >= '0' && r.b[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(string(r.b[:min(end, 20)]), 10, 64)
	if err != nil || end > 20 || n > maxNumber || (end > 1 && r.b[0] == '0') {
		r.fail("%s: a whole number up to %d, without leading zeros, expected", key, uint64(maxNumber))
		return 0
	}
	r.b = r.b[end:]
	return n
}

func (r *reader) hash(key string) core.Hash {
	h, err := core.ParseHash(r.text(key))
	if err != nil {
		r.fail("%s: %w", key, err)
	}
	return h
}

// close ends the object and returns the document that was read from it, if it is a valid one.
func (r *reader) close(d Document) (Document, error) {
	r.expect("}", "the end of the object")
	if r.fault == nil && len(r.b) > 0 {
		r.fail("%d bytes follow the object", len(r.b))
	}
	if r.fault != nil {
		return nil, r.fault
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return d, nil
}

// object starts reading one; what is too large is refused unread.
func object(payload []byte) *reader {
	r := &reader{b: payload}
	if len(payload) > maxJSON {
		r.fail("%d bytes, at most %d", len(payload), maxJSON)
	}
	return r
}

// checkText says whether a string of a document is one that can be shown: valid UTF-8 with none of the
// characters that are invisible or turn the order of others around. The list is fixed, rather than
// asked of Unicode tables, so that every program ever written judges the same.
func checkText(key, value string, limit int) error {
	switch {
	case value == "":
		return fmt.Errorf("%s is empty: %w", key, ErrMalformed)
	case len(value) > limit:
		return fmt.Errorf("%s has %d bytes, at most %d: %w", key, len(value), limit, ErrMalformed)
	case !utf8.ValidString(value):
		return fmt.Errorf("%s is not UTF-8: %w", key, ErrMalformed)
	}
	for _, c := range value {
		if hidden(c) {
			return fmt.Errorf("%s holds the invisible character U+%04X: %w", key, c, ErrMalformed)
		}
	}
	return nil
}

// hidden reports control characters, those that steer the direction of text, separators of lines, fill
// characters without width, and code points that are no characters. The joiners U+200C and U+200D may
// stay: words of some scripts cannot be written without.
func hidden(c rune) bool {
	switch {
	case c < 0x20, c >= 0x7f && c <= 0x9f, c == 0xad, c == 0x34f, c == 0x61c, c == 0x115f, c == 0x1160,
		c == 0x17b4, c == 0x17b5, c == 0x180e, c == 0x200b, c == 0x200e, c == 0x200f,
		c >= 0x2028 && c <= 0x202e, c >= 0x2060 && c <= 0x206f, c == 0x3164, c == 0xfeff, c == 0xffa0,
		c >= 0xfff0 && c <= 0xfffb, c >= 0xfdd0 && c <= 0xfdef, c&0xfffe == 0xfffe,
		c >= 0x1bca0 && c <= 0x1bca3, c >= 0x1d173 && c <= 0x1d17a, c >= 0xe0000 && c <= 0xe0fff:
		return true
	}
	return false
}

// checkNumber refuses what JSON readers would round.
func checkNumber(key string, value uint64) error {
	if value > maxNumber {
		return fmt.Errorf("%s is %d, at most %d: %w", key, value, uint64(maxNumber), ErrMalformed)
	}
	return nil
}

// sizeInWords is a size for people, exact, and with a larger unit beside it where that helps.
func sizeInWords(n uint64) string {
	if n == 1 {
		return "1 byte"
	}
	units, i, f := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}, -1, float64(n)
	for ; f >= 1024 && i+1 < len(units); i++ {
		f /= 1024
	}
	if i < 0 || n < 10<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d bytes (%.1f %s)", n, f, units[i])
}

// filesInWords counts files.
func filesInWords(n uint64) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
