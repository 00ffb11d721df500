package main

import (
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
)

// timeFunctions times native's functions against each other.
func (r *speedRun) timeFunctions(n, goroutines int, heading string) (results.Results, error) {
	benchmarks := []speed.Benchmark{
		{Name: speed.NativeSoftmax, Run: native.Softmax},
		{Name: speed.NativeLogSoftmax, Computes: speed.LogSoftmax, Run: native.LogSoftmax},
		{Name: speed.NativeLogSumExp, Computes: speed.LogSumExp, Run: func(dst, src []float32) { dst[0] = native.LogSumExp(src) }},
	}
	if goroutines > 1 {
		o := &native.Options{Goroutines: goroutines}
		for i, run := range []func(dst, src []float32){
			softmax(o),
			func(dst, src []float32) { native.LogSoftmaxRows(native.Row(dst), native.Row(src), o) },
			func(dst, src []float32) { native.LogSumExpRows(dst[:1], native.Row(src), o) },
		} {
			benchmarks[i].Goroutines, benchmarks[i].Run = true, run
		}
	}
	errors, err := r.errorsOf(n, benchmarks)
	if err != nil {
		return results.Results{}, err
	}
	comparison := speed.Comparison{Kind: speed.Functions, Rows: 1, Cols: n, Threads: goroutines, Beyond: n >= r.state.Beyond}
	return r.compare(comparison, heading, benchmarks, errors, func(*speed.Comparison) []pairing { return []pairing{{1, 0}, {2, 0}} })
}
