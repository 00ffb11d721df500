package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/xnnpack"
)

func TestHealth(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	for _, url := range []string{s.url, s.admin} {
		for _, page := range []string{"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"} {
			if status, text := s.get(url + page); status != 200 || text == "" {
				t.Errorf("%s: status %d: %s", page, status, text)
			}
		}
	}
	s.ready.Store(false)
	for _, url := range []string{s.url, s.admin} {
		if status, _ := s.get(url + "/readyz"); status != 503 {
			t.Errorf("not ready: status %d", status)
		}
	}
}

func TestAdmin(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	s.works()
	s.post("/v1/top-k?cols=2&k=1", asRaw, bytes.NewReader(encode(1, 2, 3, 4, 5, 6)))
	s.post("/v1/top-k?cols=2&k=3", asRaw, bytes.NewReader(encode(1, 2)))
	s.await("answered", func() bool { return s.answered.Load() == 3 })
	s.awaitAdmitted(0)
	status, text := s.get(s.admin + "/metrics")
	if status != 200 {
		t.Fatalf("status %d", status)
	}
	for _, want := range []string{
		`softmax_requests_total{op="softmax",outcome="200"} 1`,
		`softmax_requests_total{op="top-k",outcome="200"} 1`,
		`softmax_requests_total{op="top-k",outcome="400"} 1`,
		`softmax_requests_accepted_total 3`,
		`softmax_requests_admitted 0`,
		`softmax_workers_busy 0`,
		`softmax_panics_total 0`,
		`softmax_rows_total{op="top-k"} 3`,
		`softmax_elements_total{op="top-k"} 6`,
		`softmax_request_seconds_count{op="top-k"} 2`,
		"go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %q in the metrics:\n%s", want, text)
		}
	}
	if status, text := s.get(s.admin + "/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(text, "goroutine profile") {
		t.Errorf("pprof: status %d", status)
	}
	for _, page := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		if status, _ := s.get(s.url + page); status != 404 {
			t.Errorf("%s is public: status %d", page, status)
		}
	}
	if status, _ := s.post("/debug/pprof/", asJSON, nil); status != 404 {
		t.Errorf("POST to pprof in public: status %d", status)
	}
}

// TestShutdown shuts down with every worker and every place in the queue taken.
func TestShutdown(t *testing.T) {
	forEngines(t, func(t *testing.T, e Engine) {
		blocked, called, release := blocking(t)
		compute := blocked.Softmax
		blocked.Softmax = func(data []float32, cols int) {
			compute(nil, 1) // waits
			e.Softmax(data, cols)
		}
		s := start(t, blocked, "-workers 2 -queue 6")
		var statuses []<-chan int
		for i := range 8 {
			statuses = append(statuses, s.async([]string{asRaw, asJSON}[i%2]))
		}
		<-called
		<-called
		s.awaitAdmitted(8)
		s.shut()
		s.await("refusing connections", func() bool {
			conn, err := net.Dial("tcp", s.addr)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		if status, _ := s.get(s.admin + "/readyz"); status != 503 {
			t.Errorf("shutting down, but ready: status %d", status)
		}
		select {
		case err := <-s.ended:
			t.Fatalf("ended with 8 requests unanswered: %v", err)
		default:
		}
		release()
		for i, status := range statuses {
			if got := <-status; got != 200 {
				t.Errorf("request %d: status %d", i, got)
			}
		}
		if err := <-s.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := s.answered.Load(); n != 8 {
			t.Errorf("%d requests answered", n)
		}
	})
}

// TestDrain serves while it is no longer ready, until the time is over.
func TestDrain(t *testing.T) {
	slept, wake := make(chan time.Duration, 1), make(chan struct{})
	s := start(t, nativeEngine(t), "-drain 3s", func(s *Server) {
		s.sleep = func(d time.Duration) { slept <- d; <-wake }
	})
	s.shut()
	if d := <-slept; d != 3*time.Second {
		t.Errorf("drains for %v", d)
	}
	if status, _ := s.get(s.url + "/readyz"); status != 503 {
		t.Errorf("draining, but ready: status %d", status)
	}
	s.works()
	resp, err := s.client.Post(s.url+"/v1/softmax?cols=1", asRaw, bytes.NewReader(encode(1)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !resp.Close {
		t.Errorf("status %d, and the connection is to be closed: %v", resp.StatusCode, resp.Close)
	}
	close(wake)
}

// TestShutdownLimit does not wait for ever.
func TestShutdownLimit(t *testing.T) {
	engine, called, release := blocking(t)
	s := start(t, engine, "-shutdown 50ms")
	conn := s.dial(head + "Content-Length: 40\n\n" + string(make([]byte, 40)))
	<-called
	s.shut()
	if err := <-s.ended; err == nil || !strings.Contains(err.Error(), "1 requests not answered within 50ms") {
		t.Errorf("error %v", err)
	}
	release()
	if got, err := io.ReadAll(conn); len(got) > 0 {
		t.Errorf("%q, error %v", got, err)
	}
	s.awaitAdmitted(0)
	s.await("accounted for", func() bool { return s.accepted.Load() == s.cut.Load() })
}

// TestListenerFails ends the service with an error.
func TestListenerFails(t *testing.T) {
	public, admin := listen(t), listen(t)
	s := start(t, nativeEngine(t), "") // for its configuration
	public.Close()
	err := New(s.config, s.engine, s.log).Run(context.Background(), public, admin)
	if err == nil || !strings.Contains(err.Error(), "use of closed network connection") {
		t.Errorf("error %v", err)
	}
	if _, err := net.Dial("tcp", admin.Addr().String()); err == nil {
		t.Error("the admin listener is still open")
	}
}

// TestCommand runs the command, and finds its ports in the log.
func TestCommand(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Main(ctx, strings.Fields("-addr 127.0.0.1:0 -admin 127.0.0.1:0 -log debug -drain 0s"), w)
		w.Close()
	}()
	lines := json.NewDecoder(log)
	var line struct{ Msg, Addr, Admin, Op, Outcome string }
	if err := lines.Decode(&line); err != nil || line.Msg != "serving" {
		t.Fatalf("first line %+v, error %v", line, err)
	}
	post := make(chan error, 1)
	go func() {
		resp, err := http.Post("http://"+line.Addr+inferPath, asJSON, strings.NewReader(infer("[1]", "[1]")))
		if err == nil {
			resp.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		post <- err
	}()
	if err := lines.Decode(&line); err != nil || line.Msg != "request" || line.Op != "softmax" || line.Outcome != "200" {
		t.Errorf("line %+v, error %v", line, err)
	}
	if err := <-post; err != nil {
		t.Error(err)
	}
	stop()
	for _, want := range []string{"stopping", "stopped"} {
		if err := lines.Decode(&line); err != nil || line.Msg != want {
			t.Errorf("line %+v, error %v; want %q", line, err, want)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMainErrors(t *testing.T) {
	taken := listen(t)
	defer taken.Close()
	cases := map[string]string{
		"-workers 0":                     "-workers is 0",
		"-engine gpu":                    `engine "gpu" does not exist`,
		"-addr " + taken.Addr().String(): "address already in use",
		"-addr 127.0.0.1:0 -admin " + taken.Addr().String(): "address already in use",
	}
	if why := xnnpack.Available(); why != nil {
		cases["-engine xnnpack"] = "engine xnnpack: " + why.Error()
	}
	for args, want := range cases {
		if err := Main(context.Background(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}
