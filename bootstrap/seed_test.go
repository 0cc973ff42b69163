package bootstrap_test

import (
	"errors"
	"strings"
	"testing"

	"p2pchain/bootstrap"
)

const (
	idA = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
	idB = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"
)

func TestParseSeed(t *testing.T) {
	for _, text := range []string{
		"/ip4/192.0.2.7/tcp/4001/p2p/" + idA,
		"/ip6/2001:db8::1/udp/4001/quic-v1/p2p/" + idA,
		"/ip6zone/eth0/ip6/fe80::1/tcp/4001/p2p/" + idA,
		"/dns4/seed.example.org/tcp/4001/ws/p2p/" + idA,
		"/ip4/192.0.2.7/tcp/4001/p2p/" + idB + "/p2p-circuit/p2p/" + idA,
		"/dnsaddr/example.org",
		"/dnsaddr/example.org/p2p/" + idA,
		"http://192.0.2.7:12345",
		"https://node.example.org:8443/",
		"http://[2001:db8::1]:12345",
		" http://192.0.2.7:12345\n",
	} {
		s, err := bootstrap.ParseSeed(text)
		if err != nil {
			t.Errorf("ParseSeed(%q): %v", text, err)
		}
		if got, want := s.String(), strings.TrimSpace(text); got != want {
			t.Errorf("ParseSeed(%q).String() = %q", text, got)
		}
	}
}

func TestParseSeedRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		says       string // a part of the error that tells the user what to change
	}{
		{"empty", " ", "empty"},
		{"too long", "/dns4/" + strings.Repeat("a", 2000), "longer than 1024 bytes"},
		{"host and port", "192.0.2.7:4001", "want a multiaddr"},
		{"only a slash", "/", "empty"},
		{"unknown protocol", "/ip5/192.0.2.7/tcp/4001", "ip5"},
		{"bad IP", "/ip4/300.1.1.1/tcp/4001/p2p/" + idA, "300.1.1.1"},
		{"bad port", "/ip4/192.0.2.7/tcp/70000/p2p/" + idA, "70000"},
		{"bad peer id", "/ip4/192.0.2.7/tcp/4001/p2p/nobody", "nobody"},
		{"no peer id", "/ip4/192.0.2.7/tcp/4001", "end it with /p2p/ID"},
		{"only a peer id", "/p2p/" + idA, "only a peer id"},
		{"no port", "/ip4/192.0.2.7/p2p/" + idA, "no /tcp/PORT"},
		{"port 0", "/ip4/192.0.2.7/tcp/0/p2p/" + idA, "port 0"},
		{"bare udp", "/ip4/192.0.2.7/udp/4001/p2p/" + idA, "/quic-v1"},
		{"unspecified", "/ip4/0.0.0.0/tcp/4001/p2p/" + idA, "0.0.0.0 means all addresses"},
		{"multicast", "/ip4/224.0.0.251/udp/4001/quic-v1/p2p/" + idA, "224.0.0.251"},
		{"broadcast", "/ip4/255.255.255.255/tcp/4001/p2p/" + idA, "255.255.255.255"},
		{"socket file", "/unix/tmp/x", "starts with /unix"},
		{"dnsaddr with port", "/dnsaddr/example.org/tcp/4001/p2p/" + idA, "only /p2p/ID can follow"},
		{"other scheme", "ftp://192.0.2.7:12345", `scheme "ftp"`},
		{"no scheme", "://192.0.2.7", "missing protocol scheme"},
		{"no host", "http://:12345", "no host"},
		{"bad URL port", "http://192.0.2.7:x", `invalid port ":x"`},
		{"URL port 0", "http://192.0.2.7:0", "port 0"},
		{"password", "http://me:secret@192.0.2.7:12345", "user and password"},
		{"query", "http://192.0.2.7:12345/?a=b", "query"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bootstrap.ParseSeed(tt.text)
			if !errors.Is(err, bootstrap.ErrSeed) {
				t.Fatalf("ParseSeed = %v, want an ErrSeed", err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			if strings.ContainsRune(err.Error(), '\n') || len(err.Error()) > 600 {
				t.Errorf("error is not one short line: %q", err)
			}
		})
	}
	_, err := bootstrap.ParseSeed("/ip4/192.0.2.7/tcp/4001")
	if !errors.Is(err, bootstrap.ErrNoPeerID) {
		t.Errorf("ParseSeed without a peer id = %v, want ErrNoPeerID", err)
	}
}

func FuzzParseSeed(f *testing.F) {
	for _, s := range []string{
		"", "/", "/ip4/192.0.2.7/tcp/4001/p2p/" + idA, "/dnsaddr/example.org", "http://192.0.2.7:12345",
		"/ip6zone/x/ip6/fe80::1/udp/1/quic-v1", "/p2p-circuit", "https://[::1]:1/x", "/ip4/1.2.3.4",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := bootstrap.ParseSeed(text)
		if err != nil {
			if !errors.Is(err, bootstrap.ErrSeed) {
				t.Errorf("ParseSeed(%q) = %v, not an ErrSeed", text, err)
			}
			return
		}
		if again, err := bootstrap.ParseSeed(s.String()); err != nil || again.String() != s.String() {
			t.Errorf("ParseSeed(%q) gives %q, which gives %q, %v", text, s, again, err)
		}
	})
}
