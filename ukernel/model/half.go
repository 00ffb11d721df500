package model

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// roundHalf is the binary16 number nearest to x, the even one of two.
func roundHalf(x float32) float32 { return f32.FromHalf(f32.ToHalf(x)) }

// roundHalf64 is roundHalf of a float64.
func roundHalf64(x float64) float32 {
	const least, digits, largest = -24, 10, 65504
	if r := math.Abs(x); r > 0 && r <= math.MaxFloat64 {
		e := max(math.Ilogb(r)-digits, least) // of the last bit
		if r = math.Ldexp(math.RoundToEven(math.Ldexp(r, -e)), e); r > largest {
			r = math.Inf(1)
		}
		x = math.Copysign(r, x)
	}
	return float32(x)
}

// Numbers converts what a kernel wrote to a.Dst16 or a.Dst8 into a.Dst. It does nothing for a
// family that writes float32.
func Numbers(f ukernel.Family, a ukernel.Args) {
	switch {
	case f == ukernel.U8LUT32Norm:
		for i, x := range a.Dst8 {
			a.Dst[i] = float32(x)
		}
	case f.Stores() && f.Half():
		for i, w := range a.Dst16 {
			a.Dst[i] = f32.FromHalf(w)
		}
	}
}
