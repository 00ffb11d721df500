package shape

import (
	"math"
	"testing"
	"unsafe"
)

// passes reports whether a check does not panic, and what it returned.
func passes(check func() bool) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return check()
}

// TestOneFits holds the quick checks of one row to the slow ones, for shapes that are right and wrong in all ways.
func TestOneFits(t *testing.T) {
	x := make([]float32, 12)
	h := unsafe.Slice((*uint16)(unsafe.Pointer(&x[0])), 24)
	src := Matrix[float32]{1, 3, x[4:8], 3}
	n := map[bool]int{}
	for _, rows := range []int{-1, 0, 1, 2} {
		for _, cols := range []int{-1, 0, 1, 2, 3, 4, 5, math.MaxInt} {
			for _, stride := range []int{-1, 0, 2, 3, 4, math.MaxInt} {
				for first := range 9 {
					for _, size := range []int{0, 1, 2, 3, 4} {
						m := Matrix[float32]{rows, cols, x[first:][:min(size, 12-first)], stride}
						half := Matrix[uint16]{rows, cols, h[2*first:][:size], stride}
						one := rows == 1 && cols > 0
						for _, src := range []Matrix[float32]{src, {0, 3, nil, 3}, {1, 3, x[4:7], 2}, {1, 3, x[4:6], 3}, {2, 3, x[4:12], 3}, {1, 1, x[5:6], 1}, {1, 0, nil, 0}} {
							for _, c := range []struct {
								what        string
								quick, slow func() bool
							}{
								{"dst", func() bool { return OneFits(&m, &src) }, func() bool { return CheckPair("f", "src", &m, &src) }},
								{"src", func() bool { return OneFits(&src, &m) }, func() bool { return CheckPair("f", "src", &src, &m) }},
								{"dst of 16 bits", func() bool { return OneFits(&half, &src) }, func() bool { return CheckPair("f", "src", &half, &src) }},
							} {
								want := one && src.Rows == 1 && passes(c.slow)
								if n[want]++; passes(c.quick) != want {
									t.Fatalf("%s is %d x %d from %d on with %d elements, stride %d, beside %+v: OneFits is %v", c.what, rows, cols, first, size, stride, src, !want)
								}
							}
						}
					}
				}
			}
		}
	}
	if n[true] < 50 || n[false] < 1000 {
		t.Errorf("%d shapes are right and %d wrong, too few of one", n[true], n[false])
	}
}
