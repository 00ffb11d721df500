// Package speed times functions against each other, in turns, and says what the samples prove.
//
// A [Timer] calls functions in turn, or each [Benchmark] on rows on several threads; a
// [Comparison] is what it found on rows that benchmarks share. [Workload.Fastest] finds the
// kernels that make upstream the strongest opponent on this CPU.
//
// A [Library] is other software's softmax: what Go has without this module always
// ([GoLibraries]), others as far as they are there. [Verify] compares one with float64
// before it is timed in the same turns.
package speed

import (
	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Workload is a row, an output, and the other operands of kernels and softmax:
// what the sides are timed on. The row is uniform in [-10, 10).
type Workload struct{ args ukernel.Args }

// NewWorkload makes a workload of n elements. Row and output begin at 64-byte
// boundaries, and not at the same place of a page, which would make loads of
// the one wait for stores to the other.
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

// Elements is the length of the row.
func (w *Workload) Elements() int { return len(w.args.Src) }

// Row is the row and the output.
func (w *Workload) Row() (dst, src []float32) { return w.args.Dst, w.args.Src }

// Time times a pair's two sides against each other. The model takes a hundred times as long as
// a kernel and is not timed: where it is the reference, ours is timed alone.
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
