package api

import (
	"fmt"
	"time"
	"unicode/utf8"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Time is a moment in Unix milliseconds. As JSON it is RFC 3339 in UTC with milliseconds.
type Time uint64

const timeLayout = "2006-01-02T15:04:05.000Z"

// Time returns the moment in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String returns RFC 3339 in UTC with milliseconds.
func (t Time) String() string { return t.Time().Format(timeLayout) }

// MarshalText returns the same as String.
func (t Time) MarshalText() ([]byte, error) { return t.Time().AppendFormat(nil, timeLayout), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(timeLayout, string(text))
	if err != nil || parsed.UnixMilli() < 0 || parsed.Format(timeLayout) != string(text) { // it takes a comma for the dot
		return fmt.Errorf("time %q is not RFC 3339 in UTC with milliseconds", text)
	}
	*t = Time(parsed.UnixMilli())
	return nil
}

// The statuses of a message.
const (
	StatusWaiting   = "waiting"   // stored here, in no block of the best chain yet
	StatusConfirmed = "confirmed" // in a block of the best chain
)

// A Standing says where a message is.
type Standing struct {
	Status        string     `json:"status"`
	Block         *core.Hash `json:"block,omitempty"`
	Height        *uint64    `json:"height,omitempty"`
	Position      *int       `json:"position,omitempty"` // in the block, from 0
	Confirmations uint64     `json:"confirmations"`      // 1 in the tip, one more with each block on top
}

// A Receipt is the answer to a message that was taken in.
type Receipt struct {
	ID core.Hash `json:"id"`
	Standing
}

// A Payload is what an author wrote. Message is null where it is not UTF-8, and Base64 has it then,
// or where it cannot be shown: Erased says that somebody wanted it so, Missing that this node does not have
// it for another reason.
type Payload struct {
	Message *string `json:"message"`
	Base64  []byte  `json:"base64,omitempty"`
	Erased  bool    `json:"erased,omitempty"`
	Missing bool    `json:"missing,omitempty"`
}

// A Content is a message without its place in the chain.
type Content struct {
	ID core.Hash `json:"id"`
	Payload
	MediaType string         `json:"media_type"`
	Size      int            `json:"size"` // of the payload, in bytes
	Author    core.PublicKey `json:"author"`
	Time      Time           `json:"time"`       // by the author's clock
	Seen      core.Hash      `json:"seen_block"` // a block that the author had seen
	Erasure   *Erasure       `json:"erasure,omitempty"`
}

// A Message is a message and where it is.
type Message struct {
	Content
	Standing
	FirstSeen Time  `json:"first_seen"`           // when this node first had it, by its clock
	Local     bool  `json:"local"`                // somebody added it here; else it came from other nodes only
	BlockTime *Time `json:"block_time,omitempty"` // by the clock of the miner of its block
	// Written says between which blocks it was written; of confirmed ones only.
	Written *Written `json:"written,omitempty"`
}

// payloadOf returns the payload of a message in the form that JSON can hold.
func payloadOf(m *core.Message, e *chain.Erasure) Payload {
	switch {
	case e != nil:
		return Payload{Erased: true}
	case m.Body == nil:
		return Payload{Missing: true}
	case !utf8.Valid(m.Body.Payload):
		return Payload{Base64: m.Body.Payload}
	}
	text := string(m.Body.Payload)
	return Payload{Message: &text}
}

// contentOf returns a message as JSON shows it, with how it was erased, if it was.
func contentOf(m *core.Message, e *chain.Erasure) Content {
	return Content{
		ID:        m.ID,
		Payload:   payloadOf(m, e),
		MediaType: m.Type(),
		Size:      int(m.PayloadSize),
		Author:    m.Author,
		Time:      Time(m.TimeMS),
		Seen:      m.Seen,
		Erasure:   erasureOf(e),
	}
}

// The statuses of a line of a batch.
const (
	LineAccepted = "accepted" // valid, new and durable
	LineKnown    = "known"    // durable already
	LineRefused  = "refused"  // not stored, for a reason of its own
	// LineStopped means that the line was not stored for a reason that is not its own, so it may be
	// sent again. The batch ended there: no line after the last one of these was stored.
	LineStopped = "stopped"
)

// A LineResult is the answer to one line of a batch.
type LineResult struct {
	Line   int        `json:"line"` // from 1, blank lines count
	ID     *core.Hash `json:"id,omitempty"`
	Status string     `json:"status"`
	Code   string     `json:"code,omitempty"`
	Detail string     `json:"detail,omitempty"`
	Limit  int64      `json:"limit,omitempty"`
	// HTTPStatus is what a request with this line alone would have been answered with, where the line
	// was not stored.
	HTTPStatus int `json:"http_status,omitempty"`
}

// A Block is a header and where it stands.
type Block struct {
	Hash          core.Hash `json:"hash"`
	Height        uint64    `json:"height"`
	Time          Time      `json:"time"` // by the miner's clock
	PreviousHash  core.Hash `json:"previous_hash"`
	MessageCount  uint32    `json:"message_count"`
	MessageRoot   core.Hash `json:"message_root"`
	HistoryRoot   core.Hash `json:"history_root"`
	Work          core.Work `json:"work"` // of the whole chain up to here
	Bits          string    `json:"bits"` // compact target, 8 hex digits
	BusyMS        uint32    `json:"busy_ms"`
	Nonce         uint64    `json:"nonce"`
	Connected     bool      `json:"connected"` // on the best chain
	Confirmations uint64    `json:"confirmations"`
}

// A FullBlock is a block with its messages.
type FullBlock struct {
	Block
	Messages []Content `json:"messages"`
	Size     int       `json:"size"` // as the limit on block sizes counts it
}

// A BlockPart is a block with some of its messages. It ends the block where Position and the number of
// Messages are MessageCount together.
type BlockPart struct {
	Block
	Position int       `json:"position"` // of the first of Messages
	Messages []Content `json:"messages"`
}

// A BlockPage is a part of the list of blocks, newest first.
type BlockPage struct {
	Blocks []Block `json:"blocks"`
	// Next is the cursor of the next page, empty on the last one.
	Next string `json:"next,omitempty"`
	// Reorged says that the block that this page was to begin with left the best chain meanwhile, so
	// pages read before may show blocks that are not on it any more.
	Reorged bool `json:"reorged"`
}

// A WaitingMessage is an entry of the list of waiting messages.
type WaitingMessage struct {
	Content
	Accepted Time `json:"accepted"` // when it began to wait, by this node's clock
	Local    bool `json:"local"`    // this node answers for it
}

// Waiting says how much waits for a block.
type Waiting struct {
	Count    int   `json:"count"`
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
}

// A MempoolPage is a part of the list of waiting messages, oldest first.
type MempoolPage struct {
	Waiting
	Messages []WaitingMessage `json:"messages"`
	Next     string           `json:"next,omitempty"` // cursor of the next page
}

// blockOf returns a header as JSON shows it.
func blockOf(hash core.Hash, h *core.Header) Block {
	return Block{
		Hash:         hash,
		Height:       h.Height,
		Time:         Time(h.TimeMS),
		PreviousHash: h.PreviousHash,
		MessageCount: h.MessageCount,
		MessageRoot:  h.MessageRoot,
		HistoryRoot:  h.HistoryRoot,
		Work:         h.Work,
		Bits:         fmt.Sprintf("%08x", uint32(h.Bits)),
		BusyMS:       h.BusyMS,
		Nonce:        h.Nonce,
	}
}
