package api

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
)

// The functions of this file write the JSON of package encoding/json, without its reflection and
// without memory of their own: the chain is millions of messages. A test compares the two byte by byte.

// appendString appends valid UTF-8 as a JSON string.
func appendString[T string | []byte](dst []byte, s T) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped appends what stands between the quotes of a JSON string.
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	done := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		c := s[i]
		if c == 0xe2 { // of U+2028 and U+2029, which some JavaScript takes for the end of a line
			if i+2 < len(s) && s[i+1] == 0x80 && s[i+2]&^1 == 0xa8 {
				dst = append(append(dst, s[done:i]...), `\u202`...)
				dst = append(dst, '8'+(s[i+2]&1))
				done = i + 3
				i = done
			} else {
				i++
			}
			continue
		}
		dst = append(dst, s[done:i]...)
		dst = chainfile.AppendEscape(dst, c)
		i++
		done = i
	}
	return append(dst, s[done:]...)
}

// plain returns the place of the first byte from i on that may need an escape, or the length. It looks
// at eight bytes at once: a byte below 0x20, a quote, a backslash or 0xe2 gives a high bit in the sum
// of the tests, which err on the safe side.
func plain[T string | []byte](s T, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash, line := w^(ones*'"'), w^(ones*'\\'), w^(ones*0xe2)
		found := (w - ones*0x20) &^ w
		found |= (quote - ones) &^ quote
		found |= (slash - ones) &^ slash
		found |= (line - ones) &^ line
		if found&highs != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c == 0xe2 {
			return i
		}
	}
	return i
}

// appendHex appends a quoted hash, key or the like.
func appendHex(dst, b []byte) []byte { return append(hex.AppendEncode(append(dst, '"'), b), '"') }

// appendTime appends a quoted Time.
func appendTime(dst []byte, ms uint64) []byte {
	t := time.UnixMilli(int64(ms)).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst, '"')
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), int(month))
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), hour)
	dst = appendTwo(append(dst, ':'), minute)
	dst = appendTwo(append(dst, ':'), second)
	return append(appendMS(dst, ms%1000), 'Z', '"')
}

// appendTwo appends two decimal digits.
func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendMS appends a dot and three decimal digits.
func appendMS(dst []byte, ms uint64) []byte {
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// appendSeconds appends Seconds.
func appendSeconds(dst []byte, ms uint64) []byte {
	return appendMS(strconv.AppendUint(dst, ms/1000, 10), ms%1000)
}

// appendPayload appends the members of a Payload.
func appendPayload(dst []byte, m *core.Message, e *chain.Erasure) []byte {
	dst = append(dst, `"message":`...)
	switch {
	case e != nil:
		return append(dst, `null,"erased":true`...)
	case m.Body == nil:
		return append(dst, `null,"missing":true`...)
	case utf8.Valid(m.Body.Payload):
		return appendString(dst, m.Body.Payload)
	}
	dst = append(dst, `null,"base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, m.Body.Payload), '"')
}

// appendContent appends a Content without the brace that ends it.
func appendContent(dst []byte, m *core.Message, e *chain.Erasure) []byte {
	dst = appendHex(append(dst, `{"id":`...), m.ID[:])
	dst = appendPayload(append(dst, ','), m, e)
	dst = appendString(append(dst, `,"media_type":`...), m.Type())
	dst = strconv.AppendUint(append(dst, `,"size":`...), uint64(m.PayloadSize), 10)
	dst = appendHex(append(dst, `,"author":`...), m.Author[:])
	dst = appendTime(append(dst, `,"time":`...), m.TimeMS)
	dst = appendHex(append(dst, `,"seen_block":`...), m.Seen[:])
	if e != nil {
		dst = appendErasure(append(dst, `,"erasure":`...), e)
	}
	return dst
}

// A place is where a message is, and what that says about it.
type place struct {
	at      Standing
	first   chain.FirstSeen
	block   *core.Header // of a confirmed one, as is written
	written *Written
	erasure *chain.Erasure
}

// appendMessage appends a Message.
func appendMessage(dst []byte, m *core.Message, where *place) []byte {
	at := &where.at
	dst = appendContent(dst, m, where.erasure)
	dst = append(append(append(dst, `,"status":"`...), at.Status...), '"')
	if at.Block != nil {
		dst = appendHex(append(dst, `,"block":`...), at.Block[:])
		dst = strconv.AppendUint(append(dst, `,"height":`...), *at.Height, 10)
		dst = strconv.AppendInt(append(dst, `,"position":`...), int64(*at.Position), 10)
	}
	dst = strconv.AppendUint(append(dst, `,"confirmations":`...), at.Confirmations, 10)
	dst = appendTime(append(dst, `,"first_seen":`...), where.first.MS)
	dst = strconv.AppendBool(append(dst, `,"local":`...), where.first.Local)
	if where.block != nil {
		dst = appendTime(append(dst, `,"block_time":`...), where.block.TimeMS)
		dst = appendWritten(append(dst, `,"written":`...), where.written)
	}
	return append(dst, '}')
}

// appendWritten appends a Written.
func appendWritten(dst []byte, w *Written) []byte {
	dst = appendBound(append(dst, `{"after":`...), w.After)
	dst = appendBound(append(dst, `,"before":`...), w.Before)
	return append(appendString(append(dst, `,"words":`...), w.Words), '}')
}

// appendBound appends a Bound, or null.
func appendBound(dst []byte, b *Bound) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	dst = strconv.AppendUint(append(dst, `{"height":`...), b.Height, 10)
	dst = appendHex(append(dst, `,"hash":`...), b.Hash[:])
	return append(appendTime(append(dst, `,"time":`...), uint64(b.Time)), '}')
}

// appendBlock appends a Block without the brace that ends it. No confirmations: it is off the best
// chain.
func appendBlock(dst []byte, hash core.Hash, h *core.Header, confirmations uint64) []byte {
	dst = appendHex(append(dst, `{"hash":`...), hash[:])
	dst = strconv.AppendUint(append(dst, `,"height":`...), h.Height, 10)
	dst = appendTime(append(dst, `,"time":`...), h.TimeMS)
	dst = appendHex(append(dst, `,"previous_hash":`...), h.PreviousHash[:])
	dst = strconv.AppendUint(append(dst, `,"message_count":`...), uint64(h.MessageCount), 10)
	dst = appendRoots(append(dst, ','), h)
	dst = strconv.AppendUint(append(dst, `,"nonce":`...), h.Nonce, 10)
	dst = strconv.AppendBool(append(dst, `,"connected":`...), confirmations > 0)
	return strconv.AppendUint(append(dst, `,"confirmations":`...), confirmations, 10)
}

// appendRoots appends the members of a block from message_root to busy_ms, which all its forms share.
func appendRoots(dst []byte, h *core.Header) []byte {
	dst = appendHex(append(dst, `"message_root":`...), h.MessageRoot[:])
	dst = appendHex(append(dst, `,"history_root":`...), h.HistoryRoot[:])
	dst = append(append(append(dst, `,"work":"`...), h.Work.String()...), '"')
	bits := binary.BigEndian.AppendUint32(nil, uint32(h.Bits))
	dst = appendHex(append(dst, `,"bits":`...), bits)
	return strconv.AppendUint(append(dst, `,"busy_ms":`...), uint64(h.BusyMS), 10)
}
