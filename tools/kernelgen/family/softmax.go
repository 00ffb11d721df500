package family

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// nearLimitSquared is the square of the largest size of a maximum for which base 2
// is exact enough: a maximum is compared with it by its square.
const nearLimitSquared = 1 << 32

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
		b.Guard(b.Const(nearLimitSquared), b.Mul(top, top))
		c := b.Mul(top, b.Const(-log2e))

		var y ir.V
		for _, g := range d.split(all) {
			y = append(y, d.exp2(b, x[g[0]:g[len(g)-1]+1], c)...)
		}
		y = append(y[:last], b.Keep(mask, y[last:])...)
		sum := b.Everywhere(b.Add, tree(y, b.Add))
		y = b.Mul(y, b.Splat(b.Div(b.Const(1), sum)))
		b.Store(y[:last], all[:last]...)
		b.StoreTailAt(last, mask, y[last:])
	}
}
