package api

import (
	"errors"
	"net/http"
	"strings"
)

// postMessages adds one message, or a batch. With ?wait=confirmed it answers once the message is in
// a block, or with "waiting" when the time is over.
func (s *Server) postMessages(w *response, r *http.Request) error {
	media, params, err := mediaType(r)
	if err != nil {
		return err
	}
	if media == "application/x-ndjson" {
		return s.postBatch(w, r)
	}
	wait, err := waitParams(r)
	if err != nil {
		return err
	}
	d, err := s.readDraft(w, r, media, params["charset"])
	if err != nil {
		return err
	}
	m, err := s.add(r.Context(), d)
	if err != nil {
		return err
	}
	receipt := Receipt{m.ID, Standing{Status: StatusWaiting}}
	if wait > 0 {
		if receipt.Standing, err = s.await(w, r.Context(), m.ID, wait); err != nil {
			return err
		}
	}
	w.Header().Set("Location", "/api/v1/messages/"+m.ID.String())
	return writeJSON(w, http.StatusOK, receipt)
}

// readDraft reads the body of a request that adds one message.
func (s *Server) readDraft(w http.ResponseWriter, r *http.Request, media, charset string) (draft, error) {
	limit := int64(s.deps.Network.Params.MaxPayloadBytes)
	switch media {
	case "application/json":
		body, err := readBody(w, r, s.maxJSONBody())
		if err != nil {
			return draft{}, err
		}
		return jsonDraft(body)
	case "text/plain", octets:
		if charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
			return draft{}, unsupported(r.Header.Get("Content-Type"))
		}
		body, err := readBody(w, r, limit)
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			return draft{}, tooLarge("payload_too_large", "a message on this network", limit)
		}
		if err != nil {
			return draft{}, err
		}
		if media == octets {
			return draft{body, octets}, notEmpty(len(body))
		}
		return textDraft(body), notEmpty(len(body))
	}
	return draft{}, unsupported(r.Header.Get("Content-Type"))
}
