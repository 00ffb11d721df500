package server

import (
	"context"
	"errors"
	"net/netip"
)

// gate bounds what is computed at once, decoding and encoding of JSON included.
// A request has a worker only while it has something to compute, never while it
// waits for its client: slow clients keep nobody from computing.
type gate struct {
	workers chan *worker
	light   lane // rows, which take microseconds
	heavy   lane // JSON, which takes milliseconds; it leaves workers to the others
}

// lane is one of two queues for the workers.
type lane struct {
	admitted *quota        // requests that wait for their first turn, or have it
	turns    chan struct{} // those with a worker, or next in line for one
}

// worker is a right to compute, and memory to do it with.
type worker struct{ top topper }

func newGate(workers, queue int, clientShare float64) *gate {
	g := &gate{
		workers: make(chan *worker, workers),
		light:   lane{newQuota(int64(workers+queue), clientShare), make(chan struct{}, workers)},
		heavy:   lane{newQuota(int64(workers+queue/16), clientShare), make(chan struct{}, max(1, workers/2))},
	}
	for range workers {
		g.workers <- new(worker)
	}
	return g
}

// errBusy is that too many requests wait already.
var errBusy = errors.New("too many requests wait for a worker")

// turn is a request's place in a gate.
type turn struct {
	gate   *gate
	client netip.Addr
	lane   *lane
	// A request that has had a turn is not refused any more.
	first  bool
	worker *worker // while it has one
}

// begin waits for a worker. The error is errBusy, or that of ctx.
func (t *turn) begin(ctx context.Context, l *lane) error {
	if t.lane == nil {
		if !l.admitted.take(t.client, 1) {
			return errBusy
		}
		t.first = true
	}
	t.lane = l
	if err := put(ctx, l.turns); err != nil {
		t.leave()
		return err
	}
	// Not more have a turn than there are workers, in two lanes.
	select {
	case t.worker = <-t.gate.workers:
		return nil
	default:
	}
	select {
	case t.worker = <-t.gate.workers:
		return nil
	case <-ctx.Done():
		<-l.turns
		t.leave()
		return ctx.Err()
	}
}

// end gives the worker back, if there is one.
func (t *turn) end() {
	if t.worker != nil {
		t.gate.workers <- t.worker
		t.worker = nil
		<-t.lane.turns
		t.leave()
	}
}

func (t *turn) leave() {
	if t.first {
		t.lane.admitted.give(t.client, 1)
		t.first = false
	}
}

// put takes a place in c. A context that is done does not matter where there is
// one at once.
func put(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	default:
	}
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
