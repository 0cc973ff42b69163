package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// logBlock is the size of the blocks of a log; a record that does not fit begins anew in each.
	logBlock = 32 << 10
	// In a header of a log's chunk, the number of its log follows checksum, length and kind. A log that
	// is used again keeps the chunks of the one before behind its own, told apart by this number.
	logNumberAt = plainHead
)

// A logFile is a log of the database, or its manifest, read without the database.
type logFile struct {
	file   vfs.File
	size   int64
	number uint64 // in its name; 0 for a manifest
}

func openLog(fsys vfs.FS, path string, number uint64) (*logFile, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{f, info.Size(), number}, nil
}

// Close closes the file.
func (l *logFile) Close() error { return l.file.Close() }

// written returns the number of the log that the first chunk says it is of, 0 where it says none.
func (l *logFile) written() uint64 {
	var head [logNumberAt + 4]byte
	if _, err := l.file.ReadAt(head[:], 0); err != nil || head[6] < 5 { // kinds below have no number
		return 0
	}
	if binary.LittleEndian.Uint16(head[4:]) == 0 { // the end of an empty log, which has the next number
		return 0
	}
	return uint64(binary.LittleEndian.Uint32(head[logNumberAt:]))
}

// begins reports whether the file begins as a log does that holds something. A manifest does not: its
// chunks have no number.
func (l *logFile) begins() bool {
	number := l.written()
	if number == 0 {
		return false
	}
	block := make([]byte, logBlock)
	n, _ := l.file.ReadAt(block, 0)
	c, _, ok := nextChunk(block[:n], number)
	return ok && c.begins
}

// each calls f with every whole record of a log that can be read, in order, and returns at how many
// places there is damage, by Pebble's own rule: a record behind it says that the place was synced, so it
// is no end that a crash left. Pebble looks for one from the next block on, this in the same block, too.
// A manifest is synced after each record. Only an error of f is returned.
func (l *logFile) each(ctx context.Context, number uint64, f func(rec []byte) error) (damaged int, err error) {
	block := make([]byte, logBlock)
	r := recordReader{number: number, broken: -1, f: f}
	for from := int64(0); from < l.size; from += logBlock {
		if err := ctx.Err(); err != nil {
			return r.damaged, err
		}
		n, err := l.file.ReadAt(block, from)
		if n == 0 && err != nil {
			r.broken, r.within = from, false
			continue
		}
		if err := r.block(block[:n], from); err != nil {
			return r.damaged, err
		}
	}
	return r.damaged, nil
}

// A recordReader puts the records of a log together, from one block after the other.
type recordReader struct {
	number  uint64
	f       func(rec []byte) error
	broken  int64  // where reading failed last; -1 where a record behind it was read since
	within  bool   // a record, of which there is
	rec     []byte // so much
	damaged int
}

// block reads the chunks of the block that begins at from.
func (r *recordReader) block(block []byte, from int64) error {
	for rest := block; ; {
		c, left, ok := nextChunk(rest, r.number)
		if ok {
			if err := r.chunk(c); err != nil {
				return err
			}
			rest = left
			continue
		}
		if endsBlock(rest, len(block)) {
			return nil
		}
		if r.broken < 0 {
			r.broken = from + int64(len(block)-len(rest))
		}
		r.within = false
		if rest = nextWhole(rest, r.number); len(rest) == 0 {
			return nil
		}
	}
}

// chunk takes the next chunk that can be read.
func (r *recordReader) chunk(c chunk) error {
	if r.broken >= 0 && c.begins && (c.synced > r.broken || r.number == 0) {
		r.damaged, r.broken = r.damaged+1, -1
	}
	if c.begins {
		r.within, r.rec = true, r.rec[:0]
	}
	if !r.within {
		return nil
	}
	r.rec = append(r.rec, c.payload...)
	if !c.ends {
		return nil
	}
	r.within = false
	return r.f(r.rec)
}

// A chunk is a record, or a part of one.
type chunk struct {
	payload      []byte
	begins, ends bool  // its record
	synced       int64 // up to here the log was on the disk when the chunk was written
}

const (
	plainHead    = 7             // bytes of the header of a chunk: checksum, length, kind
	numberedHead = plainHead + 4 // and the number of its log
	syncedHead   = numberedHead + 8
)

// nextChunk reads the chunk at the start of what is left of a block; see Pebble's package record.
func nextChunk(b []byte, number uint64) (c chunk, rest []byte, ok bool) {
	if len(b) < plainHead || b[6] == 0 || b[6] > 12 {
		return c, nil, false
	}
	form, part := (b[6]-1)/4, (b[6]-1)%4
	head := [...]int{plainHead, numberedHead, syncedHead}[form]
	end := head + int(binary.LittleEndian.Uint16(b[4:]))
	if form == 0 && number != 0 { // of a manifest, under the name of a log
		return c, nil, false
	}
	if end > len(b) || form > 0 && uint64(binary.LittleEndian.Uint32(b[logNumberAt:])) != number&(1<<32-1) {
		return c, nil, false
	}
	sum := crc32.Checksum(b[6:end], crc32.MakeTable(crc32.Castagnoli))
	if binary.LittleEndian.Uint32(b) != maskedSum(sum) {
		return c, nil, false
	}
	c = chunk{payload: b[head:end], begins: part < 2, ends: part == 0 || part == 3}
	if form == 2 {
		c.synced = int64(binary.LittleEndian.Uint64(b[numberedHead:]))
	}
	return c, b[end:], true
}

