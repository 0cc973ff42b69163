package p2ptest

import (
	"fmt"
	"net/netip"
	"p2pchain/core/coretest"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// A SimSeat is a place on a simulated network: an identity, and an address that is public and alone in
// its /16. One host at a time has it, made with its key, its address to listen on and its options.
// One goroutine at a time may use a seat.
type SimSeat struct {
	net     *SimNet
	index   int
	wires   *simTransport // of the host that has the seat
	crashed bool
}

// Seat returns the next place.
func (s *SimNet) Seat() *SimSeat {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return &SimSeat{net: s, index: s.next - 1}
}

// Index returns the number of the seat, from 0 on.
func (s *SimSeat) Index() int { return s.index }

// Key returns the identity of the seat's host.
func (s *SimSeat) Key() crypto.PrivKey { return simKey(s.net.t, s.index) }

// Listen returns the address that the seat's host listens on.
func (s *SimSeat) Listen() string { return simListen(s.index) }

// Options give a new host the transports of the seat. After Crash that is a restart.
func (s *SimSeat) Options() []libp2p.Option {
	if s.crashed {
		s.net.count(func(c *SimCounts) { c.Restarts++ })
	}
	s.crashed = false
	s.wires = &simTransport{net: s.net, from: simIP(s.index).AsSlice()}
	return s.wires.options()
}

// Crash cuts the power: nothing that the host sends arrives from now on. It is still to be closed.
func (s *SimSeat) Crash() {
	s.crashed = true
	s.net.remove(netip.AddrPortFrom(simIP(s.index), simPort))
	s.net.count(func(c *SimCounts) { c.Crashes++ })
}

// Close closes what a closed host leaves open.
func (s *SimSeat) Close() error { return s.wires.close() }

// Addr returns the address of a seat's host, with its id, whether there is one or not.
func (s *SimNet) Addr(i int) string {
	id, err := peer.IDFromPrivateKey(simKey(s.t, i))
	if err != nil {
		s.t.Fatalf("seat %d: %v", i, err)
	}
	return simListen(i) + "/p2p/" + id.String()
}

// simIP returns the i-th address, public and alone in its /16.
func simIP(i int) netip.Addr { return netip.AddrFrom4([4]byte{byte(20 + i/256), byte(i), 0, 1}) }

func simListen(i int) string { return fmt.Sprintf("/ip4/%v/udp/%d/quic-v1", simIP(i), simPort) }

// simKey returns the i-th identity.
func simKey(t testing.TB, i int) crypto.PrivKey {
	key, err := crypto.UnmarshalEd25519PrivateKey(coretest.Key(i))
	if err != nil {
		t.Fatalf("key %d: %v", i, err)
	}
	return key
}
