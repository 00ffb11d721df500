package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	s := start(t, nativeEngine(t), "-max-rows 4 -max-cols 8 -max-k 3 -max-body 128")
	four := encode(1, 2, 3, 4)
	for _, c := range []struct {
		path, kind string
		body       []byte
		status     int
		want       string
	}{
		{"softmax?cols=5", asRaw, four, 400, "body has 16 bytes, which are no rows of 5 columns"},
		{"softmax?cols=4", asRaw, nil, 400, "body has 0 bytes"},
		{"softmax?cols=4", asRaw, four[:3], 400, "body has 3 bytes"},
		{"softmax?cols=2&rows=3", asRaw, four, 400, "body has 2 rows, rows is 3"},
		{"softmax", asRaw, four, 400, "cols is missing"},
		{"softmax?cols=", asRaw, four, 400, `cols is "", it must be a number from 1 to 8`},
		{"softmax?cols=0", asRaw, four, 400, `cols is "0"`},
		{"softmax?cols=-4", asRaw, four, 400, `cols is "-4"`},
		{"softmax?cols=1e1", asRaw, four, 400, `cols is "1e1"`},
		{"softmax?cols=1&cols=2", asRaw, four, 400, "cols is in the query 2 times"},
		{"softmax?cols=%zz", asRaw, four, 400, "query: invalid URL escape"},
		{"softmax?cols=9", asRaw, four, 413, "cols is 9, the limit is 8"},
		{"softmax?cols=4&rows=5", asRaw, four, 413, "rows is 5, the limit is 4"},
		// Products and numbers that overflow.
		{"softmax?cols=4611686018427387905&rows=4", asRaw, four, 413, "cols is 4611686018427387905, the limit is 8"},
		{"softmax?cols=99999999999999999999999", asRaw, four, 413, "cols is 99999999999999999999999, the limit is 8"},
		{"softmax?cols=4&rows=18446744073709551615", asRaw, four, 413, "rows is 18446744073709551615, the limit is 4"},
		{"softmax?cols=1", asRaw, encode(1, 2, 3, 4, 5), 413, "body has 5 rows, the limit is 4"},
		{"softmax?cols=8", asRaw, make([]byte, 160), 413, "body has 160 bytes, the limit is 128"},
		{"top-k?cols=4", asRaw, four, 400, "k is missing"},
		{"top-k?cols=4&k=0", asRaw, four, 400, `k is "0"`},
		{"top-k?cols=4&k=4", asRaw, four, 413, "k is 4, the limit is 3"},
		{"top-k?cols=2&k=3", asRaw, four, 400, "k is 3, a row has only 2 columns"},
		{"softmax", "text/plain", four, 415, `Content-Type is "text/plain", it must be application/octet-stream`},
		{"softmax", "", four, 415, `Content-Type is ""`},
	} {
		status, answer := s.post("/v1/"+c.path, c.kind, bytes.NewReader(c.body))
		refused(t, status, answer, c.status, c.want)
	}
	// Of unknown length.
	for _, c := range []struct {
		path, kind string
		body       []byte
		status     int
		want       string
	}{
		{"softmax?cols=8", asRaw, make([]byte, 20), 400, "body ends 20 bytes into row 0, a row of 8 columns has 32"},
		{"softmax?cols=8", asRaw, nil, 400, "body has 0 rows, there must be 1"},
		{"softmax?cols=1", asRaw, make([]byte, 20), 413, "body has more rows than 4"},
		{"softmax?cols=1&rows=2", asRaw, make([]byte, 12), 400, "body has more rows than rows in the query, 2"},
	} {
		status, answer := s.post("/v1/"+c.path, c.kind, chunked(c.body))
		refused(t, status, answer, c.status, c.want)
	}
	s.works()
}

