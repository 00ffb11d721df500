//go:build onednn && cgo

package onednn

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// apart is how many float32 values a and b, both at least 0, are apart.
func apart(a, b float32) int {
	d := int(math.Float32bits(a)) - int(math.Float32bits(b))
	return max(d, -d)
}

// TestSoftmax holds that what is timed against native.Softmax computes the same,
// up to roundings, for one row and for rows, on one thread and on two. The rows
// are short: the library adds up a long one in a few float32 sums, whose error
// grows with the length.
func TestSoftmax(t *testing.T) {
	for _, shape := range []struct{ rows, cols int }{{1, 1}, {1, 2}, {1, 17}, {1, 4096}, {2, 3}, {7, 100}, {64, 1000}} {
		for _, threads := range []int{1, 2} {
			src := make([]float32, shape.rows*shape.cols)
			inputs.Uniform10.Fill(src, 1)
			dst, want := make([]float32, len(src)), make([]float32, len(src))
			native.SoftmaxRows(native.Rows(want, shape.cols), native.Rows(src, shape.cols), nil)
			run, done, err := Bind(dst, src, shape.rows, shape.cols, threads)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				clear(dst)
				run()
				worst := 0
				for i := range dst {
					worst = max(worst, apart(dst[i], want[i]))
				}
				if worst > 8 {
					t.Errorf("%+v, %d threads: %d ULP from native.Softmax", shape, threads, worst)
				}
			}
			done()
		}
	}
}

// TestConcurrent runs one softmax on each of several goroutines.
func TestConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			src, dst := make([]float32, 1000+g), make([]float32, 1000+g)
			run, done, err := Bind(dst, src, 1, len(src), 1)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			for range 100 {
				clear(dst)
				run()
				for _, y := range dst {
					if apart(y, 1/float32(len(src))) > 4 {
						t.Errorf("%v in a row of %d equal elements", y, len(src))
						return
					}
				}
			}
		}()
	}
	wg.Wait()
}

func TestVersion(t *testing.T) {
	if err := Available(); err != nil || strings.Count(Version(), ".") != 2 {
		t.Errorf("version %q, %v", Version(), err)
	}
}
