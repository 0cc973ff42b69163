package notary

import (
	"bufio"
	"crypto/sha256"
	"hash"
	"io"
	"strings"

	"p2pchain/core"
)

// A List says what was hashed, and what was left out of it.
type List struct {
	Files, Size uint64    // of the files in it
	SHA256      core.Hash // of the list
	LeftOut     LeftOut
}

// mostNamed is how many of those that were left out are named.
const mostNamed = 5

// LeftOut counts what is in no list: it has no content of its own.
type LeftOut struct {
	Links, Special int
	Submodules     int      // of a commit
	Named          []string // the first of them
}

func (l *LeftOut) add(count *int, path string) {
	*count++
	if len(l.Named) < mostNamed {
		l.Named = append(l.Named, path)
	}
}

// Count returns how many there are.
func (l *LeftOut) Count() int { return l.Links + l.Special + l.Submodules }

// A listWriter writes the lines of a list and hashes them.
type listWriter struct {
	out  *bufio.Writer
	sum  hash.Hash
	list List
	line []byte
}

func newListWriter(out io.Writer) *listWriter {
	return &listWriter{out: bufio.NewWriterSize(out, 64<<10), sum: sha256.New()}
}

// add writes the line of a file.
func (w *listWriter) add(path string, digest core.Hash, size uint64) error {
	w.line = appendLine(w.line[:0], path, digest)
	w.sum.Write(w.line)
	w.list.Files++
	w.list.Size += size
	_, err := w.out.Write(w.line)
	return err
}

// end returns what was written.
func (w *listWriter) end() (List, error) {
	w.list.SHA256 = core.Hash(w.sum.Sum(nil))
	return w.list, w.out.Flush()
}

// appendLine appends a line as sha256sum prints it: where a path holds a backslash or the end of a line,
// these are escaped, and a backslash stands at the beginning.
func appendLine(dst []byte, path string, digest core.Hash) []byte {
	if strings.ContainsAny(path, "\\\n\r") {
		dst = append(dst, '\\')
		path = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`).Replace(path)
	}
	dst = append(append(dst, digest.String()...), "  "...)
	return append(append(dst, path...), '\n')
}
