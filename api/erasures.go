package api

import (
	"context"
	"fmt"
	"strconv"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// Erasures are the messages whose payloads are not to be shown any more, whether their bytes are still here
// or not; it is the store but for tests.
type Erasures interface {
	// Erased returns, for each of the messages, how it was erased, nil where it was not.
	Erased(ids ...core.Hash) ([]*chain.Erasure, error)
	// ErasuresBefore returns up to limit erasures with a number below before, newest first.
	ErasuresBefore(before uint64, limit int) ([]chain.Erasure, error)
	// Epoch rises whenever an answer about bodies changes without a new tip. It is 0 as long as nothing was
	// ever erased, pruned or filled in.
	Epoch() uint64
}

// An Eraser makes the node forget the payload of a message: at once for all who ask, and for good when its
// block is settled. Errors wrap chain.ErrNotFound where the message is not stored.
type Eraser func(ctx context.Context, e chain.Erasure) error

// Who erased a message.
const (
	ByAuthor   = "author"
	ByOperator = "operator" // of this node
)

// An Erasure says who had a message's payload erased, and when this node did it.
type Erasure struct {
	At      Time            `json:"at"` // by this node's clock
	By      string          `json:"by"`
	Author  *core.PublicKey `json:"author"`  // whose key asked for it, null for the operator of this node
	Message *core.Hash      `json:"message"` // which asked for it, null where the erasure is of this node alone
	Settled bool            `json:"settled"` // the payload is gone from the store
	Gone    bool            `json:"gone"`    // and its bytes from this node's files
}

// erasureOf returns an erasure as JSON shows it, nil for nil.
func erasureOf(e *chain.Erasure) *Erasure {
	if e == nil {
		return nil
	}
	out := &Erasure{At: Time(e.TimeMS), By: ByOperator, Settled: e.Settled, Gone: e.Gone}
	if e.ByAuthor {
		out.By, out.Author = ByAuthor, &e.Author
	}
	if e.Message != (core.Hash{}) {
		out.Message = &e.Message
	}
	return out
}

// appendErasure appends an Erasure.
func appendErasure(dst []byte, e *chain.Erasure) []byte {
	dst = appendTime(append(dst, `{"at":`...), e.TimeMS)
	if e.ByAuthor {
		dst = appendHex(append(dst, `,"by":"author","author":`...), e.Author[:])
	} else {
		dst = append(dst, `,"by":"operator","author":null`...)
	}
	if e.Message != (core.Hash{}) {
		dst = appendHex(append(dst, `,"message":`...), e.Message[:])
	} else {
		dst = append(dst, `,"message":null`...)
	}
	dst = strconv.AppendBool(append(dst, `,"settled":`...), e.Settled)
	return append(strconv.AppendBool(append(dst, `,"gone":`...), e.Gone), '}')
}

// nothingErased are the Erasures of a node that has none.
type nothingErased struct{}

// Erased implements Erasures.
func (nothingErased) Erased(ids ...core.Hash) ([]*chain.Erasure, error) {
	return make([]*chain.Erasure, len(ids)), nil
}

// ErasuresBefore implements Erasures.
func (nothingErased) ErasuresBefore(uint64, int) ([]chain.Erasure, error) { return nil, nil }

// Epoch implements Erasures.
func (nothingErased) Epoch() uint64 { return 0 }

// A veiled archive gives no piece with a payload that was erased. All forms of blocks and messages are made
// of pieces, so none can forget it.
type veiled struct {
	Archive
	erasures Erasures
}

// Pieces implements Archive.
func (v veiled) Pieces(into *chain.Pieces, want chain.Extract) error {
	if err := v.Archive.Pieces(into, want); err != nil || want.Bare || v.erasures.Epoch() == 0 {
		return err
	}
	var ids []core.Hash
	for i := range into.List {
		for j := range into.List[i].Messages {
			ids = append(ids, into.List[i].Messages[j].ID)
		}
	}
	found, err := v.erasures.Erased(ids...)
	if err != nil {
		return fmt.Errorf("looking for erased messages: %w", err)
	}
	for i := range into.List {
		msgs := into.List[i].Messages
		for j := range msgs {
			if msgs[j].Erasure = found[j]; found[j] != nil {
				msgs[j].Body = nil
			}
		}
		found = found[len(msgs):]
	}
	return nil
}

// find returns a message as it may be shown, and how it was erased; chain.ErrNotFound.
func (s *Server) find(id core.Hash) (*core.Message, *chain.Erasure, error) {
	m, err := s.deps.Messages.Message(id)
	if err != nil {
		return nil, nil, err
	}
	return s.veil(m)
}

// veil takes the body from a message that was erased.
func (s *Server) veil(m *core.Message) (*core.Message, *chain.Erasure, error) {
	e, err := s.erasure(m.ID)
	if e != nil && m.Body != nil {
		bare := *m
		bare.Body = nil
		m = &bare
	}
	return m, e, err
}

// erasure returns how a message was erased, nil if it was not.
func (s *Server) erasure(id core.Hash) (*chain.Erasure, error) {
	if s.deps.Erasures.Epoch() == 0 {
		return nil, nil
	}
	found, err := s.deps.Erasures.Erased(id)
	if err != nil {
		return nil, fmt.Errorf("looking whether message %v was erased: %w", id, err)
	}
	return found[0], nil
}

// epochTag is the part of an ETag that changes when a payload goes or comes back without a new tip. It is
// of the moment before anything was read, as the tip is.
func epochTag(dst []byte, epoch uint64) []byte {
	if epoch == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, '-', 'e'), epoch, 36)
}
