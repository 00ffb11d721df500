package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"
)

// Server is the service. Its methods may be called concurrently.
type Server struct {
	config  Config
	engine  Engine
	log     *slog.Logger
	gate    *gate
	metrics *metrics
	ready   atomic.Bool
	sleep   func(time.Duration)

	accepted, answered, cut atomic.Int64 // requests; the first is the sum of the others in the end
}

// New makes a Server of a valid Config.
func New(c Config, e Engine, log *slog.Logger) *Server {
	s := &Server{config: c, engine: e, log: log, gate: newGate(c.Workers, c.Queue), sleep: time.Sleep}
	s.metrics = newMetrics(s)
	return s
}

// Handler serves the clients.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, op := range []operation{softmax, logSoftmax, topk} {
		// The mux answers other methods with 405.
		mux.HandleFunc("POST /v1/"+op.String(), func(w http.ResponseWriter, r *http.Request) { s.serve(op, w, r) })
	}
	s.handleHealth(mux)
	return mux
}

// AdminHandler serves those who run the service, and nobody else.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s.handleHealth(mux)
	return mux
}

func (s *Server) handleHealth(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}

// Run serves on both listeners, which it closes, until ctx is done. Then it is
// not ready any more, goes on for [Config.Drain], takes no more connections, and
// ends when every request that it has accepted is answered: an error if that is
// not so after [Config.Shutdown].
func (s *Server) Run(ctx context.Context, public, admin net.Listener) error {
	errorLog := slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	serving := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.config.Stall,
		// Requests set nearer deadlines themselves.
		ReadTimeout:    s.config.Deadline,
		WriteTimeout:   s.config.Deadline,
		IdleTimeout:    s.config.Idle,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       errorLog,
	}
	managing := &http.Server{
		Handler:           s.AdminHandler(),
		ReadHeaderTimeout: s.config.Stall,
		IdleTimeout:       s.config.Idle,
		ErrorLog:          errorLog,
	}
	ended := make(chan error, 2)
	go func() { ended <- serving.Serve(public) }()
	go func() { ended <- managing.Serve(admin) }()
	s.ready.Store(true)
	s.log.Info("serving", "addr", public.Addr().String(), "admin", admin.Addr().String(),
		"engine", s.engine.Name, "workers", s.config.Workers, "queue", s.config.Queue)

	var err error
	left := 2
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	s.ready.Store(false)
	s.log.Info("stopping", "admitted", len(s.gate.admitted))
	if err == nil {
		s.sleep(s.config.Drain)
	}
	// Not of ctx, which is done.
	timeout, cancel := context.WithTimeout(context.Background(), s.config.Shutdown)
	defer cancel()
	if e := serving.Shutdown(timeout); e != nil {
		err = errors.Join(err, fmt.Errorf("%d requests not answered within %v: %w", len(s.gate.admitted), s.config.Shutdown, e), serving.Close())
	}
	err = errors.Join(err, managing.Close())
	for range left {
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	s.log.Info("stopped", "accepted", s.accepted.Load(), "answered", s.answered.Load(), "cut", s.cut.Load())
	return err
}
