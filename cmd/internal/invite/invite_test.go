package invite

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "write the golden file anew")

// id returns the peer id of a test key.
func id(t testing.TB, i int) string {
	t.Helper()
	author := coretest.Author(i)
	key, err := crypto.UnmarshalEd25519PublicKey(author[:])
	if err != nil {
		t.Fatal(err)
	}
	p, err := peer.IDFromPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

func network(t testing.TB, p core.Params) *core.Network {
	t.Helper()
	n, err := core.NewNetwork(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func builtinNetwork(t testing.TB, name string) *core.Network {
	t.Helper()
	p, ok := core.Builtin(name)
	if !ok {
		t.Fatal(name)
	}
	return network(t, p)
}

// own returns a network that is not built in, with some authors.
func own(t testing.TB, authors int) *core.Network {
	t.Helper()
	p, _ := core.Builtin("main")
	p.Name, p.Text, p.GenesisTimeMS, p.Difficulty = "lab7", "Network lab7.", 1769860800000, 4
	for i := range authors {
		p.Authors = append(p.Authors, coretest.Author(i))
	}
	slices.SortFunc(p.Authors, func(a, b core.PublicKey) int { return core.Hash(a).Compare(core.Hash(b)) })
	return network(t, p)
}

// samples are invites of every kind.
func samples(t testing.TB) map[string]Invite {
	a, b := "/p2p/"+id(t, 0), "/p2p/"+id(t, 1)
	classic, _ := core.Builtin("classic")
	classic.Name, classic.StampBits = "old", 32
	longest := core.Params{
		Name: strings.Repeat("z", 32), Text: strings.Repeat("~ ", 100), GenesisTimeMS: core.MaxTimeMS,
		Pow: core.PowHeader, Difficulty: 16, BlockIntervalMS: 3600000, MaxPayloadBytes: 61440,
		MaxBlockMessages: 32768, MaxBlockBytes: 33554432, StampBits: 32,
	}
	relayed := "/dns/" + strings.Repeat("a", 60) + ".example.org/tcp/65535/ws" + b + "/p2p-circuit"
	return map[string]Invite{
		"main":    {builtinNetwork(t, "main"), []string{"/ip4/192.0.2.7/tcp/22345" + a}},
		"classic": {builtinNetwork(t, "classic"), []string{"/dns4/node.example.org/tcp/22345" + a}},
		"test":    {builtinNetwork(t, "test"), []string{"/ip6/2001:db8::7/udp/22345/quic-v1" + a}},
		"own":     {own(t, 0), []string{"/ip4/192.0.2.7/tcp/22345" + a, "/ip4/192.0.2.7/udp/22345/quic-v1" + a}},
		"authors": {own(t, 3), []string{"/ip4/192.0.2.7/tcp/1/ws" + a, "/dnsaddr/seeds.example.org" + b}},
		"pow":     {network(t, classic), []string{"/ip4/127.0.0.1/tcp/1" + a}},
		"longest": {network(t, longest), []string{relayed + a, "/ip4/192.0.2.7/tcp/1" + a, "/ip4/192.0.2.8/tcp/1" + b}},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, want := range samples(t) {
		t.Run(name, func(t *testing.T) {
			text, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			for how, spelled := range map[string]string{
				"as it is":                 text,
				"upper case":               strings.ToUpper(text),
				"broken by a mail program": " " + text[:20] + "\r\n\t" + text[20:40] + "\u00a0" + text[40:] + "\n",
			} {
				got, err := Parse(spelled)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if got.Network.Genesis != want.Network.Genesis || got.Network.Params.Hash() != want.Network.Params.Hash() || !slices.Equal(got.Addrs, want.Addrs) {
					t.Errorf("%s: %v %v, want %v %v", how, got.Network, got.Addrs, want.Network, want.Addrs)
				}
			}
		})
	}
}

// TestManyAuthors holds that the largest network still fits.
func TestManyAuthors(t *testing.T) {
	p := own(t, 0).Params
	for i := range 1024 {
		p.Authors = append(p.Authors, core.PublicKey{byte(i >> 8), byte(i)})
	}
	want := Invite{network(t, p), nil}
	for i := range MaxPeers {
		for port := range MaxAddrs / MaxPeers {
			want.Addrs = append(want.Addrs, fmt.Sprintf("/dns/%s.example.org/tcp/%d/p2p/%s", strings.Repeat("a", 200), port+1, id(t, i)))
		}
	}
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text)
	if err != nil || got.Network.Genesis != want.Network.Genesis || !slices.Equal(got.Addrs, want.Addrs) {
		t.Errorf("%d characters: %v", len(text), err)
	}
}

// TestGrouping holds that the addresses of a peer come together, each once.
func TestGrouping(t *testing.T) {
	a, b := "/p2p/"+id(t, 0), "/p2p/"+id(t, 1)
	i := Invite{builtinNetwork(t, "main"), []string{"/ip4/192.0.2.1/tcp/1" + b, "/ip4/192.0.2.1/tcp/2" + a, "/ip4/192.0.2.1/tcp/3" + b, "/ip4/192.0.2.1/tcp/1" + b}}
	text, err := i.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text)
	want := []string{i.Addrs[0], i.Addrs[2], i.Addrs[1]}
	if err != nil || !slices.Equal(got.Addrs, want) {
		t.Errorf("%v, %v; want %v", got.Addrs, err, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	a := "/p2p/" + id(t, 0)
	many := func(peers, each int) (out []string) {
		for p := range peers {
			for port := range each {
				out = append(out, fmt.Sprintf("/ip4/192.0.2.1/tcp/%d/p2p/%s", port+1, id(t, p)))
			}
		}
		return out
	}
	rsa := "/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
	for _, tt := range []struct {
		name  string
		addrs []string
		says  string
	}{
		{"none", nil, "no address"},
		{"too many peers", many(MaxPeers+1, 1), "9 peers"},
		{"too many addresses", many(1, MaxAddrs+1), "17 addresses"},
		{"no peer", []string{"/ip4/192.0.2.1/tcp/1"}, "no peer id"},
		{"name without a peer", []string{"/dnsaddr/example.org"}, "no peer id"},
		{"an API", []string{"http://192.0.2.1:12345"}, "multiaddr"},
		{"port 0", []string{"/ip4/192.0.2.1/tcp/0" + a}, "port 0"},
		{"every address of a machine", []string{"/ip4/0.0.0.0/tcp/1" + a}, "0.0.0.0"},
		{"a peer with an RSA key", []string{"/ip4/192.0.2.1/tcp/1" + rsa}, "Ed25519"},
		{"a name that is too long", []string{"/dns/" + strings.Repeat("a", 256) + "/tcp/1" + a}, "longer than 255"},
		{"nonsense", []string{"nonsense"}, "nonsense"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := Invite{builtinNetwork(t, "main"), tt.addrs}.Encode()
			if !errors.Is(err, ErrInvite) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Encode = %q, %v; want an error that says %q", text, err, tt.says)
			}
		})
	}
}

// seal makes a text of any bytes, with a checksum that fits.
func seal(raw []byte) string {
	sum := checksum(raw)
	return prefix + alphabet().EncodeToString(append(slices.Clone(raw), sum[:]...))
}

func TestParseRefuses(t *testing.T) {
	text := func(name string) string {
		s, err := samples(t)[name].Encode()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	raw := func(name string) []byte {
		b, err := unwrap(text(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	with := func(name string, at int, b ...byte) string { return seal(append(slices.Clone(raw(name)[:at]), b...)) }
	main := raw("main")
	key := main[10:42]
	one := []byte{1, byte(len(main) - 44)}
	one = append(one, main[44:]...)
	cat := func(parts ...[]byte) string { return seal(slices.Concat(parts...)) }
	for _, tt := range []struct{ name, text, says string }{
		{"nothing", "", "does not begin with p2pchain1"},
		{"something else", "https://example.org", "does not begin with"},
		{"a multiaddr", "/ip4/192.0.2.1/tcp/1", "does not begin with"},
		{"prefix alone", "p2pchain1", "cut off"},
		{"mixed case", text("main")[:40] + strings.ToUpper(text("main")[40:]), "a character in it"},
		{"another letter", text("main")[:50] + "1" + text("main")[51:], "a character in it"},
		{"cut off", text("main")[:len(text("main"))-1], "cut off"},
		{"cut off by a byte", text("main")[:len(text("main"))-8], "cut off"},
		{"doubled", text("main") + text("main"), "a character in it"},
		{"bits to spare", text("main")[:len(text("main"))-1] + "5", "a character in it"}, // for a 4, whose last bits are none
		{"too long", "p2pchain1" + strings.Repeat("a", maxText), "longer than any"},
		{"another genesis", with("main", 1, slices.Concat(make([]byte, 8), main[9:])...), "it is for network 0000000000000000"},
		{"unknown network", with("main", 0, slices.Concat([]byte{9}, main[1:])...), "network number 9"},
		{"main spelled out", cat(append(spell(t, "main"), main[1:]...)), "spelled out"},
		{"something follows", with("main", len(main), 0), "something follows"},
		{"no peers", cat(main[:9], []byte{0}), "0 peers"},
		{"nine peers", cat(main[:9], []byte{9}), "9 peers"},
		{"a peer without an address", cat(main[:10], key, []byte{0}), "0 addresses"},
		{"a peer with 17 addresses", cat(main[:10], key, []byte{17}), "17 addresses"},
		{"a peer twice", cat(main[:9], []byte{2}, key, one, key, one), "a peer stands twice"},
		{"an address twice", cat(main[:10], key, []byte{2}, one[1:], one[1:]), "stands twice"},
		{"an empty address", cat(main[:10], key, []byte{1, 0}), "an address in it"},
		{"an address without a port", cat(main[:10], key, []byte{1, 5, 4, 192, 0, 2, 1}), "no /tcp/PORT"},
		{"an address of nobody", cat(main[:10], key, []byte{1, 8, 4, 0, 0, 0, 0, 6, 0, 1}), "all addresses"},
		{"a long varint in an address", cat(main[:10], key, []byte{1, 9, 0x84, 0, 192, 0, 2, 1, 6, 0, 1}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text)
			if !errors.Is(err, ErrInvite) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Parse = %v, %v; want an error that says %q", got, err, tt.says)
			}
		})
	}
	for at := range main {
		if _, err := Parse(seal(main[:at])); !errors.Is(err, ErrInvite) {
			t.Errorf("cut off at byte %d: %v", at, err)
		}
	}
	if _, err := Parse("p2pchain2abc"); !errors.Is(err, ErrNewer) || !errors.Is(err, ErrInvite) {
		t.Errorf("a later form: %v", err)
	}
}

// spell writes a built-in network with its parameters.
func spell(t *testing.T, name string) []byte {
	t.Helper()
	n := *builtinNetwork(t, name)
	n.Header.MessageRoot = core.Hash{} // no longer seen as built in
	return appendNetwork(nil, &n)
}

// TestParseRefusesParameters edits the parameters of a network one by one.
func TestParseRefusesParameters(t *testing.T) {
	text, err := samples(t)["own"].Encode()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := unwrap(text)
	if err != nil {
		t.Fatal(err)
	}
	const pow = 1 + 5 + 14 + 6 // kind, name, text, time
	for _, tt := range []struct {
		name string
		at   int
		b    byte
		says string
	}{
		{"name in upper case", 2, 'L', `name "Lab7"`},
		{"text with a quote", 8, '"', "text want"},
		{"long name", 1, 200, "cut off"},
		{"another proof of work", pow, 2, "proof of work number 2"},
		{"difficulty 0", pow + 1, 0, "difficulty is 0"},
		{"another difficulty", pow + 1, 5, "it is for network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := slices.Clone(raw)
			b[tt.at] = tt.b
			if got, err := Parse(seal(b)); !errors.Is(err, ErrInvite) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Parse = %v, %v; want an error that says %q", got, err, tt.says)
			}
		})
	}
	padded := slices.Concat(raw[:pow-1], []byte{raw[pow-1] | 0x80, 0}, raw[pow:])
	if _, err := Parse(seal(padded)); !errors.Is(err, ErrInvite) || !strings.Contains(err.Error(), "shortest form") {
		t.Errorf("a padded number: %v", err)
	}
}

// A vector is an invite in every form, for other implementations.
type vector struct {
	Params  json.RawMessage `json:"params"`
	Genesis core.Hash       `json:"genesis"`
	Addrs   []string        `json:"addresses"`
	Bytes   string          `json:"bytes"` // hex, with the checksum
	Text    string          `json:"text"`
}

// TestVectors holds the form to its golden file.
func TestVectors(t *testing.T) {
	got := make(map[string]vector)
	for name, i := range samples(t) {
		text, err := i.Encode()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := unwrap(text)
		if err != nil {
			t.Fatal(err)
		}
		sum := checksum(raw)
		got[name] = vector{i.Network.Params.Encode(), i.Network.Genesis, i.Addrs, hex.EncodeToString(append(raw, sum[:]...)), text}
	}
	made, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	path := filepath.Join("testdata", "invites.json")
	if *update {
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(made) != string(want) {
		t.Errorf("%s differs (-update writes it):\n%s", path, made)
	}
}

// FuzzParse reads any text: what is taken has one form, which is what it was.
func FuzzParse(f *testing.F) {
	for _, i := range samples(f) {
		text, err := i.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(strings.ToUpper(text))
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}

// FuzzDecode is FuzzParse behind the checksum.
func FuzzDecode(f *testing.F) {
	for _, i := range samples(f) {
		text, err := i.Encode()
		if err != nil {
			f.Fatal(err)
		}
		raw, err := unwrap(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { check(t, seal(raw)) })
}

func check(t *testing.T, text string) {
	i, err := Parse(text)
	if err != nil {
		if !errors.Is(err, ErrInvite) {
			t.Fatalf("%v is no ErrInvite", err)
		}
		return
	}
	again, err := i.Encode()
	if err != nil || again != strings.ToLower(strings.Join(strings.Fields(text), "")) {
		t.Fatalf("%q became %q, %v", text, again, err)
	}
}
