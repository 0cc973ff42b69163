package api

import (
	"context"
	"crypto/tls"
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
	maxBodies  = 128 // bodies that are being read at once
	maxStreams = 16  // answers of unbounded length at once
	maxWaits   = 256 // requests that wait for a confirmation at once
	maxBatches = 8   // batches at once
	maxVotes   = 8   // majority votes at once (docs/seeds.md)
	maxDials   = 4   // requests that connect to a peer at once
	maxImports = 1   // chain files at once

	// maxHeader is room for a message in the URL of PUT /add, where a byte may take three, on any
	// network: more than this network takes, so that we can say what its limit is.
	maxHeader = 3*core.MaxPayload + 72<<10

	// gateWait is how long a request waits where too many are at the same.
	gateWait = 4 * patience
)

// A Server serves the API of one node. It is safe for concurrent use.
type Server struct {
	cfg     Config
	deps    Deps
	started time.Time
	handler http.Handler

	reads, bodies, streams, waits, batches *gate
	writes, votes, dials, imports          slots

	conns                *connTable
	changes, wrongTokens *limiter
	origins              http.CrossOriginProtection

	healthy   health
	sessions  *sessions  // of browsers that signed in
	running   running    // idempotency keys
	erasing   sync.Mutex // held while a message is erased: two at a time would both ask the network
	described description
	listeners slots // clients that follow the events
	hub       *hub
	bulk      bulk
	stats     map[routeKey]*routeCounter // never changed
}

// New makes a server; it serves nothing before Run.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	if deps.Erasures == nil {
		deps.Erasures = nothingErased{}
	}
	deps.Archive = veiled{deps.Archive, deps.Erasures}
	s := &Server{
		cfg: cfg, deps: deps, started: cfg.Now(),
		reads: newGate(cfg.MaxReads, gateWait), bodies: newGate(maxBodies, gateWait),
		streams: newGate(maxStreams, gateWait), waits: newGate(maxWaits, 0), batches: newGate(maxBatches, gateWait),
		writes: make(slots, cfg.MaxWrites), votes: make(slots, maxVotes), dials: make(slots, maxDials), imports: make(slots, maxImports),
		stats: newRouteCounters(), described: newDescription(),
		bulk: newBulk(), sessions: newSessions(),
	}
	s.conns = newConnTable(cfg.MaxConnections, cfg.MaxConnectionsPerClient)
	s.changes = newLimiter(float64(cfg.MaxWriteRate), 2*float64(cfg.MaxWriteRate), 0)
	s.wrongTokens = newLimiter(wrongTokenRate, wrongTokenBurst, localGrace)
	s.listeners, s.hub = make(slots, cfg.MaxEventClients), newHub(s)
	if err := s.trust(); err != nil {
		return nil, err
	}
	s.handler = s.guard(direct(s.router()))
	return s, nil
}

// Handler answers requests of this process. One that is made for another request should have its context:
// it may do the same then, and takes no part in how that one's connection is watched.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), connKey{}, nil)))
	})
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
	requests = context.WithValue(requests, localKey{}, loopback(l.Addr()))
	var connections, watching sync.WaitGroup
	watching.Go(func() { s.conns.watch(requests) })
	server := &http.Server{
		Handler:           s.handler,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       withConn,
		ConnState:         count(&connections),
		ReadHeaderTimeout: s.cfg.ReadHeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		WriteTimeout:      s.cfg.ReadTimeout + s.cfg.WriteTimeout, // it begins with the body
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * past the guard
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener(l)) }()

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
	watching.Wait()
	return err
}

// listener returns what the server accepts connections from: bounded, and with TLS if it is to be.
func (s *Server) listener(l net.Listener) net.Listener {
	guarded := &guardedListener{l, s.conns, s.cfg.TLS == nil}
	if s.cfg.TLS == nil {
		return guarded
	}
	return tls.NewListener(guarded, s.cfg.TLS)
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
