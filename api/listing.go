package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"p2pchain/core"
)

// listPatience is how long a request waits until it may go through messages.
const listPatience = 2 * time.Second

// getMessages lists messages that pass a filter. As lines it is all of them.
func (s *Server) getMessages(w *response, r *http.Request) error {
	f, err := filterParams(r)
	if err != nil {
		return err
	}
	lines, tip := wantsNDJSON(w, r), s.deps.Chain.Tip()
	limit, err := listLimit(r, lines)
	if err != nil {
		return err
	}
	l, err := s.listParam(r, f)
	if err != nil {
		return err
	}
	form := formJSON
	if lines {
		form = formLines
	}
	if f.status == StatusConfirmed && unchanged(w, r, s.tagOf(w, tip.Hash, form)) {
		return nil
	}
	l.left = limit
	if lines {
		return s.streamMessages(w, r, l)
	}
	return s.withList(w, r, func() ([]byte, error) { return l.page(r, nil) })
}

// withList makes an answer that takes going through messages, of which only so many are made at once.
// Its memory is small, so it may take as long as it wants to reach the client.
func (s *Server) withList(w *response, r *http.Request, make func() ([]byte, error)) error {
	body, err := s.makeList(r, make)
	if err != nil {
		return err
	}
	writeWhole(w, http.StatusOK, "application/json", body)
	return nil
}

// makeList makes a list as soon as it may.
func (s *Server) makeList(r *http.Request, make func() ([]byte, error)) ([]byte, error) {
	if !s.waitForList(r) {
		return nil, busy("too_many_lists", "as many lists of messages as this node allows are being made")
	}
	defer s.endList(r)
	return make()
}

// waitForList takes one of the places for lists, false if there is none in time. No client but this
// machine waits for more than half of them, or has them.
func (s *Server) waitForList(r *http.Request) bool {
	if !s.bulk.share.take(clientOf(r)) {
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), listPatience)
	defer cancel()
	if s.bulk.lists.try() || s.bulk.lists.wait(ctx) {
		return true
	}
	s.bulk.share.give(clientOf(r))
	return false
}

// endList gives the place back.
func (s *Server) endList(r *http.Request) {
	s.bulk.lists.release()
	s.bulk.share.give(clientOf(r))
}

// page appends a MessagePage.
func (l *list) page(r *http.Request, dst []byte) ([]byte, error) {
	dst, err := l.messages(r, append(dst, '{'), nil)
	if err != nil {
		return nil, err
	}
	if next := l.cursor(); next != "" {
		dst = appendString(append(dst, `,"next":`...), next)
	}
	dst = strconv.AppendBool(append(dst, `,"reorged":`...), l.reorged)
	dst = strconv.AppendInt(append(dst, `,"looked_at":`...), int64(l.looked), 10)
	return append(dst, "}\n"...), nil
}

// messages appends the member of a page that has the messages: some that are JSON already, with commas
// between them, and then those of the list.
func (l *list) messages(r *http.Request, dst, some []byte) ([]byte, error) {
	dst = append(dst, `"messages":[`...)
	start := len(dst)
	dst = append(dst, some...)
	l.bounded = true
	l.full = func() bool { return len(dst)-start >= pageBytes }
	l.emit = func(m *core.Message, where *place) {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = appendMessage(dst, m, where)
	}
	err := l.run(r.Context())
	return append(dst, ']'), err
}

// streamMessages answers with a message on each line.
func (s *Server) streamMessages(w *response, r *http.Request, l *list) error {
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	w.Header().Set("Content-Type", ndjson)
	l.rest, l.full = out.giveWay, func() bool { return out.err != nil }
	l.emit = func(m *core.Message, where *place) {
		out.buf = append(appendMessage(out.buf, m, where), '\n')
		out.ship()
	}
	if err := l.run(r.Context()); err != nil {
		return err
	}
	return out.end()
}
