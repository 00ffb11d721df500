package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

func (a *app) tableCommand() *cobra.Command {
	var sizes string
	var budget time.Duration
	cmd := &cobra.Command{
		Use:   "table",
		Short: "Print the README's table: softmax of a row by all that is there, time and error",
		Long: `Print the README's table, in Markdown: softmax of one row by a loop over
math.Exp, by native.Softmax, by upstream and by oneDNN, each as far as it is
linked in. One thread; all are timed in turn, as the speed command does.

Upstream's kernels are called from a loop in C, with no call from Go in their
time: at each length the fastest of its three algorithms, by its fastest kernels
of all that run here. The error is the greatest of at least 65,536 elements.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.table(cmd.Context(), sizes, budget) },
	}
	cmd.Flags().StringVar(&sizes, "sizes", "16,1000,32000,128256", "`lengths` of rows, as those of the speed command")
	cmd.Flags().DurationVar(&budget, "time", 300*time.Millisecond, "`time` for each function at each length")
	return cmd
}

// column is what the table has of one length, by the name of the function.
type column struct {
	elements int
	cells    map[string]string
	// best is upstream's fastest algorithm.
	best string
}

const (
	nativeName   = "`" + compare.NativeSoftmax + "`"
	upstreamName = "XNNPACK called from C"
	onednnName   = "oneDNN"
)

func (a *app) table(ctx context.Context, sizes string, budget time.Duration) error {
	lengths, err := parseSizes(sizes, compare.ThisMachine().Lengths())
	if err != nil {
		return fmt.Errorf("--sizes: %w", err)
	}
	results, start := a.begin()
	quiet := *a.screen
	quiet.out = io.Discard
	r := &speedRun{app: &app{screen: &quiet, sides: a.sides}, o: speedOptions{budget: budget}, results: results}
	peer := r.hasPeer(results, "")
	upstream := a.sides.ref.InC != nil
	var columns []column
	a.start("Timing", int64(len(lengths)))
	defer a.finish()
	for _, n := range lengths {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c, race, err := r.tableColumn(n, upstream, peer)
		if err != nil {
			return err
		}
		columns = append(columns, c)
		results.Races = append(results.Races, race)
		a.step(1)
	}
	a.finish()
	a.tableText(results, columns)
	if !upstream {
		a.line("")
		a.line("Without XNNPACK: %s.", a.sides.why())
	}
	if !peer {
		a.line("")
		a.line("Without oneDNN: build with -tags onednn, or Bazel's --config=onednn, with libdnnl-dev.")
	}
	return a.end(results, start)
}

// tableColumn times what there is on one row.
func (r *speedRun) tableColumn(n int, upstream, peer bool) (c column, race compare.Race, err error) {
	contestants := []compare.Contestant{{Name: compare.GoLoop, Run: compare.GoSoftmax}, {Name: compare.NativeSoftmax, Run: native.Softmax}}
	if upstream {
		opponents, err := r.opponents(ukernel.Algorithms(), n)
		if err != nil {
			return c, race, err
		}
		for i := range opponents {
			contestants = append(contestants, r.inC(&opponents[i], n, 1))
		}
	}
	if peer {
		contestants = append(contestants, peerOnRow())
	}
	var functions []compare.Function
	for _, con := range contestants {
		functions = append(functions, softmaxFunction(con))
	}
	errors, err := r.greatestErrors(n, functions)
	if err != nil {
		return c, race, err
	}
	race = compare.Race{Kind: compare.RacePeers, Rows: 1, Cols: n, Threads: 1}
	if _, err := race.Run(compare.Timer{MinReps: leastRounds, Budget: r.o.budget * time.Duration(len(contestants))}, contestants); err != nil {
		return c, race, err
	}
	c = column{elements: n, cells: make(map[string]string)}
	least := 0.0
	for i := range race.Entrants {
		e := &race.Entrants[i]
		e.MaxULP = errors[e.Name]
		ns := e.NS.Median * float64(n)
		name := map[string]string{compare.NativeSoftmax: nativeName, onednnSoftmax: onednnName}[e.Name]
		if algorithm, ok := strings.CutPrefix(e.Name, compare.UpstreamBestInC+" "); ok {
			if c.best != "" && ns >= least {
				continue
			}
			name, c.best, least = upstreamName, algorithm, ns
		}
		if name == "" {
			name = e.Name
		}
		c.cells[name] = fmt.Sprintf("%s, %s", rowTime(ns), ulpText(e.MaxULP))
	}
	return c, race, nil
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

func (a *app) tableText(r *compare.Results, columns []column) {
	m, b := r.Machine, r.Build
	level, _ := native.Level()
	head := fmt.Sprintf("%s (%s), one thread; native with %s, %s", m.CPU, m.Microarchitecture(), level, strings.TrimSpace(b.Go+" "+b.Level))
	if b.Compiler != "" {
		head += fmt.Sprintf("; XNNPACK %.12s by %s", b.Commit, b.Compiler)
	}
	for _, p := range r.Peers {
		head += fmt.Sprintf("; oneDNN %s", p.Version)
	}
	a.line("%s.", head)
	a.line("Time of one row, uniform in [-10, 10), and greatest error in ULP.")
	a.line("")
	first, rule := "| elements |", "|---|"
	for _, c := range columns {
		first += " " + grouped(int64(c.elements)) + " |"
		rule += "---:|"
	}
	a.line("%s", first)
	a.line("%s", rule)
	for _, name := range []string{compare.GoLoop, nativeName, upstreamName, onednnName} {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.cells[name] != "" }) {
			continue
		}
		row := "| " + name + " |"
		for _, c := range columns {
			row += " " + c.cells[name] + " |"
		}
		a.line("%s", row)
	}
	var best []string
	for _, c := range columns {
		if c.best != "" {
			best = append(best, c.best)
		}
	}
	if len(best) > 0 {
		a.line("")
		if same := slices.Compact(slices.Clone(best)); len(same) == 1 {
			best = same
		}
		a.line("XNNPACK's fastest: %s.", strings.Join(best, ", "))
	}
}
