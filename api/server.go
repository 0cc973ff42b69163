package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"p2pchain/core"
)

const (
	maxStreams = 16  // answers of unbounded length at once
	maxWaits   = 256 // requests that wait for a confirmation at once
	maxBatches = 8   // batches at once
	maxVotes   = 8   // majority votes at once (DESIGN section 12)
	maxDials   = 4   // requests that connect to a peer at once
	maxImports = 1   // chain files at once

	// maxHeader is room for a message in the URL of PUT /add, where a byte may take three, on any
	// network: more than this network takes, so that we can say what its limit is.
	maxHeader = 3*core.MaxPayload + 72<<10
)

// A Server serves the API of one node. It is safe for concurrent use.
type Server struct {
	cfg     Config
	deps    Deps
	started time.Time
	handler http.Handler

	reads, writes, streams, waits, batches, votes, dials, imports slots

	healthy   health
	listeners slots // clients that follow the events
	hub       *hub
	stats     map[routeKey]*routeCounter // never changed
}

// New makes a server; it serves nothing before Run.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, deps: deps, started: cfg.Now(),
		reads: make(slots, cfg.MaxReads), writes: make(slots, cfg.MaxWrites),
		streams: make(slots, maxStreams), waits: make(slots, maxWaits), batches: make(slots, maxBatches),
		votes: make(slots, maxVotes), dials: make(slots, maxDials), imports: make(slots, maxImports),
		stats: newRouteCounters(),
	}
	s.listeners, s.hub = make(slots, cfg.MaxEventClients), newHub(s)
	s.handler = s.guard(s.router())
	return s, nil
}

// Check returns ErrNeedsToken if the server would not serve on an address as it is configured.
func (s *Server) Check(addr net.Addr) error {
	if loopback(addr) || s.cfg.Token != "" || s.cfg.Anonymous {
		return nil
	}
	return fmt.Errorf("%s: %w", addr, ErrNeedsToken)
}

// Run serves on a listener until ctx ends, and then returns nil. Requests that run by then are given
// Config.Grace to end, but waiting for a confirmation ends at once. By the time it returns the
// listener is closed and every request has ended. Several listeners may be served at the same time.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	if err := s.Check(l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	requests = context.WithValue(requests, stoppingKey{}, ctx.Done())
	var connections sync.WaitGroup
	server := &http.Server{
		Handler:           s.handler,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnState:         count(&connections),
		ReadHeaderTimeout: s.cfg.ReadHeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		WriteTimeout:      s.cfg.ReadTimeout + s.cfg.WriteTimeout, // it begins with the body
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-ctx.Done():
		err = s.shutdown(requests, server)
		<-served
	}
	cancel()
	err = errors.Join(err, ignoreClosed(server.Close()))
	connections.Wait()
	return err
}

// count follows how many connections have a goroutine. The server reports a new one before Serve
// returns, and its end as the last thing that its goroutine does.
func count(open *sync.WaitGroup) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Done()
		}
	}
}

// shutdown lets running requests end within the grace.
func (s *Server) shutdown(requests context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(requests, s.cfg.Grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.cfg.Log.Warn("requests cut off at the end", "after", s.cfg.Grace)
		return nil
	}
	return err
}

// ignoreClosed drops the error of a listener that is closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// stoppingKey is where a request's context has the channel that closes when the server is to stop.
type stoppingKey struct{}

// stopping returns a channel that closes when the server is to stop.
func stopping(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return ch
}

// Slots bound how much of one kind goes on at once.
type slots chan struct{}

// try takes a slot if one is free.
func (s slots) try() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a slot as soon as one is free, if that is before ctx ends.
func (s slots) wait(ctx context.Context) bool {
	select {
	case s <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s slots) release() { <-s }
