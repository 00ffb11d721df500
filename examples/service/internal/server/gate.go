package server

import "context"

// gate bounds what is done at once. A request is admitted or refused when it
// comes; among the admitted, workers compute at any time. A request has a worker
// only while a batch of its rows is computed, never while it waits for its
// client, so slow clients keep nobody from computing.
type gate struct {
	admitted chan struct{}
	workers  chan struct{}
}

func newGate(workers, queue int) *gate {
	return &gate{make(chan struct{}, workers+queue), make(chan struct{}, workers)}
}

// enter reports whether a request is admitted. If so, leave must follow.
func (g *gate) enter() bool {
	select {
	case g.admitted <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g *gate) leave() { <-g.admitted }

// compute runs f when there is a worker for it, or returns the context's error.
func (g *gate) compute(ctx context.Context, f func()) error {
	select {
	case g.workers <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.workers }()
	f()
	return nil
}
