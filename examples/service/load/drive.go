package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// requestLimit is how long a client waits for an answer.
const requestLimit = 30 * time.Second

// run does one engine.
func run(ctx context.Context, engine string, o options) (_ *engineResult, err error) {
	c, err := start(engine)
	if err != nil {
		return nil, err
	}
	running := true
	defer func() {
		if running { // an error on the way
			err = errors.Join(err, c.stdin.Close(), c.wait(requestLimit))
		}
	}()
	client := newClient(o.clients)
	defer client.CloseIdleConnections()
	defer http.DefaultClient.CloseIdleConnections() // of metrics
	before, err := c.metrics()
	if err != nil {
		return nil, err
	}
	d := &driver{client: client, loads: workloads(engine)}
	for _, w := range d.loads {
		requests, err := prepare(ctx, client, "http://"+c.addr, w)
		if err != nil {
			return nil, err
		}
		d.requests = append(d.requests, requests)
	}
	r := &engineResult{Engine: engine}
	t := newTally(d.loads)

	// The load.
	loading, stop := context.WithTimeout(ctx, o.duration())
	defer stop()
	var side sync.WaitGroup
	side.Add(2)
	go func() { defer side.Done(); disturb(loading, c.addr, t) }()
	go func() { defer side.Done(); r.Memory.Samples = sample(loading, c, o.duration(), t) }()
	began := time.Now()
	d.drive(o.clients, t, func() bool { return loading.Err() == nil })
	r.Seconds = time.Since(began).Seconds()
	side.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	client.CloseIdleConnections()
	after, err := c.settled(before)
	if err != nil {
		return nil, err
	}
	r.fill(t, before, after)

	// The shutdown, under load.
	wave := newTally(d.loads)
	var over atomic.Bool
	time.AfterFunc(min(o.duration(), 500*time.Millisecond), func() {
		if err := c.terminate(); err != nil {
			wave.problem("SIGTERM: %v", err)
			over.Store(true)
		}
	})
	d.until = true
	d.drive(o.clients, wave, func() bool { return !over.Load() })
	running = false
	r.shutdown(wave, int(after["softmax_requests_accepted_total"]), c, c.wait(requestLimit))
	return r, nil
}

func newClient(connections int) *http.Client {
	return &http.Client{
		Timeout:   requestLimit,
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections},
	}
}

// driver is the good clients.
type driver struct {
	client   *http.Client
	loads    []workload
	requests [][]*request // of each workload
	// until makes an error of the connection the end of a client, and no
	// problem: the service is going away.
	until bool
}

// drive lets clients send one request after the other while more is true.
func (d *driver) drive(clients int, t *tally, more func() bool) {
	var wg sync.WaitGroup
	for i := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			own := newTally(d.loads)
			defer t.merge(own)
			var buf bytes.Buffer
			for n := i; more(); n++ {
				load := n % len(d.loads)
				q := d.requests[load][n/len(d.loads)%bodies]
				began := time.Now()
				// Without a context that ends with the load: what is sent is to be answered.
				err := q.do(context.Background(), d.client, &buf)
				switch {
				case err == nil:
					own.answered(load, time.Since(began))
				case d.until && !errors.Is(err, errAnswer):
					return
				default:
					own.problem("%s: %v", d.loads[load].name, err)
				}
			}
		}()
	}
	wg.Wait()
}

// settled waits until the service has no more goroutines than before, and
// returns its metrics then, or those after a while.
func (c *child) settled(before map[string]float64) (map[string]float64, error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		m, err := c.metrics()
		if err != nil || m["go_goroutines"] <= before["go_goroutines"] || time.Now().After(end) {
			return m, err
		}
	}
}

// tally is what clients have seen.
type tally struct {
	latencies []*hdrhistogram.Histogram // in microseconds, of each workload

	mu       sync.Mutex
	faults   map[string]int
	problems []string
	more     int // problems that are not in the list
}

func newTally(loads []workload) *tally {
	t := &tally{faults: make(map[string]int)}
	for range loads {
		t.latencies = append(t.latencies, hdrhistogram.New(1, (2*requestLimit).Microseconds(), 3))
	}
	return t
}

// answered counts an answer. Only one goroutine may do so.
func (t *tally) answered(load int, d time.Duration) {
	if err := t.latencies[load].RecordValue(max(1, d.Microseconds())); err != nil {
		t.problem("latency %v: %v", d, err)
	}
}

// fault counts a fault.
func (t *tally) fault(name string, err error) {
	t.mu.Lock()
	t.faults[name]++
	t.mu.Unlock()
	if err != nil {
		t.problem("%s: %v", name, err)
	}
}

// problem notes what must not happen.
func (t *tally) problem(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.problems) == 10 {
		t.more++
		return
	}
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// merge adds own to t.
func (t *tally) merge(own *tally) {
	t.mu.Lock()
	for i, h := range own.latencies {
		t.latencies[i].Merge(h)
	}
	t.more += own.more
	t.mu.Unlock()
	for _, p := range own.problems {
		t.problem("%s", p)
	}
}

// requests is how many have been answered.
func (t *tally) requests() (n int) {
	for _, h := range t.latencies {
		n += int(h.TotalCount())
	}
	return n
}
