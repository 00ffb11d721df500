package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync/atomic"
	"time"
)

// Server is the service. Its methods may be called concurrently.
type Server struct {
	config  Config
	engine  Engine
	log     *slog.Logger
	gate    *gate
	conns   *quota
	excess  *quota // connections above conns
	bodies  *quota
	memory  *quota
	metrics *metrics
	ready   atomic.Bool
	sleep   func(time.Duration)

	accepted, answered, cut atomic.Int64 // requests; the first is the sum of the others in the end
}

// New makes a Server of a valid Config.
func New(c Config, e Engine, log *slog.Logger) *Server {
	s := &Server{
		config: c, engine: e, log: log, sleep: time.Sleep,
		gate:   newGate(c.Workers, c.Queue, c.ClientShare),
		conns:  newQuota(int64(c.Conns), c.ClientShare),
		excess: newQuota(int64(c.Conns), c.ClientShare),
		bodies: newQuota(int64(c.Bodies), c.ClientShare),
		memory: newQuota(c.Memory, c.ClientShare),
	}
	s.metrics = newMetrics(s)
	return s
}

// Handler serves the clients. The mux answers other methods with 405.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, op := range operations {
		mux.HandleFunc("POST /v1/"+op.String(), func(w http.ResponseWriter, r *http.Request) { s.serve(op, (*exchange).answerRaw, w, r) })
	}
	s.handleInfer(mux)
	s.handleHealth(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.excess {
			w.Header().Set("Connection", "close")
			problemf(http.StatusServiceUnavailable, "there are %d connections, or %d of yours, which is the limit", s.conns.all, s.conns.each).write(w)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// connKey is the key of a request's *conn in its context.
type connKey struct{}

// AdminHandler serves those who run the service, and nobody else.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.Handle("/debug/pprof/", http.DefaultServeMux) // where net/http/pprof puts them
	s.handleHealth(mux)
	return mux
}

func (s *Server) handleHealth(mux *http.ServeMux) {
	live := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
	ready := func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	}
	mux.HandleFunc("GET /healthz", live)
	mux.HandleFunc("GET /readyz", ready)
	mux.HandleFunc("GET /v2/health/live", live)
	mux.HandleFunc("GET /v2/health/ready", ready)
}

// Run serves on both listeners, which it closes, until ctx is done. Then it is
// not ready any more, goes on for [Config.Drain], takes no more connections than
// have been made by then, and ends when every request on them is answered: an
// error if that is not so after [Config.Shutdown].
func (s *Server) Run(ctx context.Context, publicTCP *net.TCPListener, admin net.Listener) error {
	public := &listener{TCPListener: publicTCP, conns: s.conns, excess: s.excess}
	s.metrics.refused(&public.refused)
	errorLog := slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	serving := &http.Server{
		Handler: s.Handler(),
		// For the header too: a client may connect before it has a request. Bodies
		// and answers set nearer deadlines themselves.
		ReadTimeout:    s.config.Deadline,
		WriteTimeout:   s.config.Deadline,
		IdleTimeout:    s.config.Idle,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       errorLog,
		ConnContext:    func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	managing := &http.Server{
		Handler:           s.AdminHandler(),
		ReadHeaderTimeout: s.config.Stall,
		IdleTimeout:       s.config.Idle,
		ErrorLog:          errorLog,
	}
	served, managed := make(chan error, 1), make(chan error, 1)
	go func() { served <- serving.Serve(public) }()
	go func() { managed <- managing.Serve(admin) }()
	s.ready.Store(true)
	s.log.Info("serving", "addr", public.Addr().String(), "admin", admin.Addr().String(),
		"engine", s.engine.Name, "workers", s.config.Workers, "queue", s.config.Queue)

	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		served <- err
	case err = <-managed:
		managed <- err
	}
	s.ready.Store(false)
	s.log.Info("stopping", "connections", s.conns.inUse())
	if err == nil {
		s.sleep(s.config.Drain)
	}
	public.drain()
	err = <-served
	// Not of ctx, which is done.
	timeout, cancel := context.WithTimeout(context.Background(), s.config.Shutdown)
	defer cancel()
	late := serving.Shutdown(timeout)
	if late != nil {
		late = fmt.Errorf("%d requests not answered within %v: %w", s.accepted.Load()-s.answered.Load()-s.cut.Load(), s.config.Shutdown, late)
		late = errors.Join(late, serving.Close())
	}
	late = errors.Join(late, managing.Close())
	for _, e := range []error{err, <-managed} {
		if !errors.Is(e, http.ErrServerClosed) {
			late = errors.Join(late, e)
		}
	}
	err = late
	s.log.Info("stopped", "accepted", s.accepted.Load(), "answered", s.answered.Load(), "cut", s.cut.Load())
	return err
}
