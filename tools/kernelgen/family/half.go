package family

import (
	"math"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// widen describes the kernels that read words by load and write f of them.
func (d *description) widen(load ir.Op, f func(b *ir.Block, x ir.V) ir.V) {
	d.unroll()
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Store(f(b, b.Load16(load, g...)), g...)
		}
	}, func(b *ir.Block) { b.Store(f(b, b.Load16(load, 0)), 0) })
	if d.masks16() {
		b := d.f.Block(ir.IfAny, 0, "Elements that are left.")
		mask := b.TailMask()
		b.StoreTail(mask, f(b, b.Load16Tail(load, mask)))
		return
	}
	b := d.f.Block(ir.While, 1, "Elements that are left.")
	b.StoreFirst(f(b, b.Load16First(load)), 1)
}

// narrow describes the kernels that write f of every element as words: by pack, and by
// tail those under a mask.
func (d *description) narrow(pack, tail ir.Op, f func(b *ir.Block, x ir.V) ir.V) {
	d.unroll()
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Store16(b.Pack16(pack, f(b, b.Load(g...))), g...)
		}
	}, func(b *ir.Block) { b.Store16(b.Pack16(pack, f(b, b.Load(0))), 0) })
	if d.masks16() {
		b := d.f.Block(ir.IfAny, 0, "Elements that are left.")
		mask := b.TailMask()
		b.Store16Tail(tail, mask, f(b, b.LoadTail(mask)))
		return
	}
	b := d.f.Block(ir.While, 1, "Elements that are left.")
	b.Store16First(b.Pack16(pack, f(b, b.LoadSplat())))
}

// masks16 reports whether the machine loads and stores words under a mask.
func (d *description) masks16() bool { return d.ISA == ukernel.AVX512F }

// roundBF16 rounds to the upper 16 bits, to nearest even, and puts them into the lower
// ones: it adds half of the last bit that stays, less if that is even. A carry out of
// the mantissa goes to the exponent, where it belongs; but a NaN's could make another
// number of it.
func roundBF16(b *ir.Block, x ir.V) ir.V {
	odd := b.And(b.ShiftRight(x, 16), b.Bits(1))
	sum := b.AddInt(b.AddInt(x, b.Bits(0x7fff)), odd)
	nan := b.Const(float32(math.NaN()))
	return b.ShiftRight(b.Select(b.IsNaN(x), nan, sum), 16)
}
