package server

import (
	"context"
	"errors"
	"net/netip"
	"sync"
)

// gate bounds what is computed at once, decoding and encoding of JSON included.
// A request has a worker only while it has something to compute, never while it
// waits for its client: slow clients keep nobody from computing.
type gate struct {
	workers chan struct{}
	light   lane // rows, which take microseconds
	heavy   lane // JSON, which takes milliseconds; it leaves workers to the others
}

// lane is one of two queues for the workers. Requests wait in a line; the first few
// of it wait for a worker. In the light lane each client has a line
// of its own: however many requests it has, others wait for a few of them.
type lane struct {
	admitted *quota // requests that wait for their first turn, or have it
	mine     bool   // each client has a line
	places   int    // in a line

	mu    sync.Mutex
	lines map[netip.Addr]*line
}

// line has those that have a worker, or wait for one.
type line struct {
	places chan struct{}
	users  int
}

func newGate(workers, queue int, clientShare float64) *gate {
	g := &gate{
		workers: make(chan struct{}, workers),
		light:   lane{admitted: newQuota(int64(workers+queue), clientShare), mine: true, places: workers},
		heavy:   lane{admitted: newQuota(int64(workers+queue/16), clientShare), places: max(1, workers/2)},
	}
	g.light.lines, g.heavy.lines = make(map[netip.Addr]*line), make(map[netip.Addr]*line)
	for range workers {
		g.workers <- struct{}{}
	}
	return g
}

// join returns a client's line, until it leaves.
func (l *lane) join(client netip.Addr) *line {
	if !l.mine {
		client = netip.Addr{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines[client] == nil {
		l.lines[client] = &line{places: make(chan struct{}, l.places)}
	}
	l.lines[client].users++
	return l.lines[client]
}

func (l *lane) leave(client netip.Addr) {
	if !l.mine {
		client = netip.Addr{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines[client].users--; l.lines[client].users == 0 {
		delete(l.lines, client)
	}
}

// errBusy is that too many requests wait already.
var errBusy = errors.New("too many requests wait for a worker")

// turn is a request's place in a gate.
type turn struct {
	gate   *gate
	client netip.Addr
	lane   *lane // the last one
	line   *line
	first  bool // a request that has had a turn is not refused any more
	worker bool // it has one
}

// begin waits for a worker. The error is errBusy, or that of ctx.
func (t *turn) begin(ctx context.Context, l *lane) error {
	if t.lane == nil {
		if !l.admitted.take(t.client, 1) {
			return errBusy
		}
		t.first = true
	}
	t.lane, t.line = l, l.join(t.client)
	select {
	case t.line.places <- struct{}{}:
	case <-ctx.Done():
		t.leave()
		return ctx.Err()
	}
	select {
	case <-t.gate.workers:
		t.worker = true
		return nil
	case <-ctx.Done():
		<-t.line.places
		t.leave()
		return ctx.Err()
	}
}

// end gives the worker back, if there is one.
func (t *turn) end() {
	if t.worker {
		t.gate.workers <- struct{}{}
		t.worker = false
		<-t.line.places
		t.leave()
	}
}

func (t *turn) leave() {
	t.lane.leave(t.client)
	if t.first {
		t.lane.admitted.give(t.client, 1)
		t.first = false
	}
}
