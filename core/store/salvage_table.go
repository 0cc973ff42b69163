package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime/debug"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/sstable/colblk"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// keyBundle is what Pebble's own default for the form of keys in a block is.
	keyBundle = 16
	// maxDataBlock is the longest block that is looked for where nothing says how long it is: one that
	// holds the leaves of a full block of the chain.
	maxDataBlock = 4 << 20
	// resyncBytes is how far behind damage the next block may begin, and resyncBlock how long it may be.
	resyncBytes = 64 << 10
	resyncBlock = 16 << 10
	// minBlock is how short a block may be that is found so: a few bytes may fit by chance.
	minBlock = 64
)

// A version is one entry of a table or of a log: what a key was set to, and when.
type version struct {
	key, value []byte // nil value: the key was deleted; both end with the call that got them
	seq        uint64
	deleted    bool
}

// A tableFile reads the blocks of one table on its own, without the database that it belongs to.
type tableFile struct {
	file vfs.File
	size int64

	schema colblk.KeySchema
}

func openTable(fsys vfs.FS, path string) (*tableFile, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &tableFile{file: f, size: info.Size(), schema: colblk.DefaultKeySchema(pebble.DefaultComparer, keyBundle)}, nil
}

// Close closes the file.
func (t *tableFile) Close() error { return t.file.Close() }

// reader opens the table as Pebble does. It does not take the file over.
func (t *tableFile) reader(ctx context.Context) (r *sstable.Reader, err error) {
	defer recovered(&err)
	readable, err := sstable.NewSimpleReadable(keptOpen{t.file})
	if err != nil {
		return nil, err
	}
	filter := bloom.FilterPolicy(10)
	return sstable.NewReader(ctx, readable, sstable.ReaderOptions{
		Comparer:   pebble.DefaultComparer,
		KeySchemas: sstable.KeySchemas{t.schema.Name: &t.schema},
		Filters:    map[string]sstable.FilterPolicy{filter.Name(): filter},
	})
}

// tableMagic ends every table.
const tableMagic = "\xf0\x9f\xaa\xb3\xf0\x9f\xaa\xb3"

// ended reports whether the file ends as a table does.
func (t *tableFile) ended() bool {
	var end [len(tableMagic)]byte
	_, err := t.file.ReadAt(end[:], max(0, t.size-int64(len(end))))
	return (err == nil || errors.Is(err, io.EOF)) && string(end[:]) == tableMagic
}

// keptOpen is a file that its reader does not close.
type keptOpen struct{ vfs.File }

func (keptOpen) Close() error { return nil }

// bounds returns the first and the last key of the table.
func (t *tableFile) bounds(ctx context.Context) (first, last []byte, err error) {
	defer recovered(&err)
	r, err := t.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	it, err := r.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return nil, nil, err
	}
	if kv := it.First(); kv != nil {
		first = append(first, kv.K.UserKey...)
	}
	if kv := it.Last(); kv != nil {
		last = append(last, kv.K.UserKey...)
	}
	return first, last, errors.Join(it.Error(), it.Close())
}

