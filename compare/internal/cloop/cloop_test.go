//go:build cgo

package cloop

import (
	"math"
	"testing"
)

// TestRun holds loops to float64, on rows of any length.
func TestRun(t *testing.T) {
	for cols := 1; cols < 150; cols++ {
		const rows = 3
		y, dy := make([]float32, rows*cols), make([]float32, rows*cols)
		for i := range y {
			y[i], dy[i] = float32(i%7)/16, float32(i%5)-1 // sums are exact
		}
		for l := SoftmaxGrad; l < SoftmaxGradTraffic; l++ {
			dst := make([]float32, rows*cols)
			Run(l, dst, y, dy, cols, 2)
			for i, got := range dst {
				sum := 0.0
				for j := i / cols * cols; j < (i/cols+1)*cols; j++ {
					if l == SoftmaxGrad || l == SoftmaxGradSIMD {
						sum += float64(y[j]) * float64(dy[j])
					} else {
						sum += float64(dy[j])
					}
				}
				want := float64(y[i]) * (float64(dy[i]) - sum)
				if l == LogSoftmaxGrad || l == LogSoftmaxGradSIMD {
					want = float64(dy[i]) - math.Exp(float64(y[i]))*sum
				}
				if math.Abs(float64(got)-want) > 1e-6*(10+math.Abs(sum)) {
					t.Fatalf("loop %d, rows of %d: element %d is %v, want %v", l, cols, i, got, want)
				}
			}
		}
		for _, l := range []Loop{SoftmaxGradTraffic, LogSoftmaxGradTraffic} {
			dst := make([]float32, rows*cols)
			Run(l, dst, y, dy, cols, 1)
			for i, got := range dst {
				if math.Float32bits(got) != math.Float32bits(y[i])^math.Float32bits(dy[i]) {
					t.Fatalf("loop %d, rows of %d: element %d was not written", l, cols, i)
				}
			}
		}
	}
}
