package f64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Options say how to do the rows of a matrix. Nil and the zero value give what [Softmax] and the
// like do. Functions only read Options and do not retain them; any number of goroutines may share
// them. The fields mean what they mean in [native.Options].
type Options struct {
	// Scale multiplies every element first: 1/temperature for a sampler. 0 means 1. The product is
	// not rounded, except for scales outside of 2^-960 to 2^960 in size without Add: a finite
	// product beyond float64 then counts as the largest finite number of its sign.
	//
	// A negative scale turns -Inf into +Inf. An infinite or NaN scale multiplies as float64 does,
	// and so makes most rows NaN.
	Scale float64
	// Scales has a scale for each row, as a sampler has a temperature for each sequence. A row
	// becomes what it would alone with that Scale. Scale must be 0 then. Empty means none. It must
	// not overlap dst.
	Scales []float64

	// Add is added to the products with the scale, and the sum rounded once, as by a fused
	// multiply-add. It has one row for all rows of the matrix, or as many rows as the matrix. A
	// finite sum beyond float64 counts as the largest finite number of its sign. Adding -Inf masks
	// an element, unless it is NaN or +Inf. With nil Data nothing is added. It must not overlap
	// dst.
	Add Matrix
	// Keep masks the elements where it is false. It has one row or as many as the matrix. With nil
	// Data all elements are kept.
	Keep native.Matrix[bool]
	// Causal masks the elements of row i beyond column i + Offset, as attention does where a
	// position may not see later ones. Offset is the number of positions before the first row.
	Causal bool
	Offset int

	// ZeroRows gives rows that are all -Inf, or all masked, a softmax of 0 and a log-softmax of
	// -Inf instead of NaN.
	ZeroRows bool

	// Goroutines is the most goroutines that a call may use, its own included, for rows and for the
	// parts of a long row. Short calls use fewer. 0 means 1.
	Goroutines int
}

// Check returns an error for options that make functions panic: a negative number of goroutines, or
// Scale beside Scales. Use it for options from a configuration. Functions check Scales, Add and
// Keep against the rows they get.
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

// scale is that of simple options.
func (o *Options) scale() arith64.Scale {
	if o == nil || o.Scale == 0 {
		return arith64.One
	}
	return arith64.MakeScale(o.Scale)
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
