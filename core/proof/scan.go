package proof

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"p2pchain/core"
)

// A scanner reads the one spelling of a proof file from left to right. The first thing that does not
// fit is remembered; all that is read after it is zero.
type scanner struct {
	rest string
	size int
	err  *Fault
}

// maxDigits keeps numbers below 10¹⁵, which is exact in every language and above MaxTimeMS.
const maxDigits = 15

func (s *scanner) fail(want string) {
	if s.err == nil {
		s.err = fault("file", NotCanonical, "byte %d: want %s", s.size-len(s.rest), want)
	}
	s.rest = ""
}

// literal reads this text.
func (s *scanner) literal(text string) {
	rest, ok := strings.CutPrefix(s.rest, text)
	if !ok {
		s.fail(text)
		return
	}
	s.rest = rest
}

// optional reads this text if it stands here.
func (s *scanner) optional(text string) bool {
	rest, ok := strings.CutPrefix(s.rest, text)
	s.rest = rest
	return ok
}

// quoted reads a string whose characters all fit, with its quotes.
func (s *scanner) quoted(fits func(byte) bool) string {
	s.literal(`"`)
	n := 0
	for n < len(s.rest) && s.rest[n] != '"' && fits(s.rest[n]) {
		n++
	}
	text := s.rest[:n]
	s.rest = s.rest[n:]
	s.literal(`"`)
	return text
}

// hex reads a string of lower-case hex digits for min to max bytes.
func (s *scanner) hex(min, max int) []byte {
	before := *s
	text := s.quoted(isHex)
	b, err := hex.DecodeString(text)
	if s.err == nil && (err != nil || len(b) < min || len(b) > max) {
		*s = before
		s.fail(fmt.Sprintf("a string of %d to %d hex digits", 2*min, 2*max))
	}
	if s.err != nil {
		return make([]byte, min)
	}
	return b
}

func (s *scanner) hash() core.Hash { return core.Hash(s.hex(core.HashSize, core.HashSize)) }

// header reads the bytes of a header.
func (s *scanner) header() []byte { return s.hex(core.HeaderSize, core.HeaderSize) }

// base64 reads a string of base64 with padding, whose unused bits are 0.
func (s *scanner) base64() []byte {
	before := *s
	text := s.quoted(isBase64)
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if s.err == nil && err != nil {
		*s = before
		s.fail("base64")
	}
	return b
}

// number reads a decimal number without leading zeros.
func (s *scanner) number() uint64 {
	n, digits := uint64(0), 0
	for digits < len(s.rest) && digits <= maxDigits && isDigit(s.rest[digits]) {
		n = 10*n + uint64(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > maxDigits || digits > 1 && s.rest[0] == '0' {
		s.fail("a number")
		return 0
	}
	s.rest = s.rest[digits:]
	return n
}

// int is number for where an int is wanted, which may have 32 bits.
func (s *scanner) int() int { return int(min(s.number(), math.MaxInt)) }

// hashes reads a list of at most max hashes.
func (s *scanner) hashes(max int) []core.Hash {
	var out []core.Hash
	s.literal("[")
	for s.err == nil && !s.optional("]") {
		if len(out) > 0 {
			s.literal(",")
		}
		if len(out) == max {
			s.fail(fmt.Sprintf("at most %d hashes", max))
		}
		out = append(out, s.hash())
	}
	return out
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }

func isBase64(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/' || c == '='
}

func isName(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c == '-' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// isPlain fits what needs no escape in JSON, nor in HTML.
func isPlain(c byte) bool {
	return c >= 0x20 && c <= 0x7e && strings.IndexByte(`"\<>&`, c) < 0
}
