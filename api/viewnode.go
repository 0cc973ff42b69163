package api

import (
	"encoding/json"

	"p2pchain/core"
)

// A Node describes the node that answers. Programs that join a network read PeerID and Addresses.
type Node struct {
	PeerID        string         `json:"peer_id"`
	Addresses     []string       `json:"addresses"` // multiaddrs, each with /p2p/ and the id
	Author        core.PublicKey `json:"author"`    // of the messages that are added here
	Version       string         `json:"version"`
	Network       NetworkInfo    `json:"network"`
	Tip           TipInfo        `json:"tip"`
	BestHeader    TipInfo        `json:"best_header"`
	Sync          Sync           `json:"sync"`
	Mempool       Waiting        `json:"mempool"`
	Mining        Mining         `json:"mining"`
	Peers         int            `json:"peers"`
	Links         Links          `json:"links"`
	Forgetting    Forgetting     `json:"forgetting"`
	Started       Time           `json:"started"`
	UptimeSeconds int64          `json:"uptime_seconds"`
	ClockSkewMS   *int64         `json:"clock_skew_ms"` // our clock minus that of the peers, null without any
	// LastEvent is the id of the last event before all this was read. Where the hello of a stream of events
	// has the same id, nothing was told in between.
	LastEvent string `json:"last_event"`
}

// What becomes of old payloads.
const (
	PruningOff     = "off"        // they are kept
	PruningRefused = "no_archive" // they are kept, since no connected peer has all of them
)

// Forgetting says which payloads the node does not have any more.
type Forgetting struct {
	Honour            bool   `json:"honour_erasures"`     // those that authors ask for
	PruneAfterSeconds int64  `json:"prune_after_seconds"` // 0: old payloads are kept
	Pruning           string `json:"pruning"`             // off, done, running, or no_archive: refused, since no connected peer has all payloads
	PrunedHeight      uint64 `json:"pruned_height"`       // of the last block whose payloads were dropped since they were old
	Pruned            uint64 `json:"pruned"`              // such payloads
	Erased            uint64 `json:"erased"`              // messages
	Missing           int64  `json:"missing"`             // payloads that nobody erased or pruned here, and that peers are asked for
	LowestFull        uint64 `json:"lowest_full"`         // from this height on no payload is missing, but for erased ones
}

// A NetworkInfo names the network.
type NetworkInfo struct {
	Name    string          `json:"name"`
	ID      string          `json:"id"`
	Genesis core.Hash       `json:"genesis"`
	Params  json.RawMessage `json:"params"` // as in a parameter file
}

// A TipInfo is the end of a chain of headers.
type TipInfo struct {
	Hash   core.Hash `json:"hash"`
	Height uint64    `json:"height"`
	Time   Time      `json:"time"`
	Work   core.Work `json:"work"`
}

// Sync says how far the node is behind its peers, and how fast it catches up. Rates are averages of
// the last ten seconds or so.
type Sync struct {
	State             string  `json:"state"`       // in the words of p2p/syncer: alone, headers, blocks or synced
	Height            uint64  `json:"height"`      // of the tip
	BestHeader        uint64  `json:"best_header"` // of the best valid header
	Walked            uint64  `json:"walked"`      // how far a first look at headers came, 0 where there is none
	Target            uint64  `json:"target"`      // the height it is on the way to
	BlocksPerSecond   float64 `json:"blocks_per_second"`
	MessagesPerSecond float64 `json:"messages_per_second"`
	BytesPerSecond    float64 `json:"bytes_per_second"`
	// ETASeconds is how long the rest takes at this rate, nil where that is unknown or nothing is left.
	ETASeconds *float64 `json:"eta_seconds,omitempty"`
}

// mostETA is a year, in seconds. More says nothing: an average fades for two hours after the last block,
// until what is left divided by it is no number, and targets are what peers claim.
const mostETA = 365 * 24 * 3600

// Estimate sets ETASeconds from the other fields.
func (s *Sync) Estimate() {
	s.ETASeconds = nil
	if s.Target <= s.Height || s.BlocksPerSecond <= 0 {
		return
	}
	if eta := float64(s.Target-s.Height) / s.BlocksPerSecond; eta <= mostETA {
		s.ETASeconds = &eta
	}
}

