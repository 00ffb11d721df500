// Package bindtest tests the bindings of other libraries, all alike.
package bindtest

import (
	"math"
	"sync"
	"testing"
)

// Softmax tests that a binding computes rows, on one thread and on two, again and again, while
// other goroutines do so too. The tests of command compare check that the results are softmax.
func Softmax[T float32 | float64](t *testing.T, bind func(dst, src []T, rows, cols, threads int) (run, done func(), err error)) {
	t.Helper()
	var wg sync.WaitGroup
	for _, shape := range []struct{ rows, cols, threads int }{{1, 1, 1}, {1, 17, 1}, {1, 4096, 2}, {3, 2, 1}, {7, 100, 2}, {64, 1000, 2}} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			src, dst := make([]T, shape.rows*shape.cols), make([]T, shape.rows*shape.cols)
			run, done, err := bind(dst, src, shape.rows, shape.cols, shape.threads)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			for i := range 10 {
				clear(dst)
				src[0] = T(i)
				run()
				// The first row has one element that differs, the others have none.
				first := math.Exp(float64(i)) / (math.Exp(float64(i)) + float64(shape.cols-1))
				last := 1 / float64(shape.cols)
				if shape.rows == 1 && shape.cols > 1 {
					last = (1 - first) / float64(shape.cols-1)
				}
				for at, want := range map[int]float64{0: first, len(dst) - 1: last} {
					// Sums of equal elements err to one side, by 2e-5 in upstream's kernels for arm64.
					if got := float64(dst[at]); !(math.Abs(got-want) < 1e-4*want) {
						t.Errorf("%+v: element %d is %v, want %v", shape, at, got, want)
					}
				}
			}
		}()
	}
	wg.Wait()
}
