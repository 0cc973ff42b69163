package exchange

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"p2pchain/core"
)

// The fields of wire.Part.
const (
	partHeader   protowire.Number = 1
	partMessages protowire.Number = 2
)

// A part is a wire.Part whose fields are cut out of its frame.
type part struct {
	header   []byte // nil: this part goes on where the one before it ended
	messages [][]byte
}

// parsePart reads a wire.Part as the generated code does, with two differences: it copies nothing,
// and it refuses more messages than were asked for before it makes room for them. A frame of empty
// messages would otherwise take twelve times its size.
func parsePart(b []byte, maxMessages int) (part, error) {
	var p part
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || !num.IsValid() {
			return part{}, broken("part with a broken tag")
		}
		b = b[n:]
		if typ != protowire.BytesType || (num != partHeader && num != partMessages) {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return part{}, broken("part: %v", protowire.ParseError(n))
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return part{}, broken("part: %v", protowire.ParseError(n))
		}
		b = b[n:]
		if num == partHeader {
			p.header = value
			continue
		}
		if len(p.messages) == maxMessages {
			return part{}, broken("part with more than %d messages", maxMessages)
		}
		p.messages = append(p.messages, value)
	}
	return p, nil
}

// A packer collects messages into parts of about targetFrame bytes, as the generated code would write
// a wire.Part, without a copy of every message on the way.
type packer struct {
	frame []byte // sizePrefix bytes for its size, then the part
	send  func(frame []byte) error
}

// sizePrefix is what the size of a frame takes at most.
const sizePrefix = binary.MaxVarintLen32

func newPacker(send func([]byte) error) *packer {
	return &packer{frame: make([]byte, sizePrefix, 4<<10), send: send}
}

func (k *packer) header(h *core.Header) {
	b := h.Encode()
	k.frame = protowire.AppendBytes(protowire.AppendTag(k.frame, partHeader, protowire.BytesType), b[:])
}

// add takes the bytes of a message in, after a flush where the part would grow too large.
func (k *packer) add(m []byte) error {
	if len(k.frame) > sizePrefix && len(k.frame)+len(m) > targetFrame {
		if err := k.flush(); err != nil {
			return err
		}
	}
	k.frame = protowire.AppendBytes(protowire.AppendTag(k.frame, partMessages, protowire.BytesType), m)
	return nil
}

// flush sends what there is.
func (k *packer) flush() error {
	if len(k.frame) == sizePrefix {
		return nil
	}
	size := protowire.AppendVarint(nil, uint64(len(k.frame)-sizePrefix))
	begin := sizePrefix - len(size)
	copy(k.frame[begin:], size)
	err := k.send(k.frame[begin:])
	k.frame = k.frame[:sizePrefix]
	return err
}

// addAll takes messages in and sends all there is.
func (k *packer) addAll(msgs [][]byte) error {
	for _, m := range msgs {
		if err := k.add(m); err != nil {
			return err
		}
	}
	return k.flush()
}
