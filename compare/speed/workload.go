// Package speed times functions against each other, in turns, and says what the samples prove.
//
// A [Timer] calls functions in turn and returns [Samples]: of any functions by [Timer.Time], of a
// [Benchmark] on rows by [Timer.TimeRows]. A [Timing] is one function's time, a [Comparison] the
// times of several on the same rows. [Workload.Fastest] finds the kernels that make upstream the
// strongest opponent on this CPU. A [Library] is other software to compare with.
package speed

import (
	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Workload has the operands that sides are timed on: a row, uniform in [-10, 10), an output, and
// the other operands of kernels.
type Workload struct{ args ukernel.Args }

// NewWorkload makes a workload of n elements. Row and output begin at 64-byte boundaries, at
// different offsets in a page: at equal offsets, loads of the one wait for stores to the other.
func NewWorkload(n int) *Workload {
	const skew = 272
	room := (n+skew-1)/operands.Line*operands.Line + skew
	mem := operands.Aligned(room + n)
	const seed = 0 // even: the operands are those that softmax passes
	inputs.Uniform10.Fill(mem[:n], seed)
	a := inputs.Args(ukernel.RMax, seed, mem[:n])
	a.Dst16, a.Dst8 = make([]uint16, n), make([]uint8, n)
	a = operands.Narrow(a, seed)
	a.Dst = mem[room : room+n]
	return &Workload{a}
}

// Elements returns the length of the row.
func (w *Workload) Elements() int { return len(w.args.Src) }

// Row returns the row and the output.
func (w *Workload) Row() (dst, src []float32) { return w.args.Dst, w.args.Src }

// Time times both sides of a pair. The model, a hundred times slower than a kernel, is not timed:
// where it is the reference, ours is timed alone.
func (w *Workload) Time(t Timer, p side.Pair) Timing {
	fs := []func(){func() { p.Ours(w.args) }}
	if !p.PureRef {
		fs = append(fs, func() { p.Ref(w.args) })
	}
	samples := t.Time(fs...)
	timing := samples.Timing(0, w.Elements())
	if !p.PureRef {
		timing = samples.Compare(1, 0, w.Elements())
	}
	timing.Name = p.Name
	return timing
}
