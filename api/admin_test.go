package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
)

// TestMining changes how a node mines, and refuses what it cannot do.
func TestMining(t *testing.T) {
	m := &setMiner{mode: "auto", threads: 1}
	f := start(t, func(_ *api.Config, d *api.Deps) { d.Miner = m })
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
		want       string // mode and threads afterwards
	}{
		{"mode", `{"mode":"off"}`, 200, "", "off 1"},
		{"threads", `{"threads":3}`, 200, "", "off 3"},
		{"both", `{"mode":"auto","threads":2}`, 200, "", "auto 2"},
		{"no such mode", `{"mode":"sometimes"}`, 400, "bad_member", "auto 2"},
		{"not here", `{"mode":"always"}`, 409, "mining_mode_not_possible", "auto 2"},
		{"too many", `{"threads":257}`, 400, "bad_member", "auto 2"},
		{"none", `{"threads":0}`, 400, "bad_member", "auto 2"},
		{"not whole", `{"threads":1.5}`, 400, "bad_member", "auto 2"},
		{"empty mode", `{"mode":""}`, 400, "bad_member", "auto 2"},
		{"nothing", `{}`, 400, "missing_member", "auto 2"},
		{"other member", `{"mode":"off","speed":9}`, 400, "unknown_member", "auto 2"},
		{"null", `{"mode":null}`, 400, "bad_member", "auto 2"},
		{"not JSON", `off`, 400, "bad_json", "auto 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do("PUT", "/api/v1/mining", tt.body)
			if a.status != tt.status || tt.code != "" && f.code(a) != tt.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tt.status, tt.code)
			}
			now := decode[api.Mining](t, f.do("GET", "/api/v1/mining", ""))
			if got := fmt.Sprint(now.Mode, " ", now.Threads); got != tt.want {
				t.Errorf("it is %s now, want %s", got, tt.want)
			}
		})
	}
	c := f.client()
	now, err := c.SetMining(t.Context(), "off", 0)
	if err != nil || now.Mode != "off" || now.Threads != 2 {
		t.Errorf("SetMining = %+v, %v", now, err)
	}
	if again, err := c.Mining(t.Context()); err != nil || again.Mode != "off" {
		t.Errorf("Mining = %+v, %v", again, err)
	}
}

// TestConnect connects to peers and lets them go.
func TestConnect(t *testing.T) {
	f := start(t)
	f.host.peers = twoPeers()
	at := "/ip4/198.51.100.4/tcp/22345/p2p/" + peerA
	done, err := f.client().Connect(t.Context(), at)
	if err != nil || done.ID != peerA || done.Peer == nil || done.Peer.Height != 4 {
		t.Errorf("Connect = %+v, %v", done, err)
	}
	for _, tt := range []struct {
		name, body string
		fails      error
		status     int
		code       string
	}{
		{"introducer", `{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/Other"}`, nil, 200, ""},
		{"seed's members", `{"peer_id":"X","peer_host":"192.0.2.1","peer_port":1}`, nil, 200, ""},
		{"nobody there", `{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/X"}`, errors.New("connection refused"), 502, "peer_unreachable"},
		{"other network", `{"multiaddr":"/ip4/192.0.2.1/tcp/1/p2p/X"}`, api.ErrOtherNetwork, 409, "other_network"},
		{"no id", `{"multiaddr":"/ip4/192.0.2.1/tcp/1"}`, api.ErrAddress, 400, "bad_address"},
		{"URL", `{"multiaddr":"http://192.0.2.1"}`, nil, 400, "bad_address"},
		{"nothing", `{}`, nil, 400, "bad_address"},
		{"unknown member", `{"address":"x"}`, nil, 400, "unknown_member"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.host.mu.Lock()
			f.host.connect = tt.fails
			f.host.mu.Unlock()
			a := f.do("POST", "/api/v1/peers", tt.body)
			if a.status != tt.status || tt.code != "" && f.code(a) != tt.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tt.status, tt.code)
			}
			if tt.status == 502 && !strings.Contains(a.body, "this node works, but it did not reach the peer at /ip4/192.0.2.1/tcp/1/p2p/X: connection refused") {
				t.Errorf("wording: %s", a.body)
			}
		})
	}
}

// TestDisconnect lets a peer go once.
func TestDisconnect(t *testing.T) {
	f := start(t)
	f.host.peers = twoPeers()
	c := f.client()
	if err := c.Disconnect(t.Context(), peerB); err != nil {
		t.Fatal(err)
	}
	if err := c.Disconnect(t.Context(), peerB); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the second time: %v", err)
	}
	if list := decode[api.PeerList](t, f.do("GET", "/api/v1/peers", "")); list.Count != 1 || list.Peers[0].ID != peerA {
		t.Errorf("left are %+v", list.Peers)
	}
	if a := f.do("DELETE", "/api/v1/peers/none", ""); a.status != http.StatusBadRequest || f.code(a) != "bad_peer_id" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
