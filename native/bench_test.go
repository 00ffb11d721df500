package native_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// perElement reports the time of an element.
func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

// BenchmarkRow has the functions of a row, and for comparison what a Go program writes without a
// library: the maximum, and math.Exp in a loop.
func BenchmarkRow(b *testing.B) {
	for _, n := range []int{16, 128, 1000, 32000, 128256, 1 << 22} {
		src := inputs.Uniform10.Row(1, n)
		dst := make([]float32, n)
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"math.Exp", func() { mathSoftmax(dst, src) }},
			{"Softmax", func() { native.Softmax(dst, src) }},
			{"LogSoftmax", func() { native.LogSoftmax(dst, src) }},
			{"LogSumExp", func() { native.LogSumExp(src) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					c.run()
				}
				perElement(b, n)
			})
		}
	}
}

func mathSoftmax(dst, src []float32) {
	top := src[0]
	for _, x := range src {
		top = max(top, x)
	}
	var sum float32
	for i, x := range src {
		dst[i] = float32(math.Exp(float64(x - top)))
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}

// BenchmarkRows has matrices: classifiers, attention, logits.
func BenchmarkRows(b *testing.B) {
	for _, shape := range [][2]int{{65536, 10}, {8192, 128}, {1024, 1000}, {64, 32000}, {1, 128256}} {
		rows, cols := shape[0], shape[1]
		src := native.Rows(inputs.Uniform10.Row(1, rows*cols), cols)
		dst := native.Rows(make([]float32, rows*cols), cols)
		half := native.Rows(make([]native.BFloat16, rows*cols), cols)
		for i, x := range src.Data {
			half.Data[i] = native.ToBFloat16(x)
		}
		keep, bias := make([]bool, cols), inputs.Normal.Row(1, cols)
		for i := range keep {
			keep[i] = i%3 > 0
		}
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"float32", func() { native.SoftmaxRows(dst, src, nil) }},
			{"scaled", func() { native.SoftmaxRows(dst, src, &native.Options{Scale: 0.7}) }},
			{"causal", func() { native.SoftmaxRows(dst, src, &native.Options{Causal: true, Offset: cols - rows}) }},
			{"keep", func() { native.SoftmaxRows(dst, src, &native.Options{Keep: native.Row(keep)}) }},
			{"add", func() { native.SoftmaxRows(dst, src, &native.Options{Add: native.Row(bias)}) }},
			{"keep and add", func() { native.SoftmaxRows(dst, src, &native.Options{Keep: native.Row(keep), Add: native.Row(bias)}) }},
			{"bfloat16", func() { native.SoftmaxRows(half, half, nil) }},
			{"log", func() { native.LogSoftmaxRows(dst, src, nil) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", c.name, rows, cols), func(b *testing.B) {
				for b.Loop() {
					c.run()
				}
				perElement(b, rows*cols)
			})
		}
	}
}
