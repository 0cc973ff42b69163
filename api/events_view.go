package api

import "p2pchain/core"

// The types of events.
const (
	EventHello     = "hello"     // what every answer begins with: a Hello
	EventMessage   = "message"   // a message is new here, or waits again: a MessageEvent
	EventConfirmed = "confirmed" // a block of the best chain has a message: a ConfirmedEvent
	EventBlock     = "block"     // a block joined the best chain: a Block
	EventReorg     = "reorg"     // blocks left the best chain: a ReorgEvent
	EventPeer      = "peer"      // a peer came or went: a PeerEvent
	EventSync      = "sync"      // how far the node is behind has changed: a Sync
	EventMining    = "mining"    // how mining goes has changed: a Mining
	EventErased    = "erased"    // a message was erased, and is not to be shown any more: an ErasedEvent
	EventReset     = "reset"     // events are missing here: a Reset
)

// An eventKind is the type of an event in the log.
type eventKind uint8

const (
	kindMessage eventKind = iota
	kindConfirmed
	kindBlock
	kindReorg
	kindPeer
	kindSync
	kindMining
	kindErased
	kindHello // this and the next are made for each client
	kindReset
)

// eventNames returns the types by their kinds.
func eventNames() [10]string {
	return [...]string{
		kindMessage: EventMessage, kindConfirmed: EventConfirmed, kindBlock: EventBlock, kindReorg: EventReorg,
		kindPeer: EventPeer, kindSync: EventSync, kindMining: EventMining, kindErased: EventErased, kindHello: EventHello, kindReset: EventReset,
	}
}

func (k eventKind) String() string { return eventNames()[k] }

// A kindSet is some kinds of events.
type kindSet uint16

const allKinds = kindSet(1<<kindHello - 1)

func (s kindSet) has(k eventKind) bool { return s&(1<<k) != 0 }

// A Hello says what follows. Its state is at least as new as the event before the ones that follow,
// so these may tell of something that it shows already.
type Hello struct {
	// Oldest is the id after which all events are still here: whoever names it gets them all.
	Oldest           string    `json:"oldest"`
	HeartbeatSeconds int       `json:"heartbeat_seconds"` // something comes at least this often
	Time             Time      `json:"time"`              // by the node's clock
	PeerID           string    `json:"peer_id"`
	Version          string    `json:"version"`
	Network          string    `json:"network"`
	NetworkID        string    `json:"network_id"`
	Genesis          core.Hash `json:"genesis"`
	Tip              TipInfo   `json:"tip"`
	Mempool          Waiting   `json:"mempool"`
	Sync             Sync      `json:"sync"`
	Mining           Mining    `json:"mining"`
	Peers            int       `json:"peers"`
}

// Why events are missing.
const (
	ResetRestarted = "restarted" // the node was started again since
	ResetForgotten = "forgotten" // they are too long ago
	ResetTooSlow   = "too_slow"  // the client, or the node, did not keep up
	ResetUnknown   = "unknown"   // the node never sent that id
)

// A Reset says that events are missing between the one before and the next one: whoever needs to know
// what happened has to ask for the state as it is now.
type Reset struct {
	Reason string `json:"reason"`
	Since  string `json:"since"` // the last event before the gap
}

// A MessageEvent tells of a message that is new on the node. It comes before everything else about it,
// and once, but for each time that a reorg gives the message back.
type MessageEvent struct {
	WaitingMessage
	Again     bool `json:"again,omitempty"`     // a reorg gave it back
	Truncated bool `json:"truncated,omitempty"` // the payload is left out, since it is over 1 KiB
	Waiting   int  `json:"waiting"`             // how many messages wait by then
}

// A ConfirmedEvent tells of a message in a block that joined the best chain; it comes after the event of
// the block.
type ConfirmedEvent struct {
	ID       core.Hash `json:"id"`
	Block    core.Hash `json:"block"`
	Height   uint64    `json:"height"`
	Position int       `json:"position"` // in the block, from 0
	Waiting  int       `json:"waiting"`  // how many messages wait by then
}

// A ReorgEvent tells that blocks left the best chain. After it come the messages that wait again, and
// then the blocks that took the place of these.
type ReorgEvent struct {
	OldTip core.Hash `json:"old_tip"`
	NewTip core.Hash `json:"new_tip"`
	Fork   core.Hash `json:"fork"`   // the last common block
	Height uint64    `json:"height"` // of the fork
	Count  int       `json:"count"`  // blocks that left
	// Reverted are the blocks that left, highest first; only the first thousand of more.
	Reverted []core.Hash `json:"reverted"`
}

// An ErasedEvent tells that the payload of a message is not to be shown any more. Events before it that
// had the payload are told without it from then on.
type ErasedEvent struct {
	ID      core.Hash `json:"id"`
	Erasure *Erasure  `json:"erasure"`
}

// The changes that a PeerEvent tells of.
const (
	PeerConnected    = "connected"
	PeerDisconnected = "disconnected"
)

// A PeerEvent tells of a peer that came or went.
type PeerEvent struct {
	Change string `json:"change"`
	Peer   Peer   `json:"peer"` // as it was known last
}
