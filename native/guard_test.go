package native

import (
	"testing"

	"github.com/twopass-softmax/twopass/ukernel/model/modeltest"
)

// TestGuard gives every function operands that end, or begin, where a page does
// that can't be touched: a read or write beyond them crashes.
func TestGuard(t *testing.T) {
	const longest = 1100
	place := func(n int, atEnd bool) []float32 {
		floats, free, err := modeltest.Guarded(longest)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(free)
		if atEnd {
			return floats[len(floats)-n:]
		}
		return floats[:n:n]
	}
	for _, atEnd := range []bool{false, true} {
		srcPage, dstPage, dyPage := place(longest, atEnd), place(longest, atEnd), place(longest, atEnd)
		part := func(page []float32, n int) []float32 {
			if atEnd {
				return page[len(page)-n:]
			}
			return page[:n:n]
		}
		for _, s := range settings(t, 1) {
			for n := 1; n <= longest; n += 1 + n/150 {
				src, dst, dy := part(srcPage, n), part(dstPage, n), part(dyPage, n)
				copy(src, randomRow(n, uint64(n)))
				got := compute(s.Softmaxer, src)
				s.Softmax(dst, src)
				if !sameRow(dst, got.softmax) {
					t.Fatalf("%s: softmax of %d elements depends on their place", s.name, n)
				}
				s.SoftmaxGrad(dy, dst, src)
				s.LogSoftmax(dst, src)
				s.LogSoftmaxGrad(dy, dst, dy)
				if !sameRow(dst, got.logSoftmax) {
					t.Fatalf("%s: log-softmax of %d elements depends on their place", s.name, n)
				}
				s.Masked(Mask{Add: src}).Softmax(dst, dy)
				if n%3 == 0 {
					s.SoftmaxRows(dst, src, 3, n/3, n/3, n/3)
					s.LogSumExpRows(part(dyPage, 3), src, 3, n/3, n/3)
				}
			}
		}
	}
}
