package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// valueVersion is the first byte of every value.
const valueVersion = 1

// errValue means that a stored value does not have its form. Callers see it as ErrCorrupt.
var errValue = errors.New("stored value out of form")

const (
	flagLocal  = 1 << 0 // this node answers for the message
	flagNoBody = 1 << 1 // in the index: the body was dropped or never came
	flagAgain  = 1 << 1 // of a waiting message: a reorg gave it back
)

// newValue starts a value with its version.
func newValue(size int) []byte { return append(make([]byte, 0, 1+size), valueVersion) }

// A decoder reads the parts of a value in order and remembers whether one was missing.
type decoder struct {
	rest []byte
	bad  bool
}

func newDecoder(value []byte) *decoder {
	d := &decoder{rest: value}
	d.bad = d.u8() != valueVersion
	return d
}

// take returns the next n bytes, which belong to the value, or zeros where they are missing.
func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.bad, d.rest = true, nil
		return make([]byte, n)
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) u8() byte        { return d.take(1)[0] }
func (d *decoder) u32() uint32     { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64     { return binary.BigEndian.Uint64(d.take(8)) }
func (d *decoder) hash() core.Hash { return core.Hash(d.take(core.HashSize)) }
func (d *decoder) text() string    { return string(d.take(int(d.u8()))) }

// all returns what is left.
func (d *decoder) all() []byte { return d.take(len(d.rest)) }

// done returns errValue unless the value was read to its end and had every part.
func (d *decoder) done() error {
	if d.bad || len(d.rest) > 0 {
		return errValue
	}
	return nil
}

// A tip is the last block of the best chain.
type tip struct {
	hash   core.Hash
	height uint64
}

func (t tip) encode() []byte {
	return binary.BigEndian.AppendUint64(append(newValue(40), t.hash[:]...), t.height)
}

func decodeTip(value []byte) (tip, error) {
	d := newDecoder(value)
	t := tip{d.hash(), d.u64()}
	return t, d.done()
}

func encodeNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(newValue(8), n) }

func decodeNumber(value []byte) (uint64, error) {
	d := newDecoder(value)
	n := d.u64()
	return n, d.done()
}

func encodeHash(h core.Hash) []byte { return append(newValue(core.HashSize), h[:]...) }

func decodeHash(value []byte) (core.Hash, error) {
	d := newDecoder(value)
	h := d.hash()
	return h, d.done()
}

func encodeEntry(e chain.Entry) []byte {
	header := e.Header.Encode()
	b := binary.BigEndian.AppendUint64(newValue(8+core.HeaderSize+len(e.Condemned)), e.SeenMS)
	return append(append(b, header[:]...), e.Condemned...)
}

// decodeEntry reads the entry of a stored block, or of a condemned one where the reason follows.
func decodeEntry(hash core.Hash, condemned bool, value []byte) (chain.Entry, error) {
	d := newDecoder(value)
	e := chain.Entry{Hash: hash, SeenMS: d.u64()}
	header, err := core.DecodeHeader(d.take(core.HeaderSize))
	if err != nil {
		return chain.Entry{}, fmt.Errorf("%w: %w", errValue, err)
	}
	e.Header = header
	if condemned {
		e.Condemned = string(d.all())
	}
	return e, d.done()
}

// A kept leaf is a leaf and where its message is.
type keptLeaf struct {
	core.Leaf
	slot uint64
}

const keptLeafSize = core.LeafSize + 8

func encodeLeaves(leaves []keptLeaf) []byte {
	b := newValue(keptLeafSize * len(leaves))
	for i := range leaves {
		leaf := leaves[i].Bytes()
		b = binary.BigEndian.AppendUint64(append(b, leaf[:]...), leaves[i].slot)
	}
	return b
}

func decodeLeaves(value []byte) ([]keptLeaf, error) {
	d := newDecoder(value)
	leaves := make([]keptLeaf, len(d.rest)/keptLeafSize)
	for i := range leaves {
		leaves[i] = keptLeaf{core.DecodeLeaf([core.LeafSize]byte(d.take(core.LeafSize))), d.u64()}
	}
	return leaves, d.done()
}

// A record is what is kept of a message.
type record struct {
	flags      byte
	acceptedMS uint64 // when the message first came, by our clock
	signature  core.Signature
	envelope   core.Envelope
	body       *core.Body // nil: it was dropped, or never came
}

// recordHead is the size of a record before the message.
const recordHead = 10

