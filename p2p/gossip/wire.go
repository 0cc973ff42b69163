package gossip

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"p2pchain/core"
)

// The first byte of what travels on the topics says what follows.
const (
	kindBundle  = 1 // messages
	kindWhole   = 2 // a header and all messages of its block
	kindHeader  = 3 // a header
	kindCompact = 4 // a header and the short ids of all messages of its block
)

// Limits of what travels.
const (
	maxBundleMessages    = 256
	maxBundleBytes       = 64 << 10
	maxAnnouncementBytes = 200 << 10 // the short ids of 32,768 messages take 192 KiB

	// wholeBytes is the largest announcement that carries messages. Most receivers know them, and get
	// each announcement from several neighbours; up to this size that costs less than a question and
	// its answer would where they do not.
	wholeBytes = 4 << 10

	prefixBytes = 4 // before each message: its size, big-endian
	bundleHead  = 9 // the kind of a bundle, and its number
)

// A bundler packs messages until they make a full bundle.
type bundler struct {
	data  []byte
	count int
}

// add puts a message in and reports whether there was room. An empty bundler has room for any.
func (b *bundler) add(m *core.Message) bool {
	size := prefixBytes + len(m.Bytes())
	if b.count == maxBundleMessages || b.count > 0 && len(b.data)+size > maxBundleBytes {
		return false
	}
	if b.count == 0 {
		// A random number makes it another bundle than the last one of the same messages: those that
		// a reorg gave back are published again while pubsub still takes the old bytes for known.
		b.data = binary.BigEndian.AppendUint64(append(b.data, kindBundle), rand.Uint64())
	}
	b.data = appendMessage(b.data, m)
	b.count++
	return true
}

// take returns the bundle and empties the bundler; nil where nothing was put in.
func (b *bundler) take() []byte {
	data := b.data
	*b = bundler{}
	return data
}

func appendMessage(dst []byte, m *core.Message) []byte {
	at := len(dst)
	dst = m.Append(append(dst, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-prefixBytes))
	return dst
}

// decodeBundle reads the 1 to 256 messages of a bundle. They all have bodies, and no id comes twice.
// Errors wrap core.ErrMalformed.
func decodeBundle(genesis core.Hash, data []byte) ([]*core.Message, error) {
	if len(data) < bundleHead || data[0] != kindBundle || len(data) > maxBundleBytes {
		return nil, fmt.Errorf("no bundle in %d bytes: %w", len(data), core.ErrMalformed)
	}
	msgs, err := decodeMessages(genesis, data[bundleHead:], maxBundleMessages)
	if err != nil {
		return nil, err
	}
	if len(msgs) == 0 {
		return nil, fmt.Errorf("empty bundle: %w", core.ErrMalformed)
	}
	seen := make(map[core.Hash]struct{}, len(msgs))
	for _, m := range msgs {
		if _, twice := seen[m.ID]; twice {
			return nil, fmt.Errorf("message %v twice in a bundle: %w", m.ID, core.ErrMalformed)
		}
		seen[m.ID] = struct{}{}
	}
	return msgs, nil
}

// decodeMessages reads messages with bodies to the end of b.
func decodeMessages(genesis core.Hash, b []byte, limit int) ([]*core.Message, error) {
	var msgs []*core.Message
	for len(b) > 0 {
		if len(msgs) == limit {
			return nil, fmt.Errorf("more than %d messages: %w", limit, core.ErrMalformed)
		}
		if len(b) < prefixBytes {
			return nil, fmt.Errorf("size of message %d cut off: %w", len(msgs), core.ErrMalformed)
		}
		size := uint64(binary.BigEndian.Uint32(b))
		if b = b[prefixBytes:]; size > uint64(len(b)) {
			return nil, fmt.Errorf("message %d of %d bytes, %d left: %w", len(msgs), size, len(b), core.ErrMalformed)
		}
		m, err := core.DecodeMessage(genesis, b[:size])
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", len(msgs), err)
		}
		if m.Body == nil {
			return nil, fmt.Errorf("message %d without its body: %w", len(msgs), core.ErrMalformed)
		}
		msgs, b = append(msgs, m), b[size:]
	}
	return msgs, nil
}

