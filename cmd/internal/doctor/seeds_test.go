package doctor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/api"
	"p2pchain/cmd/internal/node"
)

// stranger starts a host that speaks the protocols of a network, none for an empty one, and returns its
// address.
func stranger(t *testing.T, networkID string) (host.Host, string) {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if networkID != "" {
		for _, p := range []string{"/p2pchain/hello/1", "/p2pchain/" + networkID + "/headers/1"} {
			h.SetStreamHandler(protocol.ID(p), func(s network.Stream) { s.Close() })
		}
	}
	return h, fmt.Sprintf("%s/p2p/%s", h.Addrs()[0], h.ID())
}

func TestSeeds(t *testing.T) {
	ours := testNetwork(t).ID()
	_, good := stranger(t, ours)
	other, foreign := stranger(t, "7b6f566577714fcf")
	_, nobody := stranger(t, "")
	self, own := stranger(t, ours)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(api.Node{PeerID: other.ID().String(), Addresses: []string{foreign}})
	}))
	t.Cleanup(s.Close)
	gone := "/ip4/127.0.0.1/tcp/1/p2p/" + other.ID().String()
	changed := fmt.Sprintf("%s/p2p/%s", self.Addrs()[0], other.ID())
	for _, tt := range []struct {
		name  string
		seeds []string
		level Level
		words string
	}{
		{"of this network", []string{good}, OK, "is of this network"},
		{"other genesis", []string{foreign}, Problem, "a node of another network (7b6f566577714fcf, this one is " + ours + ")"},
		{"other genesis by its API", []string{s.URL}, Problem, "a node of another network"},
		{"no node of ours", []string{nobody}, Problem, "is no node of p2pchain"},
		{"does not listen", []string{gone}, Problem, "at which port"},
		{"API does not listen", []string{"http://127.0.0.1:1"}, Problem, "at which port"},
		{"another key", []string{changed}, Problem, "wrong peer id"},
		{"itself", []string{own}, Note, "is this node itself"},
		{"one is enough", []string{gone, good}, Warning, "at which port"},
		{"no address", []string{"nonsense"}, Problem, "put the address right"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := healthy(t)
			e.node = &api.Node{PeerID: self.ID().String()}
			e.cfg.Seeds = tt.seeds
			expect(t, e.lookAtSeeds(t.Context()), tt.level, tt.words)
		})
	}
}

// TestKeptSeeds calls the nodes of earlier invites, too.
func TestKeptSeeds(t *testing.T) {
	_, foreign := stranger(t, "7b6f566577714fcf")
	e := healthy(t)
	if _, err := node.KeepSeeds(e.cfg.Dir, []string{foreign}); err != nil {
		t.Fatal(err)
	}
	expect(t, e.lookAtSeeds(t.Context()), Problem, "a node of another network")
}

func TestWithoutSeeds(t *testing.T) {
	e := healthy(t)
	expect(t, e.lookAtSeeds(t.Context()), Warning, "there is nobody to join")
	e.cfg.MDNS = true
	expect(t, e.lookAtSeeds(t.Context()), OK, "found otherwise")
	e.cfg.MDNS, e.node = false, &api.Node{Peers: 1}
	expect(t, e.lookAtSeeds(t.Context()), OK, "others called")
}
