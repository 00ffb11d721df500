// Command load puts package server, run as a process of its own, under as much
// load as it takes, with faulty clients at its side, and checks every answer:
//
//	tools/bazel run //examples/service/load
//	go run ./examples/service/load -engines native -seconds 10
//
// For each engine it prints requests per second, latencies and memory as
// Markdown, and writes all it has measured to a JSON file. Its exit status is 1
// if an answer was wrong, a request that the service had accepted was not
// answered, something panicked, or memory or goroutines leaked. It talks to
// 127.0.0.1 only.
//
// The latencies are those of clients that send their next request when they
// have an answer, which is how a saturated service is seen by its clients; at a
// fixed rate below saturation they would be shorter. They are kept in
// HdrHistograms: three digits over six orders of magnitude, merged without loss,
// where a histogram of a metrics library has a handful of buckets to choose in
// advance, too few for a 99.9th percentile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twopass-softmax/twopass/xnnpack"
)

// options are the command's flags.
type options struct {
	engines []string
	seconds float64
	clients int
	json    string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveCommand {
		os.Exit(serve(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	// `bazel run` starts programs elsewhere and says where the user is.
	if dir := os.Getenv("BUILD_WORKING_DIRECTORY"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
	}
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// command is the command as a function.
func command(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	r := newResult(o)
	for _, engine := range o.engines {
		fmt.Fprintf(progress, "load: %s, %v s of load\n", engine, o.seconds)
		e, err := run(ctx, engine, o)
		if err != nil {
			return fmt.Errorf("engine %s: %w", engine, err)
		}
		r.Engines = append(r.Engines, e)
	}
	r.markdown(out)
	if o.json != "" {
		if err := r.write(o.json); err != nil {
			return err
		}
		fmt.Fprintf(progress, "load: wrote %s\n", o.json)
	}
	return r.verdict()
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
	f.Float64Var(&o.seconds, "seconds", 60, "`seconds` of load for each engine")
	f.IntVar(&o.clients, "clients", 32, "`clients` that send one request after the other")
	f.StringVar(&o.json, "json", "service-load.json", "`file` for the results; none if empty")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.engines = strings.Split(*engines, ",")
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case !(o.seconds > 0 && o.seconds <= 86400):
		return o, fmt.Errorf("-seconds is %v, it must be above 0 and at most 86400", o.seconds)
	case o.clients < 1 || o.clients > maxClients:
		return o, fmt.Errorf("-clients is %d, it must be from 1 to %d", o.clients, maxClients)
	}
	return o, nil
}

func (o options) duration() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }
