package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	a, b, c := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	q := newQuota(10, 0.5)
	for _, step := range []struct {
		client netip.Addr
		n      int64 // given if negative
		want   bool
	}{
		{a, 5, true}, {a, 1, false}, {b, 4, true}, {c, 2, false}, {c, 1, true}, {b, 1, false}, {a, -3, true}, {a, 4, false}, {b, 1, true}, {a, 2, true}, {c, 1, false},
	} {
		if step.n < 0 {
			q.give(step.client, -step.n)
		} else if got := q.take(step.client, step.n); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
	if q.inUse() != 10 {
		t.Errorf("%d in use", q.inUse())
	}
	if !newQuota(1, 0.1).take(a, 1) {
		t.Error("a small share is nothing")
	}
}

func TestClientOf(t *testing.T) {
	for from, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := clientOf(netip.MustParseAddr(from)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %v, want %s", from, got, want)
		}
	}
}

// from is a client with an address of its own. Linux has all of 127.0.0.0/8.
func (s *service) from(addr string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}
	tr := &http.Transport{DialContext: d.DialContext}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// TestConnections: above the limit a connection is told by a status, and above
// twice the limit closed; another client is not affected.
func TestConnections(t *testing.T) {
	s := start(t, nativeEngine(t), "-conns 8 -client-share 0.5")
	request := strings.ReplaceAll(head+"Content-Length: 40\n\n", "\n", "\r\n") + string(make([]byte, 40))
	counts := make(map[int]int)
	for range 10 {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, request) // it may be closed already
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			counts[0]++
			continue
		}
		if resp.StatusCode == 503 && (resp.Header.Get("Retry-After") == "" || !resp.Close) {
			t.Errorf("refused with header %v", resp.Header)
		}
		resp.Body.Close()
		counts[resp.StatusCode]++
	}
	// Refused connections are closed when they have been told, so that any number
	// of the last six may be told.
	if counts[200] != 4 || counts[503] < 4 || counts[0]+counts[503] != 6 {
		t.Errorf("statuses %v, want 4 times 200 and the rest 503 or nothing", counts)
	}
	resp, err := s.from("127.0.0.2").Get(s.url + "/healthz")
	if err != nil {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("another client: status %d", resp.StatusCode)
	}
}

// TestBodies: bodies that are on their way are bounded, and hold no place in the
// queue for workers.
func TestBodies(t *testing.T) {
	s := start(t, nativeEngine(t), "-bodies 8 -client-share 0.5 -workers 1 -queue 0")
	for range 4 {
		s.dial(head + "Content-Length: 40\n\n12345678")
	}
	s.awaitBodies(4)
	if n := s.gate.light.admitted.inUse(); n != 0 {
		t.Errorf("%d requests are in the queue", n)
	}
	status, answer := s.post("/v1/softmax?cols=1", asRaw, strings.NewReader("1234"))
	refused(t, status, answer, 503, "8 requests are being sent, or 4 by you")
	other := s.from("127.0.0.2")
	for range 3 {
		resp, err := other.Post(s.url+"/v1/softmax?cols=1", asRaw, strings.NewReader("1234"))
		if err != nil {
			t.Skipf("this system has no second loopback address: %v", err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("another client: status %d", resp.StatusCode)
		}
	}
}

// TestMemory: announced bodies take no memory, and sent ones no more than there
// is.
func TestMemory(t *testing.T) {
	s := start(t, nativeEngine(t), "-memory 4194304 -client-share 1 -bodies 1000")
	announced := "POST /v1/softmax?cols=262144 HTTP/1.1\nHost: x\nContent-Type: " + asRaw + "\nContent-Length: 1048576\n\n"
	for range 20 {
		s.dial(announced)
	}
	s.awaitBodies(20)
	// A body is counted before its batch is.
	s.await("as many batches", func() bool { return s.memory.inUse() >= 20*batchBytes })
	if got := s.memory.inUse(); got != 20*batchBytes {
		t.Errorf("%d bytes for 20 bodies of a megabyte that are announced, want a batch for each", got)
	}
	refusals := 0
	for range 20 {
		conn := s.dial(announced + string(make([]byte, 1<<20-4)))
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			resp.Body.Close()
			if resp.StatusCode != 503 {
				t.Errorf("status %d", resp.StatusCode)
			}
			refusals++
		}
		if got := s.memory.inUse(); got > 4<<20 {
			t.Fatalf("%d bytes in use", got)
		}
	}
	// 20 batches and 2 rows of a megabyte are there; another row is not.
	if refusals == 0 {
		t.Error("no body was refused")
	}
}

// TestMinRate: a body that drips is ended, though its client never stalls; one
// that is as slow but ends in time is answered.
func TestMinRate(t *testing.T) {
	drip := func(s *service, length, n int) net.Conn {
		conn := s.dial(fmt.Sprintf("%sContent-Length: %d\n\n", head, length))
		go func() {
			for range n {
				if _, err := conn.Write([]byte{0}); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		return conn
	}
	s := start(t, nativeEngine(t), "-stall 200ms -min-rate 1000")
	resp, err := http.ReadResponse(bufio.NewReader(drip(s, 400, 399)), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, resp.StatusCode, answer, 408, "nor less than 1000 bytes a second")
	var came int
	if _, err := fmt.Sscanf(string(answer), `{"error":"%d bytes came`, &came); err != nil || came > 200 {
		t.Errorf("%s: it may not go on for 200 bytes: %v", answer, err)
	}

	s = start(t, nativeEngine(t), "-stall 20s -min-rate 1000")
	resp, err = http.ReadResponse(bufio.NewReader(drip(s, 40, 40)), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%v, %v", resp, err)
	}
}

// TestSlowEnough: what came at first buys time in which less comes, and the rest of it is patience.
func TestSlowEnough(t *testing.T) {
	s := start(t, nativeEngine(t), "-stall 1s -min-rate 100")
	conn := s.dial(head + "Content-Length: 120\n\n" + string(make([]byte, 80)))
	go func() {
		for range 4 { // as slow as never to stall; in all, the client waits for longer than that
			time.Sleep(400 * time.Millisecond)
			conn.Write(make([]byte, 10))
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || len(answer) != 120 {
		t.Errorf("status %d, %d bytes, error %v", resp.StatusCode, len(answer), err)
	}
}

// TestDrainQuiet: a listener that waits for connections when it is told to end waits a while longer: a handshake
// may have begun.
func TestDrainQuiet(t *testing.T) {
	l := &listener{TCPListener: listen(t), conns: newQuota(1, 1), excess: newQuota(1, 1)}
	defer l.Close()
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond) // for Accept to wait
	began := time.Now()
	l.drain()
	if err := <-ended; err != http.ErrServerClosed || time.Since(began) < drainQuiet {
		t.Errorf("%v after %v, want %v after %v", err, time.Since(began), http.ErrServerClosed, drainQuiet)
	}
}

// TestBacklog: connections that have been made, but not been accepted yet, when
// the service is told to end are answered all the same.
func TestBacklog(t *testing.T) {
	public, admin := listen(t), listen(t)
	s := start(t, nativeEngine(t), "") // for its configuration
	var conns []net.Conn
	for range 48 {
		conn, err := net.Dial("tcp", public.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, strings.ReplaceAll(head+"Content-Length: 40\n\n", "\n", "\r\n")+string(make([]byte, 40))); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := New(s.config, s.engine, s.log).Run(ctx, public, admin); err != nil {
		t.Error(err)
	}
	for i, conn := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("connection %d: %v, %v", i, resp, err)
		}
	}
}

// TestClientShare: a client that fills the queue keeps no other from it.
func TestClientShare(t *testing.T) {
	e, called, release := blocking(t)
	s := start(t, e, "-workers 1 -queue 3 -client-share 0.5")
	statuses := []<-chan int{s.async(asRaw), s.async(asJSON)}
	<-called
	s.await("waiting", func() bool { return s.gate.light.admitted.inUse() == 2 })
	status, answer := s.post("/v1/softmax?cols=1", asRaw, strings.NewReader("1234"))
	refused(t, status, answer, 503, "4 requests wait for a worker, or 2 of yours")
	other := make(chan int, 1)
	client := s.from("127.0.0.2")
	go func() {
		resp, err := client.Post(s.url+"/v1/softmax?cols=1", asRaw, strings.NewReader("1234"))
		if err != nil {
			other <- 0
			return
		}
		resp.Body.Close()
		other <- resp.StatusCode
	}()
	s.await("waiting", func() bool { return s.gate.light.admitted.inUse() == 3 })
	release()
	for _, c := range append(statuses, other) {
		if got := <-c; got != 200 {
			t.Errorf("status %d", got)
		}
	}
}

// TestTurns: clients take turns, however many requests one of them has.
func TestTurns(t *testing.T) {
	g := newGate(1, 100, 1)
	many, one := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	holder := turn{gate: g, client: many}
	if err := holder.begin(context.Background(), &g.light); err != nil {
		t.Fatal(err)
	}
	order := make(chan netip.Addr, 100)
	run := func(client netip.Addr) {
		w := turn{gate: g, client: client}
		if err := w.begin(context.Background(), &g.light); err != nil {
			t.Error(err)
		}
		order <- client
		w.end()
	}
	waiting := func(n int64) {
		for g.light.admitted.inUse() != n {
			time.Sleep(time.Millisecond)
		}
	}
	for range 50 {
		go run(many)
	}
	waiting(51)
	go run(one)
	waiting(52)
	time.Sleep(10 * time.Millisecond) // until it waits where it is to wait
	holder.end()
	before := 0
	for client := range order {
		if client == one {
			break
		}
		before++
	}
	if before > 2 {
		t.Errorf("%d requests of another client were first", before)
	}
	for range 50 - before {
		<-order
	}
	waiting(0)
	if len(g.light.lines) != 0 {
		t.Errorf("%d lines are left", len(g.light.lines))
	}
}

// TestHeavy: JSON leaves a worker to the others, whatever comes of it.
func TestHeavy(t *testing.T) {
	e, called, release := blocking(t)
	compute := e.Softmax
	e.Softmax = func(data []float32, cols int) {
		if cols > 100 {
			compute(data, cols)
		} else {
			nativeEngine(t).Softmax(data, cols)
		}
	}
	s := start(t, e, "-workers 2 -queue 32")
	body := infer("[10000]", "["+strings.Repeat("1,", 9999)+"1]")
	statuses := make(chan int, 10)
	for range cap(statuses) {
		go func() {
			resp, err := s.client.Post(s.url+inferPath, asJSON, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	<-called
	// Two workers and a 16th of the queue: the rest is refused.
	for range 6 {
		if got := <-statuses; got != 503 {
			t.Errorf("status %d", got)
		}
	}
	s.works()
	release()
	for range 4 {
		if got := <-statuses; got != 200 {
			t.Errorf("status %d", got)
		}
	}
}