// verify reads every block of the table and compares it with its checksum.
func (t *tableFile) verify(ctx context.Context) (err error) {
	defer recovered(&err)
	r, err := t.reader(ctx)
	if err != nil {
		return err
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// handles returns where the data blocks are, as the table's index has it.
func (t *tableFile) handles(ctx context.Context) (out []block.Handle, err error) {
	defer recovered(&err)
	r, err := t.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	layout, err := r.Layout()
	if err != nil {
		return nil, err
	}
	for i := range layout.Data {
		out = append(out, layout.Data[i].Handle)
	}
	return out, nil
}

// each calls f with every entry that can be read, in any order, and returns how many blocks could not
// be. Only an error of f is returned.
func (t *tableFile) each(ctx context.Context, f func(version) error) (lost int, err error) {
	handles, err := t.handles(ctx)
	if err != nil { // the index is damaged, or cut off
		return t.scan(ctx, f)
	}
	return t.listed(ctx, handles, f)
}

// listed is each for the blocks that an index lists.
func (t *tableFile) listed(ctx context.Context, handles []block.Handle, f func(version) error) (lost int, err error) {
	for _, h := range handles {
		if err := ctx.Err(); err != nil {
			return lost, err
		}
		data, err := t.read(h)
		if err == nil {
			err = t.decode(data, f)
		}
		if callee := (*calleeError)(nil); errors.As(err, &callee) {
			return lost, callee.error
		}
		if err != nil {
			lost++
		}
	}
	return lost, nil
}

// read returns a block, unpacked, if it fits its checksum.
func (t *tableFile) read(h block.Handle) ([]byte, error) {
	if h.Length > uint64(t.size) || h.Offset > uint64(t.size)-h.Length {
		return nil, fmt.Errorf("block at %d of %d bytes in a file of %d: %w", h.Offset, h.Length, t.size, ErrCorrupt)
	}
	raw := make([]byte, h.Length+block.TrailerLen)
	if _, err := t.file.ReadAt(raw, int64(h.Offset)); err != nil {
		return nil, err
	}
	if err := block.ValidateChecksum(block.ChecksumTypeCRC32c, raw, h); err != nil {
		return nil, err
	}
	return unpackBlock(raw[:h.Length], raw[h.Length])
}

// unpackBlock undoes the compression of a block.
func unpackBlock(raw []byte, kind byte) (out []byte, err error) {
	defer recovered(&err)
	how := block.CompressionIndicator(kind)
	n, err := block.DecompressedLen(how, raw)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > 64<<20 {
		return nil, fmt.Errorf("block of %d bytes: %w", n, ErrCorrupt)
	}
	out = make([]byte, n)
	return out, block.DecompressInto(how, raw, out)
}

// decode calls f with the entries of a data block whose checksum fits. What is no data block is an error.
func (t *tableFile) decode(data []byte, f func(version) error) (err error) {
	defer recovered(&err)
	if !t.isDataBlock(data) {
		return fmt.Errorf("no data block: %w", ErrCorrupt)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // it reads where offsets in the block lead
	var d colblk.DataBlockDecoder
	d.Init(&t.schema, data)
	var it colblk.DataBlockIter
	it.InitOnce(&t.schema, pebble.DefaultComparer, nil)
	if err := it.Init(&d, block.NoTransforms); err != nil {
		return err
	}
	for kv := it.First(); kv != nil; kv = it.Next() {
		v := version{key: kv.K.UserKey, seq: uint64(kv.SeqNum())}
		switch kv.Kind() {
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindSetWithDelete:
			v.value = kv.InPlaceValue()
		case pebble.InternalKeyKindDelete, pebble.InternalKeyKindDeleteSized, pebble.InternalKeyKindSingleDelete:
			v.deleted = true
		default:
			continue
		}
		if err := f(v); err != nil {
			return &calleeError{err}
		}
	}
	return it.Error()
}

// isDataBlock reports whether the header of a block is that of a data block: its columns, and that they
// lie in it one behind the other. Pebble's decoder believes what it is given, and a scan gives it what
// may be an index or a filter.
func (t *tableFile) isDataBlock(data []byte) bool {
	types := slices.Concat(t.schema.ColumnTypes, []colblk.DataType{
		colblk.DataTypeUint, colblk.DataTypeBool, colblk.DataTypeBytes, colblk.DataTypeBool, colblk.DataTypeBool,
	})
	const maxKeyLength, head, column = 4, 7, 5 // sizes
	at := int(t.schema.HeaderSize) + maxKeyLength
	if len(data) < at+head+column*len(types) {
		return false
	}
	h := colblk.DecodeHeader(data[at:])
	if h.Version != colblk.Version1 || int(h.Columns) != len(types) || int64(h.Rows) > 8*int64(len(data)) {
		return false
	}
	at += head
	from := uint32(at + column*len(types))
	for _, want := range types {
		next := binary.LittleEndian.Uint32(data[at+1:])
		if data[at] != byte(want) || next < from || int64(next) > int64(len(data)) {
			return false
		}
		from, at = next, at+column
	}
	return true
}

// A calleeError is an error of a callback, which ends everything, unlike one of a block.
type calleeError struct{ error }

func (e *calleeError) Unwrap() error { return e.error }

// recovered turns a panic over bytes that make no sense into an error: Pebble's decoders trust what
// has fitted its checksum.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%v: %w", cause, ErrCorrupt)
	}
}

// scan looks for data blocks where no index leads to them. They lie one behind the other from the
// start of the file; a block ends where its checksum fits.
func (t *tableFile) scan(ctx context.Context, f func(version) error) (lost int, err error) {
	image := make([]byte, t.size)
	if n, err := t.file.ReadAt(image, 0); err != nil && !errors.Is(err, io.EOF) {
		image = image[:n] // as much of it as the disk gives
	}
	for at := 0; at+block.TrailerLen < len(image); {
		if err := ctx.Err(); err != nil {
			return lost, err
		}
		n := blockLength(image[at:], maxDataBlock)
		if n == 0 {
			lost++
			if at = nextBlock(image, at); at == 0 {
				return lost, nil
			}
			continue
		}
		data, err := unpackBlock(image[at:at+n], image[at+n])
		if err == nil {
			err = t.decode(data, f)
		}
		if callee := (*calleeError)(nil); errors.As(err, &callee) {
			return lost, callee.error
		}
		at += n + block.TrailerLen // an index or a filter, where it was no data block
	}
	return lost, nil
}

// nextBlock returns where a block begins behind a damaged one, 0 where none is found nearby. From wherever
// a block may end, the checksum is undone byte by byte: at its start nothing is left of it.
func nextBlock(image []byte, from int) int {
	table := crc32.MakeTable(crc32.Castagnoli)
	var entry [256]byte // which entry of the table has this as its highest byte
	for i, v := range table {
		entry[v>>24] = byte(i)
	}
	for end := from + minBlock; end < min(from+resyncBytes+resyncBlock, len(image)-block.TrailerLen+1); end++ {
		sum := binary.LittleEndian.Uint32(image[end+1:])
		if image[end] > maxIndicator || sum == 0 { // zeros, of which there may be many, are no checksum
			continue
		}
		crc := ^unmaskedSum(sum)
		for at := end; at > from && at >= end-resyncBlock; at-- {
			if crc == ^uint32(0) && at < end-minBlock {
				return at + 1
			}
			i := entry[crc>>24]
			crc = (crc^table[i])<<8 | uint32(i^image[at])
		}
	}
	return 0
}

// blockLength returns the length of the block at the start of an image without its trailer, 0 where no
// checksum fits. Pebble's checksum is a masked CRC-32C over the block and the byte behind it.
func blockLength(image []byte, most int) int {
	table := crc32.MakeTable(crc32.Castagnoli)
	most = min(most, len(image)-block.TrailerLen)
	crc := ^uint32(0)
	for n := range most {
		kind := image[n]
		crc = table[byte(crc)^kind] ^ crc>>8 // over image[:n+1], that is a block of n bytes and its kind
		if n == 0 || kind > maxIndicator {
			continue
		}
		if binary.LittleEndian.Uint32(image[n+1:]) == maskedSum(^crc) {
			return n
		}
	}
	return 0
}

// maxIndicator is the last of Pebble's numbers for how a block is compressed.
const maxIndicator = byte(block.MinLZCompressionIndicator)
