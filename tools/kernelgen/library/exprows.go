package library

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// ExpSumFields are the offsets of the fields of package arith's ExpSum.
var ExpSumFields = map[string]int{"n": 0, "max": 4, "top": 8, "rest": 16, "total": 24, "before": 32, "unit": 36}

// ExpSumSize is the size of an ExpSum in bytes.
const ExpSumSize = 40

// unitBelow is how many powers of two the unit is below the largest element so far, and unitRange how
// many below the unit the elements are that the kernel does: all near, and one more as what tells that
// is rounded.
const (
	unitBelow = 2
	unitRange = nearBelow - 1
)

// expRows describes rows of exponentials in the unit of the largest element so far, with their sums in
// that of the row's first one, as sums have it: powers of two apart, so that nothing is rounded twice.
//
// A row in registers is summed in the unit of the sum, and stored times the factor between the two.
// A longer one is looked through for the largest element and the least first, which say whether all are
// near the unit; it is stored and summed in that. So nothing is written before it is sure to stay, and
// dst may be src. One with other elements is summed and then stored.
func (d *description) expRows() {
	d.row = d.shortExps
	vars := d.shortLoops()

	magicVar, largestVar := d.f.Vars("magic", 1), d.f.Vars("largest", 1)
	lows := d.f.Vars("low", d.parts)
	d.tops = d.f.Vars("top", d.parts)
	b := d.f.Block(ir.Row, 0, "A row of more elements: the largest and the least.")
	b.StoreFloat("n", b.Sub(b.Const(integer), d.minusN(b, b.LoadSplat())))
	for p := range d.parts {
		b.Set(d.tops[p], b.Const(float32(math.Inf(-1))))
		b.Set(lows[p], b.Const(float32(math.Inf(1))))
	}
	bounds := func(test ir.Test, rows int) {
		b := d.f.Block(test, rows*Lanes, "")
		for p := range d.parts {
			var x ir.V
			for r := range rows {
				x = append(x, b.Load(r*d.parts+p)...)
			}
			top, low := x, x
			if test == ir.UpTo {
				mask := b.LeftMask(p)
				low = b.Select(mask, b.LoadTailAt(p, mask), b.LoadSplat())
				top = low
			}
			b.Set(d.tops[p], b.Max(d.tree(top, b.Max), b.Get(d.tops[p])))
			b.Set(lows[p], b.Min(d.tree(low, b.Min), b.Get(lows[p])))
		}
	}
	bounds(ir.While, Rows)
	bounds(ir.While, 1)
	bounds(ir.UpTo, 1)
	b = d.f.Block(ir.Once, 0, "The unit, and whether all elements are near it.")
	b.GuardScale(exact)
	largest := b.Everywhere(ir.Max, d.tree(b.Get(d.tops...), b.Max))
	least := b.Everywhere(ir.Min, d.tree(b.Get(lows...), b.Min))
	high := d.nearHigh(b)
	b.Guard(high, largest, exact)
	b.Guard(b.Add(least, high), b.Const(0), exact)
	u := b.Sub(b.Const(integer), d.minusUnit(b, largest))
	b.Guard(b.Mul(least, b.Param("kHi")), b.Sub(u, b.Const(unitRange)), exact)
	b.StoreFloat("unit", u)
	b.Set(largestVar[0], largest)
	b.Set(magicVar[0], b.Mul(b.Sub(b.Const(nearBase), u), b.Const(unit)))
	d.sumVars()
	for p := range d.parts {
		b.Set(d.sums[p], b.Const(0))
		b.Set(d.rests[p], b.Const(0))
	}
	d.f.Block(ir.Again, 0, "Exponentials and their sum.")
	d.vars, d.isNear = append(vars[:2:2], magicVar...), true
	tops := d.tops
	d.tops = nil
	d.turns("", d.store)
	d.tops = tops
	b = d.f.Block(ir.Once, 0, "What is stored of a row.")
	largest, rest, topDouble, top := d.sumOf(b)
	b.GuardNumber(End, rest)
	scale := d.sumScale(b)
	b.Note("A zero is stored without its sign.")
	b.StoreFloat("max", b.Add(largest, b.Const(0)))
	b.StoreDouble("top", b.MulDouble(topDouble, scale))
	b.StoreDouble("rest", b.MulDouble(rest, scale))
	b.StoreDouble("total", b.MulDouble(d.total(b), scale))
	b.Set(largestVar[0], b.Splat(top))
	b.Get(vars...)
	b.GuardDouble(topDouble, b.AddDouble(rest, rest), "next")

	b = d.f.Block(ir.Results, 0, "The sum of the others, next to a largest one that is more than twice as much.")
	for p := range d.parts {
		b.Set(d.sums[p], b.Const(0))
		b.Set(d.rests[p], b.Const(0))
	}
	others := func(test ir.Test, of body) {
		b := d.f.Block(test, of.rows*Lanes, "")
		if test == ir.UpTo {
			b.Full = of.whole * Lanes
		}
		for p := range d.parts {
			for r := 0; r < of.rows; r += GroupRows {
				var f forest
				for i := r; i < min(r+GroupRows, of.rows); i++ {
					v := i*d.parts + p
					x := b.Load(v)
					if i >= of.whole {
						x = b.LoadTailAt(v, b.LeftMask(v))
					}
					f.add(b.Keep(b.Greater(b.Get(largestVar...), x), x), b.Add)
				}
				d.accumulate(b, p, f.root(b.Add))
			}
		}
	}
	others(ir.While, wholeTurn)
	for _, x := range fewTails {
		others(ir.UpTo, x)
	}
	b = d.f.Block(ir.Once, 0, "It takes the place of the rest.")
	b.StoreDouble("rest", b.MulDouble(d.total(b), d.sumScale(b)))
	b.Goto = "next"

	b = d.f.Block(ir.Again, 0, "Other elements: their sum, in its own unit.")
	b.Label = exact
	x := b.LoadSplat()
	b.Guard(x, b.Param("low"), End)
	b.Guard(b.Param("high"), x, End)
	n := b.Sub(b.Const(integer), d.minusN(b, x))
	s := segment{kHi: b.Param("kHi"), kLo: b.Param("kLo"), magic: b.Sub(b.Const(magic), n)}
	s.lim = b.Min(b.Mul(b.Add(n, b.Const(reach+headroom)), b.Param("invK")), b.Param("high"))
	d.keep(b, s, d.f.Vars("other", 4))
	for p := range d.parts {
		b.Set(d.sums[p], b.Const(0))
		b.Set(d.rests[p], b.Const(0))
	}
	d.tops = nil
	d.turns(End, unusedTurns)
	d.tops = tops
	b = d.f.Block(ir.Once, 0, "What is stored of the row. Of a sure one the rest would need its elements: it is left.")
	largest, rest, topDouble, _ = d.sumOf(b)
	b.GuardNumber(End, rest)
	b.GuardDouble(b.AddDouble(rest, rest), topDouble, End)
	u = b.Sub(b.Const(integer), d.minusUnit(b, largest))
	b.StoreFloat("unit", u)
	b.StoreFloat("max", b.Add(largest, b.Const(0)))
	b.StoreDouble("top", topDouble)
	b.StoreDouble("rest", rest)
	b.StoreDouble("total", d.total(b))
	b.Set(d.vars[2], b.Sub(b.Const(magic), u))
	d.f.Block(ir.Again, 0, "Their exponentials.")
	e := func(b *ir.Block, load func() ir.V) ir.V {
		y, _ := d.exp(b, d.kept(b), load, nil)
		return y
	}
	d.loops(e, (*ir.Block).Store)
	b = d.f.Block(ir.UpTo, d.Machine.Lanes, "Elements that are left.")
	left := b.LoadLeft(0)
	b.StoreLeft(e(b, func() ir.V { return left }), 0)
	d.rowDone(vars)
}