func TestProtocolErrors(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	if status, _ := s.get(s.url + "/v1/softmax"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", status)
	}
	if status, _ := s.post("/v1/nothing", asJSON, strings.NewReader("")); status != http.StatusNotFound {
		t.Errorf("no such path: status %d", status)
	}
	req, err := http.NewRequest("POST", s.url+"/v1/softmax", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, resp.StatusCode, answer, http.StatusUnsupportedMediaType, `Content-Encoding is "gzip"`)
}

// dial returns a connection on which request, with line feeds for ends of lines,
// has been sent.
func (s *service) dial(request string) *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		s.t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answerOf reads an error answer, after which the connection must end.
func answerOf(t *testing.T, conn net.Conn) (status int, answer []byte) {
	t.Helper()
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
	return resp.StatusCode, answer
}

const (
	head      = "POST /v1/softmax?cols=10 HTTP/1.1\nHost: x\nContent-Type: " + asRaw + "\n"
	inferHead = "POST " + inferPath + " HTTP/1.1\nHost: x\n"
)

func TestHalfSent(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	for _, request := range []string{
		head + "Content-Length: 40\n\n12345678",
		head + "Transfer-Encoding: chunked\n\n8\n12345678\n",
		inferHead + "Content-Length: 40\n\n{\"rows\": [",
		inferHead + "Transfer-Encoding: chunked\n\n8\n12345678\n",
	} {
		conn := s.dial(request)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		status, answer := answerOf(t, conn)
		refused(t, status, answer, http.StatusBadRequest, "body ends early: unexpected EOF")
	}
	// The client is gone altogether.
	conn := s.dial(head + "Content-Length: 40\n\n12345678")
	s.awaitBodies(1)
	conn.Close()
	s.awaitBodies(0)
	s.works()
}

func TestMalformedChunk(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	status, answer := answerOf(t, s.dial(head+"Transfer-Encoding: chunked\n\nxyz\n12345678\n"))
	refused(t, status, answer, http.StatusBadRequest, "invalid byte in chunk length")
	s.works()
}

func TestSlowClient(t *testing.T) {
	s := start(t, nativeEngine(t), "-stall 100ms")
	for _, request := range []string{
		head + "Content-Length: 400\n\n12345678",
		inferHead + "Content-Length: 400\n\n12345678",
		// Rows in part of a chunk; Read holds them back until the chunk is complete.
		head + "Transfer-Encoding: chunked\n\n190\n" + string(make([]byte, 100)),
	} {
		for range 8 { // it must not be a matter of luck
			status, answer := answerOf(t, s.dial(request))
			refused(t, status, answer, http.StatusRequestTimeout, "nothing may be missing for longer than 100ms")
		}
	}

	// After a row of the answer it is too late for a status.
	r := bufio.NewReader(s.dial(head + "Content-Length: 80\n\n" + string(make([]byte, 50))))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); len(got) != 40 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	s.works()
}

// TestSlowHeader: net/http closes a connection whose header does not end.
func TestSlowHeader(t *testing.T) {
	s := start(t, nativeEngine(t), "-deadline 100ms")
	if _, err := io.ReadAll(s.dial(head)); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestDrip sends bytes all the time, which does not save it from the deadline.
func TestDrip(t *testing.T) {
	s := start(t, nativeEngine(t), "-deadline 200ms")
	body, send := io.Pipe()
	go func() {
		for {
			if _, err := send.Write([]byte{1}); err != nil {
				return
			}
		}
	}()
	resp, err := s.client.Post(s.url+"/v1/softmax?cols=200000", asRaw, body)
	if err == nil {
		// Answered, or, if it has come to a row in that time, cut.
		var answer []byte
		if answer, err = io.ReadAll(resp.Body); err == nil {
			refused(t, resp.StatusCode, answer, http.StatusRequestTimeout, "200ms, which is the limit")
		}
		resp.Body.Close()
	}
	body.Close()
	s.awaitAdmitted(0)
	s.works()
}

// TestSlowReader takes nothing of a long answer.
func TestSlowReader(t *testing.T) {
	s := start(t, nativeEngine(t), "-stall 100ms")
	conn := s.dial(head + "Transfer-Encoding: chunked\n\n")
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", 40_000, make([]byte, 40_000)))
	for {
		if _, err := conn.Write(chunk); err != nil {
			break // cut off, after what the sockets' buffers hold
		}
	}
	s.await("cut", func() bool { return s.cut.Load() == 1 })
	s.awaitAdmitted(0)
	s.works()
}

// TestCancel gives up a request that waits for a worker.
func TestCancel(t *testing.T) {
	engine, called, release := blocking(t)
	s := start(t, engine, "-workers 1 -queue 1")
	first := s.async(asRaw)
	<-called
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/softmax?cols=2", bytes.NewReader(encode(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", asRaw)
	second := make(chan error, 1)
	go func() {
		resp, err := s.client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		second <- err
	}()
	s.awaitAdmitted(2)
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	s.awaitAdmitted(1)
	release()
	if status := <-first; status != 200 {
		t.Errorf("status %d", status)
	}
	s.works()
}

