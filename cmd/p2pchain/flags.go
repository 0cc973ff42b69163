package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/multiformats/go-multiaddr"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/node"
)

// A choice is a flag with a fixed set of words.
type choice struct {
	words []string
	value string
}

func newChoice(value string, words ...string) *choice { return &choice{words, value} }

// String returns the chosen word.
func (c *choice) String() string { return c.value }

// Type returns the words, for help texts.
func (c *choice) Type() string { return strings.Join(c.words, "|") }

// Set chooses a word.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("want %s", strings.Join(c.words, ", "))
	}
	c.value = s
	return nil
}

// A list is a flag that may be given several times, or once with commas. Every entry is checked as
// it is read, so an error names the flag.
type list struct {
	kind  string
	check func(string) error
	items []string
	set   bool
}

// String returns the entries, joined by commas.
func (l *list) String() string { return strings.Join(l.items, ",") }

// Type returns what an entry is, for help texts.
func (l *list) Type() string { return l.kind }

// Set adds entries; the first call replaces the default.
func (l *list) Set(s string) error {
	if !l.set {
		l.items, l.set = nil, true
	}
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if err := l.check(item); err != nil {
			return err
		}
		l.items = append(l.items, item)
	}
	return nil
}

// checkListen accepts addresses that a node can listen on.
func checkListen(s string) error {
	a, err := multiaddr.NewMultiaddr(s)
	if err != nil {
		return checkMultiaddr(s)
	}
	var names []string
	for _, p := range a.Protocols() {
		if p.Code != multiaddr.P_IP6ZONE {
			names = append(names, p.Name)
		}
	}
	switch strings.Join(names, "/") {
	case "ip4/tcp", "ip6/tcp", "ip4/tcp/ws", "ip6/tcp/ws", "ip4/udp/quic-v1", "ip6/udp/quic-v1":
		return nil
	}
	return fmt.Errorf("%q is no address to listen on: want an IP address and a port, like /ip4/0.0.0.0/tcp/22345, /ip4/0.0.0.0/tcp/22345/ws or /ip6/::/udp/22345/quic-v1", s)
}

// checkMultiaddr accepts what is a multiaddr.
func checkMultiaddr(s string) error {
	if _, err := multiaddr.NewMultiaddr(s); err != nil {
		return fmt.Errorf("%q is not a multiaddr like /ip4/0.0.0.0/tcp/22345: %w", s, err)
	}
	return nil
}

// checkAnnounce accepts addresses to announce: those that others can call.
func checkAnnounce(s string) error {
	err := checkMultiaddr(s)
	if err != nil {
		return err
	}
	if _, err = bootstrap.ParseSeed(s); err == nil || errors.Is(err, bootstrap.ErrNoPeerID) {
		return nil
	}
	_, why, _ := strings.Cut(err.Error(), bootstrap.ErrSeed.Error()+": ")
	return fmt.Errorf("nobody can call %q: %s", s, why)
}

// checkBootstrap accepts what bootstrap can join.
func checkBootstrap(s string) error {
	_, err := bootstrap.ParseSeed(s)
	return err
}

// checkHostName accepts a name as it stands in a URL, without a port.
func checkHostName(s string) error {
	if strings.ContainsAny(s, ":/ @") {
		return fmt.Errorf("%q is not a name like node.example.org, without a port", s)
	}
	return nil
}

// checkHostPort accepts HOST:PORT with a port from 0 to 65535.
func checkHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT like 127.0.0.1:12345", s)
	}
	return nil
}

// checkOrigin accepts the origin of web pages.
func checkOrigin(s string) error {
	_, err := api.ParseOrigin(s)
	return err
}

// An endpoint is the flag of an address to serve HTTP on: HOST:PORT, a unix socket, or off.
type endpoint struct{ value string }

// String returns the address.
func (e *endpoint) String() string { return e.value }

// Type returns what the flag takes, for help texts.
func (e *endpoint) Type() string { return "HOST:PORT|unix:///PATH|off" }

// Set checks and keeps an address.
func (e *endpoint) Set(s string) error {
	switch path, unix := strings.CutPrefix(s, node.UnixScheme); {
	case s == node.HTTPOff:
	case unix && filepath.IsAbs(path):
	case unix:
		return fmt.Errorf("%q: want the whole path of a socket, like unix:///run/p2pchain/api.sock", s)
	default:
		if err := checkHostPort(s); err != nil {
			return err
		}
	}
	e.value = s
	return nil
}
