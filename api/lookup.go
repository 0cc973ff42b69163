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
	tip := s.deps.Chain.Tip()
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
	// A message leaves the waiting ones and comes back with a change of the tip only.
	if wait == 0 && unchanged(w, r, s.tagOf(w, tip.Hash, formJSON)) {
		return nil
	}
	m, err := s.message(id, standing)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m)
}

// message returns a message whose standing is known.
func (s *Server) message(id core.Hash, standing Standing) (Message, error) {
	m, erasure, err := s.find(id)
	if err != nil {
		return Message{}, fmt.Errorf("reading message %v: %w", id, err)
	}
	first, err := s.deps.Archive.Seen(id)
	if err != nil {
		return Message{}, fmt.Errorf("reading how message %v came: %w", id, err)
	}
	out := Message{Content: contentOf(m, erasure), Standing: standing, FirstSeen: Time(first.MS), Local: first.Local}
	if standing.Block != nil {
		h, err := s.deps.Chain.Header(*standing.Block)
		if err != nil {
			return Message{}, fmt.Errorf("block %v: %w", *standing.Block, err)
		}
		out.BlockTime = (*Time)(&h.TimeMS)
		if out.Written, err = s.spans().of(m, *standing.Block, h.Height); err != nil {
			return Message{}, fmt.Errorf("between which blocks message %v was written: %w", id, err)
		}
	}
	return out, nil
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
func (s *Server) await(w *response, ctx context.Context, id core.Hash, wait time.Duration) (Standing, error) {
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
	check, uncheck := w.lease.checks()
	defer uncheck()
	for {
		now, err := s.standing(id)
		if err != nil || now.Status == StatusConfirmed {
			return now, err
		}
		select {
		case <-changed:
		case <-check:
			if err := w.lease.ask(); err != nil {
				return now, err
			}
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

	// waitingAtOnce is how many waiting messages a stream looks up before it lets others go on. Each is found by its
	// id, some 10 µs, so that these take as long as a part of the chain.
	waitingAtOnce = 32
)

// getMempool lists waiting messages, oldest first. As lines it is all of them.
func (s *Server) getMempool(w *response, r *http.Request) error {
	lines := wantsNDJSON(w, r)
	limit, err := listLimit(r, lines)
	if err != nil {
		return err
	}
	after, err := cursorParam(r)
	if err != nil {
		return err
	}
	list, err := s.deps.Pool.List(after, min(limit, mostPage))
	if err == nil && !lines && len(list) < limit {
		_, err = s.settled(r.Context())
	}
	if err != nil {
		return err
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	if lines {
		w.Header().Set("Content-Type", ndjson)
		return s.streamMempool(r.Context(), out, list, limit)
	}
	totals, err := encode(s.waiting())
	if err != nil {
		return err
	}
	out.raw(strings.TrimSuffix(string(totals), "}\n"), `,"messages":[`)
	if err := s.writeMempool(out, list, ",", ""); err != nil {
		return err
	}
	out.raw(`]`)
	if len(list) == limit {
		out.raw(`,"next":"`, strconv.FormatUint(list[limit-1].Seq, 10), `"`)
	}
	out.raw("}\n")
	return out.end()
}

// streamMempool writes a list of waiting messages, and those after it, as lines.
func (s *Server) streamMempool(ctx context.Context, out *stream, list []mempool.Waiting, limit int) error {
	for len(list) > 0 && out.err == nil {
		if err := s.writeMempool(out, list, "", "\n"); err != nil {
			return err
		}
		var err error
		limit -= len(list)
		if list, err = s.deps.Pool.List(list[len(list)-1].Seq, min(limit, mostPage)); err != nil {
			return err
		}
	}
	if _, err := s.settled(ctx); err != nil {
		return err
	}
	return out.end()
}

// writeMempool writes waiting messages one by one, with what stands between two and after each.
func (s *Server) writeMempool(out *stream, list []mempool.Waiting, between, after string) error {
	sep := ""
	return s.eachWaiting(out, list, func(entry *mempool.Waiting, m *core.Message, e *chain.Erasure) {
		out.buf = appendContent(append(out.buf, sep...), m, e)
		out.buf = appendTime(append(out.buf, `,"accepted":`...), entry.AcceptedMS)
		out.buf = append(strconv.AppendBool(append(out.buf, `,"local":`...), entry.Local), '}')
		out.buf = append(out.buf, after...)
		sep = between
	})
}

// eachWaiting calls write, which appends to out, with each message of a list that waits still.
func (s *Server) eachWaiting(out *stream, list []mempool.Waiting, write func(*mempool.Waiting, *core.Message, *chain.Erasure)) error {
	for i := range list {
		if i%waitingAtOnce == waitingAtOnce-1 {
			out.giveWay()
		}
		m, e, err := s.find(list[i].ID)
		if errors.Is(err, chain.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return err
		}
		write(&list[i], m, e)
		out.ship()
	}
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
