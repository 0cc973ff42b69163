package exchange

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/proto"
)

const (
	readBuffer = 4 << 10  // what a stream reads ahead
	writeChunk = 16 << 10 // what is handed to it at a time
	// leastMoved is what a peer must give or take in the time of a frame: no line is slower.
	leastMoved = 4 << 10
)

// A pipe is a stream as frames. One goroutine uses it.
type pipe struct {
	stream   network.Stream
	source   counted       // the stream
	in       *bufio.Reader // from source
	timeout  time.Duration // of a frame
	reserved int
	kept     int          // of that, by keep
	sent     atomic.Int64 // bytes that the stream took
	buf      []byte       // of the last frame, used again for the next
}

// newPipe reserves what reading frames of up to limit bytes takes. The pipe is there in any case.
func newPipe(s network.Stream, limit int, timeout time.Duration) (*pipe, error) {
	p := &pipe{stream: s, source: counted{Reader: s}, timeout: timeout}
	if err := p.reserve(limit + readBuffer); err != nil {
		return p, err
	}
	p.in = bufio.NewReaderSize(&p.source, readBuffer)
	return p, nil
}

// reserve asks the resource manager for memory. The end of the stream gives all of it back.
func (p *pipe) reserve(n int) error {
	if err := p.stream.Scope().ReserveMemory(n, network.ReservationPriorityAlways); err != nil {
		return fmt.Errorf("reserving %d bytes: %w", n, err)
	}
	p.reserved += n
	return nil
}

// keep sees to it that n bytes are reserved for what is held in turn. They stay reserved: asking the
// resource manager costs more than a small block.
func (p *pipe) keep(n int) error {
	if n <= p.kept {
		return nil
	}
	err := p.reserve(n - p.kept)
	if err == nil {
		p.kept = n
	}
	return err
}

func (p *pipe) giveBack(n int) {
	p.stream.Scope().ReleaseMemory(n)
	p.reserved -= n
}

// next returns the bytes of the next frame, valid until the one after it. A clean end of the stream
// before the frame is io.EOF.
func (p *pipe) next(limit int) ([]byte, error) {
	if err := p.stream.SetReadDeadline(time.Now().Add(p.timeout)); err != nil {
		return nil, err
	}
	before := p.source.n
	frame, err := readFrame(p.in, limit, &p.buf)
	return frame, late(err, p.source.n-before)
}

// late tells a stall from a line that is too slow for a frame, where there was no more time for it.
func late(err error, moved int) error {
	var timed interface{ Timeout() bool }
	switch {
	case !errors.As(err, &timed) || !timed.Timeout():
		return err
	case moved < leastMoved:
		return ErrStalled
	default:
		return fmt.Errorf("frame too slow: %s", err)
	}
}

// A counted reader counts what came.
type counted struct {
	io.Reader
	n int
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// readFrame reads a frame into buf, which grows to what the largest one needed.
func readFrame(in *bufio.Reader, limit int, buf *[]byte) ([]byte, error) {
	size, err := readSize(in)
	if err != nil {
		return nil, err
	}
	if size > uint64(limit) {
		return nil, broken("frame of %d bytes, at most %d", size, limit)
	}
	if uint64(cap(*buf)) < size {
		*buf = make([]byte, size)
	}
	frame := (*buf)[:size]
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, noEOF(err)
	}
	return frame, nil
}

// noEOF turns an end of the stream into one that was not expected.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readSize reads a varint of at most 32 bits in its shortest form.
func readSize(in *bufio.Reader) (uint64, error) {
	var size uint64
	for shift := 0; shift < 5*7; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			if shift > 0 {
				err = noEOF(err)
			}
			return 0, err
		}
		size |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				return 0, broken("size of a frame not in its shortest form")
			}
			return size, nil
		}
	}
	return 0, broken("size of a frame does not end")
}

// read fills m from the next frame.
func (p *pipe) read(m proto.Message, limit int) error {
	frame, err := p.next(limit)
	if err != nil {
		return err
	}
	return unmarshal(frame, m)
}

func unmarshal(frame []byte, m proto.Message) error {
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(frame, m); err != nil {
		return broken("%v", err)
	}
	return nil
}

// write sends m as one frame.
func (p *pipe) write(m proto.Message) error {
	size := proto.Size(m)
	if size > maxFrame {
		return fmt.Errorf("frame of %d bytes, at most %d", size, maxFrame)
	}
	frame := binary.AppendUvarint(make([]byte, 0, size+binary.MaxVarintLen32), uint64(size))
	frame, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(frame, m)
	if err != nil {
		return err
	}
	return p.writeFrame(frame)
}

// writeFrame sends a frame that has its size in front.
func (p *pipe) writeFrame(frame []byte) error {
	if err := p.stream.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	taken := time.Now()
	for len(frame) > 0 {
		n, err := p.stream.Write(frame[:min(writeChunk, len(frame))])
		p.sent.Add(int64(n))
		if err != nil {
			moved := 0
			if time.Since(taken) < p.timeout/2 {
				moved = leastMoved
			}
			return late(err, moved)
		}
		taken, frame = time.Now(), frame[n:]
	}
	return nil
}
