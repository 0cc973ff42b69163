package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Demo returns the page of the demo, which shows many nodes at once and leads to the pages of each. What it
// shows is what state returns at the moment of the request, whose fields templates/demo.html names; later
// states come to its script by /demo/events, which the caller serves.
func Demo(state func() any, log *slog.Logger) (http.Handler, error) {
	if state == nil || log == nil {
		return nil, errors.New("web: the demo lacks a part")
	}
	s := &Site{cfg: Config{Log: log, Now: time.Now}, mux: http.NewServeMux(), alone: true}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.mux.Handle("GET /{$}", s.page(func(*Site, context.Context, *http.Request) (view, error) {
		return view{name: "demo", title: "demo.title", data: state()}, nil
	}))
	s.mux.HandleFunc("GET /ui/static/{version}/{name...}", s.static)
	s.mux.Handle("/", s.page((*Site).notFound))
	return s, nil
}
