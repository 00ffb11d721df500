package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

// operation is what is done to rows.
type operation int

const (
	softmax operation = iota
	logSoftmax
	topk
)

// operations are all of them.
var operations = []operation{softmax, logSoftmax, topk}

// String is the operation's name in paths, metrics and logs.
func (o operation) String() string { return [...]string{"softmax", "log-softmax", "top-k"}[o] }

// exchange is a request and its answer.
type exchange struct {
	s        *Server
	op       operation
	w        http.ResponseWriter
	r        *http.Request
	client   netip.Addr
	control  *http.ResponseController
	ctx      context.Context
	turn     turn
	began    time.Time
	deadline time.Time

	body     io.Reader     // limited
	open     bool          // it counts as one of the open bodies
	got      int64         // bytes read
	waited   time.Duration // for them
	readErr  error         // that ended reading it, io.EOF if all is well
	reserved int64         // bytes of memory
	rows     int           // answered
	cols     int
	duplex   bool   // reading and sending take turns
	started  bool   // something of the answer has been sent
	outcome  string // the answer's status, or "cut" if it is incomplete
}

// serve answers one request, whatever happens.
func (s *Server) serve(op operation, answer func(*exchange) error, w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	x := &exchange{
		s: s, op: op, w: w, r: r, control: http.NewResponseController(w), began: now, deadline: now.Add(s.config.Deadline),
	}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.client = clientOf(a.Addr())
	}
	x.turn = turn{gate: s.gate, client: x.client}
	s.accepted.Add(1)
	defer x.done()
	if !s.ready.Load() {
		// So that clients are on no connection of ours when the listener closes: a
		// request that arrives on one just as it is closed would be lost.
		w.Header().Set("Connection", "close")
	}
	ctx, cancel := context.WithDeadline(r.Context(), x.deadline)
	defer cancel()
	x.ctx = ctx
	x.end(x.guard(answer))
}

// guard answers, or returns why it can't: a *problem if the client may know.
func (x *exchange) guard(answer func(*exchange) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			x.s.metrics.panics.Inc()
			x.s.log.Error("panic", "op", x.op.String(), "value", v, "stack", string(debug.Stack()))
			err = problemf(http.StatusInternalServerError, "internal error")
		}
		x.turn.end()
		x.closeBody()
		x.s.memory.give(x.client, x.reserved)
	}()
	if x.op == logSoftmax && x.s.engine.LogSoftmax == nil {
		return problemf(http.StatusNotImplemented, "engine %s has no log-softmax", x.s.engine.Name)
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return problemf(http.StatusUnsupportedMediaType, "Content-Encoding is %.40q, there is none but identity", e)
	}
	if !x.s.bodies.take(x.client, 1) {
		return problemf(http.StatusServiceUnavailable, "%d requests are being sent, or %d by you, which is the limit", x.s.bodies.all, x.s.bodies.each)
	}
	x.open = true
	return answer(x)
}

func (x *exchange) closeBody() {
	if x.open {
		x.open = false
		x.s.bodies.give(x.client, 1)
	}
}

// reserve accounts for n bytes of memory more, or fewer if n is negative.
func (x *exchange) reserve(n int64) error {
	if n > 0 && !x.s.memory.take(x.client, n) {
		return problemf(http.StatusServiceUnavailable, "requests hold %d bytes of memory, or yours %d, which is the limit", x.s.memory.all, x.s.memory.each)
	} else if n < 0 {
		x.s.memory.give(x.client, -n)
	}
	x.reserved += n
	return nil
}

// end tells the client of err, if that is possible.
func (x *exchange) end(err error) {
	var p *problem
	switch {
	case err == nil:
		x.outcome = "200"
		return
	case x.started || !errors.As(err, &p):
		x.outcome = "cut"
		x.s.log.Debug("cut", "op", x.op.String(), "remote", x.r.RemoteAddr, "error", err)
		return
	}
	x.outcome = strconv.Itoa(p.status)
	if x.readErr != io.EOF && (x.readErr != nil || x.duplex) {
		// What is left of the body must not pass for another request. Else
		// net/http reads it, if it is short.
		x.w.Header().Set("Connection", "close")
	}
	// The deadline of the request may have passed. This time is for the server,
	// too, which reads some more before it closes the connection.
	soon := time.Now().Add(x.s.config.Stall)
	_ = x.control.SetReadDeadline(soon)
	_ = x.control.SetWriteDeadline(soon)
	p.write(x.w)
}

