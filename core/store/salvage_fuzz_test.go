package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	pebblerecord "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// databaseFiles returns what is in the files of a database of each kind: its logs as a kill leaves them,
// tables and manifests.
func databaseFiles(f *testing.F) map[fileKind][][]byte {
	n, dir := coretest.Network(f), f.TempDir()
	out := make(map[fileKind][][]byte)
	read := func(pattern string, kind fileKind) {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			out[kind] = append(out[kind], bytes.TrimRight(content, "\x00"))
		}
	}
	s := openReal(f, dir, n)
	connect(f, s, coretest.Chain(f, n, coretest.Genesis(n), 4, 2)...)
	accept(f, s, true, mempool.Accepted, coretest.Messages(f, n, "m", 3)...)
	read("*.log", logKind)
	closeNow(f, s)
	read("*.sst", tableKind)
	read("MANIFEST-*", manifestKind)
	for _, kind := range []fileKind{logKind, tableKind, manifestKind} {
		if len(out[kind]) == 0 {
			f.Fatalf("no files of kind %d", kind)
		}
	}
	return out
}

// inMemory makes a file of some content.
func inMemory(t *testing.T, content []byte) vfs.FS {
	fsys := vfs.NewMem()
	file, err := fsys.Create("file", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return fsys
}

// repairSums gives every chunk of a log the checksum that fits it, so that what is mutated gets further
// than to the checksum.
func repairSums(b []byte) {
	for from := 0; from < len(b); from += logBlock {
		rest := b[from:min(from+logBlock, len(b))]
		for len(rest) >= 7 {
			end := 7 + int(binary.LittleEndian.Uint16(rest[4:]))
			if kind := rest[6]; kind > 8 {
				end += 12
			} else if kind > 4 {
				end += 4
			}
			if end > len(rest) {
				break
			}
			sum := crc32.Checksum(rest[6:end], crc32.MakeTable(crc32.Castagnoli))
			binary.LittleEndian.PutUint32(rest, maskedSum(sum))
			rest = rest[end:]
		}
	}
}

// FuzzLog reads any bytes as a log and as a manifest. Nothing panics, and what Pebble reads before it meets
// damage is read here, too, in its order.
func FuzzLog(f *testing.F) {
	files := databaseFiles(f)
	for _, content := range slices.Concat(files[logKind], files[manifestKind]) {
		for _, fit := range []bool{false, true} {
			f.Add(content, fit)
			f.Add(content[:len(content)/2], fit)
			f.Add(slices.Concat(make([]byte, 100), content), fit)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, fit bool) {
		if fit {
			content = slices.Clone(content)
			repairSums(content)
		}
		fsys := inMemory(t, content)
		for _, manifest := range []bool{false, true} {
			number := uint64(0)
			l, err := openLog(fsys, "file", number)
			if err != nil {
				t.Fatal(err)
			}
			if !manifest {
				number = l.written()
				l.number = number
			}
			var ours [][]byte
			if _, err := l.each(t.Context(), number, func(rec []byte) error { ours = append(ours, slices.Clone(rec)); return nil }); err != nil {
				t.Errorf("each: %v", err)
			}
			if !fit { // Pebble takes a record that begins within another one for the rest of that one
				comparePebble(t, fsys, number, ours)
			}
			readOtherwise(t, l, int64(len(content)))
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// comparePebble holds the records of a log to those that Pebble reads of it up to the first damage.
func comparePebble(t *testing.T, fsys vfs.FS, number uint64, ours [][]byte) {
	file, err := fsys.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	theirs := logReader(pebblerecord.NewReader, file, number)
	for i := 0; ; i++ {
		r, err := theirs.Next()
		if err != nil {
			return
		}
		rec, err := io.ReadAll(r)
		if err != nil {
			return
		}
		if i >= len(ours) || !bytes.Equal(ours[i], rec) {
			t.Errorf("record %d of log %d: Pebble reads %d bytes, and here are %d records", i, number, len(rec), len(ours))
			return
		}
	}
}

// logReader calls pebblerecord.NewReader, whose second type only Pebble can name.
func logReader[N ~uint64](open func(io.Reader, N) *pebblerecord.Reader, file io.Reader, number uint64) *pebblerecord.Reader {
	return open(file, N(number))
}

// readOtherwise reads a log in all the other ways.
func readOtherwise(t *testing.T, l *logFile, size int64) {
	_, manifestErr := l.manifest(t.Context())
	_, _, spanErr := l.span(t.Context())
	bytesRead := int64(0)
	_, err := l.versions(t.Context(), func(v version) error { bytesRead += int64(len(v.key) + len(v.value)); return nil })
	if err := errors.Join(manifestErr, spanErr, err); err != nil {
		t.Error(err)
	}
	if bytesRead > 2*size { // it is read under two numbers at most
		t.Errorf("%d bytes of entries in %d", bytesRead, size)
	}
	l.begins()
}

// FuzzTable reads any bytes as a table, with its index and without one. Nothing panics, damage is no
// error, and what is found is no more than can be in it.
func FuzzTable(f *testing.F) {
	for _, content := range databaseFiles(f)[tableKind] {
		f.Add(content)
		f.Add(content[:len(content)-8])
		f.Add(content[:len(content)/2])
		f.Add(slices.Concat(content[:len(content)/3], make([]byte, 64), content[len(content)/3:]))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		table, err := openTable(inMemory(t, content), "file")
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		if _, err := table.each(t.Context(), func(version) error { return nil }); err != nil {
			t.Errorf("each: %v", err)
		}
		if _, err := table.scan(t.Context(), func(version) error { return nil }); err != nil {
			t.Errorf("scan: %v", err)
		}
		_, _, boundsErr := table.bounds(t.Context())
		verifyErr := table.verify(t.Context())
		if table.ended(); verifyErr == nil && boundsErr != nil {
			t.Errorf("every block fits its checksum, and bounds = %v", boundsErr)
		}
	})
}

// FuzzBlock unpacks any bytes, and looks whether they are a data block. What is in one is not mutated:
// Pebble's decoder believes a block whose checksum fits.
func FuzzBlock(f *testing.F) {
	for _, content := range databaseFiles(f)[tableKind] {
		table, err := openTable(vfs.Default, tempFile(f, content))
		if err != nil {
			f.Fatal(err)
		}
		handles, err := table.handles(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		for _, h := range handles {
			data, err := table.read(h)
			if err != nil {
				f.Fatal(err)
			}
			if !table.isDataBlock(data) {
				f.Fatal("a data block is not told")
			}
			f.Add(data, byte(0))
		}
		if err := table.Close(); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, kind byte) {
		table, err := openTable(inMemory(t, nil), "file")
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		if unpacked, err := unpackBlock(content, kind); err == nil {
			content = unpacked
		}
		if is := table.isDataBlock(content); is && len(content) < 40 {
			t.Errorf("%d bytes are a data block", len(content))
		}
	})
}

// FuzzBatch reads any bytes as a batch of a log, and as an edit of a manifest.
func FuzzBatch(f *testing.F) {
	files := databaseFiles(f)
	for _, content := range slices.Concat(files[logKind], files[manifestKind]) {
		l, err := openLog(vfs.Default, tempFile(f, content), 0)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := l.each(f.Context(), l.written(), func(rec []byte) error { f.Add(slices.Clone(rec)); return nil }); err != nil {
			f.Fatal(err)
		}
		if err := l.Close(); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		size := 0
		if err := batchVersions(rec, func(v version) error { size += len(v.key) + len(v.value); return nil }); err != nil {
			t.Error(err)
		}
		if size > len(rec) {
			t.Errorf("%d bytes of entries in %d", size, len(rec))
		}
		editLog(rec)
	})
}

// tempFile writes a file and returns its path.
func tempFile(f *testing.F, content []byte) string {
	path := filepath.Join(f.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}
