package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

func (a *app) tableCommand() *cobra.Command {
	var sizes string
	var budget time.Duration
	var float64 bool
	cmd := &cobra.Command{
		Use:   "table",
		Short: "Print the README's table: softmax of a row by all that is there, time and error",
		Long: `Print the README's table, in Markdown: softmax of one row by a loop over
math.Exp and by gonum, by native.Softmax, by upstream and by other libraries, each
as far as it is here. One thread; all are timed in turn, as the speed command does.
A second table has the errors by class of input, of rows of the same lengths.

Upstream's kernels are called from a loop in C, with no call from Go in their
time: at each length the fastest of its three algorithms, by its fastest kernels
of all that run here. Errors are of at least 65,536 elements of each length.

With --float64, the table is that of docs/float64.md: softmax of float64.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if float64 {
				return a.tableFloat64(cmd.Context(), sizes, budget)
			}
			return a.table(cmd.Context(), sizes, budget)
		},
	}
	cmd.Flags().BoolVar(&float64, "float64", false, "softmax of float64")
	cmd.Flags().StringVar(&sizes, "sizes", "16,1000,32000,128256", "`lengths` of rows, as those of the speed command")
	cmd.Flags().DurationVar(&budget, "time", 300*time.Millisecond, "`time` for each function at each length")
	return cmd
}

const (
	nativeName   = "`" + speed.NativeSoftmax + "`"
	upstreamName = "XNNPACK called from C"
)

func (a *app) table(ctx context.Context, sizes string, budget time.Duration) error {
	lengths, err := parseSizes(sizes, machine.This().Lengths())
	if err != nil {
		return fmt.Errorf("--sizes: %w", err)
	}
	results, start := a.begin()
	quiet := *a.screen
	quiet.out = io.Discard
	r := &speedRun{app: &app{screen: &quiet, sides: a.sides, libraries: a.libraries}, o: speedOptions{budget: budget}, results: results}
	r.peers = r.app.peers(r.results, onRow)
	upstream := a.sides.ref.InC != nil
	for n := range progress(ctx, a.screen, "Timing", lengths) {
		comparison, err := r.tableColumn(n, upstream)
		if err != nil {
			return err
		}
		results.Comparisons = append(results.Comparisons, comparison)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.tableText(results)
	if err := r.measureByClass(ctx, results, r.peers, lengths); err != nil {
		return err
	}
	a.tableOfErrors(results)
	if !upstream {
		a.line("")
		a.line("Without XNNPACK: %s.", a.sides.why())
	}
	for _, l := range a.libraries {
		if l.Available != nil {
			a.line("")
			a.line("Without %s: %v.", l.Name, l.Available)
		}
	}
	for _, n := range results.NotRun {
		a.line("")
		a.line("%s is %s.", n.Kernel, n.Why)
	}
	return a.end(results, start)
}

// tableColumn times what there is on one row.
func (r *speedRun) tableColumn(n int, upstream bool) (c speed.Comparison, err error) {
	benchmarks := []speed.Benchmark{{Name: speed.NativeSoftmax, Run: native.Softmax}}
	if upstream {
		opponents, err := r.opponents(ukernel.Algorithms(), n)
		if err != nil {
			return c, err
		}
		for i := range opponents {
			benchmarks = append(benchmarks, r.inC(&opponents[i], n, 1))
		}
	}
	var found results.Results
	for _, l := range r.right(&found, r.peers, 1, n, 1) {
		benchmarks = append(benchmarks, l.OnRow())
	}
	r.results.NotRun = append(r.results.NotRun, found.NotRun...)
	errors, err := r.errorsOf(n, benchmarks)
	if err != nil {
		return c, err
	}
	c = speed.Comparison{Kind: speed.Peers, Rows: 1, Cols: n, Threads: 1}
	if _, err := c.Run(speed.Timer{MinReps: leastRounds, Budget: r.o.budget * time.Duration(len(benchmarks))}, benchmarks); err != nil {
		return c, err
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		ulp := errors[e.Name]
		e.MaxULP, e.MeanULP = ulp.MaxULP, ulp.MeanULP
	}
	return c, nil
}

// title is what the table calls a function.
func (a *app) title(name string) string {
	if name == speed.NativeSoftmax {
		return nativeName
	}
	for _, l := range a.libraries {
		if l.Function == name {
			return l.Name
		}
	}
	return name
}

// rowTime is nanoseconds with three digits, and from 10,000 on microseconds.
func rowTime(ns float64) string {
	switch {
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 1e4:
		return grouped(int64(ns+0.5)) + " ns"
	case ns < 1e5:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return grouped(int64(ns/1e3+0.5)) + " µs"
}

func (a *app) tableText(r *results.Results) {
	m, b := r.Machine, r.Build
	level, _ := native.Level()
	head := fmt.Sprintf("%s (%s), one thread; native with %s, %s", m.CPU, m.Microarchitecture(), level, strings.TrimSpace(b.Go+" "+b.Level))
	if b.Compiler != "" {
		head += fmt.Sprintf("; XNNPACK %.12s by %s", b.Commit, b.Compiler)
	}
	for _, l := range a.libraries {
		if l.Available == nil && l.Version != "" && l.Name != speed.GoLoop {
			head += fmt.Sprintf("; %s %s", l.Name, l.Version)
		}
	}
	a.line("%s.", head)
	a.line("Time of one row, uniform in [-10, 10); greatest and mean error in ULP.")
	a.line("")
	first := []string{"elements"}
	rows := make(map[string][]string) // by name, with a cell for each length
	var best []string
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		first = append(first, grouped(int64(c.Cols)))
		upstream := c.UpstreamBest()
		if upstream != nil {
			best = append(best, strings.TrimPrefix(upstream.Name, speed.UpstreamBestInC+" "))
		}
		for k := range c.Entries {
			e, name := &c.Entries[k], a.title(c.Entries[k].Name)
			if e == upstream {
				name = upstreamName
			}
			if rows[name] == nil {
				rows[name] = make([]string, len(r.Comparisons))
			}
			rows[name][i] = rowTime(e.NS.Median*float64(c.Cols)) + "; " + ulpText(e.MaxULP, e.MeanULP)
		}
	}
	var lines [][]string
	for _, name := range a.tableNames() {
		if row := rows[name]; row != nil {
			lines = append(lines, slices.Concat([]string{name}, row))
		}
	}
	a.markdown(first, lines)
	if len(best) > 0 {
		a.line("")
		if same := slices.Compact(slices.Clone(best)); len(same) == 1 {
			best = same
		}
		a.line("XNNPACK's fastest: %s.", strings.Join(best, ", "))
	}
}

// tableNames are the names of the table's rows: Go without a library, native, upstream,
// and other libraries.
func (a *app) tableNames() []string {
	names := []string{nativeName, upstreamName}
	for i, l := range a.libraries {
		if l.Most > 0 { // in Go
			names = slices.Insert(names, i, l.Name)
			continue
		}
		names = append(names, l.Name)
	}
	return names
}

// tableOfErrors is the greatest and mean errors by class, over all lengths.
func (a *app) tableOfErrors(r *results.Results) {
	a.line("")
	a.line("Greatest and mean error in ULP over rows of these lengths, by class of input.")
	a.line("")
	head := []string{""}
	for _, c := range classes {
		head = append(head, c.String())
	}
	rows := errorCells(r.Accuracy)
	for _, row := range rows {
		row[0] = a.title(row[0])
	}
	a.markdown(head, rows)
}