// done writes the request off. It panics, as net/http asks for, if the
// connection must be cut.
func (x *exchange) done() {
	x.s.metrics.count(x)
	level := slog.LevelDebug
	if x.outcome == "500" {
		level = slog.LevelError
	}
	x.s.log.Log(context.Background(), level, "request", "op", x.op.String(), "outcome", x.outcome,
		"rows", x.rows, "cols", x.cols, "seconds", time.Since(x.began).Seconds(), "remote", x.r.RemoteAddr)
	if x.outcome == "cut" {
		x.s.cut.Add(1)
		panic(http.ErrAbortHandler)
	}
	x.s.answered.Add(1)
}

// limit makes body the request's, of n bytes at most.
func (x *exchange) limit(n int64) error {
	if x.r.ContentLength > n {
		return problemf(http.StatusRequestEntityTooLarge, "body has %d bytes, the limit is %d", x.r.ContentLength, n)
	}
	x.body = http.MaxBytesReader(x.w, x.r.Body, n)
	return nil
}

// Read reads from the body. The client may not stall, nor drip.
func (x *exchange) Read(p []byte) (int, error) {
	began := time.Now()
	patience := x.s.config.Stall
	// The bytes that came bought time, and waiting for them used some of it.
	if bought := time.Duration(float64(x.got) / float64(x.s.config.MinRate) * float64(time.Second)); bought < x.waited {
		patience -= x.waited - bought
	}
	if err := x.control.SetReadDeadline(x.until(began, patience)); err != nil {
		return 0, err
	}
	n, err := x.body.Read(p)
	x.waited += time.Since(began)
	x.got += int64(n)
	if err != nil {
		x.readErr = err
	}
	if err == io.EOF {
		x.closeBody()
		// From here on net/http reads, to see whether the client goes away, and
		// takes the end of a deadline for that.
		_ = x.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// extend gives data more memory, n bytes at most, in proportion to what it has:
// a client gets no memory for announcing a long body.
func (x *exchange) extend(data []float32, n int) ([]float32, error) {
	words := min(max(16*len(data), 1<<10), (n+3)/4)
	if err := x.reserve(int64(4 * (words - len(data)))); err != nil {
		return data, err
	}
	more := grow[float32](nil, words)
	copy(more, data)
	return more, nil
}

// fill reads n bytes, or fewer if the body ends.
func (x *exchange) fill(n int) (data []float32, have int, err error) {
	for have < n {
		if have == 4*len(data) {
			if data, err = x.extend(data, n); err != nil {
				return nil, 0, err
			}
		}
		m, err := x.Read(wire(data)[have:min(4*len(data), n)])
		have += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, x.readProblem(err)
		}
	}
	return data, have, nil
}

// send sends part of the answer. The client may not stall.
func (x *exchange) send(p []byte) error {
	x.started = true
	for len(p) > 0 {
		n := min(len(p), batchBytes)
		if err := x.control.SetWriteDeadline(x.until(time.Now(), x.s.config.Stall)); err != nil {
			return err
		}
		if _, err := x.w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// until is when the client's next step is due.
func (x *exchange) until(now time.Time, patience time.Duration) time.Time {
	if t := now.Add(patience); t.Before(x.deadline) {
		return t
	}
	return x.deadline
}

// readProblem is what the client is told of an error of Read.
func (x *exchange) readProblem(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return problemf(http.StatusRequestEntityTooLarge, "body is longer than the limit of %d bytes", tooLong.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(x.deadline):
		return problemf(http.StatusRequestTimeout, "%d bytes came in %v; nothing may be missing for longer than %v, nor less than %d bytes a second come",
			x.got, x.waited.Round(time.Millisecond), x.s.config.Stall, x.s.config.MinRate)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problemf(http.StatusRequestTimeout, "body is not complete after %v, which is the limit", x.s.config.Deadline)
	}
	return problemf(http.StatusBadRequest, "body ends early: %v", err)
}

func busy(l *lane) error {
	return problemf(http.StatusServiceUnavailable, "%d requests wait for a worker, or %d of yours, which is the limit", l.admitted.all, l.admitted.each)
}

// begin waits for a worker, which the request has until x.turn.end.
func (x *exchange) begin(l *lane) error {
	switch err := x.turn.begin(x.ctx, l); {
	case errors.Is(err, errBusy):
		return busy(l)
	case errors.Is(err, context.DeadlineExceeded):
		return problemf(http.StatusServiceUnavailable, "no worker was free for %v, which is the limit", x.s.config.Deadline)
	default:
		return err
	}
}

// compute does rows of b. It needs a worker.
func (x *exchange) compute(b *batch, rows, cols, k int) {
	b.compute(&x.s.engine, x.op, rows, cols, k)
	x.rows += rows
	x.cols = cols
}
