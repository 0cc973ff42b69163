package api

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"

	"p2pchain/core"
)

// putAdd is seed 1's way to add a message.
func (s *Server) putAdd(w *response, r *http.Request) error {
	text, err := queryParam(r, "message")
	if err != nil {
		return err
	}
	if text == "" {
		return writeJSON(w, http.StatusBadRequest, Added{Message: "No Message added!", MoreInformation: "Missing data."})
	}
	m, err := s.add(r.Context(), textDraft([]byte(text)), nil)
	if known(err) != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, Added{"Message added!", "Will be mined in a future block.", &m.ID})
}

// getNeighbours is seed 1's list of peers.
func (s *Server) getNeighbours(w *response, _ *http.Request) error {
	list := []string{}
	for _, p := range s.deps.Host.Peers() {
		if host, port, ok := endpoint(p.Addresses); ok {
			list = append(list, net.JoinHostPort(host, port))
		}
	}
	slices.Sort(list)
	return writeJSON(w, http.StatusOK, Neighbours{list, len(list)})
}

// getChain is seed 1's chain, genesis first.
func (s *Server) getChain(w *response, r *http.Request) error {
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	out.raw(`{"chain":[`)
	length, err := s.eachBlock(r, out, s.writeChainBlock)
	if err != nil {
		return err
	}
	out.raw(`],"length":`, strconv.Itoa(length), "}\n")
	return out.end()
}

// eachBlock writes every block of the best chain, with commas between them, and returns how many.
func (s *Server) eachBlock(r *http.Request, out *stream, write func(*stream, core.Hash, *core.Block)) (int, error) {
	steps := s.walk()
	for length := 0; out.err == nil; length++ {
		hash, b, err := steps.step(r.Context())
		if errors.Is(err, io.EOF) {
			return length, nil
		}
		if err != nil {
			return length, err
		}
		if length > 0 {
			out.raw(",")
		}
		write(out, hash, b)
	}
	return 0, nil // the client is gone; end will see to it
}

// writeChainBlock writes a block in seed 1's form, message by message: all of a large block at once
// would be many times its size.
func (s *Server) writeChainBlock(out *stream, hash core.Hash, b *core.Block) {
	h := &b.Header
	stamp, _ := Seconds(h.TimeMS).MarshalJSON() // never fails
	out.raw(`{"index":`, strconv.FormatUint(h.Height, 10), `,"timestamp":`, string(stamp), `,"data":[`)
	if h.Height == 0 {
		out.value(ChainMessage{Payload: Payload{Message: &s.deps.Network.Params.Text}})
		out.raw(`],"proof":null,"previous_hash":null`)
	} else {
		for i, m := range b.Messages {
			if i > 0 {
				out.raw(",")
			}
			out.value(chainMessageOf(m))
		}
		out.raw(`],"proof":`, strconv.FormatUint(h.Nonce, 10), `,"previous_hash":"`, h.PreviousHash.String(), `"`)
	}
	view := blockOf(hash, h)
	out.raw(`,"hash":"`, hash.String(), `","message_root":"`, h.MessageRoot.String(), `","history_root":"`, h.HistoryRoot.String(),
		`","work":"`, h.Work.String(), `","bits":"`, view.Bits, `","busy_ms":`, strconv.FormatUint(uint64(h.BusyMS), 10), "}")
}

// chainMessageOf returns a message in seed 1's form, with who wrote it and when.
func chainMessageOf(m *core.Message) ChainMessage {
	written := Time(m.TimeMS)
	return ChainMessage{ID: &m.ID, Payload: payloadOf(m), MediaType: m.MediaType, Author: &m.Author, Time: &written}
}
