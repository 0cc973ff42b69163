package api

import (
	"fmt"
	"strconv"

	"p2pchain/core"
)

// The shapes of both seeds' answers, which never change (docs/seeds.md).

// An Added is the answer to PUT /add.
type Added struct {
	Message         string     `json:"message"`
	MoreInformation string     `json:"more_information"`
	ID              *core.Hash `json:"id,omitempty"` // ours; absent where nothing was added
}

// Seconds are Unix seconds with three decimals: seed 1's timestamps are floats.
type Seconds uint64

// MarshalJSON writes a number that always has its decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s)/1000, 'f', 3, 64), nil
}

// UnmarshalJSON reads any number of seconds from 1970 on.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || v < 0 || v > core.MaxTimeMS/1000+1 {
		return fmt.Errorf("timestamp %s", b)
	}
	*s = Seconds(v*1000 + 0.5)
	return nil
}

// A ChainMessage is a message in GET /chain.
type ChainMessage struct {
	ID *core.Hash `json:"id"` // null for the genesis text, which is no message
	Payload
	MediaType string          `json:"media_type,omitempty"` // where it is not plain text
	Author    *core.PublicKey `json:"author,omitempty"`
	Time      *Time           `json:"time,omitempty"`
}

// A ChainBlock is a block in GET /chain.
type ChainBlock struct {
	Index        uint64         `json:"index"`
	Timestamp    Seconds        `json:"timestamp"`
	Data         []ChainMessage `json:"data"`
	Proof        *uint64        `json:"proof"`         // null for genesis
	PreviousHash *core.Hash     `json:"previous_hash"` // null for genesis
	Hash         core.Hash      `json:"hash"`
	MessageRoot  core.Hash      `json:"message_root"`
	HistoryRoot  core.Hash      `json:"history_root"`
	Work         core.Work      `json:"work"`
	Bits         string         `json:"bits"`
	BusyMS       uint32         `json:"busy_ms"`
}

// Neighbours is the answer of GET /neighbours.
type Neighbours struct {
	Neighbours []string `json:"neighbours"` // host:port of the peers' p2p addresses
	Length     int      `json:"length"`
}

// A SeedReply is the frame of seed 2's answers. Without data there is no such member.
type SeedReply[T any] struct {
	Status string `json:"status"` // OK
	Data   T      `json:"data"`
}

// A DataBlock is a block in GET /data: exactly these four members.
type DataBlock struct {
	Index        uint64    `json:"index"`
	PreviousHash core.Hash `json:"previous_hash"`
	Data         string    `json:"data"` // JSON text of the message, or of the array of messages
	CurrHash     core.Hash `json:"curr_hash"`
}

// A DataMessage is a waiting message in GET /data.
type DataMessage struct {
	ID core.Hash `json:"id"`
	Payload
}

// A SeedNode is the answer of GET /node: exactly these five members.
type SeedNode struct {
	PeerID    string `json:"peer_id"`
	DataCount uint64 `json:"data_count"` // blocks, genesis included
	Health    bool   `json:"health"`     // the stored chain is valid
	RPCPort   string `json:"rpc_port"`   // of the p2p address, as in the seed
	Age       string `json:"age"`        // start time, 2006-01-02 15:04:05.000000
}

// A SeedPeer is a value of the object in GET /peers. Both are p2p addresses, not those of an API.
type SeedPeer struct {
	Host string `json:"host"`
	Port string `json:"port"`
}
