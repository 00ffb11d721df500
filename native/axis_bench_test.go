package native_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// BenchmarkAxis has as many rows along the last axis in the same turns. It reports medians of the
// thread's own time for an element, in ns, and how many times as long the axis takes.
func BenchmarkAxis(b *testing.B) {
	for _, shape := range [][3]int{
		{64, 10, 64}, {4, 100, 64}, {1, 1000, 16}, {1, 1000, 64}, // in the second cache
		{8, 128, 1024}, {64, 21, 4096}, {16, 1000, 1000}, {1, 1000, 4096}, {1, 4000, 1024}, // out of it
		{1, 32000, 16}, {1, 32000, 64}, {1, 32000, 100}, {1, 32000, 1024}, {1, 65536, 128},
	} {
		outer, axis, inner := shape[0], shape[1], shape[2]
		n := outer * axis * inner
		x := native.Along(inputs.Normal.Row(1, n), shape[:], 1)
		y := native.Along(make([]float32, n), shape[:], 1)
		src, dst := native.Rows(x.Data, axis), native.Rows(y.Data, axis)
		half := native.Along(make([]native.BFloat16, n), shape[:], 1)
		for i, v := range x.Data {
			half.Data[i] = native.ToBFloat16(v)
		}
		halfRows := native.Rows(half.Data, axis)
		halfTo := native.Along(make([]native.BFloat16, n), shape[:], 1)
		halfToRows := native.Rows(halfTo.Data, axis)
		sums, scales := make([]float32, src.Rows), make([]float32, src.Rows)
		for i := range scales {
			scales[i] = []float32{1, 0.7}[i%2]
		}
		keep, bias := make([]bool, axis), inputs.Normal.Row(1, axis)
		for i := range keep {
			keep[i] = i%3 > 0
		}
		scaled, kept, added := &native.Options{Scale: 0.7}, &native.Options{Keep: native.Row(keep)}, &native.Options{Add: native.Row(bias)}
		each, causal := &native.Options{Scales: scales}, &native.Options{Causal: true, Offset: axis / 2}
		for _, c := range []struct {
			name       string
			axis, rows func()
		}{
			{"Softmax", func() { native.SoftmaxAxis(y, x, nil) }, func() { native.SoftmaxRows(dst, src, nil) }},
			{"LogSoftmax", func() { native.LogSoftmaxAxis(y, x, nil) }, func() { native.LogSoftmaxRows(dst, src, nil) }},
			{"LogSumExp", func() { native.LogSumExpAxis(sums, x, nil) }, func() { native.LogSumExpRows(sums, src, nil) }},
			{"scaled", func() { native.SoftmaxAxis(y, x, scaled) }, func() { native.SoftmaxRows(dst, src, scaled) }},
			{"scales", func() { native.SoftmaxAxis(y, x, each) }, func() { native.SoftmaxRows(dst, src, each) }},
			{"keep", func() { native.SoftmaxAxis(y, x, kept) }, func() { native.SoftmaxRows(dst, src, kept) }},
			{"add", func() { native.SoftmaxAxis(y, x, added) }, func() { native.SoftmaxRows(dst, src, added) }},
			{"causal", func() { native.SoftmaxAxis(y, x, causal) }, func() { native.SoftmaxRows(dst, src, causal) }},
			{"bfloat16", func() { native.SoftmaxAxis(halfTo, half, nil) }, func() { native.SoftmaxRows(halfToRows, halfRows, nil) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", c.name, outer, axis, inner), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var times [2][]float64
				c.axis() // what touches memory for the first time
				c.rows()
				for b.Loop() {
					for k, f := range []func(){c.axis, c.rows} {
						t := threadTime()
						f()
						times[k] = append(times[k], float64((threadTime()-t)/time.Nanosecond)/float64(n))
					}
				}
				slices.Sort(times[0])
				slices.Sort(times[1])
				axis, rows := times[0][len(times[0])/2], times[1][len(times[1])/2]
				b.ReportMetric(axis, "ns/element")
				b.ReportMetric(rows, "ns/rows")
				b.ReportMetric(axis/rows, "x")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
