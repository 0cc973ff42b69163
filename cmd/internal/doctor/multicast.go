package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	mdnsPort = 5353
	// hearWithin is how long the own packet is waited for, and sendEvery how often it is sent again.
	hearWithin, sendEvery = time.Second, 250 * time.Millisecond
	// maxInterfaces bounds how many are tried: a machine with many containers has hundreds.
	maxInterfaces = 32
)

// errUnheard means that a packet was sent and did not come back.
var errUnheard = errors.New("sent, but not heard")

// lookAtMulticast sends a question of multicast DNS on every interface, for a name that nobody has, and
// listens whether it comes back, as it does to everybody on that link.
func (e *exam) lookAtMulticast(context.Context) []Finding {
	if !e.cfg.MDNS {
		return one(OK, "multicast is turned off (--no-mdns)", "", "")
	}
	all, err := e.system.interfaces()
	if err != nil {
		return one(Note, "the interfaces of this machine cannot be told: "+err.Error(), "", "")
	}
	fit := multicastInterfaces(all)
	if len(fit) == 0 {
		return one(Warning, "no interface can do multicast", "nodes on the local network do not find each other by themselves", "connect a network, or join by invite or --bootstrap")
	}
	tries := make([]multicastTry, len(fit))
	var running sync.WaitGroup
	for i, iface := range fit[:min(len(fit), maxInterfaces)] {
		running.Go(func() { tries[i] = tryMulticast(iface) })
	}
	running.Wait()
	return judgeMulticast(tries[:min(len(fit), maxInterfaces)])
}

// multicastInterfaces returns the interfaces that mDNS uses: up, not loopback, with an address that
// others can use.
func multicastInterfaces(all []net.Interface) []net.Interface {
	var fit []net.Interface
	for _, iface := range all {
		if iface.Flags&net.FlagUp == 0 || iface.Flags&net.FlagMulticast == 0 || iface.Flags&net.FlagLoopback != 0 {
			continue
		}
		if v4, v6 := families(iface); v4 || v6 {
			fit = append(fit, iface)
		}
	}
	return fit
}

// families tells which kinds of addresses an interface has; link-local IPv6 does not count.
func families(iface net.Interface) (v4, v6 bool) {
	addrs, err := iface.Addrs()
	if err != nil {
		return false, false
	}
	for _, a := range addrs {
		prefix, ok := a.(*net.IPNet)
		switch {
		case !ok:
		case prefix.IP.To4() != nil:
			v4 = true
		case !prefix.IP.IsLinkLocalUnicast():
			v6 = true
		}
	}
	return v4, v6
}

// A multicastTry is what came of one interface: errors are nil where it works, or where the interface has
// no addresses of this kind.
type multicastTry struct {
	name       string
	has4, has6 bool
	err4, err6 error
}

func (t multicastTry) works() bool { return t.has4 && t.err4 == nil || t.has6 && t.err6 == nil }

func tryMulticast(iface net.Interface) multicastTry {
	t := multicastTry{name: iface.Name}
	t.has4, t.has6 = families(iface)
	var both sync.WaitGroup
	if t.has4 {
		both.Go(func() { t.err4 = echo(iface, "udp4", net.IPv4(224, 0, 0, 251)) })
	}
	if t.has6 {
		both.Go(func() { t.err6 = echo(iface, "udp6", net.ParseIP("ff02::fb")) })
	}
	both.Wait()
	return t
}

// echo sends a packet to a group on an interface and waits until it is heard there.
func echo(iface net.Interface, network string, group net.IP) error {
	to := &net.UDPAddr{IP: group, Port: mdnsPort}
	in, err := net.ListenMulticastUDP(network, &iface, to)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := sender(iface, network)
	if err != nil {
		return err
	}
	defer out.Close()
	if network == "udp6" {
		to.Zone = iface.Name
	}
	question := mdnsQuestion()
	buf := make([]byte, 9000)
	for end := time.Now().Add(hearWithin); time.Now().Before(end); {
		if _, err := out.WriteTo(question, to); err != nil {
			return err
		}
		if err := in.SetReadDeadline(time.Now().Add(sendEvery)); err != nil {
			return err
		}
		for {
			n, err := in.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			if bytes.Equal(buf[:n], question) {
				return nil
			}
		}
	}
	return errUnheard
}

// sender returns a socket that sends to groups on one interface, and back to this machine.
func sender(iface net.Interface, network string) (net.PacketConn, error) {
	conn, err := net.ListenPacket(network, ":0")
	if err != nil {
		return nil, err
	}
	if network == "udp4" {
		p := ipv4.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastInterface(&iface), p.SetMulticastLoopback(true))
	} else {
		p := ipv6.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastInterface(&iface), p.SetMulticastLoopback(true))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// mdnsQuestion returns a question for a name that nobody else asks for or has (RFC 1035 section 4).
func mdnsQuestion() []byte {
	const questions, typePTR, classIN = 1, 12, 1
	var random [8]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	b := make([]byte, 12)
	binary.BigEndian.PutUint16(b[4:], questions)
	for _, label := range []string{fmt.Sprintf("_p2pchain-doctor-%x", random), "_udp", "local"} {
		b = append(append(b, byte(len(label))), label...)
	}
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, typePTR)
	return binary.BigEndian.AppendUint16(b, classIN)
}

// judgeMulticast says what it means which interfaces work.
func judgeMulticast(tries []multicastTry) []Finding {
	works := false
	for _, t := range tries {
		works = works || t.works()
	}
	var found []Finding
	for _, t := range tries {
		switch {
		case t.works() && t.err4 == nil && t.err6 == nil:
			found = append(found, Finding{Level: OK, What: t.name + ": multicast is sent and heard"})
		case t.works():
			found = append(found, Finding{Level: Note, What: fmt.Sprintf("%s: multicast works over one kind of addresses only: %v", t.name, errors.Join(t.err4, t.err6)), Why: "the other kind is not needed"})
		default:
			level := Warning
			if works {
				level = Note
			}
			why, do := multicastWords(errors.Join(t.err4, t.err6))
			found = append(found, Finding{Level: level, What: fmt.Sprintf("%s: multicast does not work: %v", t.name, firstError(t.err4, t.err6)), Why: why, Do: do})
		}
	}
	return found
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// multicastWords says why a packet was not heard, and what to do.
func multicastWords(err error) (why, do string) {
	const or = "; or join by invite or --bootstrap"
	switch {
	case errors.Is(err, syscall.EPERM):
		return "the firewall of this machine does not let it out", "allow outgoing UDP to port 5353" + or
	case errors.Is(err, errUnheard):
		return "a firewall of this machine drops it, or the interface does not really do multicast", "allow incoming UDP to port 5353" + or
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program has UDP port 5353 for itself alone", "stop that program" + or
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no route for multicast", "add one for the interface" + or
	}
	return "nodes on this network are not found by themselves", "join by invite or --bootstrap"
}
