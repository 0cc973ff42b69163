package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// postMessages adds one message, or a batch. With ?wait=confirmed it answers once the message is in
// a block, or with "waiting" when the time is over.
func (s *Server) postMessages(w *response, r *http.Request) error {
	media, params, err := mediaType(r)
	if err != nil {
		return err
	}
	if media == ndjson {
		return s.postBatch(w, r)
	}
	wait, err := waitParams(r)
	if err != nil {
		return err
	}
	body, err := s.readMessage(w, r, media, params["charset"])
	if err != nil {
		return err
	}
	once, err := s.once(r, media)
	if err != nil {
		return err
	}
	once.read(body, true)
	added, err := s.addOnce(r.Context(), media, body, once)
	if err != nil {
		return err
	}
	receipt := Receipt{added.id, Standing{Status: StatusWaiting}}
	if added.known {
		standing, err := s.standing(added.id)
		if err == nil {
			receipt.Standing = standing
		} else if !errors.Is(err, chain.ErrNotFound) { // a reorg is giving it back
			return err
		}
	}
	if wait > 0 && receipt.Status != StatusConfirmed {
		if receipt.Standing, err = s.await(w, r.Context(), added.id, wait); err != nil {
			return err
		}
	}
	if added.replayed {
		w.Header().Set(headerReplayed, "true")
	}
	w.Header().Set("Location", "/api/v1/messages/"+added.id.String())
	return writeJSON(w, http.StatusOK, receipt)
}

// An added message is durable.
type added struct {
	id       core.Hash
	known    bool // it was before
	replayed bool // by this very request
}

// addOnce adds the message of a body, unless that was done under its key before. Waiting for a block is
// no part of that.
func (s *Server) addOnce(ctx context.Context, media string, body []byte, once *once) (added, error) {
	defer once.end()
	d, err := draftOf(media, body)
	if err != nil {
		return added{}, err
	}
	done, err := once.done(0)
	if err != nil {
		return added{}, err
	}
	if done != nil {
		if err := once.same(done, 1, true); err != nil {
			return added{}, err
		}
		return added{done.Messages[0].ID, done.Messages[0].Result != mempool.Accepted, true}, nil
	}
	var note *mempool.Note
	if once != nil {
		n := once.note(0, true)
		note = &n
	}
	m, err := s.add(ctx, d, note)
	if known(err) != nil {
		return added{}, err
	}
	return added{id: m.ID, known: err != nil}, nil
}

// readMessage reads the body of a request that adds one message.
func (s *Server) readMessage(w http.ResponseWriter, r *http.Request, media, charset string) ([]byte, error) {
	limit := int64(s.deps.Network.Params.MaxPayloadBytes)
	switch media {
	case "application/json":
		return readBody(w, r, s.maxJSONBody())
	case "text/plain", octets:
		if charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
			return nil, unsupported(r.Header.Get("Content-Type"))
		}
		body, err := readBody(w, r, limit)
		return body, payloadTooLarge(err, limit)
	case signedMedia:
		body, err := readBody(w, r, core.MaxMessageSize-core.MaxPayload+limit)
		return body, payloadTooLarge(err, limit)
	}
	return nil, unsupported(r.Header.Get("Content-Type"))
}

// payloadTooLarge says of a body that is too long that the message is.
func payloadTooLarge(err error, limit int64) error {
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return tooLarge("payload_too_large", "a message on this network", limit)
	}
	return err
}

// draftOf makes a draft of the body of a request that adds one message.
func draftOf(media string, body []byte) (draft, error) {
	switch media {
	case "application/json":
		return jsonDraft(body)
	case signedMedia:
		return draft{encoded: body}, notEmpty(len(body))
	case octets:
		return draft{payload: body, mediaType: octets}, notEmpty(len(body))
	}
	return textDraft(body), notEmpty(len(body))
}
