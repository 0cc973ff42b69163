package bootstrap

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const maxSeedBytes = 1024

// Errors of ParseSeed. Every error of it is an ErrSeed; the other one tells a frequent mistake apart.
var (
	ErrSeed = errors.New("not a usable seed")
	// ErrNoPeerID means that an address does not say which peer is expected there.
	ErrNoPeerID = errors.New("no peer id: end it with /p2p/ID as the other node prints it," +
		" or give http://HOST:PORT of its API, which tells the id")
)

// A Seed is a place where a first peer can be found: an address of a peer, a /dnsaddr name that lists
// addresses, or the URL of a node's API. Seeds are made by ParseSeed and never change.
type Seed struct {
	text string

	// Exactly one of these three is set.
	peer peer.AddrInfo
	dns  ma.Multiaddr // begins with /dnsaddr
	api  *url.URL
}

// String returns the text that the seed was parsed from.
func (s Seed) String() string { return s.text }

// ParseSeed reads one seed:
//
//	/ip4/192.0.2.7/tcp/4001/p2p/12D3Koo…    any multiaddr that ends with the peer's id
//	/dnsaddr/example.org                    the addresses in its TXT records, with or without /p2p/ID
//	http://192.0.2.7:12345                  id and addresses are asked from that node's API; also https
//
// It looks nothing up. Its errors are ErrSeed, quote the text and say what is wrong with which part.
func ParseSeed(text string) (Seed, error) {
	s, err := parseSeed(strings.TrimSpace(text))
	if err != nil {
		return Seed{}, fmt.Errorf("seed %.200q: %w: %w", text, ErrSeed, err)
	}
	return s, nil
}

func parseSeed(text string) (Seed, error) {
	switch {
	case text == "":
		return Seed{}, errors.New("empty")
	case len(text) > maxSeedBytes:
		return Seed{}, fmt.Errorf("longer than %d bytes", maxSeedBytes)
	case strings.HasPrefix(text, "/"):
		return parseAddrSeed(text)
	case strings.Contains(text, "://"):
		return parseURLSeed(text)
	}
	return Seed{}, errors.New("want a multiaddr such as /ip4/HOST/tcp/PORT/p2p/ID, or http://HOST:PORT of a node's API")
}

func parseAddrSeed(text string) (Seed, error) {
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		// The library's error begins by quoting the whole address, as ours does.
		_, what, found := strings.Cut(err.Error(), `": `)
		if !found {
			what = err.Error()
		}
		return Seed{}, errors.New(what)
	}
	if a[0].Code() == ma.P_DNSADDR {
		return parseDNSSeed(text, a)
	}
	transport, id := peer.SplitAddr(a)
	if err := checkAddr(transport); err != nil {
		return Seed{}, err
	}
	if id == "" {
		return Seed{}, ErrNoPeerID
	}
	return Seed{text: text, peer: peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{transport}}}, nil
}

func parseDNSSeed(text string, a ma.Multiaddr) (Seed, error) {
	if _, id := peer.SplitAddr(a); len(a) > 2 || (len(a) == 2 && id == "") {
		return Seed{}, fmt.Errorf("only /p2p/ID can follow /dnsaddr/%s", a[0].Value())
	}
	return Seed{text: text, dns: a}, nil
}

func parseURLSeed(text string) (Seed, error) {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return Seed{}, err
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Seed{}, fmt.Errorf("scheme %q, want http or https", u.Scheme)
	case u.Hostname() == "":
		return Seed{}, errors.New("no host in the URL")
	case u.Port() == "0":
		return Seed{}, errors.New("port 0 cannot be dialled")
	case u.User != nil:
		return Seed{}, errors.New("user and password in the URL, this page needs none")
	case u.RawQuery != "" || u.Fragment != "":
		return Seed{}, errors.New("query or fragment in the URL, want http://HOST:PORT")
	}
	return Seed{text: text, api: u}, nil
}
