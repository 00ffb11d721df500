package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/xnnpack"
)

// forEngines runs a test with every engine that this build has.
func forEngines(t *testing.T, f func(t *testing.T, e Engine)) {
	names := []string{"native"}
	if xnnpack.Available() == nil {
		names = append(names, "xnnpack")
	}
	for _, name := range names {
		e, err := NewEngine(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { f(t, e) })
	}
}

func nativeEngine(t *testing.T) Engine {
	t.Helper()
	e, err := NewEngine("native")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// blocking is an engine whose calls announce themselves, and wait for release.
func blocking(t *testing.T) (e Engine, called <-chan struct{}, release func()) {
	e = nativeEngine(t)
	calls, gate := make(chan struct{}, 1000), make(chan struct{})
	compute := e.Softmax
	e.Softmax = func(data []float32, cols int) {
		calls <- struct{}{}
		<-gate
		compute(data, cols)
	}
	return e, calls, func() { close(gate) }
}

// service is a Server that runs, on ports of its own.
type service struct {
	*Server
	t          *testing.T
	client     *http.Client
	addr       string // of the service
	url, admin string
	shut       context.CancelFunc
	ended      chan error // what Run returns
}

// start runs a server with the flags of args. At the test's end it is shut down,
// which must go well, and no goroutine may be left.
func start(t *testing.T, e Engine, args string, edit ...func(*Server)) *service {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() { settle(t, before) })

	c, err := ParseFlags(flag.NewFlagSet("", flag.ContinueOnError), strings.Fields("-drain 0s -client-share 1 "+args))
	if err != nil {
		t.Fatal(err)
	}
	public, admin := listen(t), listen(t)
	ctx, shut := context.WithCancel(context.Background())
	s := &service{
		Server: New(c, e, slog.New(slog.NewTextHandler(io.Discard, nil))),
		t:      t,
		client: &http.Client{Transport: &http.Transport{}},
		addr:   public.Addr().String(),
		url:    "http://" + public.Addr().String(),
		admin:  "http://" + admin.Addr().String(),
		shut:   shut,
		ended:  make(chan error, 1),
	}
	for _, f := range edit {
		f(s.Server)
	}
	go func() { s.ended <- s.Run(ctx, public, admin); close(s.ended) }()
	t.Cleanup(func() {
		shut()
		s.client.CloseIdleConnections()
		if err := <-s.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if a, n, cut := s.accepted.Load(), s.answered.Load(), s.cut.Load(); a != n+cut {
			t.Errorf("%d requests accepted, %d answered, %d cut", a, n, cut)
		}
		for what, q := range map[string]*quota{"connections": s.conns, "excess": s.excess, "bodies": s.bodies, "memory": s.memory, "the queue": s.gate.light.admitted, "the queue for JSON": s.gate.heavy.admitted} {
			if q.inUse() != 0 || len(q.users) != 0 {
				t.Errorf("%d of %s is still in use, by %v", q.inUse(), what, q.users)
			}
		}
		if n := len(s.gate.workers); n != c.Workers {
			t.Errorf("%d workers are free, of %d", n, c.Workers)
		}
	})
	s.await("ready", s.ready.Load)
	return s
}

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// generous is how long something may take that must happen.
const generous = time.Minute

// await waits until ok.
func (s *service) await(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(generous); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not %s after %v", what, generous)
		}
	}
}

// settle waits until there are no more goroutines than before.
func settle(t *testing.T, before int) {
	for end := time.Now().Add(generous); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			return
		}
	}
}

// awaitAdmitted waits until n requests compute or wait to.
func (s *service) awaitAdmitted(n int) {
	s.t.Helper()
	s.await("admitted", func() bool { return int(s.gate.light.admitted.inUse()+s.gate.heavy.admitted.inUse()) == n })
}

const (
	asJSON = "application/json"
	asRaw  = "application/octet-stream"
)

// awaitBodies waits until n bodies are on their way.
func (s *service) awaitBodies(n int64) {
	s.t.Helper()
	s.await("as many bodies", func() bool { return s.bodies.inUse() == n })
}

// post posts a body and returns the answer's status and body. A reader that
// hides its length makes the request chunked.
func (s *service) post(path, kind string, body io.Reader) (status int, answer []byte) {
	s.t.Helper()
	resp, err := s.client.Post(s.url+path, kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// get returns the status and body of a page.
func (s *service) get(url string) (status int, answer string) {
	s.t.Helper()
	resp, err := s.client.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// inferPath is where JSON goes, infer such a body.
const inferPath = "/v2/models/softmax/infer"

func infer(shape, data string) string {
	return fmt.Sprintf(`{"inputs": [{"name": "logits", "datatype": "FP32", "shape": %s, "data": %s}]}`, shape, data)
}

// works checks that the service still does its work.
func (s *service) works() {
	s.t.Helper()
	status, answer := s.post(inferPath, asJSON, strings.NewReader(infer("[1, 2]", "[0, null]")))
	if status != 200 || !strings.Contains(string(answer), `"data":[1,0]`) {
		s.t.Fatalf("status %d: %s", status, answer)
	}
}

// refused checks an error answer.
func refused(t *testing.T, status int, answer []byte, wantStatus int, wantText string) {
	t.Helper()
	var e struct{ Error string }
	if err := json.Unmarshal(answer, &e); err != nil {
		t.Fatalf("status %d: %s: %v", status, answer, err)
	}
	if status != wantStatus || !strings.Contains(e.Error, wantText) {
		t.Errorf("status %d: %s; want %d: %s", status, e.Error, wantStatus, wantText)
	}
}

// encode is x as a raw body, decode its opposite.
func encode(x ...float32) []byte {
	out, _ := binary.Append(nil, binary.LittleEndian, x) // numbers can't fail
	return out
}

func decode(raw []byte) []float32 {
	x := make([]float32, len(raw)/4)
	_, _ = binary.Decode(raw, binary.LittleEndian, x)
	return x
}

// chunked hides what net/http would find the length by.
func chunked(body []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(body)} }

// reference is the softmax or log-softmax of a row in float64, with the special
// values that float64 gives by itself: those of package native.
func reference(row []float32, log bool) []float64 {
	top := math.Inf(-1)
	for _, v := range row {
		top = math.Max(top, float64(v))
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - top)
	}
	out := make([]float64, len(row))
	for i, v := range row {
		if out[i] = math.Exp(float64(v)-top) / sum; log {
			out[i] = float64(v) - top - math.Log(sum)
		}
	}
	return out
}

// near reports whether a result is right; both NaN is. Upstream sums in float32,
// which for long rows is what the bound is for.
func near(got float32, want float64, log bool) bool {
	want = float64(float32(want)) // -Inf where it is too small
	switch {
	case math.IsNaN(want), math.IsInf(want, 0):
		return math.IsNaN(want) && got != got || float64(got) == want
	case log:
		return math.Abs(float64(got)-want) <= 1e-6*(1+math.Abs(want))
	}
	return math.Abs(float64(got)-want) <= 1e-4*want+1e-37
}
