package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// accuracyOptions are the flags of the accuracy command.
type accuracyOptions struct {
	classes, sizes string
	outputs        int
	workers        int
	search         time.Duration
}

func (a *app) accuracyCommand() *cobra.Command {
	var o accuracyOptions
	cmd := &cobra.Command{
		Use:   "accuracy",
		Short: "Measure the error of every function against float64, by class and length",
		Long: `Measure the error of every function on both sides.

The exact results are computed in float64 with a compensated sum. Errors are in
units in the last place (ULP) of a float32 of the exact result's magnitude: the
greatest and the mean one. Results below 2^-126 are left out, since functions
may flush them to zero. A function that gives a NaN where the exact result is a
number is said to do so.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.accuracy(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.classes, "classes", "uniform10,normal,uniform1000,ascending,masked", "`classes` of inputs, with commas")
	f.StringVar(&o.sizes, "sizes", "2^4,2^8,2^12,2^16,2^20", "`lengths` of rows: integers, powers 2^10 or 2^4..2^26, L1, L2, memory")
	f.IntVar(&o.outputs, "outputs", 1<<18, "`elements` to measure at each length, at least: short rows are many")
	f.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "`goroutines` to measure on")
	f.DurationVar(&o.search, "search", 0, "instead, look for this `time` for rows on which each softmax is worst")
	for _, other := range []string{"classes", "sizes", "outputs", "workers"} {
		cmd.MarkFlagsMutuallyExclusive("search", other)
	}
	return cmd
}

func (a *app) accuracy(ctx context.Context, o accuracyOptions) error {
	if o.search != 0 {
		return a.search(ctx, o.search)
	}
	plan := accuracy.Plan{Outputs: o.outputs}
	var err error
	if plan.Classes, err = parseClasses(o.classes); err != nil {
		return err
	}
	if plan.Lengths, err = parseSizes(o.sizes, machine.This().Lengths()); err != nil {
		return fmt.Errorf("sizes: %w", err)
	}
	if o.workers < 1 || o.outputs < 1 {
		return fmt.Errorf("%d workers and %d outputs: at least 1 of each is needed", o.workers, o.outputs)
	}
	r, start := a.begin()
	a.header(r)
	peers := a.peers(r, onRow)
	for _, c := range a.compose(r, ukernel.Algorithms()) {
		a.line("%s", withKernels(&c))
	}
	plan.Functions = a.functions(peers)
	a.start("Measuring accuracy", int64(len(plan.Classes)*len(plan.Lengths)))
	r.Accuracy, err = plan.Run(ctx, o.workers, func() { a.step(1) })
	a.finish()
	if err != nil {
		return err
	}
	width := 0
	for _, f := range plan.Functions {
		width = max(width, len(f.Name))
	}
	for _, class := range plan.Classes {
		for lengths := range slices.Chunk(plan.Lengths, 3) { // as many as fit beside the names
			a.line("")
			head := ""
			for _, n := range lengths {
				head += fmt.Sprintf(" %15s", grouped(int64(n)))
			}
			a.line("%-*s%s", width, class, head)
			for _, f := range plan.Functions {
				row := ""
				for _, n := range lengths {
					i := slices.IndexFunc(r.Accuracy, func(m accuracy.Errors) bool {
						return m.Class == class.String() && m.Name == f.Name && m.Length == n
					})
					row += fmt.Sprintf(" %15s", errorText(r.Accuracy[i]))
				}
				a.line("%-*s%s", width, f.Name, row)
			}
		}
	}
	a.line("")
	a.line("Greatest and mean error in ULP. A kernel of both sides has the same bits, and so the same error.")
	return a.end(r, start)
}

// search climbs to rows on which each softmax is worst.
func (a *app) search(ctx context.Context, budget time.Duration) error {
	if a.json != "" {
		return errors.New("--json: a search is not recorded")
	}
	if budget < 0 {
		return fmt.Errorf("--search: %v is less than no time", budget)
	}
	r, _ := a.begin()
	a.header(r)
	functions := a.softmaxes(a.peers(r, onRow))
	a.line("")
	a.line("%-30s %10s %11s", "largest error found", "* 2^-24", "on a row of")
	for f := range progress(ctx, a.screen, "Searching", functions) {
		found, err := accuracy.Search(f, budget, 1)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		nans := ""
		if found.NaNs {
			nans = "  NaN for other rows"
		}
		a.line("%-30s %10.2f %11d%s", f.Name, found.Error, len(found.Row), nans)
	}
	return ctx.Err()
}

// softmaxes are those whose accuracy differs: native's algorithms have upstream's bits.
func (a *app) softmaxes(peers []speed.Library) []speed.Benchmark {
	return slices.DeleteFunc(a.functions(peers), func(f speed.Benchmark) bool {
		return f.Computes != speed.Softmax || a.sides.noUpstream == nil && strings.HasPrefix(f.Name, a.sides.ours.Name+" ")
	})
}

// errorText is the greatest error, then the mean one.
func errorText(m accuracy.Errors) string {
	switch {
	case m.Outputs == 0:
		return "all tiny"
	case m.NaNs > 0:
		return "NaN"
	case m.MaxULP >= 1000:
		return fmt.Sprintf("%.2g %.2g", m.MaxULP, m.MeanULP)
	}
	return fmt.Sprintf("%.2f %.2f", m.MaxULP, m.MeanULP)
}

// functions are those of both sides and of peers whose accuracy is measured.
func (a *app) functions(peers []speed.Library) []speed.Benchmark {
	all := []speed.Benchmark{
		{Name: "native.Softmax", Run: native.Softmax},
		{Name: "native.LogSoftmax", Computes: speed.LogSoftmax, Run: native.LogSoftmax},
		{Name: "native.LogSumExp", Computes: speed.LogSumExp, Run: func(dst, src []float32) { dst[0] = native.LogSumExp(src) }},
	}
	if xnnpack.Available() == nil {
		all = append(all, speed.Benchmark{Name: "xnnpack.Softmax", Run: xnnpack.Softmax})
	}
	for _, l := range peers {
		all = append(all, l.OnRow())
	}
	for _, algorithm := range ukernel.Algorithms() {
		s, err := side.Compose(algorithm, a.sides.ref, a.sides.ours)
		if err != nil {
			continue
		}
		// The model would take minutes.
		if a.sides.noUpstream == nil {
			all = append(all, speed.Benchmark{Name: a.sides.ref.Name + " " + algorithm.String(), Run: s.Ref.Softmax})
		}
		all = append(all, speed.Benchmark{Name: a.sides.ours.Name + " " + algorithm.String(), Run: s.Ours.Softmax})
	}
	return all
}

// classes whose errors stand beside times.
var classes = []inputs.Class{inputs.Uniform10, inputs.Normal, inputs.Uniform1000, inputs.Ascending, inputs.Masked}

// measureByClass measures and records errors on rows of these lengths, for what is timed
// beside them. Native's algorithms have upstream's bits, and so its errors.
func (a *app) measureByClass(ctx context.Context, r *results.Results, peers []speed.Library, lengths []int) error {
	plan := accuracy.Plan{Functions: a.softmaxes(peers), Classes: classes, Lengths: lengths, Outputs: leastOutputs}
	a.start("Measuring accuracy", int64(len(plan.Classes)*len(plan.Lengths)))
	defer a.finish()
	all, err := plan.Run(ctx, runtime.GOMAXPROCS(0), func() { a.step(1) })
	r.Accuracy = append(r.Accuracy, all...)
	return err
}

// errorCells are a line for each function, its name first, with the greatest and the
// mean error by class over all lengths.
func errorCells(all []accuracy.Errors) [][]string {
	var lines [][]string
	for _, m := range all {
		if slices.ContainsFunc(lines, func(line []string) bool { return line[0] == m.Name }) {
			continue
		}
		line := []string{m.Name}
		for _, c := range classes {
			line = append(line, errorText(accuracy.Worst(all, m.Name, c.String())))
		}
		lines = append(lines, line)
	}
	return lines
}

// errorsByClass measures and prints.
func (a *app) errorsByClass(ctx context.Context, r *results.Results, peers []speed.Library, lengths []int) error {
	if len(lengths) == 0 {
		return nil
	}
	if err := a.measureByClass(ctx, r, peers, lengths); err != nil {
		return err
	}
	rows := fmt.Sprintf("%s to %s elements", grouped(int64(lengths[0])), grouped(int64(lengths[len(lengths)-1])))
	if len(lengths) == 1 {
		rows = plural(lengths[0], "element", "elements")
	}
	a.line("")
	a.line("Greatest and mean error in ULP by class of input, on rows of %s", rows)
	head := fmt.Sprintf("%-9s", "")
	for _, c := range classes {
		head += fmt.Sprintf(" %13s", c)
	}
	a.line("%s", head)
	for _, line := range errorCells(r.Accuracy) {
		a.line("%s", line[0])
		row := fmt.Sprintf("%-9s", "")
		for _, cell := range line[1:] {
			row += fmt.Sprintf(" %13s", cell)
		}
		a.line("%s", row)
	}
	return nil
}

// leastOutputs is the least number of elements behind an error that stands beside a
// time. Of short rows there are many; the first is the one that is timed.
const leastOutputs = 1 << 16

// errorsOf are those of functions by name, on rows of n elements of the class of the
// rows that are timed.
func (r *speedRun) errorsOf(n int, functions []speed.Benchmark) (map[string]accuracy.Errors, error) {
	if r.errors == nil {
		r.errors = make(map[int]map[string]accuracy.Errors)
	}
	known := r.errors[n]
	if known == nil {
		known = make(map[string]accuracy.Errors)
		r.errors[n] = known
	}
	plan := accuracy.Plan{Classes: []inputs.Class{inputs.Uniform10}, Lengths: []int{n}, Outputs: leastOutputs}
	for _, f := range functions {
		if _, ok := known[f.Name]; !ok {
			plan.Functions = append(plan.Functions, f)
		}
	}
	if len(plan.Functions) == 0 {
		return known, nil
	}
	all, err := plan.Run(context.Background(), 1, nil)
	for _, a := range all {
		if a.NaNs > 0 {
			a.MaxULP = math.MaxFloat64 // JSON has no infinity
		}
		known[a.Name] = a
	}
	return known, err
}

// errorOf is the one of a benchmark's function: the same kernels have the same bits,
// whoever calls them.
func errorOf(errors map[string]accuracy.Errors, name string) accuracy.Errors {
	return errors[strings.Replace(name, speed.InC+" ", " ", 1)]
}

// ulpHead is the heading of a column of what ulpText writes.
const ulpHead = "ULP max, mean"

// ulpText is a greatest error and a mean one; nothing if they were not measured.
func ulpText(greatest, mean float64) string {
	number := func(e float64) string {
		if e >= 99.95 {
			return grouped(int64(e + 0.5))
		}
		return fmt.Sprintf("%.2f", e)
	}
	switch {
	case greatest == 0 && mean == 0:
		return ""
	case greatest == math.MaxFloat64:
		return "NaN"
	}
	return number(greatest) + ", " + number(mean)
}