// async posts a small request and tells its status, or 0 for an error.
func (s *service) async(kind string) <-chan int {
	body, path := encode(1, 2), "/v1/softmax?cols=2"
	if kind == asJSON {
		body, path = []byte(infer("[1, 2]", "[1, 2]")), inferPath
	}
	status := make(chan int, 1)
	go func() {
		defer close(status)
		resp, err := s.client.Post(s.url+path, kind, bytes.NewReader(body))
		if err != nil {
			s.t.Error(err)
			return
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); err != nil {
			s.t.Error(err)
			return
		}
		status <- resp.StatusCode
	}()
	return status
}

func TestBackPressure(t *testing.T) {
	engine, called, release := blocking(t)
	s := start(t, engine, "-workers 1 -queue 2")
	admitted := []<-chan int{s.async(asRaw), s.async(asJSON), s.async(asRaw)}
	<-called
	s.awaitAdmitted(3)
	for range 3 {
		resp, err := s.client.Post(s.url+"/v1/softmax?cols=2", asRaw, bytes.NewReader(encode(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		refused(t, resp.StatusCode, answer, http.StatusServiceUnavailable, "3 requests wait for a worker, or 3 of yours, which is the limit")
		if resp.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
		}
	}
	if status, _ := s.get(s.url + "/readyz"); status != 200 {
		t.Errorf("busy, but ready: status %d", status)
	}
	release()
	for i, status := range admitted {
		if got := <-status; got != 200 {
			t.Errorf("admitted request %d: status %d", i, got)
		}
	}
	s.works()
}

// TestNoWorker waits for one for too long.
func TestNoWorker(t *testing.T) {
	engine, called, release := blocking(t)
	s := start(t, engine, "-workers 1 -deadline 500ms")
	first := s.dial(head + "Content-Length: 40\n\n" + string(make([]byte, 40)))
	<-called
	if status := <-s.async(asRaw); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	release()
	// The first one's deadline has passed, too.
	if got, err := io.ReadAll(first); len(got) > 0 {
		t.Errorf("%q, error %v", got, err)
	}
	s.works()
}

func TestPanic(t *testing.T) {
	engine := nativeEngine(t)
	compute := engine.Softmax
	engine.Softmax = func(data []float32, cols int) {
		if cols == 3 {
			panic("three")
		}
		compute(data, cols)
	}
	s := start(t, engine, "-workers 1")
	for range 3 {
		status, answer := s.post("/v1/softmax?cols=3", asRaw, bytes.NewReader(encode(1, 2, 3)))
		refused(t, status, answer, http.StatusInternalServerError, "internal error")
	}
	s.works()
	if _, text := s.get(s.admin + "/metrics"); !strings.Contains(text, "\nsoftmax_panics_total 3\n") {
		t.Error("the panics are not counted")
	}
}
