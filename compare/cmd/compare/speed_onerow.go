package main

import (
	"fmt"
	"runtime"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
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
	r.peers = r.app.peers(r.results, "the row on one thread and on as many as goroutines")
	return r.onSizes(counts, "goroutine", r.timeOneRow), nil
}

func (r *speedRun) timeOneRow(n, goroutines int, heading string) (results.Results, error) {
	comparison := speed.Comparison{Kind: speed.OneRow, Rows: 1, Cols: n, Threads: goroutines, Beyond: n >= r.state.Beyond}
	several := goroutines > 1
	benchmarks := []speed.Benchmark{{Name: speed.NativeSoftmax, Goroutines: several, Run: softmax(&native.Options{Goroutines: goroutines})}}
	var pairs []pairing
	add := func(c speed.Benchmark) int {
		benchmarks = append(benchmarks, c)
		return len(benchmarks) - 1
	}
	if several {
		pairs = append(pairs, pairing{0, add(speed.Benchmark{Name: speed.OneGoroutine, Goroutines: true, Run: native.Softmax})})
	}
	// In a cache, writing around it would take the row's output from it.
	if comparison.Beyond {
		pairs = append(pairs, pairing{0, add(sharedLimit(goroutines))})
	}
	var found results.Results
	functions := []speed.Benchmark{{Name: speed.NativeSoftmax, Run: native.Softmax}}
	for _, l := range r.right(&found, r.peers, 1, n, goroutines) {
		all := add(l.Benchmark(1, n, goroutines))
		pairs = append(pairs, pairing{0, all})
		if several && !l.Goroutines { // goroutines share rows, not one
			one := l.Benchmark(1, n, 1)
			one.Name += oneThread
			pairs = append(pairs, pairing{all, add(one)})
		}
		functions = append(functions, l.OnRow())
	}
	errors, err := r.errorsOf(n, functions)
	if err != nil {
		return found, err
	}
	compared, err := r.compare(comparison, heading, benchmarks, errors, func(*speed.Comparison) []pairing { return pairs })
	found.Add(&compared)
	return found, err
}

// sharedLimit is the limit of [speed.Traffic] to goroutines that share one row: each
// reads its part, then reads it again and writes as much.
func sharedLimit(goroutines int) speed.Benchmark {
	_, _, _, limit := speed.Traffic()
	const line = 16 // of the cache
	return speed.Benchmark{Name: speed.Limit, Goroutines: goroutines > 1, Run: func(dst, src []float32) {
		parallel.Share(goroutines, len(src), line, func(first, end int) { limit.Run(dst[first:end], src[first:end]) })
	}}
}
