// Command load puts package server, run as a process of its own, under load and
// under attack, and checks every answer:
//
//	tools/bazel run //examples/service/load
//	go run ./examples/service/load -engines native -seconds 10
//
// For each engine it prints tables in Markdown. Its exit status is 1 if an answer
// differs from the one of the same request without load, a request that the
// service had accepted was not answered, an honest client was not served, memory
// went beyond the service's limit, or anything panicked or was left behind. It
// talks to 127.0.0.0/8 only.
//
// Requests, rates and latencies are github.com/tsenart/vegeta's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/cpuid/v2"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/twopass-softmax/twopass/examples/service/internal/server"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// options are the command's flags.
type options struct {
	engines  []string
	duration time.Duration // of the load
	clients  int
	args     []string // the service's
}

func main() {
	asChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := command(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// asChild is what the program's own processes are.
func asChild() {
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == serveCommand:
		os.Exit(serve(os.Args[2:]))
	case os.Args[1] == attackCommand:
		os.Exit(attackAs(os.Args[2:]))
	}
}

// command is the command as a function.
func command(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d CPUs for the service and its clients, %s, %s/%s, %d clients.\n", cpuid.CPU.BrandName, runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH, o.clients)
	var errs []error
	for _, engine := range o.engines {
		if err := o.engine(ctx, engine, out); err != nil {
			errs = append(errs, fmt.Errorf("engine %s: %w", engine, err))
		}
	}
	return errors.Join(errs...)
}

func parse(args []string, usage io.Writer) (options, error) {
	all := "native"
	if xnnpack.Available() == nil {
		all += ",xnnpack"
	}
	var o options
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(usage)
	engines := f.String("engines", all, "`engines`, with commas")
	seconds := f.Float64("seconds", 30, "`seconds` of load, and half as many of each attack")
	service := f.String("service", "", "more `flags` of the service")
	f.IntVar(&o.clients, "clients", 32, "`clients` that each send a request when they have an answer")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.engines, o.args = strings.Split(*engines, ","), strings.Fields(*service)
	o.duration = time.Duration(*seconds * float64(time.Second))
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case !(*seconds > 0 && *seconds <= 86400):
		return o, fmt.Errorf("-seconds is %v, it must be above 0 and at most 86400", *seconds)
	case o.clients < 1 || o.clients > 200:
		return o, fmt.Errorf("-clients is %d, it must be from 1 to 200", o.clients)
	}
	return o, nil
}

// engine does one engine. The error has all that went wrong.
func (o *options) engine(ctx context.Context, engine string, out io.Writer) (err error) {
	args := append([]string{"-engine", engine}, o.args...)
	config, err := server.ParseFlags(flag.NewFlagSet("service", flag.ContinueOnError), args)
	if err != nil {
		return fmt.Errorf("-service: %w", err)
	}
	c, err := start(args...)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && c.cmd.ProcessState == nil {
			err = errors.Join(err, c.end())
		}
	}()
	loads := workloads(c.addr, engine)
	all, err := newClients(ctx, loads...)
	if err != nil {
		return err
	}
	few := &clients{[]workload{loads[0], loads[3]}, all.answers} // 8 x 1,000, and JSON
	before, err := c.metrics()
	if err != nil {
		return err
	}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	limit := float64(config.MemoryLimit())

	fmt.Fprintf(out, "\n| %s | requests a second | p50 | p99 | p99.9 | resident memory |\n|---|---|---|---|---|---|\n", engine)
	stop := c.watch()
	t := all.run(ctx, o.clients, 0, o.duration, attackers)
	peak, err := stop()
	if err != nil {
		return err
	}
	for i, m := range append([]vegeta.Metrics{t.all}, t.loads...) {
		name, memory := "all", mib(peak)
		if i > 0 {
			name, memory = loads[i-1].name, ""
		}
		q := func(p float64) time.Duration { return m.Latencies.Quantile(p).Round(100 * time.Microsecond) }
		fmt.Fprintf(out, "| %s | %.0f | %v | %v | %v | %s |\n", name, m.Throughput, q(0.5), q(0.99), q(0.999), memory)
		if m.Requests == 0 {
			problem("%s: no request", name)
		}
	}
	if t.served() < 1 {
		problem("load: %v, %d wrong answers, %s", t.codes, t.wrong, t.err)
	}

	fmt.Fprintf(out, "\n| %s: attack | its answers | honest requests served | p50 | p99 | resident memory |\n|---|---|---|---|---|---|\n", engine)
	interval := config.Stall * 4 / 5
	for i, a := range attacks(interval) {
		end, err := launch(i, interval, c.addr)
		if err != nil {
			return err
		}
		stop := c.watch()
		t := few.run(ctx, 1, 100, o.duration/2, a.honest)
		peak, err := stop()
		hostile, failed := end()
		if err := errors.Join(err, failed); err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %d of %d | %v | %v | %s |\n", a.name, counts(hostile), int(t.served()*float64(t.all.Requests)+0.5), t.all.Requests,
			t.all.Latencies.P50.Round(100*time.Microsecond), t.all.Latencies.P99.Round(100*time.Microsecond), mib(peak))
		if t.served() < 1 {
			problem("%s: honest clients got %v, %d wrong answers, %s", a.name, t.codes, t.wrong, t.err)
		}
		if peak > limit {
			problem("%s: %s resident, the limit is %s", a.name, mib(peak), mib(limit))
		}
		for _, code := range a.want {
			if hostile[code] == 0 {
				problem("%s: no status %d", a.name, code)
			}
		}
		for code, n := range hostile {
			if code < 0 {
				problem("%s: %d times status %d, which is not the right one", a.name, n, -code)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}

	after, err := c.settled(before)
	if err != nil {
		return err
	}
	if g := after["go_goroutines"]; g > before["go_goroutines"] {
		problem("%.0f goroutines, %.0f before the load", g, before["go_goroutines"])
	}
	for _, name := range []string{"softmax_panics_total", "softmax_memory_bytes", "softmax_bodies", "softmax_workers_busy", "softmax_requests_admitted"} {
		if after[name] != 0 {
			problem("%s is %.0f after the load", name, after[name])
		}
	}

	// The end, under load: what has been accepted must be answered.
	ended := make(chan error, 1)
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(min(o.duration, 500*time.Millisecond), func() {
		ended <- c.end()
		cancel()
	})
	t = all.run(ending, o.clients, 0, 0, attackers)
	if err := <-ended; err != nil {
		problem("%w", err)
	}
	accepted := c.last.Accepted - int(after["softmax_requests_accepted_total"])
	fmt.Fprintf(out, "\n%s: %d requests accepted around the shutdown, %d answered.\n", engine, accepted, t.codes[200])
	if accepted != t.codes[200] || t.wrong > 0 || accepted == 0 {
		problem("shutdown: %d requests accepted, clients got %v, %d wrong answers, %s", accepted, t.codes, t.wrong, t.err)
	}
	return errors.Join(problems...)
}

// settled waits until the service has no more goroutines than before, and
// returns its metrics then, or those after a while.
func (c *child) settled(before map[string]float64) (map[string]float64, error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		m, err := c.metrics()
		if err != nil || m["go_goroutines"] <= before["go_goroutines"] || time.Now().After(end) {
			return m, err
		}
	}
}

// counts lists statuses.
func counts(codes map[int]int) string {
	var list []string
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		name := fmt.Sprint(code)
		if code == 0 {
			name = "none"
		}
		list = append(list, fmt.Sprintf("%s: %d", name, codes[code]))
	}
	return strings.Join(list, ", ")
}

func mib(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }
