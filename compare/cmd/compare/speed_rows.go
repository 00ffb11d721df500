package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is that of a matrix.
type shape struct{ rows, cols int }

// parseShape reads ROWSxCOLS.
func parseShape(text string) (shape, error) {
	const most = 1 << 30
	rows, cols, _ := strings.Cut(text, "x")
	m, err1 := strconv.Atoi(rows)
	n, err2 := strconv.Atoi(cols)
	if err1 != nil || err2 != nil || m < 1 || n < 1 || m > most/n {
		return shape{}, fmt.Errorf("rows: %q is not a shape such as 1024x1000, of at most 2^30 elements", text)
	}
	return shape{m, n}, nil
}

// rowsParts are the parts that time the softmax of matrices, and the call.
func (r *speedRun) rowsParts() ([]speedPart, error) {
	shapes, err := list(r.o.rows, parseShape)
	if err != nil {
		return nil, err
	}
	can, _ := side.Runnable(side.Match(r.sides.ref, r.sides.ours))
	r.overhead(r.results, can)
	r.peers = r.app.peers(r.results, "all rows in one call, on as many threads")
	return append([]speedPart{{"a call on a short row", r.shortCall}}, r.onShapes(shapes, r.timeRows)...), nil
}

// onShapes are a part for each shape and each number of threads.
func (r *speedRun) onShapes(shapes []shape, run func(s shape, threads int, heading string) (results.Results, error)) []speedPart {
	var parts []speedPart
	for _, s := range shapes {
		for _, t := range r.threads {
			heading := fmt.Sprintf("%s of %s, %s", plural(s.rows, "row", "rows"), grouped(int64(s.cols)), plural(t, "thread", "threads"))
			parts = append(parts, speedPart{heading, func() (results.Results, error) { return run(s, t, heading) }})
		}
	}
	return parts
}

func (r *speedRun) timeRows(s shape, threads int, heading string) (results.Results, error) {
	opponents, err := r.opponents(ukernel.Algorithms(), s.cols)
	if err != nil {
		return results.Results{}, err
	}
	several := threads > 1
	options := &native.Options{Goroutines: threads}
	benchmarks := []speed.Benchmark{{Name: speed.NativeSoftmaxRows, Goroutines: several, Run: func(dst, src []float32) {
		native.SoftmaxRows(native.Rows(dst, s.cols), native.Rows(src, s.cols), options)
	}}}
	functions := []speed.Benchmark{{Name: speed.NativeSoftmaxRows, Run: native.Softmax}}
	for i := range opponents {
		c := upstreamBest(&opponents[i])
		functions = append(functions, c)
		c.Goroutines, c.Run = several, rowByRow(c.Run, s.cols, threads)
		benchmarks = append(benchmarks, c)
	}
	// rivals are the numbers of upstream's, called from Go, and then from C.
	rivals := [][2]int{{1, len(benchmarks)}}
	if r.sides.ref.InC != nil {
		for i := range opponents {
			benchmarks = append(benchmarks, r.inC(&opponents[i], s.cols, threads))
		}
		rivals = append(rivals, [2]int{rivals[0][1], len(benchmarks)})
	}
	var found results.Results
	first := len(benchmarks)
	for _, l := range r.right(&found, r.peers, s.rows, s.cols, threads) {
		functions = append(functions, l.OnRow())
		benchmarks = append(benchmarks, l.Benchmark(s.rows, s.cols, threads))
	}
	comparison := speed.Comparison{Kind: speed.Rows, Rows: s.rows, Cols: s.cols, Threads: threads, Beyond: s.rows*s.cols >= r.state.Beyond}
	errors, err := r.errorsOf(s.cols, functions)
	if err != nil {
		return found, err
	}
	compared, err := r.compare(comparison, heading, benchmarks, errors, func(c *speed.Comparison) []pairing {
		var pairs []pairing
		for _, these := range rivals {
			best := these[0]
			for i := these[0]; i < these[1]; i++ {
				if c.Entries[i].NS.Median < c.Entries[best].NS.Median {
					best = i
				}
			}
			pairs = append(pairs, pairing{0, best})
		}
		for i := first; i < len(benchmarks); i++ {
			pairs = append(pairs, pairing{0, i})
		}
		return pairs
	})
	found.Add(&compared)
	return found, err
}

// rowByRow is a function of one row as one of rows of cols elements that lie one
// after the other, in as many spans as there are goroutines.
func rowByRow(row func(dst, src []float32), cols, goroutines int) func(dst, src []float32) {
	return func(dst, src []float32) {
		parallel.Share(goroutines, len(src), cols, func(first, end int) {
			for ; first < end; first += cols {
				row(dst[first:first+cols], src[first:first+cols])
			}
		})
	}
}

// shortCall times a call of native.Softmax on a short row, one call after the
// other on the same row.
func (r *speedRun) shortCall() (results.Results, error) {
	const calls = 100
	timer := speed.Timer{Budget: r.o.budget}
	samples, _, err := timer.TimeRows([]speed.Benchmark{{Name: speed.NativeSoftmax, Run: func(dst, src []float32) {
		for range calls {
			native.Softmax(dst, src)
		}
	}}}, speed.ShortRow, 1)
	if err != nil {
		return results.Results{}, err
	}
	ns := samples.Timing(0, calls).OursNS
	r.line("")
	r.line("A call of native.Softmax on a row of %d takes %.1f ns (%.1f to %.1f).", speed.ShortRow, ns.Median, ns.Lo, ns.Hi)
	return results.Results{ShortCall: &ns}, nil
}
