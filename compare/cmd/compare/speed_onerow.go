package main

import (
	"fmt"
	"runtime"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/internal/accuracy"
	"github.com/twopass-softmax/twopass/native"
)

// oneRowParts are the parts that time one row which goroutines share.
func (r *speedRun) oneRowParts() ([]speedPart, error) {
	counts := []int{runtime.GOMAXPROCS(0)}
	if r.o.goroutines != "all" {
		var err error
		if counts, err = parseRanges(r.o.goroutines, 1, 1024); err != nil {
			return nil, fmt.Errorf("goroutines: %w", err)
		}
	}
	r.peers = r.peersOf("the row on one thread and on as many as goroutines")
	var parts []speedPart
	for _, n := range r.state.Sizes {
		for _, g := range counts {
			heading := fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.results.Machine.Where(n), plural(g, "goroutine", "goroutines"))
			parts = append(parts, speedPart{heading, func() (compare.Found, error) { return r.timeOneRow(n, g, heading) }})
		}
	}
	return parts, nil
}

func (r *speedRun) timeOneRow(n, goroutines int, heading string) (compare.Found, error) {
	race := compare.Race{Kind: compare.RaceOneRow, Rows: 1, Cols: n, Threads: goroutines, Beyond: n >= r.state.Beyond}
	several := goroutines > 1
	benchmarks := []compare.Benchmark{{Name: compare.NativeSoftmax, Goroutines: several, Run: softmax(&native.Options{Goroutines: goroutines})}}
	var pairs []pairing
	add := func(c compare.Benchmark) int {
		benchmarks = append(benchmarks, c)
		return len(benchmarks) - 1
	}
	if several {
		pairs = append(pairs, pairing{0, add(compare.Benchmark{Name: compare.OneGoroutine, Goroutines: true, Run: native.Softmax})})
	}
	// In a cache, writing around it would take the row's output from it.
	if race.Beyond {
		pairs = append(pairs, pairing{0, add(compare.SharedLimit(goroutines))})
	}
	var found compare.Found
	functions := []accuracy.Function{{Name: compare.NativeSoftmax, Run: native.Softmax}}
	for _, l := range r.right(&found, r.peers, 1, n, goroutines) {
		all := add(l.Benchmark(1, n, goroutines))
		pairs = append(pairs, pairing{0, all})
		if several && !l.Goroutines { // goroutines share rows, not one
			one := l.Benchmark(1, n, 1)
			one.Name += oneThread
			pairs = append(pairs, pairing{all, add(one)})
		}
		functions = append(functions, softmaxFunction(l.OnRow()))
	}
	errors, err := r.errorsOf(n, functions)
	if err != nil {
		return found, err
	}
	raced, err := r.race(race, heading, benchmarks, errors, func(*compare.Race) []pairing { return pairs })
	found.Add(raced)
	return found, err
}
