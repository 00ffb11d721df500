// Command forms calls the functions of native and native/f64 with rows and matrices of more than 2^18
// elements. Package calls counts what their kernels take.
package main

import (
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

func main() {
	// Short rows, rows of about a chunk, and long ones.
	for _, s := range [][2]int{{2800, 100}, {90000, 3}, {5, 60000}, {1, 1<<18 + 999}, {1, 1<<20 + 77}} {
		single(s[0], s[1])
		double(s[0], s[1])
	}
	for _, s := range [][]int{{2, 15000, 20}, {1, 200000, 3}, {1, 2100, 130}, {3, 2, 140000}} {
		along(s)
	}
}

// number is one of -10 to 10.
func number(i int) float32 { return float32(uint32(i)*2654435761>>8)*(20./(1<<24)) - 10 }

func single(rows, cols int) {
	n := rows * cols
	x, dst := make([]float32, n), make([]float32, n)
	keep := make([]bool, cols)
	for i := range x {
		x[i] = number(i)
	}
	for i := range keep {
		keep[i] = i%3 > 0
	}
	scales := make([]float32, rows)
	for i := range scales {
		scales[i] = 0.5 + float32(i%2)
	}
	half, brain := make([]native.Float16, n), make([]native.BFloat16, n)
	for i, v := range x {
		half[i], brain[i] = native.ToFloat16(v), native.ToBFloat16(v)
	}
	src, to := native.Rows(x, cols), native.Rows(dst, cols)
	sums, index := make([]float32, rows), make([]int, rows)
	for _, o := range []*native.Options{
		nil, {Scale: 0.5}, {Scale: -1}, {Scales: scales}, {Keep: native.Row(keep)}, {Add: native.Row(x[:cols])}, {Causal: true, Offset: cols / 2},
		{Algorithm: native.Store}, {Algorithm: native.Recompute, Streaming: true}, {Goroutines: 2},
	} {
		native.SoftmaxRows(to, src, o)
		native.LogSoftmaxRows(to, src, o)
		native.LogSumExpRows(sums, src, o)
		native.LogProbs(sums, src, index, o)
		native.SoftmaxRows(native.Rows(half, cols), src, o)
		native.SoftmaxRows(native.Rows(brain, cols), src, o)
		native.SoftmaxRows(to, native.Rows(half, cols), o)
		native.LogSoftmaxRows(native.Rows(brain, cols), native.Rows(brain, cols), o)
		if o == nil && cols > 1<<20 { // room for more candidates than a call takes, and all
			for _, k := range []int{cols / 3, cols} {
				native.TopK(native.Row(dst[:k]), native.Row(make([]int, k)), src, nil)
			}
		} else if k := min(cols, 50); o == nil || o.Scales == nil {
			native.TopK(native.Rows(dst[:rows*k], k), native.Rows(make([]int, rows*k), k), src, o)
		}
		acc := make([]native.Accumulator, rows)
		native.ExpRows(to, src, acc, sums, o)
		native.DivideRows(to, to, acc, o)
	}
	native.SoftmaxGradRows(to, src, src, nil)
	native.LogSoftmaxGradRows(to, src, src, nil)
	native.SoftmaxGrad(dst, x, x)
	native.LogSoftmaxGrad(dst, x, x)
	native.Softmax(dst, x)
	native.LogSoftmax(dst, x)
	native.LogSumExp(x)
	var a native.Accumulator
	a.Add(x)
	a.Softmax(dst, x)
	a.LogSoftmax(dst, x)
	x[n/2] = 1e6 // far from 0, and from all others
	native.SoftmaxRows(to, src, nil)
	native.LogSumExpRows(sums, src, nil)
}

func double(rows, cols int) {
	n := rows * cols
	x, dst := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = float64(number(i))
	}
	keep := make([]bool, cols)
	for i := range keep {
		keep[i] = i%3 > 0
	}
	src, to := native.Rows(x, cols), native.Rows(dst, cols)
	sums, index := make([]float64, rows), make([]int, rows)
	for _, o := range []*f64.Options{
		nil, {Scale: 0.5}, {Keep: native.Row(keep)}, {Add: native.Row(x[:cols])}, {Causal: true, Offset: cols / 2}, {Goroutines: 2},
	} {
		f64.SoftmaxRows(to, src, o)
		f64.LogSoftmaxRows(to, src, o)
		f64.LogSumExpRows(sums, src, o)
		f64.LogProbs(sums, src, index, o)
		if k := min(cols, 50); o == nil {
			f64.TopK(native.Rows(dst[:rows*k], k), native.Rows(make([]int, rows*k), k), src, o)
		}
		acc := make([]f64.Accumulator, rows)
		f64.ExpRows(to, src, acc, sums, o)
		f64.DivideRows(to, to, acc, o)
	}
	if rows == 1 { // a heap of them all
		f64.TopK(to, native.Row(make([]int, cols)), src, nil)
	}
	f64.SoftmaxGradRows(to, src, src, nil)
	f64.LogSoftmaxGradRows(to, src, src, nil)
	f64.Softmax(dst, x)
	f64.LogSoftmax(dst, x)
	f64.LogSumExp(x)
	var a f64.Accumulator
	a.Add(x)
	a.Softmax(dst, x)
	a.LogSoftmax(dst, x)
}

// along does functions along the middle axis.
func along(shape []int) {
	n := shape[0] * shape[1] * shape[2]
	x := make([]float32, n)
	half := make([]native.Float16, n)
	d := make([]float64, n)
	for i := range x {
		x[i] = number(i)
		half[i], d[i] = native.ToFloat16(x[i]), float64(x[i])
	}
	dst, src := native.Along(make([]float32, n), shape, 1), native.Along(x, shape, 1)
	add := native.Row(x[:shape[1]])
	for _, o := range []*native.Options{nil, {Scale: 0.5}, {Add: add}, {Causal: true, Offset: 10}, {Goroutines: 2}} {
		native.SoftmaxAxis(dst, src, o)
		native.LogSoftmaxAxis(dst, src, o)
		native.LogSumExpAxis(make([]float32, shape[0]*shape[2]), src, o)
		native.SoftmaxAxis(native.Along(half, shape, 1), native.Along(half, shape, 1), o)
	}
	f64.SoftmaxAxis(native.Along(d, shape, 1), native.Along(d, shape, 1), nil)
}
