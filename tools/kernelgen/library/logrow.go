package library

import "github.com/twopass-softmax/twopass/tools/kernelgen/ir"

const (
	// certainMost is the largest size of a first element. With larger ones float64 rounds by more than package arith's
	// doubt allows for.
	certainMost = 256
	// sureExcess is a bit more than log(3/2) + log(K): the excess of a row whose largest element is two thirds of
	// the total.
	sureExcess = 0x1.aap-2 + 0x1.58634ep-4
)

// logRow describes the logarithms of a row in registers. It leaves rows whose results have no certain last bit.
func (d *description) logRow(b *ir.Block, s segment, x body, label string) {
	largest := b.Reduce(ir.Max, d.tree(d.elements(b, x), b.Max))
	b.StoreFloat("max", largest)
	log := b.LogTotal(d.rowSum(b, s, x, label, unused), s.belowN())
	b.Note("Leave if the largest element may be more than twice as much as all others.")
	excess := b.SubDouble(log, b.WidenFirst(largest))
	b.GuardDouble(excess, b.Double(sureExcess), Sure)
	b.LogAlone(log, label)
	e, m := b.Splat(b.Certain(excess, label)), b.Splat(largest)
	b.Note("x - largest - excess")
	store := d.store(x)
	for v := range x.rows * d.parts {
		var y ir.V
		if v >= x.whole*d.parts {
			y = b.LoadTailAt(v, b.LeftMask(v))
		} else {
			y = b.Load(v)
		}
		store(b, b.Sub(b.Sub(y, m), e), []int{v})
	}
}
