package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	magic = "p2pchain spool 1\n"

	kindGroup byte = 'G'
	kindDone  byte = 'D'

	frameHead = 9       // kind, length, checksum
	maxBody   = 8 << 20 // of a frame; groups are far smaller
	maxKey    = 255
)

// A Line is a line of the input that becomes a message.
type Line struct {
	Number  int // in the input of the process that read it, from 1
	Payload []byte
}

// A Group is what is sent together, under a key of its own.
type Group struct {
	Key   string // 1 to 255 bytes
	Lines []Line
}

// checksum covers the kind and the body of a frame.
func checksum(kind byte, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum([]byte{kind}, table), table, body)
}

// appendFrame appends a frame to b.
func appendFrame(b []byte, kind byte, body []byte) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = binary.BigEndian.AppendUint32(b, checksum(kind, body))
	return append(b, body...)
}

// encode returns the body of a group's frame.
func (g *Group) encode() []byte {
	b := append([]byte{byte(len(g.Key))}, g.Key...)
	for _, l := range g.Lines {
		b = binary.AppendUvarint(b, uint64(l.Number))
		b = binary.AppendUvarint(b, uint64(len(l.Payload)))
		b = append(b, l.Payload...)
	}
	return b
}

// decodeGroup reads what encode wrote.
func decodeGroup(b []byte) (*Group, error) {
	if len(b) < 1 || b[0] == 0 || len(b) < 1+int(b[0]) {
		return nil, fmt.Errorf("%w: a group without a key", ErrDamaged)
	}
	g := &Group{Key: string(b[1 : 1+int(b[0])])}
	for b = b[1+len(g.Key):]; len(b) > 0; {
		number, n := binary.Uvarint(b)
		if n <= 0 || number > 1<<62 {
			return nil, fmt.Errorf("%w: the number of a line", ErrDamaged)
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return nil, fmt.Errorf("%w: the length of a line", ErrDamaged)
		}
		b = b[n+m:]
		g.Lines = append(g.Lines, Line{int(number), b[:size:size]})
		b = b[size:]
	}
	return g, nil
}
