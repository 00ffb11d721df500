package library

import (
	"fmt"
	"slices"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// sumRows describes the sums of rows for logarithms, laid out as [description.softmaxRows].
func (d *description) sumRows() {
	d.row = d.shortSum
	vars := d.shortLoops()

	magic, other := d.f.Vars("magic", 1), d.f.Vars("other", 4)
	d.sumVars()
	d.tops = d.f.Vars("top", d.parts)
	b := d.f.Block(ir.Row, 0, "A row of more elements: N, and an empty sum.")
	x := b.LoadSplat()
	d.begin(b, x, End)
	d.empty(b)
	b.Set(magic[0], d.rowMagic(b, x, b.Get(vars[0])))
	finish := func(comment string) {
		b := d.f.Block(ir.Once, 0, comment)
		s := d.kept(b)
		largest, top, of := d.topOf(b, s, b.Get(d.tops...))
		d.storeRest(b, s.near, largest, of, top, b.Get(d.sums...), b.Get(d.rests...), "")
	}
	b = d.f.Block(ir.Once, 0, "Where elements are near.")
	b.GuardScale(exact)
	b.Guard(d.nearHigh(b), b.LoadSplat(), exact)
	d.vars, d.isNear = slices.Concat(vars[:2], magic), true
	d.turns(exact, unusedTurns)
	finish("What is stored of a row of near elements.")
	d.f.Blocks[len(d.f.Blocks)-1].Goto = "next"

	d.other(other)
	d.turns(End, unusedTurns)
	finish("What is stored of a row.")
	d.rowDone(vars)
}

// shortSum describes the sum of a row in registers.
func (d *description) shortSum(b *ir.Block, s segment, x body, label string) {
	b.StoreFloat("n", b.Sub(b.Const(integer), d.minusN(b, b.LoadFirst())))
	var largest, top, of ir.V
	meet := func(b *ir.Block, tops ir.V) { largest, top, of = d.topOf(b, s, tops) }
	sureLabel := ""
	if s.near { // early, as what is last waits for it
		if x.rows <= Rows {
			sureLabel = x.sure()
		}
		meet(b, d.elements(b, x))
	}
	groups := make([]ir.V, d.parts)
	d.meet = meet
	d.turn(b, s, x, label, unused,
		func(_ *ir.Block, part int, t ir.V) { groups[part] = append(groups[part], t...) })
	d.meet = nil
	var sums, rests ir.V
	for _, t := range groups {
		sum, rest := t[:1], ir.V(nil)
		for _, v := range t[1:] {
			var r ir.V
			if sum, r = d.twoSum(b, sum, ir.V{v}); rest != nil {
				r = b.Add(rest, r)
			}
			rest = r
		}
		sums, rests = append(sums, sum...), append(rests, rest...)
	}
	d.storeRest(b, s.near, largest, of, top, sums, rests, sureLabel)
}

// topOf is the largest element, its exponential, and that in the first lane alone of those that
// have the element.
func (d *description) topOf(b *ir.Block, s segment, tops ir.V) (largest, top, of ir.V) {
	b.Note("The largest element, in all lanes, and its exponential.")
	largest = b.Everywhere(ir.Max, d.tree(tops, b.Max))
	top, _ = d.exp(b, s, func() ir.V { return largest }, func(ir.V) {})
	return largest, top, b.Keep(b.First(b.NotLess(tops, largest)), top)
}

// storeRest stores the largest element, its exponential top, and the sum without that, which
// of has in the lane that goes without. A row with a NaN ends the kernel. It leaves for
// sureLabel, if there is one, if top is more than twice as much as the rest.
func (d *description) storeRest(b *ir.Block, near bool, largest, of, top, sums, rests ir.V, sureLabel string) {
	var lanes ir.V
	for p := range d.parts {
		x := b.SubDouble(b.Widen(sums[p:p+1]), b.Widen(of[p:p+1]))
		if rests != nil {
			x = b.AddDouble(x, b.Widen(rests[p:p+1]))
		}
		lanes = append(lanes, x...)
	}
	rest := b.ByHalves(lanes)
	if !near {
		b.GuardNumber(End, rest)
	}
	b.Note("A zero is stored without its sign.")
	b.StoreFloat("max", b.Add(largest, b.Const(0)))
	topDouble := b.WidenFirst(top)
	b.StoreDouble("top", topDouble)
	b.StoreDouble("rest", rest)
	if sureLabel != "" {
		b.GuardDouble(b.AddDouble(rest, rest), topDouble, sureLabel)
	}
}

// sure is the label of a body's [description.sureRow].
func (x body) sure() string { return fmt.Sprint(sure, x.whole*Lanes, "to", x.rows*Lanes) }

// sureRow describes the second sum of a short row whose largest element is more than twice as
// much as all others: without that element, of which there is one, and with an N that is far
// below it. If elements are not near then, the first sum stays.
func (d *description) sureRow(x body, kHi, kLo func(*ir.Block) ir.V) {
	label := x.sure()
	b := d.f.Block(ir.OneRow, x.rows*Lanes, "The sum without the largest element, next to which the others are rounded off.")
	b.Full = x.whole * Lanes
	b.Label = label
	largest := b.Param("max")
	s := segment{near: true, kHi: kHi(b), kLo: kLo(b), magic: d.magicBelow(b, largest, kHi(b), sureReach)}
	d.without = func(*ir.Block) ir.V { return largest }
	rest := d.rowSum(b, s, x, label+Next, unused)
	d.without = nil
	d.storeSure(b, s, largest, rest)
}

// storeSure stores the second sum of a sure row: rest is what its other elements add up to.
func (d *description) storeSure(b *ir.Block, s segment, largest, rest ir.V) {
	top, _ := d.exp(b, s, func() ir.V { return largest }, func(ir.V) {})
	scale := b.Double(1 << (sureLeast - sureReach))
	b.StoreDouble("top", b.MulDouble(b.WidenFirst(top), scale))
	b.StoreDouble("rest", b.MulDouble(rest, scale))
	b.StoreFloat("n", b.Sub(b.Const(integer), b.Sub(b.Const(integer+sureLeast), b.Mul(largest, d.kHi(b)))))
}

// sureSum describes the kernel of one sure row of any length, whose largest element is known.
func (d *description) sureSum() {
	near, largest := d.f.Vars("near", 3), d.f.Vars("largest", 1)
	d.sumVars()
	b := d.f.Block(ir.Once, 0, "N, far below the largest element, and an empty sum.")
	b.GuardScale(Irregular)
	m := b.Param("max")
	b.Guard(m, b.Param("low"), Irregular)
	b.Guard(b.Param("high"), m, Irregular)
	kHi := b.Mul(b.Param("kHi"), b.Const(unit))
	d.keep(b, segment{near: true, kHi: kHi, kLo: b.Mul(b.Param("kLo"), b.Const(unit)), magic: d.magicBelow(b, m, kHi, sureReach)}, near)
	b.Set(largest[0], m)
	d.empty(b)
	d.without = func(b *ir.Block) ir.V { return b.Get(largest...) }
	d.turns(Irregular, unusedTurns)
	b = d.f.Block(ir.Once, 0, "The sum of all lanes.")
	d.storeSure(b, d.kept(b), b.Get(largest...), d.total(b))
	b.Goto = "done"
}

// Next is what the label of a block of [ir.OneRow] has behind it where the row is done.
const Next = "Next"
