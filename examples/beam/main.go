// Command beam computes softmax, log-softmax or log-sum-exp of a row or a matrix
// that is too large for one machine, as a pipeline of Apache Beam's:
//
//	chunks ──> sums of chunks ──> Combine: the sums of all ──┐ side input
//	   └───────────────────────────────────────────────> softmax of each chunk ──> file
//
// A chunk is part of a file of little-endian float32; only its name and the sums,
// some bytes for each row, travel. Without flags of Beam's it runs here, on the
// prism runner; --runner and the like send it to Flink, Spark or Dataflow.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os/signal"
	"slices"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func main() {
	j, err := parse(flag.CommandLine, nil)
	if err != nil {
		log.Fatal("beam: ", err)
	}
	beam.Init() // does not return on a worker
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := j.run(ctx); err != nil {
		log.Fatal("beam: ", err)
	}
}

// ops are what can be done.
var ops = []string{"softmax", "log-softmax", "log-sum-exp"}

// parse reads flags: of args, or of the command line, with Beam's, if args is nil.
func parse(f *flag.FlagSet, args []string) (*job, error) {
	j := &job{}
	f.StringVar(&j.op, "op", "softmax", "softmax, log-softmax or log-sum-exp")
	f.StringVar(&j.out, "out", "", "`file` for the result, of a float32 for each row for log-sum-exp; a directory if there are several inputs")
	f.IntVar(&j.rows, "rows", 1, "how many rows each input has")
	f.Int64Var(&j.chunk, "chunk", 1<<22, "how many elements a worker takes at once")
	if args == nil {
		flag.Parse()
	} else if err := f.Parse(args); err != nil {
		return nil, err
	}
	j.in = f.Args()
	switch {
	case len(j.in) == 0 && args == nil && flag.Lookup("worker") != nil && flag.Lookup("worker").Value.String() == "true":
		return j, nil // a worker has its job from the runner
	case !slices.Contains(ops, j.op):
		return nil, fmt.Errorf("-op is %q, it must be one of %v", j.op, ops)
	case j.out == "" || len(j.in) == 0:
		return nil, fmt.Errorf("-out is %q and there are %d inputs: give an output and the files to read", j.out, len(j.in))
	case j.rows < 1 || j.rows > maxRows:
		return nil, fmt.Errorf("-rows is %d, it must be from 1 to %d", j.rows, maxRows)
	case j.chunk < 1:
		return nil, fmt.Errorf("-chunk is %d, it must be at least 1", j.chunk)
	}
	return j, nil
}
