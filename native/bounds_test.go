package native_test

// bound is that of an error, fixed + slope * size.
type bound struct{ fixed, slope float64 }

func (b bound) at(size float64) float64 { return b.fixed + b.slope*size }

// u is what rounding to float32 changes a number by, at most.
const u = 0x1p-24

// The contract: what the functions promise of their numbers, at every level.
var (
	// Relative. Farther than 16,384 from 0 the exponential is less exact.
	softmaxBound, farBound = 6 * u, 7 * u
	// Absolute, by the size of the result.
	logSoftmaxBound = bound{4 * u, 2 * u}
	logSumExpBound  = bound{4 * u, u}
	// sureBound is the relative error of the log-softmax of an element that weighs twice as much
	// as all others together, and that of a log-sum-exp whose maximum is 0.
	sureBound = 8 * u
	// gradientBound is the absolute error of a gradient in units of |y| * max|dy| for
	// softmax, and of |dy| + exp(y) * sum|dy| for log-softmax.
	gradientBound = 2 * u
)
