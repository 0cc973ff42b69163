package exchange

import (
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	// MaxRecordAddrs is how many addresses a record may have.
	MaxRecordAddrs = 16
	// OwnRecords is how many records a hello may have of its sender.
	OwnRecords = 2

	maxRecord     = 1 << 10 // bytes of a record
	maxRecordAddr = 256     // bytes of an address in it
)

// ErrRecord means that bytes are no signed record of a peer's addresses.
var ErrRecord = errors.New("not a signed peer record")

// A Record is a libp2p signed peer record as it travels: addresses of a peer, and the signature by its
// key (libp2p's RFC 0002 and 0003). It is "" where there is none. Whoever hands it on cannot change it.
type Record string

// Sign returns a record of a peer's own addresses: as many of them, from the first on, as fit. seq
// orders the records of a peer.
func Sign(key crypto.PrivKey, addrs []ma.Multiaddr, seq uint64) (Record, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("signing a record: %w", err)
	}
	const around = 256 // key, signature, peer id, and what protobuf needs
	kept, size := []ma.Multiaddr(nil), around
	for _, a := range addrs {
		size += len(a.Bytes()) + 8
		if len(kept) == MaxRecordAddrs || size > maxRecord || len(a.Bytes()) > maxRecordAddr {
			break
		}
		kept = append(kept, a)
	}
	envelope, err := record.Seal(&peer.PeerRecord{PeerID: id, Addrs: kept, Seq: seq}, key)
	if err != nil {
		return "", fmt.Errorf("signing a record: %w", err)
	}
	raw, err := envelope.Marshal()
	if err != nil {
		return "", fmt.Errorf("encoding a record: %w", err)
	}
	return Record(raw), nil
}

// Open returns whose record it is and the addresses in it, after checking the signature and all
// sizes. Errors are ErrRecord.
func (r Record) Open() (peer.AddrInfo, error) {
	if len(r) == 0 || len(r) > maxRecord {
		return peer.AddrInfo{}, fmt.Errorf("%w: %d bytes", ErrRecord, len(r))
	}
	var rec peer.PeerRecord
	envelope, err := record.ConsumeTypedEnvelope([]byte(r), &rec)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	// The envelope only shows that somebody signed it.
	if !rec.PeerID.MatchesPublicKey(envelope.PublicKey) {
		return peer.AddrInfo{}, fmt.Errorf("%w: of %v, signed by another", ErrRecord, rec.PeerID)
	}
	if len(rec.Addrs) == 0 || len(rec.Addrs) > MaxRecordAddrs {
		return peer.AddrInfo{}, fmt.Errorf("%w: %d addresses", ErrRecord, len(rec.Addrs))
	}
	for _, a := range rec.Addrs {
		if len(a) == 0 || len(a.Bytes()) > maxRecordAddr {
			return peer.AddrInfo{}, fmt.Errorf("%w: address of %d bytes", ErrRecord, len(a.Bytes()))
		}
	}
	return peer.AddrInfo{ID: rec.PeerID, Addrs: rec.Addrs}, nil
}

// A Realm says from where an address can be dialled.
type Realm uint8

// The realms, each larger than the one before.
const (
	Machine Realm = iota // loopback: from the same machine
	Home                 // private, shared and link-local: from the same private network
	World                // from anywhere
)

// RealmOf returns the realm of an address, of the other end of a connection or one to dial. One
// through a relay is of the world: it says nothing of where its peer is.
func RealmOf(a ma.Multiaddr) Realm {
	for _, c := range a {
		if c.Code() == ma.P_CIRCUIT {
			return World
		}
	}
	switch {
	case manet.IsIPLoopback(a):
		return Machine
	case manet.IsPublicAddr(a):
		return World
	}
	return Home
}

// RealmOfAll returns the smallest realm among addresses: only there all of them are of use.
func RealmOfAll(addrs []ma.Multiaddr) Realm {
	least := World
	for _, a := range addrs {
		least = min(least, RealmOf(a))
	}
	return least
}
