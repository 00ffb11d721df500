package main

import (
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
)

// timeFunctions times native's functions against each other.
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
