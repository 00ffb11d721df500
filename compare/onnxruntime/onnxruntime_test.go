package onnxruntime

import (
	"math"
	"os"
	"strings"
	"sync"
	"testing"
)

// available says in the log why a test can do nothing; it fails where the environment
// names a library.
func available(t *testing.T) {
	t.Helper()
	if err := Available(); err != nil {
		if os.Getenv(Library) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestUnavailable holds what the package says where there is no library.
func TestUnavailable(t *testing.T) {
	why := Available()
	if why == nil {
		if strings.Count(Version(), ".") != 2 {
			t.Errorf("version %q", Version())
		}
		return
	}
	if !strings.Contains(why.Error(), Library) && !strings.Contains(why.Error(), "build with cgo") || Version() != "" {
		t.Errorf("error %v, want how to have it; version %q", why, Version())
	}
	x := []float32{1}
	if _, _, err := Bind(x, x, 1, 1, 1); err != why {
		t.Errorf("Bind: %v, want %v", err, why)
	}
}

// TestSoftmax holds that rows are rows, and threads do the same, each time, on several
// goroutines. That results are softmax, compare's own test holds.
func TestSoftmax(t *testing.T) {
	available(t)
	var wg sync.WaitGroup
	for _, shape := range []struct{ rows, cols, threads int }{{1, 1, 1}, {1, 17, 1}, {3, 2, 1}, {7, 100, 2}, {64, 1000, 2}} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			src, dst := make([]float32, shape.rows*shape.cols), make([]float32, shape.rows*shape.cols)
			run, done, err := Bind(dst, src, shape.rows, shape.cols, shape.threads)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			for i := range 10 {
				clear(dst)
				src[0] = float32(i)
				run()
				first := math.Exp(float64(i)) / (math.Exp(float64(i)) + float64(shape.cols-1))
				last := 1 / float64(shape.cols)
				if shape.rows == 1 && shape.cols > 1 {
					last = (1 - first) / float64(shape.cols-1)
				}
				if got := float64(dst[0]); !(math.Abs(got-first) < 1e-5*first) {
					t.Errorf("%+v: first %v, want %v", shape, got, first)
				}
				if got := float64(dst[len(dst)-1]); !(math.Abs(got-last) < 1e-5*last) {
					t.Errorf("%+v: last %v, want %v", shape, got, last)
				}
			}
		}()
	}
	wg.Wait()
}
