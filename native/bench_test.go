package native

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

func benchRow(n int) (dst, src []float32) {
	src = make([]float32, n)
	for i := range src {
		src[i] = float32(i*7919%1000) / 100
	}
	return make([]float32, n), src
}

var benchLengths = []int{8, 128, 1000, 32000, 1 << 18, 1 << 24}

func BenchmarkSoftmax(b *testing.B) {
	for _, a := range append(ukernel.Algorithms(), ukernel.Auto) {
		s, err := New(WithAlgorithm(a))
		if err != nil {
			b.Fatal(err)
		}
		for _, n := range benchLengths {
			b.Run(fmt.Sprintf("%v/%d", a, n), func(b *testing.B) {
				dst, src := benchRow(n)
				b.SetBytes(int64(8 * n))
				for b.Loop() {
					s.Softmax(dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
			})
		}
	}
}

// BenchmarkShort is the package's function on few elements: mostly the call.
func BenchmarkShort(b *testing.B) {
	for _, n := range []int{1, 8, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dst, src := benchRow(n)
			for b.Loop() {
				Softmax(dst, src)
			}
		})
	}
}

func BenchmarkLogSoftmax(b *testing.B) {
	for _, n := range benchLengths {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dst, src := benchRow(n)
			for b.Loop() {
				LogSoftmax(dst, src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
		})
	}
}

func BenchmarkLogSumExp(b *testing.B) {
	for _, n := range benchLengths {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, src := benchRow(n)
			for b.Loop() {
				LogSumExp(src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
		})
	}
}

// BenchmarkSurprises is log-sum-exp of rows whose largest elements come as a surprise,
// so that blocks are summed again: normal elements, over several rows in turn.
func BenchmarkSurprises(b *testing.B) {
	for _, deviation := range []float64{1, 3, 5} {
		for _, n := range []int{1 << 14, 128256, 1 << 20} {
			b.Run(fmt.Sprintf("%v/%d", deviation, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				rows := make([][]float32, 8)
				for i := range rows {
					rows[i] = make([]float32, n)
					for j := range rows[i] {
						rows[i][j] = float32(deviation * r.NormFloat64())
					}
				}
				for i := 0; b.Loop(); i++ {
					LogSumExp(rows[i%len(rows)])
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
			})
		}
	}
}

// BenchmarkRows compares rows in one call.
func BenchmarkRows(b *testing.B) {
	for _, shape := range [][2]int{{65536, 10}, {8192, 128}, {1024, 1000}, {64, 32000}, {1, 128256}} {
		rows, cols := shape[0], shape[1]
		b.Run(fmt.Sprintf("%dx%d", rows, cols), func(b *testing.B) {
			dst, src := benchRow(rows * cols)
			for b.Loop() {
				SoftmaxRows(dst, src, rows, cols, cols, cols)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows*cols), "ns/element")
		})
	}
}

// BenchmarkOptions is what a scale and masks add to a row.
func BenchmarkOptions(b *testing.B) {
	for _, n := range []int{128, 1000, 32000, 128256} {
		dst, src := benchRow(n)
		r := rand.New(rand.NewPCG(1, 1))
		random, few, add := make([]bool, n), make([]bool, n), make([]float32, n)
		for i := range n {
			random[i], few[i] = r.IntN(2) == 0, r.IntN(100) == 0
			add[i] = float32(r.NormFloat64())
		}
		scaled, err := New(WithScale(1.25))
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name string
			s    Softmaxer
		}{
			{"plain", standard},
			{"scale", scaled},
			{"keep half", standard.Masked(Mask{Keep: random})},
			{"keep few", standard.Masked(Mask{Keep: few})},
			{"add", standard.Masked(Mask{Add: add})},
			{"scale and keep half", scaled.Masked(Mask{Keep: random})},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					c.s.Softmax(dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
			})
		}
	}
}

// BenchmarkHalf is what 16-bit types add to a row.
func BenchmarkHalf(b *testing.B) {
	for _, n := range []int{128, 4096, 128256} {
		dst, src := benchRow(n)
		f16, bf16 := make([]Float16, n), make([]BFloat16, n)
		for i, x := range src {
			f16[i], bf16[i] = ToFloat16(x), ToBFloat16(x)
		}
		dst16, dstB16 := make([]Float16, n), make([]BFloat16, n)
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"float32", func() { Softmax(dst, src) }},
			{"float16 to float32", func() { SoftmaxHalf(standard, dst, f16) }},
			{"float16", func() { SoftmaxHalf(standard, dst16, f16) }},
			{"bfloat16 to float32", func() { SoftmaxHalf(standard, dst, bf16) }},
			{"bfloat16", func() { SoftmaxHalf(standard, dstB16, bf16) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}
