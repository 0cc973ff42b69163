package mempool

import (
	"errors"

	"p2pchain/core"
)

// Noted messages are those of an addition from one index up to another that come with a note.
type noted struct {
	note     *Note
	from, to int
}

// allOrNone refuses all of the messages if there is no room for one.
func (n noted) allOrNone(errs []error) {
	full := false
	for _, err := range errs[n.from:n.to] {
		full = full || errors.Is(err, ErrFull)
	}
	for i := n.from; i < n.to && full; i++ {
		if errs[i] == nil {
			errs[i] = ErrFull
		}
	}
}

// fill writes into the note which messages are about to be stored, and reports whether any is.
func (n noted) fill(msgs []*core.Message, errs []error) bool {
	any := false
	n.note.Messages = make([]NotedResult, 0, n.to-n.from)
	for i := n.from; i < n.to; i++ {
		result := NotedResult{msgs[i].ID, Refused}
		if errs[i] == nil {
			result.Result, any = Accepted, true
		}
		n.note.Messages = append(n.note.Messages, result)
	}
	return any
}
