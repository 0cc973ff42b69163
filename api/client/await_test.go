package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/core"
)

// A sealedChain has so many messages in every block, of which some are gone when they are asked for.
type sealedChain struct {
	perBlock int
	gone     map[int]bool // blocks that a reorg took
	busy     int          // so many requests for a block find the node at a limit
	asked    int
}

// hashOf numbers hashes.
func hashOf(kind byte, n int) core.Hash {
	h := core.Hash{kind}
	binary.BigEndian.PutUint32(h[28:], uint32(n))
	return h
}

func numberOf(h core.Hash) int { return int(binary.BigEndian.Uint32(h[28:])) }

// RoundTrip answers as a node does, but for ids that begin with another byte than 1: these wait.
func (s *sealedChain) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked++
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, v1+"/"), "/")
	hash, err := core.ParseHash(parts[1])
	if err != nil {
		return nil, err
	}
	switch {
	case parts[0] == "messages" && hash[0] != 1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case parts[0] == "messages":
		height := uint64(numberOf(hash) / s.perBlock)
		block := hashOf(2, int(height))
		m := Message{Content: api.Content{ID: hash, Payload: textOf("x")}}
		m.Standing = api.Standing{Status: StatusConfirmed, Block: &block, Height: &height, Confirmations: 1}
		return answer(m)
	case s.busy > 0:
		s.busy--
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Header: http.Header{}}, nil
	case s.gone[numberOf(hash)]:
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}}, nil
	}
	position, _ := strconv.Atoi(r.URL.Query().Get("position"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	part := BlockPart{Block: Block{Hash: hash, MessageCount: uint32(s.perBlock)}, Position: position}
	for i := position; i < min(position+limit, s.perBlock); i++ {
		part.Messages = append(part.Messages, api.Content{ID: hashOf(1, numberOf(hash)*s.perBlock+i), Payload: textOf("x")})
	}
	return answer(part)
}

func textOf(s string) api.Payload { return api.Payload{Message: &s} }

func answer(v any) (*http.Response, error) {
	b, err := json.Marshal(v)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(b)), Header: http.Header{}}, err
}

// TestAwaitAll waits for many messages: with as many requests as there are blocks, and pages of them.
func TestAwaitAll(t *testing.T) {
	const blocks, perBlock = 4, 2500
	for _, tt := range []struct {
		name  string
		gone  map[int]bool
		busy  int
		extra int // requests for messages whose block cannot be had: each by itself
	}{
		{"all in blocks", nil, 0, 0},
		{"a reorg took a block meanwhile", map[int]bool{2: true}, 0, 2 * (perBlock - 1)},
		{"the node is busy for a while", nil, 3, 2 * 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chain := &sealedChain{perBlock: perBlock, gone: tt.gone, busy: tt.busy}
			c, err := New("http://node", WithTransport(chain))
			if err != nil {
				t.Fatal(err)
			}
			var ids []core.Hash
			for i := range blocks * perBlock {
				ids = append(ids, hashOf(1, i))
			}
			left, err := c.AwaitAll(t.Context(), append(ids, ids[0]), 0)
			if left != 0 || err != nil {
				t.Errorf("AwaitAll = %d, %v", left, err)
			}
			if most := blocks*(1+perBlock/awaitPage+1) + tt.extra; chain.asked > most {
				t.Errorf("%d messages took %d requests, want at most %d", len(ids), chain.asked, most)
			}
		})
	}
}

// TestAwaitAllNotYet waits for a message that is in no block until the time is over.
func TestAwaitAllNotYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://node", WithTransport(&sealedChain{perBlock: 10}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ids := []core.Hash{hashOf(1, 1), hashOf(1, 12), hashOf(9, 1), hashOf(1, 2), hashOf(9, 2), hashOf(1, 99)}
		left, err := c.AwaitAll(ctx, ids, 0)
		if left != 3 || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnreachable) {
			t.Errorf("AwaitAll = %d, %v; want 3 left, which is what was not found on the way", left, err)
		}
	})
}

// A transportFunc answers requests.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAwaitConfirmationsNotYet waits until the time is over: what was known last is told.
func TestAwaitConfirmationsNotYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://node", WithTransport(transportFunc(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(longPoll):
				return answer(Message{Content: api.Content{Payload: textOf("x")}, Standing: api.Standing{Status: StatusWaiting}})
			}
		})))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		m, err := c.AwaitConfirmations(ctx, core.Hash{}, 3)
		if m.Status != StatusWaiting || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("AwaitConfirmations = status %q, %v; want what was known last, and the end of the time", m.Status, err)
		}
	})
}
