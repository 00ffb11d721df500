package main

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/onednn"
	"github.com/twopass-softmax/twopass/compare/onnxruntime"
	"github.com/twopass-softmax/twopass/compare/operator"
	"github.com/twopass-softmax/twopass/compare/pytorch"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// oneThread follows a peer's name where it has one thread beside the same on several.
const oneThread = ", 1 thread"

// libraries are those that can be compared, whether they are here or not.
func libraries() []speed.Library {
	binding := func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
		return func() {
			if err := xnnpack.SoftmaxNCF32(dst, src, rows, cols, cols, cols, threads); err != nil {
				panic(err) // it is available
			}
		}, func() {}, xnnpack.Available()
	}
	return append(speed.GoLibraries(), operator.Library(),
		speed.Library{Name: "xnnpack.SoftmaxNCF32", Function: "xnnpack operator", Available: xnnpack.Available(), Version: xnnpack.Commit[:12], Bind: binding, Goroutines: true},
		onednn.Library(), onnxruntime.Library(), pytorch.Library())
}

// peers are the libraries that are here. It prints and records them; how says how they
// are used.
func (a *app) peers(r *results.Results, how string) []speed.Library {
	var here []speed.Library
	var names []string
	for _, l := range a.libraries {
		if l.Available != nil {
			continue
		}
		here = append(here, l)
		names = append(names, strings.TrimSpace(l.Name+" "+l.Version))
		name, _, _ := strings.Cut(l.Function, " ")
		r.Peers = append(r.Peers, results.Peer{Name: name, Version: l.Version})
	}
	a.line("Peers     %s: %s", strings.Join(names, ", "), how)
	for _, l := range a.libraries {
		if l.Available != nil {
			a.line("          %s is not compared: %v", l.Name, l.Available)
		}
	}
	return here
}

// onRow is how peers work on one row.
const onRow = "one thread for each row"

// right are the peers that are timed on rows: those whose result on them is right. What
// is wrong is printed and recorded.
func (r *speedRun) right(found *results.Results, peers []speed.Library, rows, cols, threads int) []speed.Library {
	var all []speed.Library
	var benchmarks []speed.Benchmark
	for _, l := range peers {
		if l.Most == 0 || rows*cols <= l.Most {
			all = append(all, l)
			benchmarks = append(benchmarks, l.Benchmark(rows, cols, threads))
		}
	}
	var right []speed.Library
	for i, err := range accuracy.Verify(benchmarks, rows, cols) {
		if err == nil {
			right = append(right, all[i])
			continue
		}
		why := fmt.Sprintf("wrong on %s of %s, %s: %v", plural(rows, "row", "rows"), plural(cols, "element", "elements"), plural(threads, "thread", "threads"), err)
		r.line("")
		r.line("%s is not timed: %s", all[i].Name, why)
		found.NotRun = append(found.NotRun, results.NotRun{Kernel: all[i].Function, Why: why})
	}
	return right
}

// peerRatios prints the mean of native.Softmax's ratios to each peer.
func (a *app) peerRatios(timings []speed.Timing) {
	for _, l := range a.libraries {
		var ratios []float64
		for _, t := range timings {
			if t.NativeRatio != nil && t.Name == l.Function {
				ratios = append(ratios, t.NativeRatio.Median)
			}
		}
		if len(ratios) > 0 {
			a.line("Time of native.Softmax / %s: geometric mean %.3f of %d.", l.Function, stat.GeometricMean(ratios, nil), len(ratios))
		}
	}
}

// comparisonMeans prints the mean of each ratio over comparisons of one kind and number of
// threads.
func (a *app) comparisonMeans(all []speed.Comparison) {
	type key struct {
		kind    string
		of, to  string
		threads int
	}
	var keys []key
	ratios := make(map[key][]float64)
	for _, r := range all {
		for _, x := range r.Ratios {
			k := key{r.Kind, x.Of, speed.Opponent(x.To), r.Threads}
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
			ratios[k] = append(ratios[k], x.Ratio.Median)
		}
	}
	for _, k := range keys {
		all := ratios[k]
		a.line("Time of %s / %s, %s: geometric mean %.3f of %d, least %.3f, most %.3f.", k.of, k.to,
			plural(k.threads, "thread", "threads"), stat.GeometricMean(all, nil), len(all), slices.Min(all), slices.Max(all))
	}
}
