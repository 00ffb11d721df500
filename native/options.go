package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Options say how the rows of a matrix are done. The zero value, and a nil pointer, is what
// [Softmax] and the like do. Functions only read Options, do not retain them, and any number
// of goroutines may share them.
type Options struct {
	// Scale multiplies every element before anything else: 1/temperature for a sampler,
	// 1/sqrt(d) for attention scores. 0 stands for 1. The product is not rounded, unless
	// something is added to it, or the scale is 2^120 or more in size: then a finite product
	// beyond float32 counts as the largest finite number of its sign.
	//
	// A negative scale turns -Inf into +Inf. A scale that is infinite or NaN multiplies as
	// float32 does, and so makes most rows NaN.
	Scale float32
	// Scales has a Scale for each row of the matrix, as samplers have a temperature for each
	// sequence: a row is what it would be alone with that. Empty, it says nothing; otherwise Scale
	// must be 0. It must not overlap dst.
	Scales []float32

	// Add is added to the elements after Scale, with one rounding of the result, in one row
	// for every row of the matrix or in as many rows as that has. A finite sum beyond float32
	// counts as the largest finite number of its sign. -Inf takes an element out, unless that
	// is NaN or +Inf. Add without Data adds nothing. It must not overlap dst.
	Add Matrix[float32]
	// Keep takes out the elements for which it is false, in one row or as many as Add. Keep
	// without Data keeps all.
	Keep Matrix[bool]
	// Causal takes out the elements of row i beyond column i + Offset, as attention does
	// where a position may not see later ones. Offset is the number of positions before the
	// first row.
	Causal bool
	Offset int

	// ZeroRows makes a softmax 0 instead of NaN, and a log-softmax -Inf, where masks leave
	// nothing of a row or all of it is -Inf.
	ZeroRows bool

	// Goroutines is how many goroutines a call may use, its own included: for rows, and for
	// the parts of a long row. Short calls use fewer. 0 stands for 1.
	Goroutines int
	// Algorithm is how softmax goes over memory. It does not show in the results.
	Algorithm Algorithm
	// Streaming writes results around the caches, with non-temporal stores, where the CPU has
	// them and exponentials are computed twice. It is for long rows that nobody reads soon, and
	// pays where the CPU reads a line of memory before it writes to it.
	Streaming bool
}

// Algorithm is how softmax goes over a row. All give the same bits.
type Algorithm uint8

const (
	// Auto stores exponentials for rows that stay in the caches, and recomputes them for longer
	// ones where that is faster.
	Auto Algorithm = iota
	// Store computes an exponential once: the first pass stores it, the second multiplies it.
	// A row is read twice and written twice.
	Store
	// Recompute computes it twice, once for the sum and once for the result, as the two-pass
	// algorithm of the paper does. A row is read twice and written once.
	Recompute
)

var algorithmNames = [...]string{Auto: "auto", Store: "store", Recompute: "recompute"}

func (a Algorithm) String() string {
	if int(a) < len(algorithmNames) {
		return algorithmNames[a]
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

// Check returns an error for options that functions panic with: a negative number of goroutines,
// an algorithm that does not exist, or Scale beside Scales. It is for options that come from a
// configuration.
// Functions check matrices when they see the rows that they go with.
func (o *Options) Check() error {
	switch {
	case o == nil:
	case o.Goroutines < 0:
		return fmt.Errorf("native: %d goroutines, there must be at least 1, or 0 for 1", o.Goroutines)
	case o.Scale != 0 && len(o.Scales) > 0:
		return fmt.Errorf("native: Options.Scale is %v beside %d Options.Scales, it must be 0", o.Scale, len(o.Scales))
	case int(o.Algorithm) >= len(algorithmNames):
		return fmt.Errorf("native: algorithm %d does not exist", o.Algorithm)
	}
	return nil
}

// check panics unless the options go with rows of cols elements.
func (o *Options) check(who string, rows, cols int) {
	o.checkScales(who, rows)
	if o == nil {
		return
	}
	o.Add.shape().CheckMask(who, "Options.Add", rows, cols)
	o.Keep.shape().CheckMask(who, "Options.Keep", rows, cols)
}

// checkScales panics unless the options are right for that many rows, but for masks.
func (o *Options) checkScales(who string, rows int) {
	if err := o.Check(); err != nil {
		panic(err.Error())
	}
	if o != nil && len(o.Scales) > 0 && len(o.Scales) != rows {
		panic(fmt.Sprintf("%s: Options.Scales has %d elements, it must have one for each of %d rows", who, len(o.Scales), rows))
	}
}

// visible is how many elements of row i of n columns the causal mask leaves.
func (o *Options) visible(i, n int) int {
	if !o.Causal || o.Offset >= n-1-i {
		return n
	}
	return max(0, i+o.Offset+1)
}

// Level returns the widest set of instructions that the package uses on this CPU: scalar, avx2,
// avx512, neon or rvv. The environment variable TWOPASS_ISA limits it to the one that it names. A
// value that is unknown or of another architecture is ignored, and is the error.
func Level() (string, error) {
	if arith.EnvErr != nil {
		return arith.Best.String(), fmt.Errorf("native: %w", arith.EnvErr)
	}
	return arith.Best.String(), nil
}
