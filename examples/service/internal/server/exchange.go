package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
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

// String is the operation's name in paths, metrics and logs.
func (o operation) String() string { return [...]string{"softmax", "log-softmax", "top-k"}[o] }

// exchange is a request and its answer.
type exchange struct {
	s        *Server
	op       operation
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	ctx      context.Context
	began    time.Time
	deadline time.Time

	body    io.Reader // limited
	readErr error     // that ended reading it, io.EOF if all is well
	rows    int       // answered
	cols    int
	duplex  bool   // reading and sending take turns
	started bool   // something of the answer has been sent
	outcome string // the answer's status, or "cut" if it is incomplete
}

// serve answers one request, whatever happens.
func (s *Server) serve(op operation, w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	x := &exchange{
		s: s, op: op, w: w, r: r, control: http.NewResponseController(w),
		began: now, deadline: now.Add(s.config.Deadline),
	}
	s.accepted.Add(1)
	defer x.done()
	if !s.ready.Load() {
		// So that clients are on no connection of ours when the listener closes: a
		// request that arrives on one just as it is closed would be lost.
		w.Header().Set("Connection", "close")
	}
	if !s.gate.enter() {
		x.end(problemf(http.StatusServiceUnavailable, "%d requests are being served, which is the limit", cap(s.gate.admitted)))
		return
	}
	defer s.gate.leave()
	ctx, cancel := context.WithDeadline(r.Context(), x.deadline)
	defer cancel()
	x.ctx = ctx
	x.end(x.answer())
}

// answer answers, or returns why it can't: a *problem if the client may know.
func (x *exchange) answer() (err error) {
	defer func() {
		if v := recover(); v != nil {
			x.s.metrics.panics.Inc()
			x.s.log.Error("panic", "op", x.op.String(), "value", v, "stack", string(debug.Stack()))
			err = problemf(http.StatusInternalServerError, "internal error")
		}
	}()
	if x.op == logSoftmax && x.s.engine.LogSoftmax == nil {
		return problemf(http.StatusNotImplemented, "engine %s has no log-softmax", x.s.engine.Name)
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return problemf(http.StatusUnsupportedMediaType, "Content-Encoding is %.40q, there is none but identity", e)
	}
	// What follows the type, such as a charset, does not matter.
	kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		return x.answerJSON()
	case "application/octet-stream":
		return x.answerRaw()
	}
	return problemf(http.StatusUnsupportedMediaType, "Content-Type is %.40q, it must be application/json or application/octet-stream", kind)
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

// Read reads from the body. The client may not stall.
func (x *exchange) Read(p []byte) (int, error) {
	if err := x.control.SetReadDeadline(x.soon()); err != nil {
		return 0, err
	}
	n, err := x.body.Read(p)
	if err != nil {
		x.readErr = err
	}
	if err == io.EOF {
		// From here on net/http reads, to see whether the client goes away, and
		// takes the end of a deadline for that.
		_ = x.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// send sends part of the answer. The client may not stall.
func (x *exchange) send(p []byte) error {
	if err := x.control.SetWriteDeadline(x.soon()); err != nil {
		return err
	}
	x.started = true
	_, err := x.w.Write(p)
	return err
}

// soon is when the next step of the client is due.
func (x *exchange) soon() time.Time {
	if t := time.Now().Add(x.s.config.Stall); t.Before(x.deadline) {
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
		return problemf(http.StatusRequestTimeout, "nothing came for %v, which is the limit", x.s.config.Stall)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problemf(http.StatusRequestTimeout, "body is not complete after %v, which is the limit", x.s.config.Deadline)
	}
	return problemf(http.StatusBadRequest, "body ends early: %v", err)
}

// compute does rows of b when there is a worker for it.
func (x *exchange) compute(b *batch, rows, cols, k int) error {
	err := x.s.gate.compute(x.ctx, func() { b.compute(&x.s.engine, x.op, rows, cols, k) })
	switch {
	case err == nil:
		x.rows += rows
		x.cols = cols
	case errors.Is(err, context.DeadlineExceeded):
		return problemf(http.StatusServiceUnavailable, "no worker was free for %v, which is the limit", x.s.config.Deadline)
	}
	return err
}
