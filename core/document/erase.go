package document

import (
	"fmt"

	"p2pchain/core"
)

// EraseType is the media type of an erasure.
const EraseType = prefix + "erase"

// An Erase is an author's wish that the payload of one of his messages be forgotten. Nodes honour it where
// the authors of both messages are the same. Nobody is bound to: copies elsewhere cannot be recalled.
type Erase struct {
	Target core.Hash // id of the message whose payload is to go
}

// Type implements Document.
func (*Erase) Type() string { return EraseType }

// Validate implements Document: every id can be encoded, and none is that of no message.
func (*Erase) Validate() error { return nil }

// Encode implements Document: the 32 bytes of the id.
func (e *Erase) Encode() []byte { return e.Target[:] }

// String implements Document.
func (e *Erase) String() string { return fmt.Sprintf("erase the payload of message %v", e.Target) }

// Erased returns the id that a message asks to forget, and false for any message that is no erasure or
// lacks its body. It costs one comparison for other messages, since a store asks it about every one.
func Erased(m *core.Message) (core.Hash, bool) {
	if m.MediaType != EraseType || m.Body == nil || len(m.Body.Payload) != core.HashSize {
		return core.Hash{}, false
	}
	return core.Hash(m.Body.Payload), true
}

func decodeErase(payload []byte) (Document, error) {
	if len(payload) != core.HashSize {
		return nil, fmt.Errorf("erasure of %d bytes, want the %d of an id: %w", len(payload), core.HashSize, ErrMalformed)
	}
	return &Erase{core.Hash(payload)}, nil
}
