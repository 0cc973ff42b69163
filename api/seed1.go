package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"

	"p2pchain/core"
	"p2pchain/core/chain"
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
	steps := s.walk()
	if unchanged(w, r, s.tagOf(w, steps.tip, formJSON)) {
		return nil
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	out.raw(`{"chain":[`)
	length, err := eachPiece(r.Context(), steps, out, s.appendChainBlock)
	if err != nil {
		return err
	}
	out.raw(`],"length":`, strconv.Itoa(length), "}\n")
	return out.end()
}

// eachPiece appends every block of a walk, with commas between them, and returns how many.
func eachPiece(ctx context.Context, steps *walk, out *stream, appendPiece func([]byte, *chain.Piece) []byte) (int, error) {
	length := 0
	for out.err == nil {
		list, err := steps.read(ctx)
		if errors.Is(err, io.EOF) {
			return length, nil
		}
		if err != nil {
			return length, err
		}
		for i := range list {
			if list[i].From == 0 {
				if length > 0 {
					out.buf = append(out.buf, ',')
				}
				length++
			}
			out.buf = appendPiece(out.buf, &list[i])
			out.ship()
		}
	}
	return 0, nil // the client is gone; end will see to it
}

// appendChainBlock appends a block, or its next part, in seed 1's form.
func (s *Server) appendChainBlock(dst []byte, p *chain.Piece) []byte {
	h := &p.Header
	if p.From == 0 {
		dst = strconv.AppendUint(append(dst, `{"index":`...), h.Height, 10)
		dst = append(appendSeconds(append(dst, `,"timestamp":`...), h.TimeMS), `,"data":[`...)
	}
	if h.Height == 0 {
		dst = appendString(append(dst, `{"id":null,"message":`...), s.deps.Network.Params.Text)
		dst = append(dst, `}],"proof":null,"previous_hash":null`...)
		return appendChainTail(dst, p)
	}
	for i := range p.Messages {
		if p.From+i > 0 {
			dst = append(dst, ',')
		}
		dst = appendChainMessage(dst, &p.Messages[i].Message, p.Messages[i].Erasure)
	}
	if !p.Whole() {
		return dst
	}
	dst = strconv.AppendUint(append(dst, `],"proof":`...), h.Nonce, 10)
	dst = appendHex(append(dst, `,"previous_hash":`...), h.PreviousHash[:])
	return appendChainTail(dst, p)
}

// appendChainTail appends the last members of a block in seed 1's form.
func appendChainTail(dst []byte, p *chain.Piece) []byte {
	dst = appendHex(append(dst, `,"hash":`...), p.Hash[:])
	return append(appendRoots(append(dst, ','), &p.Header), '}')
}

// appendChainMessage appends a message in seed 1's form, with who wrote it and when.
func appendChainMessage(dst []byte, m *core.Message, e *chain.Erasure) []byte {
	dst = appendHex(append(dst, `{"id":`...), m.ID[:])
	dst = appendPayload(append(dst, ','), m, e)
	if m.MediaType != "" {
		dst = appendString(append(dst, `,"media_type":`...), m.MediaType)
	}
	dst = appendHex(append(dst, `,"author":`...), m.Author[:])
	return append(appendTime(append(dst, `,"time":`...), m.TimeMS), '}')
}