// sumOf is the largest element of a row that was summed, the sum of the other exponentials, and its own.
func (d *description) sumOf(b *ir.Block) (largest, rest, topDouble, top ir.V) {
	largest, top, of := d.topOf(b, d.kept(b), b.Get(d.tops...))
	var lanes ir.V
	for p := range d.parts {
		x := b.SubDouble(b.Widen(b.Get(d.sums[p])), b.Widen(of[p:p+1]))
		lanes = append(lanes, b.AddDouble(x, b.Widen(b.Get(d.rests[p])))...)
	}
	return largest, b.ByHalves(lanes), b.WidenFirst(top), top
}

// minusUnit is integer - the unit of the largest element so far, which is that of the row or of those
// before.
func (d *description) minusUnit(b *ir.Block, largest ir.V) ir.V {
	return b.Sub(b.Const(integer+unitBelow), b.Mul(b.Max(largest, b.Field("before")), b.Param("kHi")))
}

// sumScale is the power of two that the sum of a longer row has to be multiplied by.
func (d *description) sumScale(b *ir.Block) ir.V {
	return b.WidenFirst(d.power(b, b.Sub(b.Const(integer), b.Field("n")), b.Add(b.Const(integer), b.Field("unit"))))
}

// power is 2^(x + y), of integers in the low bits.
func (d *description) power(b *ir.Block, x, y ir.V) ir.V {
	return b.AddInt(b.ShiftLeft(b.AddInt(x, y), 23), b.Const(1))
}

