package main

import (
	"time"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
)

// leastRounds is the least number of samples of each function. With seven, of the longest
// rows, 1.04 could not be told from 0.98.
const leastRounds = 21

// pairing is two benchmarks of a comparison by their numbers; the time of the one is
// divided by that of the other.
type pairing struct{ of, to int }

// compare times benchmarks and prints a line for each, with the ratios that it is
// in. Errors are by name, nil if they were not measured. Pairings may
// depend on what was measured.
func (r *speedRun) compare(c speed.Comparison, heading string, benchmarks []speed.Benchmark, errors map[string]accuracy.Errors, pairings func(*speed.Comparison) []pairing) (results.Results, error) {
	timer := speed.Timer{MinReps: leastRounds, Budget: r.o.budget * time.Duration(len(benchmarks))}
	samples, err := c.Run(timer, benchmarks)
	if err != nil {
		return results.Results{}, err
	}
	r.line("")
	r.line("%-44s %10s %18s", heading, "ns/elem", ulpHead)
	pairs := pairings(&c)
	for i := range c.Entries {
		e := &c.Entries[i]
		ulp := errorOf(errors, e.Name)
		e.MaxULP, e.MeanULP = ulp.MaxULP, ulp.MeanULP
		r.line("  %-42s %10.3f %18s", e.Name, e.NS.Median, ulpText(e.MaxULP, e.MeanULP))
		for _, p := range pairs {
			if p.of == i {
				x := c.AddRatio(samples, p.of, p.to)
				r.line("    / %-38s %10.3f %8s %s", x.To, x.Ratio.Median, noise(x.Ratio), x.Verdict)
			}
		}
	}
	return results.Results{Comparisons: []speed.Comparison{c}}, nil
}

// softmax is native's softmax of a row with options.
func softmax(o *native.Options) func(dst, src []float32) {
	return func(dst, src []float32) { native.SoftmaxRows(native.Row(dst), native.Row(src), o) }
}
