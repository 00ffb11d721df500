package native_test

import (
	"testing"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestGuard gives every function operands that end, or begin, where a page does
// that can't be touched: a read or write beyond them crashes.
func TestGuard(t *testing.T) {
	const longest = 1100
	sparse := 150
	if testing.Short() {
		sparse = 24
	}
	place := func(n int, atEnd bool) []float32 {
		floats := guarded.Pages[float32](t, longest)
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
		for _, level := range levels() {
			for _, a := range algorithms() {
				s := options{level: level, algorithm: a}
				for n := 1; n <= longest; n += 1 + n/sparse {
					c := &call{rows: 1, cols: n, dst: matrix{f: part(dstPage, n), stride: n}, src: matrix{f: part(srcPage, n), stride: n}, dy: matrix{f: part(dyPage, n), stride: n}, ends: []int{n / 3, n}}
					copy(c.src.f, inputs.Masked.Row(uint64(n), n))
					copy(c.dy.f, c.src.f)
					for _, f := range forms {
						switch {
						case f.src != f32 || f.dst != f32 || f.takes&settings == 0:
						case f.what == logSumExp:
							sum := *c
							sum.dst.f = part(dstPage, 1)
							f.run(s, &sum)
						default:
							f.run(s, c)
						}
					}
				}
			}
		}
	}
}
