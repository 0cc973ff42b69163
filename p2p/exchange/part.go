package exchange

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
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

// A packer collects messages into parts of about targetFrame bytes.
type packer struct {
	part wire.Part
	size int
	send func(proto.Message) error
}

func (k *packer) header(h *core.Header) {
	b := h.Encode()
	k.part.Header = b[:]
	k.size += len(b)
}

// add takes a message in, after a flush where the part would grow too large.
func (k *packer) add(m *core.Message) error {
	if k.size > 0 && k.size+m.Size() > targetFrame {
		if err := k.flush(); err != nil {
			return err
		}
	}
	b := m.Bytes()
	k.part.Messages = append(k.part.Messages, b)
	k.size += len(b)
	return nil
}

// flush sends what there is.
func (k *packer) flush() error {
	if k.size == 0 {
		return nil
	}
	err := k.send(&k.part)
	k.part.Reset()
	k.size = 0
	return err
}

// addAll takes messages in and sends all there is.
func (k *packer) addAll(msgs []*core.Message) error {
	for _, m := range msgs {
		if err := k.add(m); err != nil {
			return err
		}
	}
	return k.flush()
}
