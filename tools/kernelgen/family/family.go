// Package family describes upstream's softmax kernels, each family once for all
// machines, tile sizes and numbers of accumulators.
//
// The two-pass algorithm is that of Dukhan and Ablavatski, "The Two-Pass Softmax
// Algorithm" (arXiv 2001.04438, Algorithm 3): exp(x) is kept as a pair m * 2^n with
// n a float32 of its own, so that nothing overflows. The arithmetic, rounding by
// rounding, is upstream's. What upstream leaves to the compiler, the order of
// independent operations, is chosen here for speed: groups of vectors go through
// the formulas stage by stage.
package family

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Shape says how a kernel is laid out for speed. It does not change the bits.
type Shape struct {
	// Group is the number of vectors that go through the formulas together.
	Group int
	// Residents is the number of registers that variables may keep for the
	// length of the kernel; others live on the stack.
	Residents int
	// Unroll is the number of vectors in a turn of the main loop of a
	// kernel whose bits do not depend on it.
	Unroll int
}

// Describe writes a kernel down.
func Describe(k ukernel.Kernel, s Shape) *ir.Func {
	d := &description{Kernel: k, Shape: s, f: ir.NewFunc(k.Lanes(), fused(k.ISA)), tile: k.Vectors()}
	d.f.Pairwise = d.neon()
	switch k.Family {
	case ukernel.RMax:
		d.rmax()
	case ukernel.RAddExtExp:
		d.raddextexp()
	case ukernel.VScaleExtExp:
		d.elementwise(d.vscaleextexp)
	case ukernel.RAddExpMinusMax, ukernel.RAddStoreExpMinusMax, ukernel.RAddMaxExpMinusMax:
		d.raddexpminusmax()
	case ukernel.VScaleExpMinusMax:
		d.elementwise(d.vscaleexpminusmax)
	case ukernel.VMulC:
		d.elementwise(d.vmulc)
	case ukernel.VSubC2:
		d.elementwise(d.vsubc2)
	case ukernel.VAdd:
		d.vadd()
	case ukernel.VKeep:
		d.vkeep()
	case ukernel.Softmax, ukernel.LogSoftmax, ukernel.ScaledSoftmax, ukernel.ScaledLogSoftmax:
		if d.TwoSum() {
			d.longRows()
		} else {
			d.shortRows()
		}
	default:
		panic(fmt.Sprintf("family: %v is not described", k.Family))
	}
	return d.f
}

// fused reports whether upstream's kernels for the ISA round x*y + z once.
func fused(isa ukernel.ISA) bool {
	switch isa {
	case ukernel.AVX2, ukernel.AVX256SKX, ukernel.AVX512F, ukernel.AVX512SKX, ukernel.NEONFMA:
		return true
	}
	return false
}

// description is a kernel on its way.
type description struct {
	ukernel.Kernel
	Shape
	f    *ir.Func
	tile int // vectors in a turn of the main loop
}

// masked reports whether the machine loads and stores the last elements under a
// mask. SSE and NEON do it two and one at a time.
func (d *description) masked() bool {
	return d.ISA != ukernel.SSE && d.ISA != ukernel.SSE2 && !d.neon()
}

// neon reports whether the kernel is one of arm64's.
func (d *description) neon() bool { return d.ISA.Arch() == "arm64" }

// unroll makes the main loop's turn as long as the shape says. It is for kernels
// in which every vector is treated alike, wherever a turn begins.
func (d *description) unroll() { d.tile = d.Unroll }

// loops adds the loop over tiles and the one over the vectors left.
func (d *description) loops(main func(b *ir.Block), single func(b *ir.Block)) {
	if d.tile > 1 {
		main(d.f.Block(ir.While, d.tile*d.Lanes(), fmt.Sprintf("%d vectors a turn.", d.tile)))
	}
	if single != nil {
		d.singles(single)
	}
}

func (d *description) singles(single func(b *ir.Block)) {
	single(d.f.Block(ir.While, d.Lanes(), "Whole vectors that are left."))
}

// ahead is how far ahead of itself, in elements, a sum of base 2 asks for its
// input: the processor's own prefetchers stop at the end of a page. Package native
// sums by blocks of that length. Kernels that store had better not: from a
// third-level cache it cost raddstoreexpminusmax a quarter more time.
const ahead = 4096

// prefetch asks for what a turn of the main loop will read later.
func (d *description) prefetch(b *ir.Block) {
	if base2(d.Variant) && !d.Family.Stores() {
		b.Prefetch(ahead)
	}
}

// groups splits the vectors of a tile into runs.
func (d *description) groups() [][]int {
	all := make([]int, d.tile)
	for i := range all {
		all[i] = i
	}
	return d.split(all)
}

// split cuts a list into runs of about the same length, at most Group.
func (d *description) split(vectors []int) (gs [][]int) {
	n := (len(vectors) + d.Group - 1) / d.Group
	for ; n > 0; n-- {
		size := (len(vectors) + n - 1) / n
		gs, vectors = append(gs, vectors[:size]), vectors[size:]
	}
	return gs
}

// tree merges the accumulators pairwise: neighbours first, then pairs of pairs.
func tree(vs ir.V, op func(x, y ir.V) ir.V) ir.V {
	vs = append(ir.V(nil), vs...)
	for step := 1; step < len(vs); step *= 2 {
		for i := 0; i+step < len(vs); i += 2 * step {
			vs[i] = op(vs[i:i+1], vs[i+step:i+step+1])[0]
		}
	}
	return vs[:1]
}
