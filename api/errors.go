package api

import (
	"context"
	"errors"
	"net/http"
	"os"
	"syscall"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

// An errorRow says how an error is answered.
type errorRow struct {
	cause  error
	status int
	code   string
	detail string        // empty: the error's own words
	retry  time.Duration // when to come again
}

// errorTable returns how errors are answered: by the first row whose cause they wrap. What is in no
// row is our own fault.
func (s *Server) errorTable() []errorRow {
	return []errorRow{
		{chain.ErrNotFound, http.StatusNotFound, "not_found", "", 0},
		{mempool.ErrFull, http.StatusServiceUnavailable, "mempool_full", "as many messages as this node keeps wait for a block", 5 * time.Second},
		{s.cfg.DiskFull, http.StatusInsufficientStorage, "disk_full", "the node's disk is full; nothing was stored", 30 * time.Second},
		{s.cfg.Damaged, http.StatusInternalServerError, "damaged", "what this node stores is damaged; it stops, and \"p2pchain check --deep --repair\" repairs it", 0},
		{syscall.ENOSPC, http.StatusInsufficientStorage, "disk_full", "the node's disk is full; nothing was stored", 30 * time.Second},
		{consensus.ErrPayloadSize, http.StatusRequestEntityTooLarge, "payload_too_large", "", 0},
		{consensus.ErrAuthor, http.StatusForbidden, "author_not_allowed", "this node's key is not among those that may write on this network", 0},
		{consensus.ErrStamp, http.StatusBadRequest, "stamp_missing", "", 0},
		{consensus.ErrSignature, http.StatusBadRequest, "bad_signature", "", 0},
		{consensus.ErrBodyMissing, http.StatusBadRequest, "body_missing", "", 0},
		{core.ErrBodyMismatch, http.StatusBadRequest, "body_mismatch", "", 0},
		{core.ErrMalformed, http.StatusBadRequest, "malformed", "", 0},
		{ErrAddress, http.StatusBadRequest, "bad_address", "", 0},
		{ErrOtherNetwork, http.StatusConflict, "other_network", "", 0},
		{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "request_timeout", "the request took too long to arrive", 0},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout", "this took too long", 0},
		{context.Canceled, http.StatusServiceUnavailable, "stopping", "the node stops, or the request was given up", time.Second},
	}
}

// problemOf returns how an error is answered; it is the one place that maps errors to statuses.
func (s *Server) problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge("body_too_large", "the body of this request", tooLong.Limit)
	}
	for _, row := range s.errorTable() {
		if row.cause == nil || !errors.Is(err, row.cause) {
			continue
		}
		detail := row.detail
		if detail == "" {
			detail = err.Error()
		}
		p := problem(row.status, row.code, detail)
		p.retry, p.cause = row.retry, err
		if row.cause == consensus.ErrPayloadSize {
			p.Limit = int64(s.deps.Network.Params.MaxPayloadBytes)
		}
		return p
	}
	p := problem(http.StatusInternalServerError, "internal", "the node failed; its log says how")
	p.cause = err
	return p
}

// fail answers a request with an error. If the answer has begun, the connection is cut, so that the
// client does not take a part for the whole.
func (s *Server) fail(w *response, r *http.Request, err error) {
	p := s.problemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.cfg.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	w.lease = nil // the problem itself is for everybody
	p.write(w)
}
