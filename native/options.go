package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Options say how to do the rows of a matrix. Nil and the zero value give what [Softmax] and the
// like do. Functions only read Options and do not retain them; any number of goroutines may share
// them.
type Options struct {
	// Scale multiplies every element first: 1/temperature for a sampler, 1/sqrt(d) for attention
	// scores. 0 means 1. The product is not rounded, except for scales of 2^120 or more in size
	// without Add: a finite product beyond float32 then counts as the largest finite number of its
	// sign.
	//
	// A negative scale turns -Inf into +Inf. An infinite or NaN scale multiplies as float32 does,
	// and so makes most rows NaN.
	Scale float32
	// Scales has a scale for each row, as a sampler has a temperature for each sequence. A row
	// becomes what it would alone with that Scale. Scale must be 0 then. Empty means none. It must
	// not overlap dst.
	Scales []float32

	// Add is added to the products with the scale, and the sum rounded once, as by a fused
	// multiply-add. It has one row for all rows of the matrix, or as many rows as the matrix. A
	// finite sum beyond float32 counts as the largest finite number of its sign. Adding -Inf masks
	// an element, unless it is NaN or +Inf. With nil Data nothing is added. It must not overlap
	// dst.
	Add Matrix[float32]
	// Keep masks the elements where it is false. It has one row or as many as the matrix. With nil
	// Data all elements are kept.
	Keep Matrix[bool]
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
	// Algorithm is how softmax goes over memory. It does not change results.
	Algorithm Algorithm
	// Streaming writes results past the caches, with non-temporal stores, where the CPU has them
	// and exponentials are computed twice. It pays for long rows that nobody reads soon, on CPUs
	// that read a line of memory before they write to it.
	Streaming bool
}

// Algorithm is how softmax goes over a row. All algorithms give the same bits.
type Algorithm uint8

const (
	// Auto is Store for rows that fit into the caches, and Recompute for longer ones where that is
	// faster: without a mask or a bias, which would be read twice.
	Auto Algorithm = iota
	// Store computes each exponential once: the first pass stores it, the second multiplies it. A
	// row is read twice and written twice.
	Store
	// Recompute computes each exponential twice, for the sum and for the result, like the paper's
	// two-pass algorithm. A row is read twice and written once.
	Recompute
)

var algorithmNames = [...]string{Auto: "auto", Store: "store", Recompute: "recompute"}

func (a Algorithm) String() string {
	if int(a) < len(algorithmNames) {
		return algorithmNames[a]
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

// Check returns an error for options that make functions panic: a negative number of goroutines, an
// unknown algorithm, or Scale beside Scales. Use it for options from a configuration. Functions
// check Scales, Add and Keep against the rows they get.
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

// Level returns the level of instructions that the package uses on this CPU: scalar, avx2, avx512,
// neon or rvv. The environment variable TWOPASS_ISA limits it. The error says that its value is
// unknown or for another architecture, and was ignored.
func Level() (string, error) {
	if arith.EnvErr != nil {
		return arith.Best.String(), fmt.Errorf("native: %w", arith.EnvErr)
	}
	return arith.Best.String(), nil
}
