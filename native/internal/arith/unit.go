package arith

import "math"

// What exponentials take that are written as they are, for online softmax.

// Unit is N for exponentials that are written: from 2.9 to 6.4 is then that of the largest element, top.
// So a softmax of exponentials that were cut off is 0 as well.
func (s *Scale) Unit(top float32) float32 { return s.round(top) - 2 }

// Same leaves an exponential as it is.
var Same = Factor{CHi: up}

// ScaleMost is the size of elements up to which Scale does not overflow for a total from 1 up.
const ScaleMost = 0x1p24

// Divide is Scale for elements of any size and sign.
func (f *Factor) Divide(dst, src []float32) {
	for i, x := range src {
		switch {
		case x != x:
			dst[i] = math.Float32frombits(0x7fc00000)
		case x-x != 0:
			dst[i] = x
		case x < f.Thr && -x < f.Thr:
			dst[i] = 0
		case -ScaleMost < x && x < ScaleMost:
			dst[i] = float32(fma(x, f.CHi, float32(x*f.CLo)) * down)
		default:
			dst[i] = fma(x, float32(f.CHi*down), float32(x*float32(f.CLo*down)))
		}
	}
}
