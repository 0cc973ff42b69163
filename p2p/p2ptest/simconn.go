package p2ptest

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	"github.com/quic-go/quic-go"
)

// A simEnd is a socket on a simulated network. simnet's connection is all of it but the way out,
// which the router needs to know the size of.
type simEnd struct {
	*simnet.SimConn
	net  *SimNet
	addr netip.AddrPort
	way  uplink // guarded by net.mu
}

// A sizedAddr is where a packet goes, with how large it is: simnet hides the bytes of its packets.
type sizedAddr struct {
	net.Addr
	size int
}

// WriteTo implements net.PacketConn. What happens to the packet is the network's affair.
func (e *simEnd) WriteTo(b []byte, to net.Addr) (int, error) {
	return e.SimConn.WriteTo(b, sizedAddr{to, len(b)})
}

// RecvPacket takes a packet of ours on its way out.
func (e *simEnd) RecvPacket(p *simnet.Packet) {
	if to, ok := p.To.(sizedAddr); ok {
		if udp, ok := to.Addr.(*net.UDPAddr); ok {
			e.net.route(e, unmapped(udp), to.size, p)
		}
	}
}

// Close implements net.PacketConn.
func (e *simEnd) Close() error {
	e.net.unplug(e)
	return e.SimConn.Close()
}

func unmapped(udp *net.UDPAddr) netip.AddrPort {
	a := udp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// plug opens a socket. One that is at the address already, as after a crash, hears nothing more.
func (s *SimNet) plug(udp *net.UDPAddr) *simEnd {
	e := &simEnd{SimConn: simnet.NewBlockingSimConn(udp), net: s, addr: unmapped(udp)}
	e.SetUpPacketReceiver(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[e.addr] = e
	return e
}

// remove cuts an address off: the socket there hears nothing more, and nothing of it is heard.
func (s *SimNet) remove(at netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, at)
}

func (s *SimNet) unplug(e *simEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends[e.addr] == e {
		delete(s.ends, e.addr)
	}
}

// A simTransport is QUIC on a simulated network, for one host.
type simTransport struct {
	net     *SimNet
	manager *quicreuse.ConnManager // set by libp2p.New
	from    net.IP
}

// PreferredSourceIPForDestination implements quicreuse.SourceIPSelector.
func (t *simTransport) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return t.from, nil
}

// options replace a host's transports and nothing else: the resource manager sees every connection,
// as it does without them.
func (t *simTransport) options() []libp2p.Option {
	return []libp2p.Option{
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.QUICReuse(t.newManager),
	}
}

func (t *simTransport) newManager(reset quic.StatelessResetKey, token quic.TokenGeneratorKey, rm network.ResourceManager) (*quicreuse.ConnManager, error) {
	var err error
	t.manager, err = quicreuse.NewConnManager(reset, token,
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return t, nil }),
		quicreuse.OverrideListenUDP(func(_ string, at *net.UDPAddr) (net.PacketConn, error) { return t.net.plug(at), nil }),
		quicreuse.VerifySourceAddress(rm.VerifySourceAddress),
		quicreuse.ConnContext(func(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
			addr, err := quicreuse.ToQuicMultiaddr(client.RemoteAddr, quic.Version1)
			if err != nil {
				return ctx, err
			}
			scope, err := rm.OpenConnection(network.DirInbound, false, addr)
			if err != nil {
				return ctx, err
			}
			context.AfterFunc(ctx, scope.Done)
			return network.WithConnManagementScope(ctx, scope), nil
		}),
	)
	return t.manager, err
}

// close closes what libp2p leaves open where the connection manager is not its own.
func (t *simTransport) close() error {
	if t.manager == nil {
		return nil
	}
	if err := t.manager.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
