package core

// LeafSize is the size of an encoded leaf in bytes.
const LeafSize = 96

// A Leaf is what a block commits to for each of its messages: id ‖ signature.
type Leaf struct {
	ID        Hash
	Signature Signature
}

// Bytes returns the 96 bytes of the leaf.
func (l *Leaf) Bytes() (b [LeafSize]byte) {
	copy(b[:], l.ID[:])
	copy(b[HashSize:], l.Signature[:])
	return b
}

// DecodeLeaf reads the 96 bytes of a leaf.
func DecodeLeaf(b [LeafSize]byte) Leaf {
	return Leaf{Hash(b[:HashSize]), Signature(b[HashSize:])}
}

// A Block is a header and its messages, in the order of its leaves. Some or all of the messages may
// lack their bodies.
type Block struct {
	Header   Header
	Messages []*Message
}

// Leaves returns the leaf of every message.
func (b *Block) Leaves() []Leaf {
	leaves := make([]Leaf, len(b.Messages))
	for i, m := range b.Messages {
		leaves[i] = m.Leaf()
	}
	return leaves
}

// Size returns 152 + Σ(envelope + 64 + 16 + payload_size): the same with and without bodies.
func (b *Block) Size() int {
	size := HeaderSize
	for _, m := range b.Messages {
		size += m.Size()
	}
	return size
}

// A RawBlock is a block as it travels and is kept: every message is the bytes envelope ‖ signature ‖
// body, of which the body may be missing.
type RawBlock struct {
	Header   Header
	Messages [][]byte
}

// Raw returns the block with its messages encoded.
func (b *Block) Raw() *RawBlock {
	raw := &RawBlock{Header: b.Header, Messages: make([][]byte, len(b.Messages))}
	for i, m := range b.Messages {
		raw.Messages[i] = m.Bytes()
	}
	return raw
}

// Decode reads the messages for the network with this genesis hash; errors wrap ErrMalformed.
func (r *RawBlock) Decode(genesis Hash) (*Block, error) {
	msgs, err := DecodeMessages(genesis, r.Messages)
	if err != nil {
		return nil, err
	}
	return &Block{Header: r.Header, Messages: msgs}, nil
}
