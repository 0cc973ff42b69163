package bootstrap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	entryVersion   = 1
	maxIDBytes     = 64  // the longest peer id that libp2p makes has 42
	maxAddrBytes   = 512 // of one address in binary; WebTransport's, the longest in use, have about 110
	maxAddrs       = 16  // of one peer, in the book and anywhere else in this package
	maxTimeMS      = 253402300799999
	entryFlagBytes = 1
)

// ErrEntry means that bytes are not an encoded Entry.
var ErrEntry = errors.New("malformed book entry")

// An Entry is what the book remembers about a peer.
//
// Its encoding is one version byte (1); one byte length and the peer id; one byte of flags (bit 0: anchor);
// LastSeen and LastTried as 8 bytes of Unix milliseconds each, 0 for never; Failures in 4 bytes; the number
// of addresses in one byte; and for each address 2 bytes of length and the multiaddr in binary. Integers
// are big-endian. Decoding accepts only what encoding gives.
type Entry struct {
	ID    peer.ID
	Addrs []ma.Multiaddr // without /p2p/ID, at most 16

	LastSeen  time.Time // when it was last known to be connected; zero: never
	LastTried time.Time // when it was last dialled; zero: never
	Failures  uint32    // dials in a row that failed
	Anchor    bool      // to be dialled first after a restart
}

// MarshalBinary returns the encoding of e, or an error if e passes one of the limits. Times are cut to
// milliseconds.
func (e Entry) MarshalBinary() ([]byte, error) {
	if len(e.ID) == 0 || len(e.ID) > maxIDBytes {
		return nil, fmt.Errorf("%w: peer id of %d bytes", ErrEntry, len(e.ID))
	}
	if len(e.Addrs) > maxAddrs {
		return nil, fmt.Errorf("%w: %d addresses, at most %d allowed", ErrEntry, len(e.Addrs), maxAddrs)
	}
	seen, err := timeToMS(e.LastSeen)
	if err != nil {
		return nil, err
	}
	tried, err := timeToMS(e.LastTried)
	if err != nil {
		return nil, err
	}
	var flags byte
	if e.Anchor {
		flags = 1
	}
	b := []byte{entryVersion, byte(len(e.ID))}
	b = append(b, e.ID...)
	b = append(b, flags)
	b = binary.BigEndian.AppendUint64(b, seen)
	b = binary.BigEndian.AppendUint64(b, tried)
	b = binary.BigEndian.AppendUint32(b, e.Failures)
	b = append(b, byte(len(e.Addrs)))
	for _, a := range e.Addrs {
		raw := a.Bytes()
		if len(raw) == 0 || len(raw) > maxAddrBytes {
			return nil, fmt.Errorf("%w: address of %d bytes", ErrEntry, len(raw))
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(raw)))
		b = append(b, raw...)
	}
	return b, nil
}

// UnmarshalBinary sets e from what MarshalBinary gave. It keeps no reference to b, and it leaves e as it
// was if b is not an encoding; the error is then an ErrEntry.
func (e *Entry) UnmarshalBinary(b []byte) error {
	r := entryReader{rest: b}
	if v := r.take(1); !r.failed && v[0] != entryVersion {
		return fmt.Errorf("%w: version %d, want %d", ErrEntry, v[0], entryVersion)
	}
	var d Entry
	d.ID = r.id()
	flags := r.take(entryFlagBytes)
	if !r.failed && flags[0] > 1 {
		return fmt.Errorf("%w: unknown flags %#x", ErrEntry, flags[0])
	}
	d.Anchor = !r.failed && flags[0] == 1
	d.LastSeen = r.time()
	d.LastTried = r.time()
	if f := r.take(4); !r.failed {
		d.Failures = binary.BigEndian.Uint32(f)
	}
	d.Addrs = r.addrs()
	if r.failed || len(r.rest) != 0 {
		return fmt.Errorf("%w: %d bytes, %d of them not understood", ErrEntry, len(b), len(r.rest))
	}
	*e = d
	return nil
}

// entryReader takes an encoded entry apart. After the first failure it gives only zero values.
type entryReader struct {
	rest   []byte
	failed bool
}

func (r *entryReader) take(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed = true
		return nil
	}
	v := r.rest[:n]
	r.rest = r.rest[n:]
	return v
}

func (r *entryReader) id() peer.ID {
	n := r.take(1)
	if r.failed || n[0] > maxIDBytes {
		r.failed = true
		return ""
	}
	raw := r.take(int(n[0]))
	id, err := peer.IDFromBytes(raw)
	if err != nil || string(id) != string(raw) {
		r.failed = true
		return ""
	}
	return id
}

func (r *entryReader) time() time.Time {
	raw := r.take(8)
	if r.failed {
		return time.Time{}
	}
	ms := binary.BigEndian.Uint64(raw)
	if ms > maxTimeMS {
		r.failed = true
		return time.Time{}
	}
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func (r *entryReader) addrs() []ma.Multiaddr {
	n := r.take(1)
	if r.failed || n[0] > maxAddrs {
		r.failed = true
		return nil
	}
	var addrs []ma.Multiaddr
	for range n[0] {
		size := r.take(2)
		if r.failed || binary.BigEndian.Uint16(size) > maxAddrBytes {
			r.failed = true
			return nil
		}
		raw := slices.Clone(r.take(int(binary.BigEndian.Uint16(size))))
		a, err := ma.NewMultiaddrBytes(raw)
		if err != nil || !bytes.Equal(a.Bytes(), raw) {
			r.failed = true
			return nil
		}
		addrs = append(addrs, a)
	}
	return addrs
}

// timeToMS gives Unix milliseconds, and 0 for the zero time.
func timeToMS(t time.Time) (uint64, error) {
	if t.IsZero() {
		return 0, nil
	}
	ms := t.UnixMilli()
	if ms < 0 || ms > maxTimeMS {
		return 0, fmt.Errorf("%w: time %v", ErrEntry, t)
	}
	return uint64(ms), nil
}
