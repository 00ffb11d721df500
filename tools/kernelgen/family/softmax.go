package family

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// softmax describes the kernels that do whole rows, which are ours. A row stays in
// registers from its maximum to its result, with every lane of a vector at work in
// every step, and the rows of a matrix, which need not wait for each other, overlap
// in the processor. There is a loop over rows for each number of vectors in a row.
func (d *description) softmax() {
	for vectors := 1; vectors <= d.tile; vectors++ {
		b := d.f.Block(ir.EachRow, vectors*d.Lanes(), fmt.Sprintf("Rows of %d to %d elements.", (vectors-1)*d.Lanes()+1, vectors*d.Lanes()))
		all := make([]int, vectors)
		for i := range all {
			all[i] = i
		}
		last := vectors - 1
		mask := b.TailMask()
		x := append(b.Load(all[:last]...), b.LoadTailAt(last, mask)...)

		tops := append(x[:last:last], b.Select(mask, x[last:], b.Const(minusInf))...)
		top := b.Everywhere(b.Max, tree(tops, b.Max))
		b.Guard(b.Const(0), b.Sub(top, top)) // NaN unless top is finite

		var y ir.V
		for _, g := range d.split(all) {
			y = append(y, d.exp(b, b.Sub(x[g[0]:g[len(g)-1]+1], top))...)
		}
		y = append(y[:last], b.Keep(mask, y[last:])...)
		sum := b.Everywhere(b.Add, tree(y, b.Add))
		if d.Family == ukernel.LogSoftmax {
			y = b.Sub(b.Sub(x, top), d.log(b, sum))
		} else {
			y = b.Mul(y, b.Splat(b.Div(b.Const(1), sum)))
		}
		b.Store(y[:last], all[:last]...)
		b.StoreTailAt(last, mask, y[last:])
	}
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

// log is ln(x) for x of at least 1, and NaN for a NaN, by way of 0 * x.
func (d *description) log(b *ir.Block, x ir.V) ir.V {
	e := b.Sub(b.AddInt(b.ShiftRight(x, mantissaBits), b.Bits(0x4b000000)), b.Const(biased))
	t := b.Sub(b.AddInt(b.And(x, b.Bits(0x007fffff)), b.Bits(0x3f800000)), b.Const(1))
	y := b.MulAdd(e, b.Const(ln2), b.Mul(t, polynomial(b, t, g1, g2, g3, g4, g5, g6, g7, g8, g9)))
	return b.MulAdd(x, b.Const(0), y)
}
