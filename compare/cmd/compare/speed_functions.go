package main

import (
	"fmt"

	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
)

// functionParts are the parts that time native's functions against each other.
func (r *speedRun) functionParts() []speedPart {
	var parts []speedPart
	for _, n := range r.state.Sizes {
		for _, t := range r.threads {
			heading := fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.results.Machine.Where(n), plural(t, "goroutine", "goroutines"))
			parts = append(parts, speedPart{heading, func() (results.Results, error) { return r.timeFunctions(n, t, heading) }})
		}
	}
	return parts
}

func (r *speedRun) timeFunctions(n, goroutines int, heading string) (results.Results, error) {
	several := goroutines > 1
	o := &native.Options{Goroutines: goroutines}
	benchmarks := []speed.Benchmark{
		{Name: speed.NativeSoftmax, Goroutines: several, Run: softmax(o)},
		{Name: speed.NativeLogSoftmax, Goroutines: several, Computes: speed.LogSoftmax, Run: func(dst, src []float32) {
			native.LogSoftmaxRows(native.Row(dst), native.Row(src), o)
		}},
		{Name: speed.NativeLogSumExp, Goroutines: several, Computes: speed.LogSumExp, Run: func(dst, src []float32) {
			native.LogSumExpRows(dst[:1], native.Row(src), o)
		}},
	}
	errors, err := r.errorsOf(n, benchmarks)
	if err != nil {
		return results.Results{}, err
	}
	comparison := speed.Comparison{Kind: speed.Functions, Rows: 1, Cols: n, Threads: goroutines, Beyond: n >= r.state.Beyond}
	return r.compare(comparison, heading, benchmarks, errors, func(*speed.Comparison) []pairing { return []pairing{{1, 0}, {2, 0}} })
}
