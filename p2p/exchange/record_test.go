package exchange

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"p2pchain/p2p/exchange/wire"
)

// identity returns the i-th key with its peer id.
func identity(t testing.TB, i byte) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(slices.Repeat([]byte{i}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

func addrs(texts ...string) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, text := range texts {
		out = append(out, ma.StringCast(text))
	}
	return out
}

func signed(t testing.TB, i byte, texts ...string) Record {
	t.Helper()
	key, _ := identity(t, i)
	r, err := Sign(key, addrs(texts...), 7)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	public   = "/ip4/8.8.8.8/tcp/4001"
	private  = "/ip4/192.168.1.7/tcp/4001"
	loopback = "/ip4/127.0.0.1/tcp/4001"
	relayed  = "/ip4/192.168.1.7/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit"
)

// TestRecordIsItsOwners opens what was signed, and nothing that was changed or signed by another.
func TestRecordIsItsOwners(t *testing.T) {
	key, id := identity(t, 1)
	good := signed(t, 1, public, private)
	info, err := good.Open()
	if err != nil || info.ID != id || !slices.EqualFunc(info.Addrs, addrs(public, private), ma.Multiaddr.Equal) {
		t.Fatalf("Open = %v, %v", info, err)
	}
	for i := range len(good) {
		b := []byte(good)
		b[i] ^= 1
		if info, err := Record(b).Open(); err == nil || !errors.Is(err, ErrRecord) {
			t.Errorf("byte %d changed: %v, %v", i, info, err)
		}
	}
	_, other := identity(t, 2)
	for name, rec := range map[string]*peer.PeerRecord{
		"of another peer":    {PeerID: other, Addrs: addrs(public), Seq: 1},
		"without addresses":  {PeerID: id, Seq: 1},
		"too many addresses": {PeerID: id, Addrs: slices.Repeat(addrs(public), MaxRecordAddrs+1), Seq: 1},
		"a long address":     {PeerID: id, Addrs: addrs("/dns4/" + strings.Repeat("a", 300) + "/tcp/1"), Seq: 1},
	} {
		envelope, err := record.Seal(rec, key)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := envelope.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if info, err := Record(raw).Open(); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v, %v, want ErrRecord", name, info, err)
		}
	}
	if _, err := Record("").Open(); !errors.Is(err, ErrRecord) {
		t.Errorf("nothing: %v", err)
	}
}

// TestSignFits signs as many addresses as a record may have, whatever their size.
func TestSignFits(t *testing.T) {
	for _, size := range []int{1, 60, 200} {
		var many []string
		for i := range 40 {
			many = append(many, fmt.Sprintf("/dns4/%s%d/tcp/1", strings.Repeat("a", size), i))
		}
		info, err := signed(t, 1, many...).Open()
		if err != nil || len(info.Addrs) == 0 {
			t.Errorf("addresses of %d bytes: %d, %v", size, len(info.Addrs), err)
		}
	}
}

func TestRealmOf(t *testing.T) {
	for addr, want := range map[string]Realm{
		public: World, private: Home, loopback: Machine, relayed: World,
		"/ip6/::1/udp/1/quic-v1": Machine, "/ip6/fd00::1/tcp/1": Home, "/ip6/fe80::1/tcp/1": Home, "/ip4/100.64.0.1/tcp/1": Home,
		"/ip4/169.254.0.1/tcp/1": Home, "/ip6/2600::1/tcp/1": World, "/dns4/example.org/tcp/1": World,
	} {
		if got := RealmOf(ma.StringCast(addr)); got != want {
			t.Errorf("%s: %d, want %d", addr, got, want)
		}
	}
	if RealmOfAll(addrs(public, loopback, private)) != Machine || RealmOfAll(addrs(public)) != World {
		t.Error("the smallest realm does not count")
	}
}

// TestPeersAnswer checks what an answer may be, and what of it can be dialled from where it came.
func TestPeersAnswer(t *testing.T) {
	_, self := identity(t, 9)
	_, one := identity(t, 1)
	damaged := []byte(signed(t, 1, public))
	damaged[len(damaged)-1] ^= 1
	for _, tt := range []struct {
		name    string
		records []Record
		limit   int
		from    Realm
		want    []string // addresses of peer one; nil: it is not there
		refused bool
	}{
		{"from the world", []Record{signed(t, 1, public, private, loopback, relayed)}, 9, World, []string{public, relayed}, false},
		{"from home", []Record{signed(t, 1, public, private, loopback)}, 9, Home, []string{public, private}, false},
		{"from this machine", []Record{signed(t, 1, loopback)}, 9, Machine, []string{loopback}, false},
		{"nothing to dial", []Record{signed(t, 1, private)}, 9, World, nil, false},
		{"two records", []Record{signed(t, 1, public), signed(t, 1, private)}, 9, Home, []string{public, private}, false},
		{"the second one counts", []Record{signed(t, 1, private), signed(t, 1, public)}, 9, World, []string{public}, false},
		{"three records", slices.Repeat([]Record{signed(t, 1, public)}, 3), 9, World, nil, true},
		{"ourselves", []Record{signed(t, 9, public)}, 9, World, nil, false},
		{"more than asked for", []Record{signed(t, 1, public), signed(t, 2, public)}, 1, World, nil, true},
		{"a wrong signature", []Record{Record(damaged)}, 9, World, nil, true},
		{"no record", []Record{"x"}, 9, World, nil, true},
	} {
		var raw [][]byte
		for _, r := range tt.records {
			raw = append(raw, []byte(r))
		}
		got, err := decodePeers(raw, tt.limit, tt.from, self)
		if tt.refused != errors.Is(err, ErrProtocol) || (err != nil) != tt.refused {
			t.Errorf("%s: %v, refused: want %v", tt.name, err, tt.refused)
		}
		if len(got) == 0 != (tt.want == nil) || len(got) > 0 &&
			(got[0].ID != one || !slices.EqualFunc(got[0].Addrs, addrs(tt.want...), ma.Multiaddr.Equal)) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzPeers decodes answers; what passes is signed by its owner, and from the world all public.
func FuzzPeers(f *testing.F) {
	_, self := identity(f, 9)
	for _, records := range [][]Record{
		{}, {signed(f, 1, public)}, {signed(f, 1, public, private), signed(f, 2, loopback)}, {signed(f, 3, relayed)},
	} {
		m := &wire.PeersReply{}
		for _, r := range records {
			m.Records = append(m.Records, []byte(r))
		}
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m wire.PeersReply
		if unmarshal(b, &m) != nil {
			return
		}
		infos, err := decodePeers(m.Records, 3, World, self)
		if err != nil && !errors.Is(err, ErrProtocol) {
			t.Fatalf("%v is no ErrProtocol", err)
		}
		for _, info := range infos {
			if len(info.Addrs) == 0 || info.ID == self || RealmOfAll(info.Addrs) != World {
				t.Fatalf("took %v", info)
			}
		}
	})
}

// FuzzRecord opens any bytes; what opens has an owner and addresses within the limits.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(signed(f, 1, public, private)))
	f.Add([]byte(signed(f, 2, relayed)))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Record(b).Open()
		if (err == nil) == (info.ID == "") || len(info.Addrs) > MaxRecordAddrs || err != nil && !errors.Is(err, ErrRecord) {
			t.Fatalf("%v, %v", info, err)
		}
	})
}
