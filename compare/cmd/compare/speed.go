package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// speedOptions are the flags of the speed command.
type speedOptions struct {
	kernels, rows, goroutines  string
	functions                  bool
	gradients                  string
	algorithms, sizes, threads string
	beyond                     string
	budget                     time.Duration
	resume                     string
}

func (a *app) speedCommand() *cobra.Command {
	var o speedOptions
	cmd := &cobra.Command{
		Use:   "speed",
		Short: "Compare the speed of softmax, or of kernels, over lengths and threads",
		Long: `Compare the speed of softmax, or of kernels, over lengths and threads.

At each length all functions are timed in turn, so that what disturbs the
machine meets them all; ratios are of neighbouring samples, with the confidence
interval of their median at 95 %. Where that is wider than 10 %, nothing is
concluded.

Without --kernels, --rows, --functions, --gradients or --goroutines, the three algorithms are
timed on both sides with the same kernels, and native.Softmax against the fastest
of upstream's: by the kernels that upstream prefers, and by those that are its
fastest here ("upstream best"), which are chosen first among all that run, on a
row of that length or, if it is longer, of half the L1 cache. With several
threads each has a row of its own, and times are per element of all rows
together.

--kernels times kernels of the same name against each other. --rows times
native.SoftmaxRows on matrices against a loop over upstream's best algorithm and
against other libraries, and a call of native.Softmax on a row of 8. --functions
times native.LogSumExp and native.LogSoftmax against native.Softmax. --goroutines
times native.Softmax on one row that goroutines share, against one goroutine,
other libraries and the limit that memory sets. --gradients times
native.SoftmaxGradRows and native.LogSoftmaxGradRows on matrices against loops in C,
by the compiler that built this program with -O3, and against the same loads and
stores without arithmetic. In these four all threads work on the same rows.

Upstream's algorithms are called from a loop in C, timed by the same clock in the
same turns, and from Go, through cgo, one call for each pass. Ratios are to the
former where there is one; kernels by themselves (--kernels) are called from Go
alone, and what that costs is measured on one element.

Errors are the greatest and the mean one on rows of the same values, in units in
the last place (ULP), of 65,536 elements or of the one row that is longer. At the
end stand the errors by class of input, of the lengths up to 2^20 that were timed.

GB/s is the traffic that an algorithm makes if nothing of a row stays in a cache:
its reads, its writes, and the lines fetched before they are first written. The
limit is measured in the same turns: one read of the row, one more read and one
write around the caches; the column says how much of it a function reaches. Both
are given for rows beyond the caches, which are those that the last-level cache
does not hold, the length "memory" and longer ones, or those from --beyond on.

Other libraries are timed beside both sides: a loop over math.Exp and gonum's
floats.LogSumExp always, on up to 2^20 elements; upstream's operator itself in builds
by Bazel, and what package xnnpack makes of it in Go; oneDNN and PyTorch if they are
linked in (-tags onednn,pytorch, or Bazel's --config=peers, with libdnnl-dev and
libtorch-dev); ONNX Runtime if TWOPASS_ONNXRUNTIME names its libonnxruntime.so, or
the system has one. What a library makes ready for a shape, it makes once. Each is
first compared with float64 on the rows that it is timed on; where its result is
wrong by 1 % or more, it is reported and not timed.

The operator is called from a loop in C, the others from Go. It runs with denormals
off, so that its results near 2^-126 are 0 or have few bits, in millions of ULP.

With --resume a run can be interrupted and gone on with, by the same program on
the same machine with the same options.`,
		Example: `  compare speed --sizes 2^4..2^26 --threads 1,2 --json speed.json
  compare speed --kernels 'avx2.*raddextexp' --sizes L1,L2
  compare speed --rows 65536x10,1024x1000
  compare speed --functions --sizes 2^4..2^20
  compare speed --gradients 1x1000,16384x1000 --beyond 2^22
  compare speed --goroutines all --sizes 2^20,2^26 --beyond 2^24
  compare speed --sizes 2^4..2^26 --resume state.json --json speed.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.speed(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kernels, "kernels", "", "time kernels whose name matches `REGEX`, instead of softmax")
	f.StringVar(&o.rows, "rows", "", "time the softmax of matrices of these `shapes`, such as 1024x1000, with commas")
	f.BoolVar(&o.functions, "functions", false, "time log-sum-exp and log-softmax against softmax")
	f.StringVar(&o.gradients, "gradients", "", "time gradients of matrices of these `shapes`, with commas")
	f.StringVar(&o.goroutines, "goroutines", "", "time one row shared by these `numbers` of goroutines, or by all")
	f.StringVar(&o.algorithms, "algorithms", "two-pass,three-pass-recompute,three-pass-reload", "`algorithms`, with commas")
	f.StringVar(&o.sizes, "sizes", "L1,L2,2^20,memory", "`lengths` of rows: integers, powers 2^10 or 2^4..2^26, L1, L2, memory")
	f.StringVar(&o.threads, "threads", "", "`numbers` of threads (default 1 and all)")
	f.StringVar(&o.beyond, "beyond", "", "count rows of this `length` and longer ones as beyond the caches")
	f.DurationVar(&o.budget, "time", 300*time.Millisecond, "`time` for each function at each length")
	f.StringVar(&o.resume, "resume", "", "keep what has been timed in `FILE`, and go on from there")
	cmd.MarkFlagsMutuallyExclusive("kernels", "rows", "functions", "gradients", "goroutines")
	return cmd
}

// speedRun is a run of the command: its flags as they are read, and what it has.
type speedRun struct {
	*app
	o       speedOptions
	results *results.Results
	// state has what was found, and the lengths of rows.
	state   speedState
	threads []int
	// peers are the libraries beside both sides; nil if none is timed.
	peers []speed.Library
	// errors are those of functions, by length and name.
	errors map[int]map[string]accuracy.Errors
}

// speedState is how far a run has come, in a form that can be stored.
type speedState struct {
	// Options are what the run is of: times of other things don't belong in one table.
	Options []string `json:"options"`
	// Sizes are the lengths of rows. Those that the first run chose stay: one of
	// them depends on the memory that was free.
	Sizes []int `json:"sizes"`
	// Beyond is the length from which rows count as beyond the caches.
	Beyond int `json:"beyond"`
	// Parts is the number of finished parts, which are always done in the same
	// order, and Found what they found. The kernels that the first run chose stay.
	Parts int             `json:"finished_parts"`
	Found results.Results `json:"found"`
}

// fits reports why a run that begins with another state can't go on from s.
func (s *speedState) fits(begin *speedState) error {
	if m := begin.Found.Machine; !reflect.DeepEqual(s.Found.Machine, m) {
		return fmt.Errorf("the state is of another machine or setting of it: %+v, this is %+v", s.Found.Machine, m)
	}
	if !slices.Equal(s.Options, begin.Options) {
		return fmt.Errorf("the state is of options %q, this run has %q", s.Options, begin.Options)
	}
	return nil
}

func (a *app) speed(ctx context.Context, o speedOptions) error {
	machine := machine.This()
	lengths := machine.Lengths()
	sizes, err := parseSizes(o.sizes, lengths)
	if err != nil {
		return fmt.Errorf("sizes: %w", err)
	}
	threads, err := parseThreads(o.threads)
	if err != nil {
		return err
	}
	beyond, err := beyondFrom(o, machine, lengths)
	if err != nil {
		return err
	}
	if a.sides.noUpstream != nil && !o.functions && o.gradients == "" && o.goroutines == "" {
		return fmt.Errorf("there is nothing to compare the speed with: %w", a.sides.noUpstream)
	}
	results, start := a.begin()
	r := &speedRun{app: a, o: o, results: results, threads: threads, state: speedState{
		Options: append(o.identity(threads), versions(a.libraries)...), Sizes: sizes, Beyond: beyond,
	}}
	r.state.Found.Machine, r.state.Found.Started = results.Machine, results.Started
	save := func() error { return nil }
	if o.resume != "" {
		found, write, err := resume[speedState](o.resume, "speed")
		if err != nil {
			return err
		}
		if found != nil {
			if err := found.fits(&r.state); err != nil {
				return fmt.Errorf("--resume: %s: %w", o.resume, err)
			}
			r.state = *found
		}
		save = func() error { return write(r.state) }
	}
	a.header(results)
	parts, err := r.parts()
	if err != nil {
		return err
	}
	if done := r.state.Parts; done < 0 || done > len(parts) {
		return fmt.Errorf("--resume: %s: it has %d finished parts, this run is of %d", o.resume, done, len(parts))
	}
	if r.state.Parts > 0 {
		a.line("Resuming  %s: %d of %s are done", o.resume, r.state.Parts, plural(len(parts), "part", "parts"))
	}
	results.Started = r.state.Found.Started
	start = start.Add(-time.Duration(r.state.Found.Seconds * float64(time.Second)))
	if err := r.run(ctx, parts, start, save); err != nil {
		return err
	}
	results.Add(&r.state.Found)
	a.line("")
	a.ratios(results.Speed)
	a.peerRatios(results.Speed)
	a.comparisonMeans(results.Comparisons)
	if r.peers != nil {
		if err := a.errorsByClass(ctx, results, r.peers, r.measured()); err != nil {
			return err
		}
	}
	return a.end(results, start)
}

// measured are the lengths of rows that were timed, as far as exact results for all
// classes take no longer than the timing.
func (r *speedRun) measured() []int {
	var all []int
	for _, t := range r.state.Found.Speed {
		all = append(all, t.Elements/max(t.Threads, 1))
	}
	for _, c := range r.state.Found.Comparisons {
		all = append(all, c.Cols)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(n int) bool { return n > 1<<20 })
}

// parts are those that the flags ask for.
func (r *speedRun) parts() ([]speedPart, error) {
	switch {
	case r.o.kernels != "":
		return r.kernelParts()
	case r.o.rows != "":
		return r.rowsParts()
	case r.o.functions:
		return r.onSizes(r.threads, "goroutine", r.timeFunctions), nil
	case r.o.gradients != "":
		return r.gradientParts()
	case r.o.goroutines != "":
		return r.oneRowParts()
	}
	return r.softmaxParts()
}

// beyondFrom is the length from which rows count as beyond the caches.
func beyondFrom(o speedOptions, m machine.Machine, l machine.Lengths) (int, error) {
	if o.beyond != "" {
		n, err := parseSizes(o.beyond, l)
		if err != nil || len(n) != 1 {
			return 0, errors.Join(fmt.Errorf("beyond: %q is not a length", o.beyond), err)
		}
		return n[0], nil
	}
	from := math.MaxInt
	if m.L3 > 0 {
		from = m.L3/8 + 1
	}
	if strings.Contains(o.sizes, "memory") {
		from = min(from, l.Memory)
	}
	return from, nil
}

// identity are the options on which what is timed depends.
func (o *speedOptions) identity(threads []int) []string {
	return []string{
		"--kernels=" + o.kernels, "--rows=" + o.rows, fmt.Sprint("--functions=", o.functions), "--gradients=" + o.gradients, "--goroutines=" + o.goroutines,
		"--algorithms=" + o.algorithms, "--sizes=" + o.sizes, "--threads=" + ranges(threads), "--beyond=" + o.beyond,
		"--time=" + o.budget.String(),
	}
}

// versions are the libraries that are timed.
func versions(libraries []speed.Library) []string {
	var all []string
	for _, l := range libraries {
		if l.Available == nil {
			all = append(all, l.Function+" "+l.Version)
		}
	}
	return all
}
