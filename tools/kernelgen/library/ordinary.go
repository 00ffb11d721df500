package library

import "github.com/twopass-softmax/twopass/tools/kernelgen/ir"

const (
	// ordinary is how many powers of two from 1 the first element of an ordinary row may be: then a table
	// holds 2^(j/8 - N).
	ordinary = 96
	// share is a bit less than two thirds, the least share of the total that the largest element of a sure row has.
	share = 0.65625
)

// ordinaryRow describes the total of a row and its logarithm. The total need not have the definition's bits: with
// Scalef, what should be 0 may be something below 2^-125. It leaves rows that take more than one N, and at the end
// those of which one element may be more than twice as much as all others.
func (d *description) ordinaryRow() {
	near, other := d.f.Vars("near", 3), d.f.Vars("other", 4)
	d.sumVars()
	b := d.f.Block(ir.Once, 0, "N, and an empty sum.")
	b.GuardScale(Irregular)
	power := b.Mul(b.LoadSplat(), b.Param("kHi"))
	b.Guard(b.Const(ordinary), power, Irregular)
	b.Guard(power, b.Const(-ordinary), Irregular)
	n := b.Sub(b.Const(integer), b.Sub(b.Const(integer+headroom), power))
	b.StoreFloat("n", n)
	if d.VectorMasks {
		d.keep(b, d.near(b, n), near)
	} else {
		d.widen(b, b.Sub(b.Const(magic), n), b.Sub(b.Const(0), n), near)
	}
	if d.Kernel == CopyRow {
		d.tops = d.f.Vars("top", d.parts)
	}
	d.empty(b)
	d.turns(exact, unusedTurns)
	d.f.Blocks[len(d.f.Blocks)-1].Goto = total

	d.wideVars = nil
	d.other(other)
	d.turns(Irregular, unusedTurns)

	b = d.f.Block(ir.Once, 0, "The sum of all lanes.")
	b.Label = total
	sum := d.total(b)
	b.GuardDouble(b.Double(nearTotal), sum, Irregular)
	var largest ir.V
	if d.tops != nil {
		largest = b.Reduce(ir.Max, d.tree(b.Get(d.tops...), b.Max))
	}
	d.storeTotal(b, sum, largest)
	d.guardShare(b, b.Get(d.sums...), sum, End)
	log := b.LogTotal(sum, b.Sub(b.Const(integer), b.Param("n")))
	if d.Kernel == CopyRow {
		log = b.SubDouble(log, b.MulDouble(b.WidenFirst(largest), b.WidenFirst(b.Param("scale"))))
	}
	b.Return("y", b.Certain(log, Uncertain))
	b.Goto = "done"
	b = d.f.Block(ir.Once, 0, "The lanes.")
	b.Label = End
	for p := range d.parts {
		b.StoreState(b.Get(d.sums[p]), totalLanes+p*d.Machine.Lanes)
	}
}

// storeTotal stores a row's sum, and its largest element if that is known.
func (d *description) storeTotal(b *ir.Block, sum, largest ir.V) {
	b.StoreDouble("total", sum)
	if largest != nil {
		b.Note("A zero is stored without its sign.")
		b.StoreFloat("max", b.Add(largest, b.Const(0)))
	}
}

// guardShare leaves for the label if a lane may have more than twice as much as all others.
func (d *description) guardShare(b *ir.Block, lanes, sum ir.V, label string) {
	b.Note("Leave if a lane may have more than twice as much as all others.")
	b.GuardGreater(label, d.tree(lanes, b.Max), b.Splat(b.Narrow(b.MulDouble(sum, b.Double(share)))))
}
