package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pchain/cmd/internal/invite"
	"p2pchain/core/store"
)

const (
	somebody = "/p2p/12D3KooWGKhTktda1qkes8M4h5LUeVMe56NE8NRke5Y2vDXpz6mn"
	another  = "/p2p/12D3KooWFG1bvkv4GrKR6WNLvz5FDUc3wkvVPD7q2H2uoUqFJJYa"
)

// TestMakeInvite holds that an invite is short, names other nodes too, and is never one to the
// reader's own machine by accident.
func TestMakeInvite(t *testing.T) {
	n := builtin(t, "main", 4)
	lan := func(ports ...int) (out []string) {
		for _, port := range ports {
			out = append(out, fmt.Sprintf("/ip4/10.0.0.1/tcp/%d%s", port, somebody))
		}
		return out
	}
	far := "/ip4/10.0.0.9/tcp/1" + another
	rsa := "/ip4/10.0.0.8/tcp/1/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"
	long := "/dns4/" + strings.Repeat("a.", 126) + "a/tcp/1/ws" + another
	for _, tt := range []struct {
		name               string
		addrs, seeds, want []string
		local              bool
	}{
		{"own", lan(1), nil, lan(1), false},
		{"at most four", lan(1, 2, 3, 4, 5), nil, lan(1, 2, 3, 4), false},
		{"with the seeds", lan(1), []string{"http://10.0.0.9:12345", "/dnsaddr/example.org", "/ip4/127.0.0.1/tcp/1" + another, far, far}, append(lan(1), far), false},
		{"a seed that no invite holds", lan(1), []string{rsa, long, far}, append(lan(1), far), false},
		{"loopback", []string{"/ip4/127.0.0.1/tcp/1" + somebody}, nil, []string{"/ip4/127.0.0.1/tcp/1" + somebody}, true},
		{"loopback, but a seed", []string{"/ip4/127.0.0.1/tcp/1" + somebody}, []string{far}, []string{far}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := makeInvite(n, tt.addrs, nil, tt.seeds)
			if err != nil || !slices.Equal(got.Addresses, tt.want) || got.LocalOnly != tt.local || got.Network != "main" || got.NetworkID != n.ID() {
				t.Fatalf("makeInvite = %+v, %v; want %q, %v", got, err, tt.want, tt.local)
			}
			read, err := invite.Parse(got.Invite)
			if err != nil || read.Network.Genesis != n.Genesis || !slices.Equal(read.Addrs, tt.want) {
				t.Errorf("it reads as %+v, %v", read, err)
			}
		})
	}
	if _, err := makeInvite(n, []string{"/ip6/fe80::1/tcp/1" + somebody}, nil, nil); !errors.Is(err, ErrNoInvite) {
		t.Errorf("an address of one link: %v, want ErrNoInvite", err)
	}
}

