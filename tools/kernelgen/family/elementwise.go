package family

import (
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// elementwise describes the kernels that write f of every element. Their bits
// depend on no tile size.
func (d *description) elementwise(f func(b *ir.Block, x ir.V) ir.V) {
	d.unroll()
	masked := func(test ir.Test, comment string) {
		b := d.f.Block(test, 0, comment)
		mask := b.TailMask()
		b.StoreTail(mask, f(b, b.LoadTail(mask)))
	}
	store := (*ir.Block).Store
	if streams(d.Variant) {
		store = (*ir.Block).Stream
		masked(ir.ToAligned, "Elements before the first vector that lies as non-temporal stores want it.")
	}
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Group()
			store(b, f(b, b.Load(g...)), g...)
		}
	}, func(b *ir.Block) {
		store(b, f(b, b.Load(0)), 0)
	})
	const comment = "Elements that are left."
	if d.masked() {
		masked(ir.IfAny, comment)
		return
	}
	d.halvedTail(comment, f, nil, nil)
}

// vadd is x + y for the elements of two rows.
func (d *description) vadd() {
	d.pairwise(func(b *ir.Block, g []int) ir.V { return b.Add(b.Load(g...), b.LoadOther(g...)) },
		func(b *ir.Block, mask ir.V) ir.V { return b.Add(b.LoadTail(mask), b.LoadOtherTail(mask)) })
}

// vkeep is x where the second row is true, -Inf elsewhere.
func (d *description) vkeep() {
	choose := func(b *ir.Block, keep, x ir.V) ir.V { return b.Select(b.NotZero(keep), x, b.Const(minusInf)) }
	d.pairwise(func(b *ir.Block, g []int) ir.V { return choose(b, b.LoadKeep(g...), b.Load(g...)) },
		func(b *ir.Block, mask ir.V) ir.V { return choose(b, b.LoadKeepTail(mask), b.LoadTail(mask)) })
}

// pairwise is elementwise for two rows. It is for machines with masks.
func (d *description) pairwise(f func(b *ir.Block, g []int) ir.V, tail func(b *ir.Block, mask ir.V) ir.V) {
	d.unroll()
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Store(f(b, g), g...)
		}
	}, func(b *ir.Block) { b.Store(f(b, []int{0}), 0) })
	b := d.f.Block(ir.IfAny, 0, "Elements that are left.")
	mask := b.TailMask()
	b.StoreTail(mask, tail(b, mask))
}

// streams reports whether the variant writes around the caches.
func streams(variant string) bool { return variant == "nt" || strings.HasSuffix(variant, "_nt") }

// halvedTail describes a tail without masks: of the 1 to 3 elements of y = f(x)
// it stores two and then one, if the family stores, and hands them to two and
// one.
func (d *description) halvedTail(comment string, f func(b *ir.Block, x ir.V) ir.V, two, one func(b *ir.Block, y ir.V)) {
	y := d.f.Vars("y", 1)
	b := d.f.Block(ir.IfAny, 0, comment)
	b.SetAll(y, f(b, b.LoadTail(nil)))

	b = d.f.Block(ir.IfBit, 2, "Two of them.")
	v := b.Get(y...)
	if d.Family.Stores() {
		b.StoreFirst(v, 2)
	}
	if two != nil {
		two(b, v)
	}
	b.SetAll(y, b.UpperHalf(v))

	b = d.f.Block(ir.IfBit, 1, "One of them.")
	v = b.Get(y...)
	if d.Family.Stores() {
		b.StoreFirst(v, 1)
	}
	if one != nil {
		one(b, v)
	}
}

// vscaleextexp is exp(x) * mantissa * 2^exponent, the second pass of the
// two-pass algorithm:
//
//	exp(x) = p * 2^n, so that the product is (p * mantissa) * 2^(n + exponent)
func (d *description) vscaleextexp(b *ir.Block, x ir.V) ir.V {
	x = d.floored(b, x)
	n := exponent(b, x)
	p := mantissa(b, d.Variant, n, x)
	f := b.Mul(p, b.Param("mantissa"))
	e := b.Add(n, b.Param("exponent"))
	if hasScalef(d.Variant) {
		return b.Scalef(f, e)
	}
	return b.Mul(f, powerOfTwo(b, e))
}

// vscaleexpminusmax is exp(x - max) * scale.
func (d *description) vscaleexpminusmax(b *ir.Block, x ir.V) ir.V {
	return b.Mul(d.expMinusMax(b, x), b.Param("scale"))
}

// vmulc is x * c.
func (d *description) vmulc(b *ir.Block, x ir.V) ir.V {
	return b.Mul(x, b.Param("c"))
}

// vsubc2 is (x - a) - b, for log-softmax: a + b is the logarithm of the sum, to
// more digits than a float32 has.
func (d *description) vsubc2(b *ir.Block, x ir.V) ir.V {
	return b.Sub(b.Sub(x, b.Param("a")), b.Param("b"))
}