func (r *record) encode() []byte {
	size := 64 + r.envelope.Size()
	if r.body != nil {
		size += core.SaltSize + len(r.body.Payload)
	}
	b := binary.BigEndian.AppendUint64(append(newValue(9+size), r.flags), r.acceptedMS)
	b = append(r.envelope.Append(b), r.signature[:]...)
	if r.body != nil {
		b = r.body.Append(b)
	}
	return b
}

func decodeRecord(value []byte) (*record, error) {
	d := newDecoder(value)
	r := &record{flags: d.u8(), acceptedMS: d.u64()}
	envelope, rest, err := core.DecodeEnvelope(d.all())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errValue, err)
	}
	if len(rest) < len(r.signature) || r.flags&^flagLocal != 0 {
		return nil, errValue
	}
	r.envelope, r.signature = envelope, core.Signature(rest[:len(r.signature)])
	if r.body, err = core.DecodeBody(&r.envelope, rest[len(r.signature):]); err != nil {
		return nil, fmt.Errorf("%w: %w", errValue, err)
	}
	return r, d.done()
}

// recordMessage returns the bytes of the message in a record; they belong to the value.
func recordMessage(value []byte) ([]byte, error) {
	if len(value) < recordHead || value[0] != valueVersion {
		return nil, errValue
	}
	return value[recordHead:], nil
}

// An index entry says where a message is kept and which blocks hold it.
type index struct {
	flags  byte
	slot   uint64
	places []chain.Place
}

const placeSize = 44

func (x index) encode() []byte {
	b := binary.BigEndian.AppendUint64(append(newValue(9+placeSize*len(x.places)), x.flags), x.slot)
	for _, p := range x.places {
		b = binary.BigEndian.AppendUint64(b, p.Height)
		b = binary.BigEndian.AppendUint32(b, uint32(p.Position))
		b = append(b, p.Block[:]...)
	}
	return b
}

func decodeIndex(value []byte) (index, error) {
	d := newDecoder(value)
	x := index{flags: d.u8(), slot: d.u64()}
	if x.flags&^flagNoBody != 0 {
		return index{}, errValue
	}
	for range len(d.rest) / placeSize {
		x.places = append(x.places, chain.Place{Height: d.u64(), Position: int(d.u32()), Block: d.hash()})
	}
	return x, d.done()
}

func encodeWaiting(w mempool.Waiting) []byte {
	var flags byte
	if w.Local {
		flags = flagLocal
	}
	if w.Again {
		flags |= flagAgain
	}
	b := binary.BigEndian.AppendUint64(append(newValue(45), flags), w.AcceptedMS)
	return append(binary.BigEndian.AppendUint32(b, uint32(w.Size)), w.ID[:]...)
}

func decodeWaiting(seq uint64, value []byte) (mempool.Waiting, error) {
	d := newDecoder(value)
	flags := d.u8()
	w := mempool.Waiting{Seq: seq, Local: flags&flagLocal != 0, Again: flags&flagAgain != 0, AcceptedMS: d.u64(), Size: int(d.u32()), ID: d.hash()}
	if flags&^(flagLocal|flagAgain) != 0 {
		return mempool.Waiting{}, errValue
	}
	return w, d.done()
}

// A waitingPointer leads from a message id to its entry among the waiting messages.
type waitingPointer struct {
	seq  uint64
	size int
}

func (p waitingPointer) encode() []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(newValue(12), p.seq), uint32(p.size))
}

func decodeWaitingPointer(value []byte) (waitingPointer, error) {
	d := newDecoder(value)
	p := waitingPointer{seq: d.u64(), size: int(d.u32())}
	return p, d.done()
}

func encodeReorg(r *chain.ReorgRecord) []byte {
	b := binary.BigEndian.AppendUint64(newValue(112), r.TimeMS)
	for _, h := range []core.Hash{r.OldTip, r.NewTip, r.Fork} {
		b = append(b, h[:]...)
	}
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(r.Reverted)), uint32(r.Applied))
	if r.Returned < 0 {
		return b
	}
	return binary.BigEndian.AppendUint32(b, uint32(r.Returned))
}

func decodeReorg(value []byte) (chain.ReorgRecord, error) {
	d := newDecoder(value)
	r := chain.ReorgRecord{
		TimeMS: d.u64(), OldTip: d.hash(), NewTip: d.hash(), Fork: d.hash(),
		Reverted: int(d.u32()), Applied: int(d.u32()), Returned: -1,
	}
	if len(d.rest) > 0 {
		r.Returned = int(d.u32())
	}
	return r, d.done()
}