// TestKeptInvite asks for the invite of a node before, between and after its runs.
func TestKeptInvite(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := KeptInvite(dir, nil); !errors.Is(err, ErrNoInvite) {
		t.Errorf("before the first run: %v, want ErrNoInvite", err)
	}
	cfg := config(t, dir)
	cfg.Announce = []string{"/ip4/192.0.2.9/tcp/9"}
	n := start(t, cfg)
	asked, err := n.client.Invite(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked.Addresses) != 1 || asked.Addresses[0] != "/ip4/192.0.2.9/tcp/9/p2p/"+n.ID() || asked.LocalOnly {
		t.Errorf("invite to %q", asked.Addresses)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	kept, err := KeptInvite(dir, nil)
	if err != nil || kept.Invite != asked.Invite || !slices.Equal(kept.Addresses, asked.Addresses) {
		t.Errorf("afterwards: %+v, %v, want %+v", kept, err, asked)
	}
	given, err := KeptInvite(dir, []string{"/dns4/node.example.org/tcp/1", "/ip4/192.0.2.7/tcp/1" + another})
	want := []string{"/dns4/node.example.org/tcp/1/p2p/" + n.ID(), "/ip4/192.0.2.7/tcp/1" + another}
	if err != nil || !slices.Equal(given.Addresses, want) || given.NetworkID != asked.NetworkID {
		t.Errorf("with addresses: %+v, %v, want %q", given, err, want)
	}
	over, err := InviteTo(asked.Invite, n.ID(), []string{"/dns4/node.example.org/tcp/1"})
	if err != nil || !slices.Equal(over.Addresses, want[:1]) {
		t.Errorf("InviteTo: %+v, %v, want %q", over, err, want[:1])
	}
	if err := os.Remove(filepath.Join(dir, networkFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := KeptInvite(dir, nil); !errors.Is(err, ErrNoInvite) {
		t.Errorf("the invite of a chain that was set aside: %v, want ErrNoInvite", err)
	}
}

// TestSeedsAreKept sets a folder up twice, and finds the addresses in the settings of its node.
func TestSeedsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, second := "/ip4/192.0.2.7/tcp/1"+somebody, "/dns4/node.example.org/tcp/1"+another
	n := builtin(t, "test", 0)
	for _, step := range []struct {
		addrs []string
		added int
	}{{[]string{first}, 1}, {[]string{first, second}, 1}, {[]string{second}, 0}} {
		if added, err := SetUp(dir, n, step.addrs); err != nil || added != step.added {
			t.Errorf("SetUp of %q = %d, %v, want %d", step.addrs, added, err, step.added)
		}
	}
	if found, err := FindNetwork(dir, NetworkChoice{}); err != nil || found.Genesis != n.Genesis {
		t.Errorf("the folder is for %v, %v", found, err)
	}
	if _, err := FindNetwork(dir, NetworkChoice{Network: builtin(t, "main", 0)}); !errors.Is(err, store.ErrOtherNetwork) {
		t.Errorf("another network: %v, want ErrOtherNetwork", err)
	}
	kept, err := keptSeeds(dir)
	if err != nil || !slices.Equal(kept, []string{first, second}) {
		t.Errorf("kept %q, %v", kept, err)
	}
	third := "http://192.0.2.8:12345"
	if all := joinSeeds([]string{third, first}, kept); !slices.Equal(all, []string{third, first, second}) {
		t.Errorf("to join: %q", all)
	}
	if _, err := SetUp(dir, n, []string{"nonsense"}); !errors.Is(err, ErrConfig) {
		t.Errorf("nonsense: %v, want ErrConfig", err)
	}
	for i := range 2 * maxKeptSeeds {
		if _, err := KeepSeeds(dir, []string{fmt.Sprintf("/ip4/192.0.2.7/tcp/%d%s", i+2, somebody)}); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err = keptSeeds(dir); err != nil || len(kept) != maxKeptSeeds || kept[maxKeptSeeds-1] != "/ip4/192.0.2.7/tcp/65"+somebody {
		t.Errorf("%d kept, %v: the newest ones must stay", len(kept), err)
	}
	if all := joinSeeds(make([]string, maxSeeds-1), kept); len(all) != maxSeeds || all[maxSeeds-1] != kept[maxKeptSeeds-1] {
		t.Errorf("%d to join, want %d with the newest", len(all), maxSeeds)
	}
	edited := "# mine\n\n  " + first + "  \r\nnonsense\n"
	if err := os.WriteFile(filepath.Join(dir, seedsFile), []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptSeeds(dir); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("an edited file: %v, want ErrConfig that names line 4", err)
	}
}

// TestSetAsideOfSeeds holds that the addresses of a network go with it, and stay where it stays.
func TestSetAsideOfSeeds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	seed := "/ip4/192.0.2.7/tcp/1" + somebody
	run := func(edit func(*Config)) []string {
		t.Helper()
		cfg := config(t, dir)
		edit(&cfg)
		n := start(t, cfg)
		seeds := n.seeds
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		return seeds
	}
	if got := run(func(c *Config) { c.Keep = []string{seed} }); !slices.Equal(got, []string{seed}) {
		t.Errorf("first run joins %q", got)
	}
	if got := run(func(c *Config) { c.SetAside = true }); !slices.Equal(got, []string{seed}) {
		t.Errorf("an empty chain of the same network joins %q", got)
	}
	if got := run(func(c *Config) {
		c.SetAside, c.Network = true, builtin(t, "test", 2)
		c.Now = func() time.Time { return time.Now().Add(time.Minute) } // another name for what is set aside
	}); len(got) > 0 {
		t.Errorf("another network joins %q", got)
	}
	aside, err := filepath.Glob(filepath.Join(dir, seedsFile+"_*"))
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %q, %v", aside, err)
	}
}

func TestReach(t *testing.T) {
	for _, r := range Reaches() {
		if err := r.check(); err != nil {
			t.Error(err)
		}
	}
	if s := ReachDirect.settings(); s.PortMap || s.HolePunch || s.AutoNAT || s.RelayClient || s.RelayService {
		t.Errorf("direct asks for help: %+v", s)
	}
	if s := ReachNAT.settings(); s.RelayService || !s.PortMap || !s.RelayClient {
		t.Errorf("nat: %+v", s)
	}
	if s := ReachRelay.settings(); !s.RelayService || s.RelayClient || s.PortMap {
		t.Errorf("relay: %+v", s)
	}
	cfg := config(t, t.TempDir())
	cfg.Reach = "far"
	if err := cfg.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), `reach is "far", want direct, nat, relay`) {
		t.Errorf("Validate = %v", err)
	}
}
