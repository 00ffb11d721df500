// Package family describes upstream's softmax kernels, each family once for all
// machines, tile sizes and numbers of accumulators.
//
// The two-pass algorithm is that of Dukhan and Ablavatski, "The Two-Pass Softmax
// Algorithm" (arXiv 2001.04438, Algorithm 3): exp(x) is kept as a pair m * 2^n with
// n a float32 of its own, so that nothing overflows. The arithmetic, rounding by
// rounding, is upstream's. What upstream leaves to the compiler, the order of
// independent operations, is chosen here for speed: groups of vectors go through
// the formulas stage by stage, and the groups overlap.
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
	// Stagger is by how many operations each group begins after the one before,
	// so that groups in different stages overlap; 0 is for groups that go one
	// after the other.
	Stagger int
	// Residents is the number of registers that variables may keep for the
	// length of the kernel; others live on the stack.
	Residents int
	// Unroll is the number of vectors in a tile of a kernel whose bits do not
	// depend on it.
	Unroll int
	// Turn is the most vectors in a turn of the main loop, which takes as many
	// tiles as that makes, and one at least. A loop over the tiles that are left
	// follows if it takes several.
	Turn int
}

// Untiled reports whether a kernel's bits depend neither on its tile nor on its accumulators. Then
// its code does not, either, and serves all such kernels of the family, ISA and variant.
func Untiled(k ukernel.Kernel) bool {
	switch k.Family {
	case ukernel.VScaleExtExp, ukernel.VScaleExpMinusMax, ukernel.VMulC:
		return true
	case ukernel.F16VMulC:
		return k.ISA != ukernel.FP16ARITH // which has code for each tile
	case ukernel.RAddExpMinusMax, ukernel.RAddStoreExpMinusMax:
		// Upstream's templates for NEON number the accumulators by elements, of which a
		// vector has 4, instead of vectors, so that all vectors go to the first.
		return k.Accumulators == 1 || k.ISA.Arch() == "arm64"
	case ukernel.RMax, ukernel.F16RAddStoreExpMinusMax:
		return k.Accumulators == 1 // which takes the vectors one after the other
	}
	return false
}

// Describe writes a kernel down.
func Describe(k ukernel.Kernel, s Shape) *ir.Func {
	d := &description{Kernel: k, Shape: s, f: ir.NewFunc(k.Lanes(), fused(k.ISA)), tile: k.Vectors()}
	if Untiled(k) {
		d.tile, d.Accumulators = s.Unroll, 1
	}
	d.f.Pairwise = d.neon()
	switch k.Family {
	case ukernel.RMax:
		d.rmax()
	case ukernel.RAddExtExp:
		d.raddextexp()
	case ukernel.VScaleExtExp:
		d.elementwise(d.vscaleextexp)
	case ukernel.RAddExpMinusMax, ukernel.RAddStoreExpMinusMax:
		d.raddexpminusmax()
	case ukernel.VScaleExpMinusMax:
		d.elementwise(d.vscaleexpminusmax)
	case ukernel.VMulC:
		d.elementwise(d.vmulc)
	case ukernel.F16RMax:
		d.f16rmax()
	case ukernel.F16RAddStoreExpMinusMax:
		d.f16raddstoreexpminusmax()
	case ukernel.F16VMulC:
		d.f16vmulc()
	default:
		panic(fmt.Sprintf("family: %v is not described", k.Family))
	}
	if s.Stagger > 0 {
		for _, b := range d.f.Blocks {
			b.Stagger(s.Stagger)
		}
	}
	return d.f
}

// fused reports whether upstream's kernels for the ISA round x*y + z once.
func fused(isa ukernel.ISA) bool {
	switch isa {
	case ukernel.AVX2, ukernel.AVX256SKX, ukernel.AVX512F, ukernel.AVX512SKX, ukernel.NEONFMA, ukernel.NEONFP16ARITH, ukernel.FP16ARITH:
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
	// inTurn is whether a turn of it is being described.
	inTurn bool
}

// masked reports whether the machine loads and stores the last elements under a
// mask. SSE and NEON do it two and one at a time.
func (d *description) masked() bool {
	return d.ISA != ukernel.SSE && d.ISA != ukernel.SSE2 && !d.neon()
}

// neon reports whether the kernel is one of arm64's.
func (d *description) neon() bool { return d.ISA.Arch() == "arm64" }

// loops adds the loop over several tiles, if there is one, the loop over tiles and
// the one over the vectors left. The function main takes the tile that begins with
// the vector first of the turn; single takes a vector.
func (d *description) loops(main func(b *ir.Block, first int), single func(b *ir.Block)) {
	loop := func(tiles int) {
		n := tiles * d.tile
		b := d.f.Block(ir.While, n*d.Lanes(), fmt.Sprintf("%d vectors a turn.", n))
		d.inTurn = true
		for first := 0; first < n; first += d.tile {
			main(b, first)
		}
		d.inTurn = false
	}
	if tiles := d.Turn / d.tile; tiles > 1 {
		loop(tiles)
	}
	if d.tile > 1 {
		loop(1)
	}
	if single != nil {
		d.singles(single)
	}
}

func (d *description) singles(single func(b *ir.Block)) {
	single(d.f.Block(ir.While, d.Lanes(), "Whole vectors that are left."))
}

// ahead is how far ahead of itself, in elements, a sum asks for its input: the
// processor's own prefetchers stop at the end of a page on an x86. Kernels that store
// had better not: it cost them a tenth to a quarter of their time. For those of short
// vectors and upstream's operations memory is fast enough.
const ahead = 3 << 10

// prefetch asks for what lies ahead of vectors in a turn of the main loop. It is called
// for each group: as many requests at once as a turn reads take up the buffers that its
// own loads wait for.
func (d *description) prefetch(b *ir.Block, vectors []int) {
	const line = 16 // elements
	if !d.inTurn || d.Family.Stores() || d.neon() || d.Lanes() < line {
		return
	}
	for _, v := range vectors {
		if at := v * d.Lanes(); at%line == 0 {
			b.Prefetch(ahead + at)
		}
	}
}

// groups splits the vectors of the tile that begins with vector first into runs.
func (d *description) groups(first int) [][]int {
	all := make([]int, d.tile)
	for i := range all {
		all[i] = first + i
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
