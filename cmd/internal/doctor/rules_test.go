package doctor

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	p2p, quic, mdns := door{"tcp", 22345, ""}, door{"udp", 22345, ""}, door{"udp", 5353, ""}
	for _, tt := range []struct {
		name   string
		read   func(string) (rules, bool)
		out    string
		active bool
		lets   []door
		shuts  []door
	}{
		{"ufw off", readUFW, "Status: inactive\n", false, nil, nil},
		{"ufw", readUFW, "Status: active\n\nTo                         Action      From\n--                         ------      ----\n22/tcp                     ALLOW       Anywhere\n22345/tcp                  ALLOW       Anywhere\n22345/udp                  DENY        Anywhere\n", true, []door{p2p}, []door{quic, mdns}},
		{"ufw without a protocol", readUFW, "Status: active\n22345                      ALLOW       Anywhere\n5000:5400/udp              ALLOW       Anywhere\n", true, []door{p2p, quic, mdns}, []door{{"tcp", 5353, ""}}},
		{"firewalld", readFirewalld, "public (active)\n  target: default\n  interfaces: eth0\n  services: dhcpv6-client mdns ssh\n  ports: 22345/tcp 8000-9000/udp\n", true, []door{p2p, mdns, {"udp", 8500, ""}}, []door{quic}},
		{"firewalld that takes all", readFirewalld, "trusted\n  target: ACCEPT\n  services: \n  ports: \n", true, []door{p2p}, nil},
		{"nft empty", readNFT, "", false, []door{p2p}, nil},
		{"nft of others", readNFT, "table ip nat {\n\tchain POST {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t}\n}\n", false, []door{p2p}, nil},
		{"nft open", readNFT, "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n", true, []door{p2p, mdns}, nil},
		{"nft drops by policy", readNFT, "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established,related accept\n\t\ttcp dport 22 accept\n\t\ttcp dport { 80, 22340-22350 } counter packets 1 bytes 2 accept\n\t}\n}\n", true, []door{p2p}, []door{quic, mdns}},
		{"nft drops at the end", readNFT, "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tudp dport 5353 accept\n\t\tcounter packets 3 bytes 4 drop\n\t}\n}\n", true, []door{mdns}, []door{p2p}},
		{"nft drops one port", readNFT, "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tudp dport 5353 drop\n\t}\n\tchain other {\n\t\ttcp dport 22345 drop\n\t}\n}\n", true, []door{p2p, quic}, []door{mdns}},
		{"nft lets in elsewhere", readNFT, "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tjump ours\n\t}\n\tchain ours {\n\t\tmeta l4proto { tcp, udp } th dport 22345 accept\n\t}\n}\n", true, []door{p2p, quic}, []door{mdns}},
		{"iptables open", readIPTables, "-P INPUT ACCEPT\n-P FORWARD DROP\n", true, []door{p2p}, nil},
		{"iptables by policy", readIPTables, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 22345 -j ACCEPT\n-A INPUT -p udp -m multiport --dports 1,5353 -j ACCEPT\n", true, []door{p2p, mdns}, []door{quic}},
		{"iptables at the end", readIPTables, "-P INPUT ACCEPT\n-A INPUT -p udp -m udp --dport 22345 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n", true, []door{quic}, []door{p2p}},
		{"iptables one port", readIPTables, "-P INPUT ACCEPT\n-A INPUT -p udp -m udp --dport 5353 -j DROP\n", true, []door{p2p}, []door{mdns}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, active := tt.read(tt.out)
			if active != tt.active {
				t.Errorf("active: %v", active)
			}
			for _, d := range tt.lets {
				if !r.lets(d) {
					t.Errorf("%v is shut by %+v", d, r)
				}
			}
			for _, d := range tt.shuts {
				if r.lets(d) {
					t.Errorf("%v is open by %+v", d, r)
				}
			}
		})
	}
}

func TestFirewall(t *testing.T) {
	says := func(tool, out string, err error) func(context.Context, string, ...string) (string, error) {
		return func(_ context.Context, name string, _ ...string) (string, error) {
			if name != tool {
				return "", exec.ErrNotFound
			}
			return out, err
		}
	}
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		name    string
		command func(context.Context, string, ...string) (string, error)
		level   Level
		words   string
	}{
		{"none", says("", "", nil), OK, "no firewall"},
		{"open", says("ufw", "Status: active\n22345 ALLOW Anywhere\n5353/udp ALLOW Anywhere\n12345/tcp ALLOW Anywhere\n", nil), OK, "lets in"},
		{"ufw", says("ufw", "Status: active\n", nil), Warning, "sudo ufw allow 22345/tcp; sudo ufw allow 5353/udp; sudo ufw allow 12345/tcp"},
		{"firewalld", says("firewall-cmd", "  target: default\n", nil), Warning, "--add-port=22345/tcp"},
		{"firewalld does not run", says("firewall-cmd", "FirewallD is not running\n", failed), OK, "no firewall"},
		{"nft", says("nft", "chain i {\ntype filter hook input priority 0; policy drop;\n", nil), Warning, "accept udp dport 5353"},
		{"iptables", says("iptables", "-P INPUT DROP\n", nil), Warning, "iptables -I INPUT -p tcp --dport 22345"},
		{"not allowed to look", says("nft", "Operation not permitted (you must be root)\n", failed), Note, "sudo nft list ruleset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			e.cfg.MDNS, e.cfg.HTTP = true, "0.0.0.0:12345"
			e.cfg.Listen = []string{"/ip4/0.0.0.0/tcp/22345", "/ip4/0.0.0.0/tcp/22345/ws", "/ip4/127.0.0.1/udp/9/quic-v1"}
			e.system.command = tt.command
			expect(t, e.lookAtFirewall(t.Context()), tt.level, tt.words)
		})
	}
	e := healthy(t) // which listens on loopback alone
	if found := e.lookAtFirewall(t.Context()); found != nil {
		t.Errorf("nothing to let in: %v", found)
	}
}

func TestRunCommand(t *testing.T) {
	if _, err := runCommand(t.Context(), "no-such-command-of-anybody"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if out, err := runCommand(t.Context(), "go", "version"); err == nil && !strings.Contains(out, "go1") {
		t.Errorf("%q", out)
	}
}

// FuzzRules reads any output of any tool without a panic, and opens nothing where there is nothing.
func FuzzRules(f *testing.F) {
	f.Add("tcp dport { 1-2, 3 } accept")
	f.Add("Status: active\n1:2/tcp ALLOW")
	f.Add("-A INPUT -p tcp --dport 1 -j ACCEPT")
	f.Add("ports: 1-2/tcp x/udp")
	f.Fuzz(func(t *testing.T, out string) {
		for _, read := range []func(string) (rules, bool){readUFW, readFirewalld, readNFT, readIPTables} {
			r, _ := read(out)
			for _, p := range append(r.opens, r.shuts...) {
				if p.proto != "" && p.proto != "tcp" && p.proto != "udp" && !strings.Contains(out, p.proto) {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}