// encodeBlock returns the block whole where it is small and has all its bodies, and its header with
// short ids otherwise.
func encodeBlock(b *core.Block) []byte {
	if len(b.Messages) == 0 || encodedSize(b) <= wholeBytes {
		if data := encodeWhole(b); data != nil {
			return data
		}
	}
	return encodeCompact(b)
}

func encodedSize(b *core.Block) int { return 1 + b.Size() + prefixBytes*len(b.Messages) }

func encodeHeader(h *core.Header) []byte { return startAnnouncement(kindHeader, h, 0) }

func startAnnouncement(kind byte, h *core.Header, rest int) []byte {
	header := h.Encode()
	return append(append(make([]byte, 0, 1+core.HeaderSize+rest), kind), header[:]...)
}

// encodeWhole returns nil where a body was dropped.
func encodeWhole(b *core.Block) []byte {
	data := startAnnouncement(kindWhole, &b.Header, encodedSize(b))
	for _, m := range b.Messages {
		if m.Body == nil {
			return nil
		}
		data = appendMessage(data, m)
	}
	return data
}

func encodeCompact(b *core.Block) []byte {
	key := core.ShortKeyOf(b.Header.Hash())
	data := startAnnouncement(kindCompact, &b.Header, core.ShortIDSize*len(b.Messages))
	for _, m := range b.Messages {
		leaf := m.Leaf()
		hash := leaf.Hash()
		data = key.ID(&hash).Append(data)
	}
	return data
}

// An announcement is what arrives on the block topic.
type announcement struct {
	kind   byte
	hash   core.Hash
	header core.Header
	rest   []byte // the encoded messages of a whole block, or the short ids
}

// decodeAnnouncement reads the header and leaves the rest for later: it is not worth reading before
// the header's work is checked. Errors wrap core.ErrMalformed.
func decodeAnnouncement(data []byte) (announcement, error) {
	var a announcement
	if len(data) < 1+core.HeaderSize || len(data) > maxAnnouncementBytes {
		return a, fmt.Errorf("announcement of %d bytes: %w", len(data), core.ErrMalformed)
	}
	var err error
	if a.header, err = core.DecodeHeader(data[1 : 1+core.HeaderSize]); err != nil {
		return a, err
	}
	a.kind, a.rest = data[0], data[1+core.HeaderSize:]
	fits := false
	switch a.kind {
	case kindWhole:
		fits = true // until its messages are read
	case kindHeader:
		fits = len(a.rest) == 0
	case kindCompact:
		fits = uint64(len(a.rest)) == core.ShortIDSize*uint64(a.header.MessageCount)
	}
	if !fits {
		return a, fmt.Errorf("kind %d with %d bytes after the header: %w", a.kind, len(a.rest), core.ErrMalformed)
	}
	a.hash = a.header.Hash()
	return a, nil
}

// decodeShortIDs reads the short ids of an announcement, whose size was checked.
func decodeShortIDs(b []byte) []core.ShortID {
	out := make([]core.ShortID, 0, len(b)/core.ShortIDSize)
	for ; len(b) >= core.ShortIDSize; b = b[core.ShortIDSize:] {
		out = append(out, core.DecodeShortID([core.ShortIDSize]byte(b)))
	}
	return out
}

// block reads the messages of a whole block. That they are as many as the header says is all that is
// checked.
func (a *announcement) block(genesis core.Hash) (*core.Block, error) {
	msgs, err := decodeMessages(genesis, a.rest, int(a.header.MessageCount))
	if err != nil {
		return nil, err
	}
	if len(msgs) != int(a.header.MessageCount) {
		return nil, fmt.Errorf("%d messages, header says %d: %w", len(msgs), a.header.MessageCount, core.ErrMalformed)
	}
	return &core.Block{Header: a.header, Messages: msgs}, nil
}
