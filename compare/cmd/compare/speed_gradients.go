package main

import (
	"math"
	"time"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/internal/cloop"
	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
)

// gradientParts are the parts that time gradients of matrices.
func (r *speedRun) gradientParts() ([]speedPart, error) {
	shapes, err := list(r.o.gradients, parseShape)
	if err != nil {
		return nil, err
	}
	if c := cloop.Compiler(); c != "" {
		r.line("C loops   by %s, -O3, for %s", c, cloop.Level())
	}
	return r.onShapes(shapes, r.timeGradients), nil
}

// timeGradients times both gradients. Dy is the row of the workload, and y of the one is its softmax, of
// the other its log-softmax.
func (r *speedRun) timeGradients(s shape, threads int, heading string) (results.Results, error) {
	const skew = 3 * 272 // see NewWorkload
	y := operands.Aligned(s.rows*s.cols + skew)[skew:]
	options := &native.Options{Goroutines: threads}
	matrix := func(data []float32) native.Matrix[float32] { return native.Rows(data, s.cols) }
	var found results.Results
	for _, g := range []struct {
		name     string
		loop     cloop.Loop
		forward  func(dst, src native.Matrix[float32], o *native.Options)
		backward func(dst, y, dy native.Matrix[float32], o *native.Options)
	}{
		{speed.NativeSoftmaxGrad, cloop.SoftmaxGrad, native.SoftmaxRows[float32, float32], native.SoftmaxGradRows},
		{speed.NativeLogSoftmaxGrad, cloop.LogSoftmaxGrad, native.LogSoftmaxRows[float32, float32], native.LogSoftmaxGradRows},
	} {
		g.forward(matrix(y), matrix(row(s.rows*s.cols)), options)
		benchmarks := []speed.Benchmark{{Name: g.name, Goroutines: threads > 1, Run: func(dst, dy []float32) {
			g.backward(matrix(dst), matrix(y), matrix(dy), options)
		}}}
		var pairs []pairing
		inC := func(name string, l cloop.Loop) {
			b := speed.Benchmark{Name: name, Goroutines: threads > 1, Run: func(dst, dy []float32) {
				parallel.Share(threads, len(dst), s.cols, func(at, end int) { cloop.Run(l, dst[at:end], y[at:end], dy[at:end], s.cols, 1) })
			}}
			if threads == 1 {
				b.Loop = func(dst, dy []float32, times int) time.Duration {
					begin := time.Now()
					cloop.Run(l, dst, y, dy, s.cols, times)
					return time.Since(begin)
				}
			}
			pairs = append(pairs, pairing{0, len(benchmarks)})
			benchmarks = append(benchmarks, b)
		}
		if cloop.Compiler() != "" {
			inC("C loop", g.loop)
			inC("C loop, omp simd", g.loop+cloop.SoftmaxGradSIMD)
			inC(speed.Limit, g.loop+cloop.SoftmaxGradTraffic)
		}
		comparison := speed.Comparison{Kind: speed.Gradients, Rows: s.rows, Cols: s.cols, Threads: threads, Beyond: s.rows*s.cols >= r.state.Beyond}
		errors := gradientErrors(benchmarks, y, s.cols, g.loop == cloop.LogSoftmaxGrad)
		compared, err := r.compare(comparison, heading, benchmarks, errors, func(*speed.Comparison) []pairing { return pairs })
		if err != nil {
			return found, err
		}
		found.Add(&compared)
	}
	return found, nil
}

// row is that of a workload of n elements.
func row(n int) []float32 {
	_, src := speed.NewWorkload(n).Row()
	return src
}

// gradientErrors are the errors of the first rows.
func gradientErrors(benchmarks []speed.Benchmark, y []float32, cols int, log bool) map[string]accuracy.Errors {
	dst, dy := speed.NewWorkload(len(y)).Row()
	exact := make([]float64, max(1, leastOutputs/cols)*cols)
	exact = exact[:min(len(exact), len(y))]
	for at := 0; at < len(exact); at += cols {
		gradient(exact[at:at+cols], y[at:], dy[at:], log)
	}
	all := make(map[string]accuracy.Errors)
	for _, b := range benchmarks {
		if b.Name == speed.Limit {
			continue
		}
		b.Run(dst, dy)
		var e accuracy.Errors
		for i, want := range exact {
			ulp := accuracy.ULPs(dst[i], want)
			e.MaxULP = max(e.MaxULP, ulp)
			e.MeanULP += ulp / float64(len(exact))
		}
		all[b.Name] = e
	}
	return all
}

// gradient is that of softmax or log-softmax in float64.
func gradient(dst []float64, y, dy []float32, log bool) {
	sum := 0.0
	for i := range dst {
		p := float64(y[i])
		if log {
			p = 1
		}
		sum += p * float64(dy[i])
	}
	for i := range dst {
		if log {
			dst[i] = float64(dy[i]) - math.Exp(float64(y[i]))*sum
		} else {
			dst[i] = float64(y[i]) * (float64(dy[i]) - sum)
		}
	}
}
