package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// eventsPattern is the route of the events.
const eventsPattern = "/api/v1/events"

// getEvents sends what happens on the node, as it happens, until the client leaves or the server
// stops. It takes no place of a request that only reads.
func (s *Server) getEvents(w *response, r *http.Request) error {
	kinds, err := typesParam(r)
	if err != nil {
		return err
	}
	since, err := resumeParam(r)
	if err != nil {
		return err
	}
	if !s.listeners.try() {
		p := busy("too_many_event_clients", "as many clients as this node allows follow its events")
		p.retry = 5 * time.Second
		return p
	}
	defer s.listeners.release()
	c := &eventClient{server: s, log: s.hub.log, kinds: kinds, lines: wantsLines(r), lease: w.lease, out: &patientWriter{w, s.cfg.WriteTimeout}}
	c.setHeaders(w.Header())
	if r.Method == http.MethodHead {
		return nil
	}
	control := http.NewResponseController(w)
	c.flush = control.Flush
	// The server's limit on reading a request must not end the connection of a client that listens.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if err := s.hub.join(r.Context()); err != nil {
		return err
	}
	defer s.hub.leave()
	s.hub.redact()
	err = c.run(r.Context(), since)
	if errors.Is(err, errGone) || errors.Is(err, errLapsed) {
		return nil
	}
	return err
}

// typesParam returns which kinds of events a client wants: all, unless it says so.
func typesParam(r *http.Request) (kindSet, error) {
	text, err := queryParam(r, "types")
	if err != nil || text == "" {
		return allKinds, err
	}
	var kinds kindSet
	names := eventNames()
	for name := range strings.SplitSeq(text, ",") {
		kind := slices.Index(names[:], name)
		if kind < 0 {
			return 0, badRequest("bad_parameter", fmt.Sprintf("types %q: want some of %s", text, strings.Join(names[:], ",")))
		}
		kinds |= 1 << kind
	}
	return kinds, nil
}

// resumeParam returns the id of the last event that a client has, empty if it has none. A browser that
// connects again sends the header, and the URL that it had at first.
func resumeParam(r *http.Request) (string, error) {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id, nil
	}
	since, err := queryParam(r, "since")
	if err != nil || since == "" {
		return "", err
	}
	if _, _, ok := parseEventID(since); !ok {
		return "", badRequest("bad_parameter", fmt.Sprintf("since %q: want the id of an event", since))
	}
	return since, nil
}

// wantsLines reports whether a client wants NDJSON and not Server-Sent Events.
func wantsLines(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return strings.Contains(accept, "application/x-ndjson") && !strings.Contains(accept, "text/event-stream")
}
