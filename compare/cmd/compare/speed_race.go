package main

import (
	"time"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/internal/accuracy"
	"github.com/twopass-softmax/twopass/native"
)

// leastRounds is the least number of samples of each function. With seven, of the longest
// rows, 1.04 could not be told from 0.98.
const leastRounds = 21

// pairing is two benchmarks of a race by their numbers; the time of the one is
// divided by that of the other.
type pairing struct{ of, to int }

// race times benchmarks and prints a line for each, with the ratios that it is
// in. Errors are by name, nil if they were not measured. Pairings may
// depend on what was measured.
func (r *speedRun) race(race compare.Race, heading string, benchmarks []compare.Benchmark, errors map[string]accuracy.Errors, pairings func(*compare.Race) []pairing) (compare.Found, error) {
	timer := compare.Timer{MinReps: leastRounds, Budget: r.o.budget * time.Duration(len(benchmarks))}
	samples, err := race.Run(timer, benchmarks)
	if err != nil {
		return compare.Found{}, err
	}
	r.line("")
	r.line("%-44s %10s %14s %7s", heading, "ns/elem", ulpHead, "ratio")
	pairs := pairings(&race)
	for i := range race.Entrants {
		e := &race.Entrants[i]
		ulp := errorOf(errors, e.Name)
		e.MaxULP, e.MeanULP = ulp.MaxULP, ulp.MeanULP
		first := true
		for _, p := range pairs {
			if p.of != i {
				continue
			}
			x := race.Compare(samples, p.of, p.to)
			name, ns, ulp := "", "", ""
			if first {
				name, ns, ulp = e.Name, nsText(*e), ulpText(e.MaxULP, e.MeanULP)
			}
			first = false
			r.line("  %-42s %10s %14s %15s %s, to %s", name, ns, ulp, ratioNoise(x.Ratio), x.Verdict, x.To)
		}
		if first {
			r.line("  %-42s %10s %14s", e.Name, nsText(*e), ulpText(e.MaxULP, e.MeanULP))
		}
	}
	return compare.Found{Races: []compare.Race{race}}, nil
}

// softmax is native's softmax of a row with options.
func softmax(o *native.Options) func(dst, src []float32) {
	return func(dst, src []float32) { native.SoftmaxRows(native.Row(dst), native.Row(src), o) }
}
