package family

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// shortRows describes the kernels that do whole rows, which are ours. A row stays in
// registers from its maximum to its result, with every lane of a vector at work in
// every step, and the rows of a matrix, which need not wait for each other, overlap
// in the processor. There is a loop over rows for each number of vectors in a row.
func (d *description) shortRows() {
	for vectors := 1; vectors <= d.tile; vectors++ {
		b := d.f.Block(ir.EachRow, vectors*d.Lanes(), fmt.Sprintf("Rows of %d to %d elements.", (vectors-1)*d.Lanes()+1, vectors*d.Lanes()))
		all := make([]int, vectors)
		for i := range all {
			all[i] = i
		}
		last := vectors - 1
		// The lanes behind the row's end: -Inf for the maximum, and 0 for the sum,
		// which exp(-Inf) is.
		var mask, tops ir.V
		x := b.Load(all[:last]...)
		if d.neon() {
			x = append(d.input(b, x), d.left(b, last)...)
			tops = x
		} else {
			mask = b.TailMask()
			x = d.input(b, append(x, b.LoadTailAt(last, mask)...))
			tops = append(x[:last:last], b.Select(mask, x[last:], b.Const(minusInf))...)
		}
		top := b.Everywhere(ir.Max, tree(tops, b.Max))
		b.Guard(b.Const(0), b.Sub(top, top), "end") // NaN unless top is finite

		var z, y ir.V
		for _, g := range d.split(all) {
			part := b.Sub(x[g[0]:g[len(g)-1]+1], top)
			z, y = append(z, part...), append(y, d.exp(b, part)...)
		}
		if mask != nil {
			y = append(y[:last], b.Keep(mask, y[last:])...)
		}
		sum := b.Everywhere(ir.Add, tree(y, b.Add))
		if d.Family.Log() {
			y = b.Sub(z, d.log(b, sum))
		} else {
			y = b.Mul(y, b.Splat(b.Div(b.Const(1), sum)))
		}
		b.Store(y[:last], all[:last]...)
		b.StoreTailAt(last, mask, y[last:])
	}
}

// What the loops over a long row take in a turn: the vectors of the pass for the
// maximum, the accumulators of which do not wait for each other, and those of the
// pass for the sum when a whole tile is no longer left.
const (
	maxVectors      = 8
	maxAccumulators = 4
	leftVectors     = 4
)

// longRows describes the kernels that do whole rows of any length in three passes,
// for which the row had better be in a cache. One call does what three would, and
// the first pass of a row overlaps with the last of the row before. The second pass
// stores exponentials, or for log-softmax the differences of which they are: a pass
// that did nothing but store would take longer.
func (d *description) longRows() {
	tile := d.tile
	scale := d.f.Vars("scale", 1)[0]
	log := d.Family.Log()

	turn := d.Turn
	d.tile, d.Turn = maxVectors, 0
	top := d.largest(d.f.Block(ir.Row, 0, "A row: its first element, in every lane."), maxAccumulators)
	b := d.f.Block(ir.Again, 0, "The largest element, if it is finite, and an empty sum.")
	b.Set(top, b.Everywhere(ir.Max, b.Get(top)))
	b.Guard(b.Const(0), b.Sub(b.Get(top), b.Get(top)), "end")

	d.Turn = turn
	sum, rest := d.sumTwoSum(b, func(b *ir.Block, x ir.V) (term, result ir.V) {
		z := b.Sub(x, b.Get(top))
		y := d.exp(b, z)
		if log {
			return y, z
		}
		return y, y
	}, nil, tile, leftVectors)

	b = d.f.Block(ir.Results, 0, "What is left to do to all that was stored.")
	total := reduceTwoSum(b, b.Get(sum), b.Get(rest))
	last := (*ir.Block).Mul
	if log {
		b.Set(scale, d.log(b, b.Splat(total)))
		last = (*ir.Block).Sub
	} else {
		b.Set(scale, b.Splat(b.Div(b.Const(1), total)))
	}
	if !d.neon() {
		d.Group = 1 // an x86 overlaps single products by itself
	}
	d.elementwise(func(b *ir.Block, y ir.V) ir.V { return last(b, y, b.Get(scale)) })
	d.f.Block(ir.RowDone, 0, "The next row.")
}

// input is x, or for a family that scales its rows x * scale.
func (d *description) input(b *ir.Block, x ir.V) ir.V {
	if d.Family.Scaled() && len(x) > 0 {
		return b.Mul(x, b.Param("scale"))
	}
	return x
}

// left is the input that is left of the vector of that index, for NEON. The other
// lanes hold -Inf, which comes after a scale as that may be negative or 0.
func (d *description) left(b *ir.Block, vector int) ir.V {
	if d.Family.Scaled() {
		mask := b.TailMask()
		return b.Select(mask, d.input(b, b.LoadTailAt(vector, mask)), b.Const(minusInf))
	}
	return b.LoadOver(vector, b.Const(minusInf))
}

// The minimax polynomial of degree 9 for ln(1 + t) on [0, 1], absolute, without a
// term of degree 0. Its error is 2^-27.5.
const (
	g1 = 0x1.ffffeap-1
	g2 = -0x1.fff87ep-2
	g3 = 0x1.54e3e6p-2
	g4 = -0x1.f955cp-3
	g5 = 0x1.7c69dap-3
	g6 = -0x1.04135cp-3
	g7 = 0x1.173034p-4
	g8 = -0x1.877d28p-6
	g9 = 0x1.0222acp-8

	ln2 = 0x1.62e43p-1
	// biased is 2^23 + 127: a biased exponent, in the low bits of a float32 near
	// 2^23, less this is the exponent.
	biased = 0x1p23 + 127
)

// log is ln(x) for x of at least 1, and NaN for a NaN, by way of 0 * x. As a row
// waits for it, the polynomial is put together from both ends at once (Estrin).
func (d *description) log(b *ir.Block, x ir.V) ir.V {
	e := b.Sub(b.AddInt(b.ShiftRight(x, mantissaBits), b.Bits(0x4b000000)), b.Const(biased))
	t := b.Sub(b.AddInt(b.And(x, b.Bits(0x007fffff)), b.Bits(0x3f800000)), b.Const(1))
	e = b.MulAdd(x, b.Const(0), e)
	linear := func(c0, c1 float32) ir.V { return b.MulAdd(t, b.Const(c1), b.Const(c0)) }
	t2 := b.Mul(t, t)
	t4 := b.Mul(t2, t2)
	low := b.MulAdd(linear(g2, g3), t2, b.Mul(t, b.Const(g1)))                         // degrees 1 to 3
	high := b.MulAdd(linear(g8, g9), t4, b.MulAdd(linear(g6, g7), t2, linear(g4, g5))) // 4 to 9
	return b.MulAdd(e, b.Const(ln2), b.MulAdd(high, t4, low))
}
