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
