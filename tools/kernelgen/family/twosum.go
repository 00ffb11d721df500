package family

import (
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// The kernels below are ours, for callers that need more of a sum than
// upstream's kernels give. Each turn of the main loop adds its vectors up as a
// tree, and adds what that gives to the one accumulator by Knuth's TwoSum, which
// says what the addition rounded off; that is kept in a second accumulator. So
// the error of a sum does not grow with the number of its terms, as it does in a
// float32 alone.

// floor is where variants with one cut x off: exp(floor) is nothing next to
// exp(x) for an x above floor + 88. No argument below makes NaN or infinity
// then, not even -Inf.
const floor = -0x1p17

// floored is x, not below the floor. The order of the operands lets a NaN pass.
func (d *description) floored(b *ir.Block, x ir.V) ir.V {
	if !strings.Contains(d.Variant, "_floor") {
		return x
	}
	return b.Max(b.Const(floor), x)
}

// twoSum is x + y, and what is missing of it: sum + rest = x + y exactly.
func twoSum(b *ir.Block, x, y ir.V) (sum, rest ir.V) {
	sum = b.Add(x, y)
	z := b.Sub(sum, x) // what of y arrived
	return sum, b.Add(b.Sub(x, b.Sub(sum, z)), b.Sub(y, z))
}

// accumulate adds x to what the variables sum and rest hold.
func accumulate(b *ir.Block, sum, rest *ir.Var, x ir.V) {
	s, r := twoSum(b, b.Get(sum), x)
	b.Set(rest, b.Add(b.Get(rest), r))
	b.Set(sum, s)
}

// reduceTwoSum adds the lanes of sum and rest up.
func reduceTwoSum(b *ir.Block, sum, rest ir.V) ir.V {
	for sum[0].Lanes > 1 {
		var r ir.V
		lower, upper := b.Halves(sum)
		sum, r = twoSum(b, lower, upper)
		lower, upper = b.Halves(rest)
		rest = b.Add(b.Add(lower, upper), r)
	}
	return b.Add(sum, rest)
}

// forest builds the tree of the vectors of a turn as they come: trees of one
// size are joined at once, so that few vectors wait.
type forest struct {
	trees ir.V
	sizes []int
}

func (t *forest) add(b *ir.Block, vs ir.V) {
	for i := range vs {
		t.trees, t.sizes = append(t.trees, vs[i]), append(t.sizes, 1)
		for n := len(t.sizes); n > 1 && t.sizes[n-1] == t.sizes[n-2]; n-- {
			t.join(b)
		}
	}
}

func (t *forest) join(b *ir.Block) {
	n := len(t.trees)
	t.trees = append(t.trees[:n-2:n-2], b.Add(t.trees[n-2:n-1], t.trees[n-1:])...)
	t.sizes = append(t.sizes[:n-2], t.sizes[n-2]+t.sizes[n-1])
}

// sum is the sum of all vectors added.
func (t *forest) sum(b *ir.Block) ir.V {
	for len(t.trees) > 1 {
		t.join(b)
	}
	return t.trees
}

// raddexpminusmaxTwoSum describes the sums of exp(x - max) that are as exact as
// the exponentials.
func (d *description) raddexpminusmaxTwoSum() {
	// The largest element, if the family wants it.
	var top *ir.Var
	if d.Family == ukernel.RAddMaxExpMinusMax {
		top = d.f.Vars("top", 1)[0]
	}
	b := d.f.Block(ir.Once, 0, "An empty sum.")
	sum, rest := d.sumTwoSum(b, func(b *ir.Block, x ir.V) (term, result ir.V) {
		y := d.expMinusMax(b, x)
		if d.Family.Stores() {
			return y, y
		}
		return y, nil
	}, top, d.tile)
	b = d.f.Block(ir.Once, 0, "Add the lanes up.")
	b.Return("sum", reduceTwoSum(b, b.Get(sum), b.Get(rest)))
	if top != nil {
		b = d.f.Block(ir.Once, 0, "The largest lane.")
		b.Return("top", b.Reduce(ir.Max, b.Get(top)))
	}
}

// sumTwoSum sums f's terms of all elements, lane by lane, and stores f's results if
// there are any: in block b it begins, and it adds loops whose turns take as many
// vectors as tiles says. It keeps the largest element in top, if it is to.
func (d *description) sumTwoSum(b *ir.Block, f func(b *ir.Block, x ir.V) (term, result ir.V), top *ir.Var, tiles ...int) (sum, rest *ir.Var) {
	sum, rest = d.f.Vars("sum", 1)[0], d.f.Vars("rest", 1)[0]
	step := func(b *ir.Block, groups [][]int) {
		var t forest
		for _, g := range groups {
			b.Group()
			d.prefetch(b, g)
			y, z := f(b, d.input(b, b.Load(g...)))
			if z != nil {
				b.Store(z, g...)
			}
			t.add(b, y)
		}
		accumulate(b, sum, rest, t.sum(b))
		if top != nil {
			b.Set(top, b.Max(b.Get(top), tree(b.Load(slices.Concat(groups...)...), b.Max)))
		}
	}
	b.Set(sum, b.Const(0))
	b.Set(rest, b.Const(0))
	if top != nil {
		b.Set(top, b.Const(minusInf))
	}
	for i, tile := range tiles {
		if d.tile = tile; i > 0 {
			d.Turn = 0 // there are few of these
		}
		d.loops(func(b *ir.Block, first int) { step(b, d.groups(first)) }, nil)
	}
	d.singles(func(b *ir.Block) { step(b, [][]int{{0}}) })

	const comment = "Elements that are left; the other lanes add zero."
	switch {
	case d.neon():
		b = d.f.Block(ir.IfAny, 0, "Elements that are left; the other lanes hold -Inf, exp of which adds zero.")
		x := d.left(b, 0)
		y, z := f(b, x)
		if z != nil {
			b.StoreTail(nil, z)
		}
		if top != nil {
			b.Set(top, b.Max(b.Get(top), x))
		}
		accumulate(b, sum, rest, y)
	case d.masked():
		b = d.f.Block(ir.IfAny, 0, comment)
		mask := b.TailMask()
		x := d.input(b, b.LoadTail(mask))
		y, z := f(b, x)
		if z != nil {
			b.StoreTail(mask, z)
		}
		if top != nil {
			b.Set(top, b.Select(mask, b.Max(b.Get(top), x), b.Get(top)))
		}
		accumulate(b, sum, rest, b.Keep(mask, y))
	default:
		d.halvedTail(comment, func(b *ir.Block, x ir.V) ir.V { y, _ := f(b, x); return y },
			func(b *ir.Block, y ir.V) { accumulate(b, sum, rest, b.FirstHalf(y)) },
			func(b *ir.Block, y ir.V) { accumulate(b, sum, rest, b.AddFirst(b.Const(0), y)) })
	}
	return sum, rest
}

// raddextexpTwoSum describes the first pass of the two-pass algorithm with a sum
// that is as exact as the exponentials: (sum + rest) * 2^e. It is for variants
// with a floor, where exponents are finite whatever a lane holds.
func (d *description) raddextexpTwoSum() {
	sum, rest, e := d.f.Vars("sum", 1)[0], d.f.Vars("rest", 1)[0], d.f.Vars("e", 1)[0]

	// step adds exp of the given vectors, which load gives for the first of them
	// and their number.
	step := func(b *ir.Block, groups [][]int, load func(g []int) ir.V) {
		// The exponents first: the sum moves to the largest of them.
		top := b.Get(e)
		ns := make([]ir.V, len(groups))
		for i, g := range groups {
			b.Group()
			d.prefetch(b, g)
			ns[i] = exponent(b, load(g))
			for j := range g {
				top = b.Max(top, ns[i][j:j+1])
			}
		}
		delta := b.Sub(b.Get(e), top)
		b.Set(e, top)
		if hasScalef(d.Variant) {
			b.Set(sum, b.Scalef(b.Get(sum), delta))
			b.Set(rest, b.Scalef(b.Get(rest), delta))
		} else {
			delta = powerOfTwo(b, delta)
			b.Set(sum, b.Mul(b.Get(sum), delta))
			b.Set(rest, b.Mul(b.Get(rest), delta))
		}
		// Then the mantissas, at these exponents.
		var t forest
		for i, g := range groups {
			b.Group()
			p := mantissa(b, d.Variant, ns[i], load(g))
			t.add(b, d.scale(b, p, b.Sub(ns[i], top)))
		}
		accumulate(b, sum, rest, t.sum(b))
	}

	b := d.f.Block(ir.Once, 0, "An empty sum: 0 * 2^-Inf.")
	b.Set(sum, b.Const(0))
	b.Set(rest, b.Const(0))
	b.Set(e, b.Const(minusInf))
	load := func(b *ir.Block) func(g []int) ir.V {
		return func(g []int) ir.V { return d.floored(b, b.Load(g...)) }
	}
	one := [][]int{{0}}
	d.loops(func(b *ir.Block, first int) { step(b, d.groups(first), load(b)) }, func(b *ir.Block) { step(b, one, load(b)) })

	b = d.f.Block(ir.IfAny, 0, "Elements that are left; the other lanes are at the floor, which adds nothing.")
	mask := b.TailMask()
	x := d.floored(b, b.Select(mask, b.LoadTail(mask), b.Const(floor)))
	step(b, one, func([]int) ir.V { return x })

	b = d.f.Block(ir.Once, 0, "All lanes at their largest exponent, then add them up.")
	es := b.Get(e)
	top, result := d.topLane(b, es)
	delta := b.Sub(es, top)
	b.Return("mantissa", reduceTwoSum(b, d.scale(b, b.Get(sum), delta), d.scale(b, b.Get(rest), delta)))
	b.Return("exponent", result)
}
