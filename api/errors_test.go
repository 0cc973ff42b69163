package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"syscall"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

func TestErrorMapping(t *testing.T) {
	diskFull, damaged := errors.New("full"), errors.New("rotten")
	s := bare(t, func(c *Config) { c.DiskFull, c.Damaged = diskFull, damaged })
	s.deps.Network = coretest.Network(t)
	seen := make(map[error]bool)
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{chain.ErrNotFound, 404, "not_found"},
		{mempool.ErrFull, 503, "mempool_full"},
		{diskFull, 507, "disk_full"},
		{damaged, 500, "damaged"},
		{syscall.ENOSPC, 507, "disk_full"},
		{consensus.ErrPayloadSize, 413, "payload_too_large"},
		{consensus.ErrAuthor, 403, "author_not_allowed"},
		{consensus.ErrStamp, 400, "stamp_missing"},
		{consensus.ErrSignature, 400, "bad_signature"},
		{consensus.ErrBodyMissing, 400, "body_missing"},
		{core.ErrBodyMismatch, 400, "body_mismatch"},
		{core.ErrMalformed, 400, "malformed"},
		{ErrAddress, 400, "bad_address"},
		{ErrOtherNetwork, 409, "other_network"},
		{os.ErrDeadlineExceeded, 408, "request_timeout"},
		{context.DeadlineExceeded, 504, "timeout"},
		{context.Canceled, 503, "stopping"},
		{&http.MaxBytesError{Limit: 7}, 413, "body_too_large"},
		{badRequest("some_code", "words"), 400, "some_code"},
		{errors.New("anything else"), 500, "internal"},
	} {
		seen[tt.err] = true
		p := s.problemOf(fmt.Errorf("doing: %w", tt.err))
		if p.Status != tt.status || p.Code != tt.code || p.Title == "" || p.Detail == "" {
			t.Errorf("%v: %+v, want %d %s", tt.err, p, tt.status, tt.code)
		}
		if retry := p.retry > 0; retry != (tt.status == 503 || tt.status == 507) {
			t.Errorf("%v: retry after %v", tt.err, p.retry)
		}
	}
	for _, row := range s.errorTable() {
		if !seen[row.cause] {
			t.Errorf("no case for %v", row.cause)
		}
	}
	if p := s.problemOf(consensus.ErrPayloadSize); p.Limit != 16384 {
		t.Errorf("limit %d", p.Limit)
	}
}
