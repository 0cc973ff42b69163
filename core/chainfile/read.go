package chainfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"p2pchain/core"
)

var (
	// ErrUnverified is what every LineError is to errors.Is.
	ErrUnverified = errors.New("chain file does not hold what it should")
	// ErrTruncated means that the file ends within a line.
	ErrTruncated = errors.New("the file ends within this line")
	// ErrTooLong means that a line is longer than any of its network can be.
	ErrTooLong = errors.New("line is too long")
	// ErrOrder means that a block is not the child of the one in the line before.
	ErrOrder = errors.New("block does not follow the one in the line before")
)

// A LineError says in which line of a file something is wrong.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Is makes every LineError an ErrUnverified.
func (e *LineError) Is(target error) bool { return target == ErrUnverified }

// maxGenesisLine bounds the first line: parameters with 1,024 authors take 70 KiB.
const maxGenesisLine = 128 << 10

// maxLine returns a bound for the lines of a network: escapes make a payload six times as long, and
// no message takes more than a kilobyte besides.
func maxLine(n *core.Network) int {
	return 6*n.Params.MaxBlockBytes + 1024*n.Params.MaxBlockMessages + 4096
}

// A Reader reads a chain file from its start. It is not safe for concurrent use.
type Reader struct {
	buf     *bufio.Reader
	network *core.Network
	line    []byte
	number  int
	offset  int64
	last    core.Hash
	height  uint64
}

// NewReader reads the first line and returns a Reader of those after it. Errors are LineErrors but
// for those of r.
func NewReader(r io.Reader) (*Reader, error) {
	out := &Reader{buf: bufio.NewReaderSize(r, 256<<10)}
	line, err := out.read(maxGenesisLine)
	if err == io.EOF {
		out.number = 1
		err = out.fail(fmt.Errorf("the file is empty: %w", ErrTruncated))
	}
	if err != nil {
		return nil, err
	}
	n, err := line.Genesis()
	if err != nil {
		return nil, out.fail(err)
	}
	out.network, out.last = n, n.Genesis
	return out, nil
}

// Network returns the network of the file.
func (r *Reader) Network() *core.Network { return r.network }

// Line returns the number of the line read last, from 1.
func (r *Reader) Line() int { return r.number }

// Offset returns how many bytes the lines read so far take.
func (r *Reader) Offset() int64 { return r.offset }

// Next returns the next line with its header, which is the child of the one before it; io.EOF after
// the last one. The second line may hold a block of any height. The line is valid until the next call.
// Errors are LineErrors but for those of the underlying reader.
func (r *Reader) Next() (Line, core.Header, error) {
	line, err := r.read(maxLine(r.network))
	if err != nil {
		return nil, core.Header{}, err
	}
	h, err := line.Header()
	if err != nil {
		return nil, h, r.fail(err)
	}
	begins := r.height == 0 && h.Height > 1
	if !begins && (h.PreviousHash != r.last || h.Height != r.height+1) {
		return nil, h, r.fail(fmt.Errorf("block %d after block %d: %w", h.Height, r.height, ErrOrder))
	}
	r.last, r.height = h.Hash(), h.Height
	return line, h, nil
}

// read returns the next line of at most limit bytes, io.EOF where there is none.
func (r *Reader) read(limit int) (Line, error) {
	r.line = r.line[:0]
	r.number++
	for {
		piece, err := r.buf.ReadSlice('\n')
		r.line = append(r.line, piece...)
		switch {
		case len(r.line) > limit:
			return nil, r.fail(fmt.Errorf("more than %d bytes: %w", limit, ErrTooLong))
		case err == nil:
			r.offset += int64(len(r.line))
			return r.line, nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(r.line) == 0:
			r.number--
			return nil, io.EOF
		case err == io.EOF:
			return nil, r.fail(ErrTruncated)
		default:
			return nil, fmt.Errorf("reading line %d: %w", r.number, err)
		}
	}
}

func (r *Reader) fail(err error) error { return &LineError{r.number, err} }

// LastLine looks at the line that ends at an offset of a file, and returns where it begins and the
// header at its end. What cannot be the end of a line is core.ErrMalformed; the line itself is judged
// by nobody. It takes constant memory and reads the line once.
func LastLine(f io.ReaderAt, end int64) (start int64, h core.Header, err error) {
	if end < int64(headerTail) {
		return 0, h, fmt.Errorf("no line ends at byte %d: %w", end, core.ErrMalformed)
	}
	tail := make(Line, headerTail)
	if _, err := f.ReadAt(tail, end-int64(headerTail)); err != nil {
		return 0, h, err
	}
	if h, err = tail.Header(); err != nil {
		return 0, h, err
	}
	chunk := make([]byte, 64<<10)
	for at := end - int64(headerTail); at > 0; {
		chunk = chunk[:min(int64(len(chunk)), at)]
		at -= int64(len(chunk))
		if _, err := f.ReadAt(chunk, at); err != nil {
			return 0, h, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			return at + int64(i) + 1, h, nil
		}
	}
	return 0, h, nil
}
