package bootstrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	maxAnswerBytes   = 64 << 10 // of an API's answer
	maxRedirects     = 3
	maxDNSDepth      = 4  // of /dnsaddr records that name others
	maxDNSLookups    = 16 // for one seed
	maxPeersPerSeed  = 16
	maxAnswerHeaders = 16 << 10
)

// A resolver finds out which peers a seed stands for, right now.
type resolver struct {
	dns  *madns.Resolver
	http *http.Client
}

func newResolver() *resolver {
	return &resolver{
		dns: madns.DefaultResolver,
		http: &http.Client{
			CheckRedirect: checkRedirect,
			Transport: &http.Transport{
				// One request in a minute is not worth an idle connection.
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: maxAnswerHeaders,
			},
		},
	}
}

// checkRedirect keeps a seed from sending us to another host, where its answer would be believed.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case req.URL.Hostname() != first.Hostname():
		return fmt.Errorf("redirect to another host, %s", req.URL.Host)
	case first.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("redirect from https to http")
	}
	return nil
}

// resolve returns at least one peer with at least one address, or an error.
func (r *resolver) resolve(ctx context.Context, s Seed) ([]peer.AddrInfo, error) {
	switch {
	case s.api != nil:
		info, err := r.askAPI(ctx, s.api)
		if err != nil {
			return nil, err
		}
		return []peer.AddrInfo{info}, nil
	case s.dns != nil:
		return r.lookup(ctx, s.dns)
	default:
		return []peer.AddrInfo{s.peer}, nil
	}
}

// lookup follows /dnsaddr records, level by level.
func (r *resolver) lookup(ctx context.Context, name ma.Multiaddr) ([]peer.AddrInfo, error) {
	found := map[peer.ID][]ma.Multiaddr{}
	level, lookups := []ma.Multiaddr{name}, 0
	for range maxDNSDepth {
		var next []ma.Multiaddr
		for _, n := range level {
			if lookups++; lookups > maxDNSLookups {
				break
			}
			records, err := r.dns.Resolve(ctx, n)
			if err != nil {
				return nil, fmt.Errorf("look up %v: %w", n, err)
			}
			next = append(next, sortRecords(records, found)...)
		}
		level = next
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("look up %v: no TXT record dnsaddr=/…/p2p/ID that can be dialled", name)
	}
	var infos []peer.AddrInfo
	for _, id := range slices.Sorted(maps.Keys(found)) {
		infos = append(infos, peer.AddrInfo{ID: id, Addrs: found[id]})
	}
	return infos, nil
}

// sortRecords puts addresses into found and returns the names that have to be looked up in turn.
func sortRecords(records []ma.Multiaddr, found map[peer.ID][]ma.Multiaddr) (names []ma.Multiaddr) {
	for _, a := range records {
		if a[0].Code() == ma.P_DNSADDR {
			names = append(names, a)
			continue
		}
		transport, id := peer.SplitAddr(a)
		if id == "" || checkAddr(transport) != nil {
			continue
		}
		if _, known := found[id]; known || len(found) < maxPeersPerSeed {
			found[id] = appendAddr(found[id], transport)
		}
	}
	return names
}

// An apiNode is the part of GET /api/v1/node that is needed here.
type apiNode struct {
	PeerID    string   `json:"peer_id"`
	Addresses []string `json:"addresses"`
}

// askAPI reads the peer id and the addresses of the node whose API is at u.
func (r *resolver) askAPI(ctx context.Context, u *url.URL) (peer.AddrInfo, error) {
	var remote net.Addr
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { remote = c.Conn.RemoteAddr() },
	})
	where := u.JoinPath("api/v1/node")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return peer.AddrInfo{}, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return peer.AddrInfo{}, err // it names method and URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return peer.AddrInfo{}, fmt.Errorf("get %s: status %s", where, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("get %s: %w", where, err)
	}
	if len(body) > maxAnswerBytes {
		return peer.AddrInfo{}, fmt.Errorf("get %s: answer of more than %d bytes", where, maxAnswerBytes)
	}
	var n apiNode
	if err := json.Unmarshal(body, &n); err != nil {
		return peer.AddrInfo{}, fmt.Errorf("get %s: is that a node's API? %w", where, err)
	}
	info, err := n.info(remoteIP(remote))
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("get %s: %w", where, err)
	}
	return info, nil
}

func remoteIP(a net.Addr) net.IP {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP
	}
	return nil
}

// info turns the answer of the API on the host with address ip into what can be dialled from here.
func (n apiNode) info(ip net.IP) (peer.AddrInfo, error) {
	id, err := peer.Decode(n.PeerID)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("peer_id %.80q in the answer: %w", n.PeerID, err)
	}
	var addrs []ma.Multiaddr
	for _, text := range n.Addresses[:min(len(n.Addresses), 4*maxAddrs)] {
		a, err := ma.NewMultiaddr(text)
		if err != nil {
			continue // a newer node may have kinds of addresses that we do not know
		}
		addrs = append(addrs, a)
	}
	if addrs = dialable(id, addrsNear(ip, addrs), checkAddr); len(addrs) == 0 {
		return peer.AddrInfo{}, fmt.Errorf("none of the %d addresses in the answer can be dialled from here;"+
			" that node must listen on an address other than loopback", len(n.Addresses))
	}
	return peer.AddrInfo{ID: id, Addrs: addrs}, nil
}

// addrsNear corrects what a node says of its addresses by what we know: its API answered from ip. Loopback
// addresses are those of its machine, so they are worth nothing unless ip is loopback too; "all addresses"
// becomes ip; and since a node behind a forwarded port knows only its inner address, every port is also
// tried at ip, last.
func addrsNear(ip net.IP, addrs []ma.Multiaddr) []ma.Multiaddr {
	var near, guesses []ma.Multiaddr
	for _, a := range addrs {
		there := atIP(ip, a)
		switch {
		case manet.IsIPUnspecified(a):
			a, there = there, nil
		case manet.IsIPLoopback(a) && ip != nil && !ip.IsLoopback():
			continue
		}
		if a != nil {
			near = append(near, a)
		}
		if there != nil && !ip.IsLoopback() {
			guesses = append(guesses, there)
		}
	}
	return append(near, guesses...)
}

// atIP returns a with its IP address replaced, or nil if the two are not of one family.
func atIP(ip net.IP, a ma.Multiaddr) ma.Multiaddr {
	host, err := manet.FromIP(ip)
	if err != nil || len(host) == 0 || len(a) == 0 || host[0].Code() != a[0].Code() {
		return nil
	}
	return host.Encapsulate(a[1:])
}