// The states of a Sync that mean more than their words to those who read it.
const (
	SyncAlone  = "alone"  // no peers
	SyncBlocks = "blocks" // blocks are missing
	SyncSynced = "synced" // nobody claims more
)

// Mining says how mining goes.
type Mining struct {
	Mode     string   `json:"mode"`             // auto, always or off
	Paused   []string `json:"paused,omitempty"` // why it must not work, whatever the mode
	Threads  int      `json:"threads"`
	Working  bool     `json:"working"`   // searching right now
	HashRate float64  `json:"hash_rate"` // tries a second
	Height   uint64   `json:"height"`    // of the block being searched
	Sealed   uint64   `json:"sealed"`    // blocks found since the start
}

// Links says how the node is tied into its network.
type Links struct {
	Inbound     int    `json:"inbound"`             // peers that called
	Outbound    int    `json:"outbound"`            // peers that were called
	Introducers int    `json:"introducers"`         // connected nodes that are no peers, but know some
	Relays      int    `json:"relays"`              // connected nodes of both kinds that relay for others
	Known       int    `json:"known"`               // nodes that could be called, connected or not
	DHTNodes    *int   `json:"dht_nodes,omitempty"` // that answer questions in the DHT; nil where it is off
	Reach       string `json:"reach"`               // what the node does to be reached: direct, nat or relay
	// Reachable says what is known of whether nodes outside of the local network can call this one:
	// public, relayed, private or unknown.
	Reachable string `json:"reachable"`
}

// The topics whose meshes a peer may be in.
const (
	TopicMessages = "messages"
	TopicBlocks   = "blocks"
)

// DirectionInbound is the Direction of a peer that called us; the other one is outbound.
const DirectionInbound = "inbound"

// A Peer is a node that this one talks to.
type Peer struct {
	ID            string    `json:"id"`
	Addresses     []string  `json:"addresses"` // multiaddrs, best first
	Direction     string    `json:"direction"` // inbound or outbound
	Agent         string    `json:"agent"`
	Tip           core.Hash `json:"tip"`
	Height        uint64    `json:"height"`
	Work          core.Work `json:"work"`
	LowestFull    uint64    `json:"lowest_full"` // from this height on it lacks no payload, but for erased ones
	LatencyMS     float64   `json:"latency_ms"`
	Connected     Time      `json:"connected"` // since when
	ClockOffsetMS int64     `json:"clock_offset_ms"`
	Mesh          []string  `json:"mesh"` // topics of which it and this node forward everything to each other
}

// A PeerList is the answer of /api/v1/peers, sorted by id.
type PeerList struct {
	Count int    `json:"count"`
	Peers []Peer `json:"peers"`
}

// Connected is the answer to a request to connect to a peer.
type Connected struct {
	ID string `json:"id"`
	// Peer is the peer as the list shows it, nil where it only introduces others, or left at once.
	Peer *Peer `json:"peer,omitempty"`
}

// Imported says what an import has done.
type Imported struct {
	Blocks   int `json:"blocks"`   // new here
	Messages int `json:"messages"` // in them
	Known    int `json:"known"`    // blocks that were here before
	Waiting  int `json:"waiting"`  // messages of a branch with less work, which wait for a block now
}

// An ImportResult is the answer to an import, and a line about its progress.
type ImportResult struct {
	Status string `json:"status"`
	Bytes  int64  `json:"bytes"` // of the body, that were read
	Imported
	Height uint64    `json:"height"` // of the tip
	Hash   core.Hash `json:"hash"`
	// The rest says why an import stopped, as a Problem would.
	Code       string `json:"code,omitempty"`
	Detail     string `json:"detail,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
}

// An Invite is what others join the node's network with.
type Invite struct {
	Invite    string   `json:"invite"` // one line, for p2pchain join
	Network   string   `json:"network"`
	NetworkID string   `json:"network_id"`
	Addresses []string `json:"addresses"` // multiaddrs that are in it, each with /p2p/ and a peer id
	// LocalOnly says that none of the addresses leads to another machine.
	LocalOnly bool `json:"local_only"`
}