// shortExps describes a row in registers.
func (d *description) shortExps(b *ir.Block, s segment, x body, label string) {
	n := b.Sub(b.Const(integer), d.minusN(b, b.LoadFirst()))
	b.StoreFloat("n", n)
	largest, top, of := d.topOf(b, s, d.elements(b, x))
	minusUnit := d.minusUnit(b, largest)
	plusN := b.Add(b.Const(integer), n)
	b.Note("Leave if an exponential may be 0 in the unit.")
	b.Guard(b.Add(minusUnit, n), b.Const(integer-lowest+nearBelow), label)
	groups := make([]ir.V, d.parts)
	e := make(map[int]ir.V)
	d.turn(b, s, x, label, func(_ *ir.Block, y ir.V, vectors []int) {
		for i, v := range vectors {
			e[v] = y[i : i+1]
		}
	}, func(_ *ir.Block, part int, t ir.V) { groups[part] = append(groups[part], t...) })
	var lanes, all ir.V
	for p, t := range groups {
		sum, rest := t[:1], ir.V(nil)
		if len(t) > 1 {
			sum, rest = d.twoSum(b, t[:1], t[1:])
		}
		others := b.SubDouble(b.Widen(sum), b.Widen(of[p:p+1]))
		if rest != nil {
			others = b.AddDouble(others, b.Widen(rest))
		}
		lanes = append(lanes, others...)
		if sum = b.Widen(sum); rest != nil {
			sum = b.AddDouble(sum, b.Widen(rest))
		}
		all = append(all, sum...)
	}
	rest := b.ByHalves(lanes)
	b.StoreFloat("max", b.Add(largest, b.Const(0)))
	b.StoreFloat("unit", b.Sub(b.Const(integer), minusUnit))
	topDouble := b.WidenFirst(top)
	b.StoreDouble("top", topDouble)
	b.StoreDouble("rest", rest)
	b.StoreDouble("total", b.ByHalves(all))
	b.GuardDouble(b.AddDouble(rest, rest), topDouble, fmt.Sprint(sure, x.rows*Lanes))
	d.storeExps(b, x, e, d.power(b, plusN, minusUnit))
}

// storeExps stores exponentials times the power.
func (d *description) storeExps(b *ir.Block, x body, e map[int]ir.V, power ir.V) {
	power = b.Splat(power)
	store := d.store(x)
	for v := range x.rows * d.parts {
		store(b, b.Mul(e[v], power), []int{v})
	}
}

// sureExps describes a row in registers whose largest element is more than twice as much as all others:
// the rest is the sum without that.
func (d *description) sureExps(of body, vars []*ir.Var) {
	b := d.f.Block(ir.OneRow, of.rows*Lanes, "The sum without the largest element, next to which the others are rounded off.")
	b.Full = of.whole * Lanes
	b.Label = fmt.Sprint(sure, of.rows*Lanes)
	kHi, kLo := b.Get(vars[0]), b.Get(vars[1])
	s := segment{near: true, kHi: kHi, kLo: kLo, magic: d.rowMagic(b, d.first(b, of.rows), kHi)}
	e := make(map[int]ir.V)
	largest := b.Field("max")
	d.without = func(*ir.Block) ir.V { return largest }
	rest := d.rowSum(b, s, of, "", func(_ *ir.Block, y ir.V, vectors []int) {
		for i, v := range vectors {
			e[v] = y[i : i+1]
		}
	})
	d.without = nil
	b.StoreDouble("rest", rest)
	d.storeExps(b, of, e, d.power(b, b.Add(b.Const(integer), b.Field("n")), b.Sub(b.Const(integer), b.Field("unit"))))
}
