package f64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Options say how the rows of a matrix are done. The zero value, and a nil pointer, is what
// [Softmax] and the like do. Functions only read Options, do not retain them, and any number
// of goroutines may share them. What the fields mean is what they mean in [native.Options].
type Options struct {
	// Scale multiplies every element before anything else: 1/temperature for a sampler. 0 stands
	// for 1. The product is not rounded, unless something is added to it, or Scale is not from 2^-960
	// to 2^960 in size.
	//
	// A negative scale turns -Inf into +Inf. A scale that is infinite or NaN multiplies as
	// float64 does, and so makes most rows NaN.
	Scale float64
	// Scales has a Scale for each row of the matrix, as samplers have a temperature for each
	// sequence: a row is what it would be alone with that. Empty, it says nothing; otherwise Scale
	// must be 0. It must not overlap dst.
	Scales []float64

	// Add is added to the elements after Scale, with one rounding of the result, in one row
	// for every row of the matrix or in as many rows as that has. A finite sum beyond float64
	// counts as the largest finite number of its sign. -Inf takes an element out, unless that
	// is NaN or +Inf. Add without Data adds nothing. It must not overlap dst.
	Add Matrix
	// Keep takes out the elements for which it is false, in one row or as many as Add. Keep
	// without Data keeps all.
	Keep native.Matrix[bool]
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
}

// Check returns an error for options that functions panic with: a negative number of goroutines, or
// Scale beside Scales. It is for options that come from a configuration. Functions check matrices when
// they see the rows that they go with.
func (o *Options) Check() error {
	switch {
	case o == nil:
	case o.Goroutines < 0:
		return fmt.Errorf("f64: %d goroutines, there must be at least 1, or 0 for 1", o.Goroutines)
	case o.Scale != 0 && len(o.Scales) > 0:
		return fmt.Errorf("f64: Options.Scale is %v beside %d Options.Scales, it must be 0", o.Scale, len(o.Scales))
	}
	return nil
}

// check panics unless the options go with dst and rows of cols elements.
func (o *Options) check(who string, dst []float64, rows, cols int) {
	o.checkScales(who, dst, rows)
	if o == nil {
		return
	}
	add, keep := matrix(o.Add), shape.Matrix[bool](o.Keep)
	add.CheckMask(who, "Options.Add", rows, cols)
	keep.CheckMask(who, "Options.Keep", rows, cols)
	if add.Data != nil {
		shape.CheckApart(who, "Options.Add", dst, add.Used())
	}
}

// checkScales is check without masks.
func (o *Options) checkScales(who string, dst []float64, rows int) {
	if err := o.Check(); err != nil {
		panic(err.Error())
	}
	if o == nil || len(o.Scales) == 0 {
		return
	}
	if len(o.Scales) != rows {
		panic(fmt.Sprintf("%s: Options.Scales has %d elements, it must have one for each of %d rows", who, len(o.Scales), rows))
	}
	shape.CheckApart(who, "Options.Scales", dst, o.Scales)
}

// simple reports whether there is nothing but a scale.
func (o *Options) simple() bool {
	return o == nil || o.Goroutines|1 == 1 && o.Add.Data == nil && o.Keep.Data == nil && !o.Causal && len(o.Scales) == 0 &&
		(o.Scale == 0 || o.Scale >= 0x1p-960 && o.Scale <= 0x1p960)
}

// visible is how many elements of row i of n columns the causal mask leaves.
func (o *Options) visible(i, n int) int {
	if !o.Causal || o.Offset >= n-1-i {
		return n
	}
	return max(0, i+o.Offset+1)
}

// recomputeFrom is the length from which memory takes longer than a second exponential.
const recomputeFrom = 1 << 20

// vectorLeast and scalarLeast are the numbers of elements, done by vector kernels and one by
// one, below which a second goroutine costs more than it gains. They are variables for tests.
var vectorLeast, scalarLeast = 1 << 20, 1 << 17

// goroutines is how many work on so many elements.
func (o *Options) goroutines(n int) int {
	least := vectorLeast
	if arith64.Best == arith64.Plain {
		least = scalarLeast
	}
	if o == nil || n < least {
		return 1
	}
	return max(1, min(o.Goroutines, n/max(1, least/8)))
}
