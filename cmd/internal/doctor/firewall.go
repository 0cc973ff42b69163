package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"

	"p2pchain/cmd/internal/node"
)

// A door is a port that others have to reach.
type door struct {
	proto string // tcp or udp
	port  int
	what  string
}

// doors lists the ports that a firewall has to let in.
func (e *exam) doors() []door {
	var list []door
	add := func(d door) {
		for _, known := range list {
			if known.proto == d.proto && known.port == d.port {
				return
			}
		}
		if d.port != 0 {
			list = append(list, d)
		}
	}
	addrs := e.cfg.Listen
	switch {
	case e.node != nil:
		addrs = e.node.Addresses
	case len(addrs) == 0:
		addrs = node.DefaultListen()
	}
	for _, addr := range addrs {
		if strings.HasPrefix(addr, "/ip4/127.") || strings.HasPrefix(addr, "/ip6/::1/") || strings.Contains(addr, "/p2p-circuit") {
			continue
		}
		proto, port := socketOf(addr)
		add(door{proto, port, "other nodes"})
	}
	if e.cfg.MDNS {
		add(door{"udp", mdnsPort, "finding nodes on the local network"})
	}
	if host, _, err := net.SplitHostPort(e.cfg.HTTP); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() {
			add(door{"tcp", portOf(e.cfg.HTTP), "the API"})
		}
	}
	return list
}

// lookAtFirewall asks the firewalls of this machine whether they let in what the node waits for. It
// understands the usual rules and says no more than "perhaps" of others.
func (e *exam) lookAtFirewall(ctx context.Context) []Finding {
	doors := e.doors()
	if len(doors) == 0 {
		return nil
	}
	for _, tool := range []struct {
		name string
		args []string
		read func(string) (rules, bool)
	}{
		{"ufw", []string{"status"}, readUFW},
		{"firewall-cmd", []string{"--list-all"}, readFirewalld},
		{"nft", []string{"list", "ruleset"}, readNFT},
		{"iptables", []string{"-S"}, readIPTables},
	} {
		out, err := e.system.command(ctx, tool.name, tool.args...)
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			if lower := strings.ToLower(out); strings.Contains(lower, "permission") || strings.Contains(lower, "permitted") || strings.Contains(lower, "root") || strings.Contains(lower, "authoriz") {
				return one(Note, "the firewall's rules can be read by root alone", "they may keep other nodes out",
					fmt.Sprintf("look for %s in: sudo %s %s", shutWords(doors), tool.name, strings.Join(tool.args, " ")))
			}
			continue // like a firewalld that does not run
		}
		r, active := tool.read(out)
		if !active {
			continue
		}
		var shut []door
		for _, d := range doors {
			if !r.lets(d) {
				shut = append(shut, d)
			}
		}
		if len(shut) > 0 {
			return one(Warning, fmt.Sprintf("the firewall (%s) seems to keep out %s", tool.name, shutWords(shut)),
				"nodes that are called by nobody still call others, but two such nodes never meet", openWords(tool.name, shut))
		}
		return one(OK, "the firewall ("+tool.name+") lets in what the node waits for", "", "")
	}
	return one(OK, "no firewall of this machine that is known here keeps anybody out", "", "")
}

func shutWords(doors []door) string {
	words := make([]string, len(doors))
	for i, d := range doors {
		words[i] = fmt.Sprintf("%s port %d (%s)", strings.ToUpper(d.proto), d.port, d.what)
	}
	return strings.Join(words, ", ")
}

// openWords returns the commands that open doors.
func openWords(tool string, shut []door) string {
	var commands []string
	for _, d := range shut {
		switch tool {
		case "ufw":
			commands = append(commands, fmt.Sprintf("sudo ufw allow %d/%s", d.port, d.proto))
		case "firewall-cmd":
			commands = append(commands, fmt.Sprintf("sudo firewall-cmd --permanent --add-port=%d/%s", d.port, d.proto))
		case "iptables":
			commands = append(commands, fmt.Sprintf("sudo iptables -I INPUT -p %s --dport %d -j ACCEPT", d.proto, d.port))
		default:
			commands = append(commands, fmt.Sprintf("let its chain for input accept %s dport %d", d.proto, d.port))
		}
	}
	if tool == "firewall-cmd" {
		commands = append(commands, "sudo firewall-cmd --reload")
	}
	return strings.Join(commands, "; ")
}