// nextWhole returns the rest of a block from the next whole chunk on, behind one that makes no sense.
func nextWhole(b []byte, number uint64) []byte {
	for len(b) > plainHead {
		b = b[1:]
		if _, _, ok := nextChunk(b, number); ok {
			return b
		}
	}
	return nil
}

// endsBlock reports whether the rest of a block is what is left where no chunk has room, or the end of the
// file. As in Pebble it must be zeros as far as a chunk could be there.
func endsBlock(rest []byte, n int) bool {
	switch {
	case len(rest) == 0:
		return true
	case n < logBlock || len(rest) >= syncedHead:
		return false
	case len(rest) < plainHead:
		return true
	case len(rest) < numberedHead:
		rest = rest[:plainHead]
	}
	return len(bytes.Trim(rest, "\x00")) == 0
}

// maskedSum is how Pebble stores a CRC-32C.
func maskedSum(sum uint32) uint32 { return (sum>>15 | sum<<17) + sumMask }

// unmaskedSum undoes maskedSum.
func unmaskedSum(masked uint32) uint32 {
	sum := masked - sumMask
	return sum<<15 | sum>>17
}

const sumMask = 0xa282ead8

// versions calls f with every entry of the batches in a log, and returns how many places were damaged.
func (l *logFile) versions(ctx context.Context, f func(version) error) (damaged int, err error) {
	numbers := []uint64{l.number}
	if other := l.written(); other != 0 && other < l.number+1<<20 && other != l.number {
		numbers = append(numbers, other) // the file is another log's, or was that one's before
	}
	for _, number := range numbers {
		lost, err := l.each(ctx, number, func(rec []byte) error { return batchVersions(rec, f) })
		if damaged += lost; err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

// batchVersions calls f with the entries of a batch. A record that is none has no entries, and what follows
// an entry that makes no sense is left out.
func batchVersions(rec []byte, f func(version) error) error {
	head, ok := batchrepr.ReadHeader(rec)
	if !ok {
		return nil
	}
	rest := rec[batchrepr.HeaderLen:]
	for seq := uint64(head.SeqNum); len(rest) > 0; {
		kind := pebble.InternalKeyKind(rest[0])
		v := version{seq: seq}
		if v.key, rest, ok = cutString(rest[1:]); !ok {
			return nil
		}
		switch kind {
		case pebble.InternalKeyKindLogData: // takes no number
			continue
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindDeleteSized, pebble.InternalKeyKindRangeDelete:
			if v.value, rest, ok = cutString(rest); !ok {
				return nil
			}
		case pebble.InternalKeyKindDelete, pebble.InternalKeyKindSingleDelete:
		default: // nothing that the store writes
			return nil
		}
		seq++
		if kind == pebble.InternalKeyKindRangeDelete { // of notes that no longer count
			continue
		}
		if v.deleted = kind != pebble.InternalKeyKindSet; v.deleted {
			v.value = nil
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// cutString takes a string with its length before it from the start of b. Pebble's own reads behind the end
// of what is cut off.
func cutString(b []byte) (s, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end], b[end:], true
}

// A span is from which number to which entries go, both included; the zero span has none.
type span struct{ first, last uint64 }

// with returns the span with more numbers in it.
func (s span) with(first, last uint64) span {
	if s.last == 0 {
		return span{first, last}
	}
	return span{min(s.first, first), max(s.last, last)}
}

// span returns which numbers the batches of a log gave to entries, and at how many places it is damaged.
func (l *logFile) span(ctx context.Context) (out span, damaged int, err error) {
	damaged, err = l.each(ctx, l.number, func(rec []byte) error {
		if head, ok := batchrepr.ReadHeader(rec); ok && head.Count > 0 {
			out = out.with(uint64(head.SeqNum), uint64(head.SeqNum)+uint64(head.Count)-1)
		}
		return nil
	})
	return out, damaged, err
}

// A manifest is what the edits of one say, as far as it matters before the database is opened.
type manifest struct {
	edits int
	// whole means that it ends as Pebble leaves it, or as a crash may: with whole edits, and perhaps one
	// that was being written. Edits behind damage mean that those in between are lost.
	whole bool
	// log is the least number of a log that is needed.
	log uint64
}

// manifest reads a manifest.
func (l *logFile) manifest(ctx context.Context) (m manifest, err error) {
	damaged, err := l.each(ctx, 0, func(rec []byte) error {
		m.edits++
		if log := editLog(rec); log > 0 {
			m.log = log
		}
		return nil
	})
	m.whole = damaged == 0
	return m, err
}

// editLog returns the number of the first log that is needed after an edit, 0 where it does not say so. In
// an edit only the name of the comparer comes before it.
func editLog(rec []byte) uint64 {
	const comparer, log = 1, 2
	tag, n := binary.Uvarint(rec)
	if n > 0 && tag == comparer {
		size, m := binary.Uvarint(rec[n:])
		if m <= 0 || size > uint64(len(rec)-n-m) {
			return 0
		}
		rec = rec[n+m+int(size):]
		tag, n = binary.Uvarint(rec)
	}
	if n <= 0 || tag != log {
		return 0
	}
	number, m := binary.Uvarint(rec[n:])
	if m <= 0 {
		return 0
	}
	return number
}
