package doctor

import (
	"regexp"
	"strconv"
	"strings"
)

// rules are what is understood of a firewall: ports that it names, and what becomes of all others.
type rules struct {
	opens, shuts []ports
	rest         bool // whether what no rule names comes in
}

// ports are some that a rule names, of one protocol or of both.
type ports struct {
	proto       string // empty: both
	first, last int
}

func (p ports) has(d door) bool {
	return (p.proto == "" || p.proto == d.proto) && p.first <= d.port && d.port <= p.last
}

// lets reports whether a door seems to be open.
func (r rules) lets(d door) bool {
	for _, p := range r.opens {
		if p.has(d) {
			return true
		}
	}
	for _, p := range r.shuts {
		if p.has(d) {
			return false
		}
	}
	return r.rest
}

// portList reads "80", "80-90", "80:90", and several of these with commas between.
func portList(proto, text string) []ports {
	var list []ports
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.ReplaceAll(strings.TrimSpace(item), ":", "-"), "-")
		from, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil {
			continue
		}
		to := from
		if isRange {
			if to, err = strconv.Atoi(strings.TrimSpace(last)); err != nil {
				continue
			}
		}
		list = append(list, ports{proto, from, to})
	}
	return list
}

// readUFW reads "ufw status". Where the firewall is on, what no rule names stays out.
func readUFW(out string) (r rules, active bool) {
	line := regexp.MustCompile(`(?m)^([0-9:,]+)(/tcp|/udp)?\s.*\b(ALLOW|LIMIT|DENY|REJECT)\b`)
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		list := portList(strings.TrimPrefix(m[2], "/"), m[1])
		if m[3] == "ALLOW" || m[3] == "LIMIT" {
			r.opens = append(r.opens, list...)
		} else {
			r.shuts = append(r.shuts, list...)
		}
	}
	return r, strings.Contains(out, "Status: active")
}

// readFirewalld reads "firewall-cmd --list-all".
func readFirewalld(out string) (r rules, active bool) {
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "target":
			r.rest = strings.TrimSpace(value) == "ACCEPT"
			active = true
		case "services":
			for _, service := range strings.Fields(value) {
				if service == "mdns" {
					r.opens = append(r.opens, ports{"udp", mdnsPort, mdnsPort})
				}
			}
		case "ports":
			for _, port := range strings.Fields(value) {
				list, proto, _ := strings.Cut(port, "/")
				r.opens = append(r.opens, portList(proto, list)...)
			}
		}
	}
	return r, active
}

// readNFT reads "nft list ruleset". It looks at chains that filter what comes in, and takes rules of
// other chains that open ports for jumped to.
func readNFT(out string) (r rules, active bool) {
	rule := regexp.MustCompile(`^(?:.*\s)?(tcp|udp|th) dport (\{[^}]*\}|[0-9-]+)(.*)$`)
	lastWord := regexp.MustCompile(`^(counter( packets \d+ bytes \d+)? )?(drop|reject.*)$`)
	r.rest = true
	input := false
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "chain "):
			input = false
			continue
		case strings.Contains(line, " hook "):
			input = strings.Contains(line, "hook input") && strings.HasPrefix(line, "type filter")
			active = active || input
			if input && strings.Contains(line, "policy drop") {
				r.rest = false
			}
			continue
		case input && lastWord.MatchString(line):
			r.rest = false
			continue
		}
		m := rule.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		list := portList(strings.TrimPrefix(m[1], "th"), strings.Trim(m[2], "{ }"))
		switch {
		case strings.Contains(m[3], "accept"):
			r.opens = append(r.opens, list...)
		case input && (strings.Contains(m[3], "drop") || strings.Contains(m[3], "reject")):
			r.shuts = append(r.shuts, list...)
		}
	}
	return r, active
}

// readIPTables reads "iptables -S".
func readIPTables(out string) (r rules, active bool) {
	rule := regexp.MustCompile(`^-A (\S+) .*-p (tcp|udp) .*--dports? ([0-9:,]+).* -j (ACCEPT|DROP|REJECT)`)
	r.rest = true
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "-P INPUT"):
			active = true
			r.rest = r.rest && strings.HasSuffix(line, "ACCEPT")
			continue
		case line == "-A INPUT -j DROP", strings.HasPrefix(line, "-A INPUT -j REJECT"):
			r.rest = false
			continue
		}
		m := rule.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		list := portList(m[2], m[3])
		switch {
		case m[4] == "ACCEPT":
			r.opens = append(r.opens, list...)
		case m[1] == "INPUT":
			r.shuts = append(r.shuts, list...)
		}
	}
	return r, active
}
