package family

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// elementwise describes the kernels that write f of every element. Their bits
// depend on no tile size.
func (d *description) elementwise(f func(b *ir.Block, x ir.V) ir.V) {
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Group()
			b.Store(f(b, b.Load(g...)), g...)
		}
	}, func(b *ir.Block) {
		b.Store(f(b, b.Load(0)), 0)
	})
	const comment = "Elements that are left."
	if d.masked() {
		b := d.f.Block(ir.IfAny, 0, comment)
		mask := b.TailMask()
		b.StoreTail(mask, f(b, b.LoadTail(mask)))
		return
	}
	d.halvedTail(comment, f, nil, nil)
}

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
	n := exponent(b, x)
	p := mantissa(b, d.Exp, n, x)
	f := b.Mul(p, b.Param("mantissa"))
	e := b.Add(n, b.Param("exponent"))
	if d.Exp.Scalef {
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
