package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// getMessage shows a message and where it stands, with ?wait=confirmed as soon as it is in a block
// or the time is over.
func (s *Server) getMessage(w *response, r *http.Request) error {
	id, err := hashParam("message id", mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	wait, err := waitParams(r)
	if err != nil {
		return err
	}
	standing, err := s.standing(id)
	if err == nil && wait > 0 && standing.Status != StatusConfirmed {
		standing, err = s.await(w, r.Context(), id, wait)
	}
	if errors.Is(err, chain.ErrNotFound) {
		return problem(http.StatusNotFound, "message_not_found", "no message of this id waits here or is on the best chain")
	}
	if err != nil {
		return err
	}
	m, err := s.deps.Messages.Message(id)
	if err != nil {
		return fmt.Errorf("reading message %v: %w", id, err)
	}
	return writeJSON(w, http.StatusOK, Message{contentOf(m), standing})
}

// standing returns where a message is; chain.ErrNotFound if it neither waits nor is on the best chain.
func (s *Server) standing(id core.Hash) (Standing, error) {
	confirmed, err := s.place(id)
	if !errors.Is(err, chain.ErrNotFound) {
		return confirmed, err
	}
	_, err = s.deps.Pool.Message(id)
	if err == nil {
		return Standing{Status: StatusWaiting}, nil
	}
	if !errors.Is(err, chain.ErrNotFound) {
		return Standing{}, err
	}
	return s.place(id) // it may have been sealed between the two looks
}

// place returns where the best chain has a message; chain.ErrNotFound.
func (s *Server) place(id core.Hash) (Standing, error) {
	p, err := s.deps.Chain.Locate(id)
	if err != nil {
		return Standing{}, err
	}
	return Standing{
		Status: StatusConfirmed, Block: &p.Block, Height: &p.Height, Position: &p.Position,
		Confirmations: confirmations(s.deps.Chain.Tip(), p.Height),
	}, nil
}

// confirmations counts the blocks from a height of the best chain up to its tip.
func confirmations(tip chain.Tip, height uint64) uint64 {
	return max(tip.Header.Height, height) - height + 1 // the tip may be older than the height
}

// await returns where a message is once it is confirmed, or when the time is over or the server
// stops.
func (s *Server) await(w http.ResponseWriter, ctx context.Context, id core.Hash, wait time.Duration) (Standing, error) {
	if !s.waits.enter(ctx) {
		return Standing{}, busy("too_many_waiting_requests", "as many requests as this node allows wait for a confirmation")
	}
	defer s.waits.leave(ctx)
	until := time.Now().Add(wait + s.cfg.WriteTimeout)
	if err := http.NewResponseController(w).SetWriteDeadline(until); err != nil {
		return Standing{}, err
	}
	changed, cancel := s.deps.Chain.Subscribe()
	defer cancel()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		now, err := s.standing(id)
		if err != nil || now.Status == StatusConfirmed {
			return now, err
		}
		select {
		case <-changed:
		case <-over.C:
			return now, nil
		case <-stopping(ctx):
			return now, nil
		case <-ctx.Done():
			return now, ctx.Err()
		}
	}
}

const (
	usualPage = 100
	mostPage  = 1000
)

// getMempool lists waiting messages, oldest first.
func (s *Server) getMempool(w *response, r *http.Request) error {
	limit, err := limitParam(r, usualPage, mostPage)
	if err != nil {
		return err
	}
	after, err := cursorParam(r)
	if err != nil {
		return err
	}
	list, err := s.deps.Pool.List(after, limit)
	if err != nil {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	if err := s.writeMempool(out, list); err != nil {
		return err
	}
	if len(list) == limit {
		out.raw(`,"next":"`, strconv.FormatUint(list[limit-1].Seq, 10), `"`)
	}
	out.raw("}\n")
	return out.end()
}

// writeMempool writes a MempoolPage up to its last member, message by message.
func (s *Server) writeMempool(out *stream, list []mempool.Waiting) error {
	totals, err := encode(s.waiting())
	if err != nil {
		return err
	}
	out.raw(strings.TrimSuffix(string(totals), "}\n"), `,"messages":[`)
	sep := ""
	for _, entry := range list {
		m, err := s.deps.Messages.Message(entry.ID)
		if errors.Is(err, chain.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return err
		}
		out.raw(sep)
		out.value(WaitingMessage{contentOf(m), Time(entry.AcceptedMS), entry.Local})
		sep = ","
	}
	out.raw(`]`)
	return nil
}

// cursorParam reads a cursor that is a number.
func cursorParam(r *http.Request) (uint64, error) {
	text, err := queryParam(r, "cursor")
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, badRequest("bad_cursor", fmt.Sprintf("cursor %q: want the \"next\" of an earlier page", text))
	}
	return n, nil
}

// waiting returns how much waits for a block.
func (s *Server) waiting() Waiting {
	t := s.deps.Pool.Totals()
	return Waiting{t.Count, t.Bytes, t.MaxBytes}
}
