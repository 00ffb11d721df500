package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/ukernel"
)

// SoftmaxGrad is the backward pass of [Softmax]: given the result y of the
// forward pass and the gradient dy of a loss with respect to it, it writes the
// gradient with respect to the input,
//
//	dst = y * (dy - sum(y * dy)).
//
// The three slices are of one length; dst may be y or dy itself. SoftmaxGrad
// panics if the lengths differ or dst overlaps one of them otherwise. Sums are
// in float64, and each result is rounded once from there. NaN and infinities
// follow the formula.
func SoftmaxGrad(dst, y, dy []float32) { new(Softmaxer).SoftmaxGrad(dst, y, dy) }

// LogSoftmaxGrad is the backward pass of [LogSoftmax], under the terms of
// [SoftmaxGrad]:
//
//	dst = dy - exp(y) * sum(dy).
//
// The relative error of the exponentials is at most 2^-22 + 2^-24 * |y|.
func LogSoftmaxGrad(dst, y, dy []float32) { new(Softmaxer).LogSoftmaxGrad(dst, y, dy) }

// SoftmaxGrad is the function [SoftmaxGrad] with the options of s: the gradient
// is multiplied by the scale. The mask is not looked at, as y is 0 where it took
// elements out, and the gradient with it.
func (s Softmaxer) SoftmaxGrad(dst, y, dy []float32) {
	checkGrad("native.SoftmaxGrad", dst, y, dy)
	s.grad(dst, y, dy, false)
}

// LogSoftmaxGrad is the function [LogSoftmaxGrad] with the options of s: the
// gradient is multiplied by the scale. The mask is not looked at: where it took
// elements out, which makes y -Inf, the gradient is dy times the scale.
func (s Softmaxer) LogSoftmaxGrad(dst, y, dy []float32) {
	checkGrad("native.LogSoftmaxGrad", dst, y, dy)
	s.grad(dst, y, dy, true)
}

// SoftmaxGradRows is [SoftmaxGrad] of each row of matrices that are laid out as
// [SoftmaxRows] says.
func (s Softmaxer) SoftmaxGradRows(dst, y, dy []float32, rows, cols, dstStride, yStride, dyStride int) {
	s.gradRows("native.SoftmaxGradRows", dst, y, dy, rows, cols, dstStride, yStride, dyStride, false)
}

// LogSoftmaxGradRows is [LogSoftmaxGrad] of each row of matrices that are laid
// out as [SoftmaxRows] says.
func (s Softmaxer) LogSoftmaxGradRows(dst, y, dy []float32, rows, cols, dstStride, yStride, dyStride int) {
	s.gradRows("native.LogSoftmaxGradRows", dst, y, dy, rows, cols, dstStride, yStride, dyStride, true)
}

// checkGrad panics unless dst goes with both inputs.
func checkGrad(who string, dst, y, dy []float32) {
	if len(y) != len(dst) || len(dy) != len(dst) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(y) is %d, len(dy) is %d, they must be equal", who, len(dst), len(y), len(dy)))
	}
	ukernel.CheckApart(who, "y", dst, y)
	ukernel.CheckApart(who, "dy", dst, dy)
}

func (s *Softmaxer) gradRows(who string, dst, y, dy []float32, rows, cols, dstStride, yStride, dyStride int, log bool) {
	if !ukernel.CheckMatrices(who, "y", dst, y, rows, cols, dstStride, yStride) || !ukernel.CheckMatrices(who, "dy", dst, dy, rows, cols, dstStride, dyStride) {
		return
	}
	if g := share(s.goroutines, rows*cols, scalarLeast); g > 1 {
		s := *s // lest every call allocate the one that the goroutines share
		parallel(g, rows, func(i int) {
			s.grad(dst[i*dstStride:][:cols], y[i*yStride:][:cols], dy[i*dyStride:][:cols], log)
		})
		return
	}
	for i := range rows {
		s.grad(dst[i*dstStride:][:cols], y[i*yStride:][:cols], dy[i*dyStride:][:cols], log)
	}
}

// grad does one row.
func (s *Softmaxer) grad(dst, y, dy []float32, log bool) {
	scale := 1.0
	if s.scale != 0 {
		scale = float64(s.scale)
	}
	if !log {
		total := dot(y, dy)
		for i, p := range y {
			dst[i] = float32(float64(p) * (float64(dy[i]) - total) * scale)
		}
		return
	}
	e := s.kernels()
	total := dot(nil, dy)
	buf := scratchPool.Get().(*[scratchLen]float32)
	defer scratchPool.Put(buf)
	for len(y) > 0 {
		p := buf[:min(len(y), scratchLen)]
		e.addStore(p, y[:len(p)], 0)
		for i, p := range p {
			dst[i] = float32((float64(dy[i]) - float64(float64(p)*total)) * scale)
		}
		dst, y, dy = dst[len(p):], y[len(p):], dy[len(p):]
	}
}

// dot is the sum of y * dy, or that of dy if y is nil, by four partial sums.
func dot(y, dy []float32) float64 {
	var sums [4]float64
	for i, d := range dy {
		p := float32(1)
		if y != nil {
			p = y[i]
		}
		sums[i%4] += float64(float64(p) * float64(d))
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3])
}
