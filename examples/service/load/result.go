package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/xnnpack"
)

// result is what the JSON file has.
type result struct {
	Time     time.Time       `json:"time"`
	CPU      string          `json:"cpu"`
	CPUs     int             `json:"cpus"` // which the service and its clients share
	Go       string          `json:"go"`
	Platform string          `json:"platform"`
	Upstream string          `json:"upstream,omitempty"` // XNNPACK's commit and compiler
	Clients  int             `json:"clients"`
	Engines  []*engineResult `json:"engines"`
}

// engineResult is what one engine has done.
type engineResult struct {
	Engine    string           `json:"engine"`
	Seconds   float64          `json:"seconds"`
	Requests  int              `json:"requests"`
	All       latency          `json:"all"`
	Workloads []latency        `json:"workloads"`
	Faults    map[string]int   `json:"faults"`
	Memory    memory           `json:"memory"`
	Before    float64          `json:"goroutines_before"`
	After     float64          `json:"goroutines_after"`
	Panics    float64          `json:"panics"`
	Shutdown  shutdownAnswered `json:"shutdown"`
	Problems  []string         `json:"problems"`
}

// latency is in microseconds.
type latency struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"requests_per_second"`
	P50       int64   `json:"p50_us"`
	P99       int64   `json:"p99_us"`
	P999      int64   `json:"p999_us"`
	Max       int64   `json:"max_us"`
}

// shutdownAnswered are the requests between the end of the load and that of the
// service: those that it has accepted, and those whose answer a client has got.
type shutdownAnswered struct {
	Accepted int `json:"accepted"`
	Answered int `json:"answered"`
}

func newResult(o options) *result {
	r := &result{
		Time: time.Now().UTC(), CPU: cpuid.CPU.BrandName, CPUs: runtime.GOMAXPROCS(0),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Clients: o.clients,
	}
	if xnnpack.Available() == nil {
		r.Upstream = xnnpack.Commit + ", " + xnnpack.Compiler()
	}
	return r
}

// fill takes the load's figures from what clients and service say.
func (r *engineResult) fill(t *tally, before, after map[string]float64) {
	all := hdrhistogram.New(1, (2 * requestLimit).Microseconds(), 3)
	for i, w := range workloadNames(r.Engine) {
		all.Merge(t.latencies[i])
		r.Workloads = append(r.Workloads, newLatency(w, t.latencies[i], r.Seconds))
	}
	r.Requests, r.All = t.requests(), newLatency("all", all, r.Seconds)
	r.Faults = t.faults
	r.add(t)
	r.Problems = append(r.Problems, r.Memory.judge()...)
	r.Before, r.After, r.Panics = before["go_goroutines"], after["go_goroutines"], after["softmax_panics_total"]
	if r.After > r.Before {
		r.Problems = append(r.Problems, fmt.Sprintf("%.0f goroutines are left after the load, %.0f were there before", r.After, r.Before))
	}
	if r.Panics > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%.0f panics", r.Panics))
	}
	for _, h := range t.latencies {
		if h.TotalCount() == 0 {
			r.Problems = append(r.Problems, "a workload has no answer")
		}
	}
	for _, f := range faults {
		if r.Faults[f.name] == 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("no %q", f.name))
		}
	}
}

func workloadNames(engine string) (names []string) {
	for _, w := range workloads(engine) {
		names = append(names, w.name)
	}
	return names
}

func newLatency(name string, h *hdrhistogram.Histogram, seconds float64) latency {
	return latency{
		Name: name, PerSecond: float64(h.TotalCount()) / seconds,
		P50: h.ValueAtQuantile(50), P99: h.ValueAtQuantile(99), P999: h.ValueAtQuantile(99.9), Max: h.Max(),
	}
}

// add takes over the problems that clients have had.
func (r *engineResult) add(t *tally) {
	r.Problems = append(r.Problems, t.problems...)
	if t.more > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%d problems more with requests", t.more))
	}
}

// shutdown judges the end: every request that the service had accepted, of which
// there were before when the wave began, must have been answered to its client.
func (r *engineResult) shutdown(wave *tally, before int, c *child, err error) {
	r.Shutdown = shutdownAnswered{c.last.Accepted - before, wave.requests()}
	r.add(wave)
	if err != nil {
		r.Problems = append(r.Problems, fmt.Sprintf("the service ends with error: %v", err))
	}
	switch {
	case c.last.Msg != "stopped":
		r.Problems = append(r.Problems, fmt.Sprintf("the service's last word is %q instead of \"stopped\"", c.last.Msg))
	case r.Shutdown.Accepted != r.Shutdown.Answered:
		r.Problems = append(r.Problems, fmt.Sprintf("%d requests accepted around the shutdown, %d answered", r.Shutdown.Accepted, r.Shutdown.Answered))
	case r.Shutdown.Answered == 0:
		r.Problems = append(r.Problems, "no requests around the shutdown")
	case c.last.Accepted != c.last.Answered+c.last.Cut:
		r.Problems = append(r.Problems, fmt.Sprintf("the service has accepted %d requests, answered %d and cut %d", c.last.Accepted, c.last.Answered, c.last.Cut))
	}
	if len(c.other) > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("the service says: %s", strings.Join(c.other[:min(len(c.other), 5)], "; ")))
	}
}

// verdict is an error if there are problems.
func (r *result) verdict() error {
	var errs []error
	for _, e := range r.Engines {
		for _, p := range e.Problems {
			errs = append(errs, fmt.Errorf("%s: %s", e.Engine, p))
		}
	}
	return errors.Join(errs...)
}

// markdown prints the tables.
func (r *result) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s, %d CPUs for the service and its clients, %s, %s, %d clients.\n\n", r.CPU, r.CPUs, r.Go, r.Platform, r.Clients)
	fmt.Fprint(w, "| engine | requests | per second | p50 | p99 | p99.9 |\n|---|---|---|---|---|---|\n")
	for _, e := range r.Engines {
		for _, l := range append([]latency{e.All}, e.Workloads...) {
			fmt.Fprintf(w, "| %s | %s | %.0f | %s | %s | %s |\n", e.Engine, l.Name, l.PerSecond, ms(l.P50), ms(l.P99), ms(l.P999))
		}
	}
	fmt.Fprint(w, "\n| engine | requests | faults | heap, first and last third | resident memory | goroutines | before and after | panics | accepted and answered around the shutdown | problems |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range r.Engines {
		n := 0
		for _, name := range slices.Sorted(maps.Keys(e.Faults)) {
			n += e.Faults[name]
		}
		m := &e.Memory
		fmt.Fprintf(w, "| %s | %d in %.0f s | %d | %s, %s | %s, %s | %.0f, %.0f | %.0f, %.0f | %.0f | %d, %d | %d |\n", e.Engine, e.Requests, e.Seconds, n,
			mib(m.First.Heap), mib(m.Last.Heap), mib(m.First.RSS), mib(m.Last.RSS), m.First.Goroutines, m.Last.Goroutines,
			e.Before, e.After, e.Panics, e.Shutdown.Accepted, e.Shutdown.Answered, len(e.Problems))
	}
}

func ms(us int64) string { return fmt.Sprintf("%.1f ms", float64(us)/1000) }

func mib(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }

// write replaces a file as a whole.
func (r *result) write(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which fails when all is well
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
