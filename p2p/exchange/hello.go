package exchange

import (
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
)

// A Hello is what a node says of itself. Nothing of a peer's is believed before headers prove it.
type Hello struct {
	Genesis core.Hash // another genesis: another network
	Network string    // name of the network, for people
	Agent   string    // software and version, printable ASCII

	Tip    core.Hash // of the best chain
	Height uint64
	Work   core.Work

	LowestFull uint64 // the first height from which on no body is missing, but for erased ones
	ClockMS    uint64 // the sender's clock, Unix milliseconds

	Introducer bool               // it has no chain, and only introduces peers
	Records    [OwnRecords]Record // of its own addresses; nobody has opened them yet
}

// A Remote is a peer that passed hello, as package p2p hands it to the other parts.
type Remote struct {
	ID      peer.ID
	Session uint64 // another number means that the peer was gone in between
	Hello   Hello  // the newest one
}

// NetworkName returns what a log line should call the peer's network.
func (h *Hello) NetworkName() string {
	n := core.Network{Params: core.Params{Name: h.Network}, Genesis: h.Genesis}
	return n.String()
}

func (h *Hello) encode() *wire.Hello {
	work := h.Work.Bytes()
	m := &wire.Hello{
		Genesis: h.Genesis[:], Network: h.Network, Agent: h.Agent,
		Tip: h.Tip[:], Height: h.Height, Work: work[:], LowestFull: h.LowestFull, ClockMs: h.ClockMS,
		Introducer: h.Introducer,
	}
	for _, r := range h.Records {
		if r != "" {
			m.Records = append(m.Records, []byte(r))
		}
	}
	return m
}

// decodeHello checks every field: texts end up in logs, and times in sums.
func decodeHello(m *wire.Hello) (Hello, error) {
	h := Hello{Network: m.Network, Agent: m.Agent, Height: m.Height, LowestFull: m.LowestFull, ClockMS: m.ClockMs, Introducer: m.Introducer}
	work := [16]byte{}
	if !fill(h.Genesis[:], m.Genesis) || !fill(h.Tip[:], m.Tip) || !fill(work[:], m.Work) {
		return Hello{}, broken("hello with a field of a wrong size")
	}
	h.Work = core.DecodeWork(work)
	if h.Network == "" || len(h.Network) > 32 || strings.Trim(h.Network, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return Hello{}, broken("hello with network name %.40q", h.Network)
	}
	if !ValidAgent(h.Agent) {
		return Hello{}, broken("hello with agent %.40q", h.Agent)
	}
	if len(m.Records) > OwnRecords {
		return Hello{}, broken("hello with %d records", len(m.Records))
	}
	for i, r := range m.Records {
		if len(r) == 0 || len(r) > maxRecord {
			return Hello{}, broken("hello with a record of %d bytes", len(r))
		}
		h.Records[i] = Record(r)
	}
	if h.ClockMS > core.MaxTimeMS {
		return Hello{}, broken("hello with clock %d", h.ClockMS)
	}
	return h, nil
}

// ValidAgent reports whether a text may stand in a hello: at most 128 printable ASCII characters.
func ValidAgent(agent string) bool { return agent == printable(agent, maxAgent) }

// fill copies src into dst if it has the same size.
func fill(dst, src []byte) bool {
	copy(dst, src)
	return len(dst) == len(src)
}

// printable cuts a text to a size and replaces all that is not printable ASCII.
func printable(s string, size int) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s[:min(len(s), size)])
}
