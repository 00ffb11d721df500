package family

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Kernels of binary16 numbers. Those of x86 compute in float32 and convert what they
// load, store and return; those of NEON compute in binary16.

// The constants of f16_raddstoreexpminusmax beside float32's.
const (
	halfC1     = 0x1.039E10p+0
	halfC2     = 0x1.FF3A32p-2
	halfCutoff = -0x1.368p+3
)

// widens reports whether the kernel computes in float32.
func (d *description) widens() bool { return !d.neon() }

// load16 loads whole vectors of binary16 numbers.
func (d *description) load16(b *ir.Block, vectors ...int) ir.V {
	if d.widens() {
		return b.Load16(ir.LoadF16, vectors...)
	}
	return b.Load(vectors...)
}

// store16 rounds and stores whole vectors.
func (d *description) store16(b *ir.Block, y ir.V, vectors ...int) {
	if d.widens() {
		b.Store16(b.Pack16(ir.PackF16, y), vectors...)
	} else {
		b.Store(y, vectors...)
	}
}

// storePart rounds and stores the first 4, 2 or 1.
func (d *description) storePart(b *ir.Block, y ir.V, n int) {
	if d.widens() {
		y = b.Pack16(ir.PackF16, y)
	}
	b.Store16Part(y, n)
}

// return16 rounds lane 0 and makes it the kernel's result.
func (d *description) return16(b *ir.Block, name string, x ir.V) {
	if d.widens() {
		x = b.Pack16(ir.PackF16, x)
	}
	b.ReturnHalf(name, x)
}

// param16 is a variable with a parameter in every lane.
func (d *description) param16(name string) *ir.Var {
	v := d.f.Vars(name, 1)
	b := d.f.Block(ir.Once, 0, "The parameter, in every lane.")
	b.Set(v[0], b.ParamHalf(name))
	return v[0]
}

// parts16 describes what is left of a vector of eight by four elements, two and one:
// f is of those loaded, in the lower lanes, and then gets their number.
func (d *description) parts16(f func(b *ir.Block, n int, x ir.V)) {
	for _, part := range []struct {
		n       int
		comment string
	}{{4, "Four elements that are left."}, {2, "Two of them."}, {1, "One of them."}} {
		b := d.f.Block(ir.IfBit, part.n, part.comment)
		load := ir.LoadF16
		if !d.widens() {
			load = ir.LoadHalf
		}
		f(b, part.n, b.Load16Part(load, part.n))
	}
}

// f16rmax describes the kernels that find the largest binary16 number.
func (d *description) f16rmax() {
	accumulators := d.Accumulators
	if d.ISA == ukernel.F16C { // whose name does not tell them
		accumulators = 4
	}
	acc := d.f.Vars("max", accumulators)
	b := d.f.Block(ir.Once, 0, "The first element, in every lane.")
	var first ir.V
	if d.widens() {
		first = b.Splat(b.Load16First(ir.LoadF16))
	} else {
		first = b.LoadSplat()
	}
	for _, a := range acc {
		b.Set(a, first)
	}
	d.loops(func(b *ir.Block, first int) {
		for i := range d.tile {
			a := acc[i%len(acc)]
			b.Set(a, b.Max(b.Get(a), d.load16(b, first+i)))
		}
	}, nil)
	if len(acc) > 1 {
		b = d.f.Block(ir.Once, 0, "Merge the maxima.")
		b.Set(acc[0], tree(b.Get(acc...), b.Max))
	}
	top := acc[0]
	d.singles(func(b *ir.Block) { b.Set(top, b.Max(b.Get(top), d.load16(b, 0))) })
	switch {
	case d.neon():
		b = d.f.Block(ir.While, 1, "Elements that are left, one by one into every lane.")
		b.Set(top, b.Max(b.Get(top), b.LoadSplat()))
		b = d.f.Block(ir.Once, 0, "The largest lane.")
		d.return16(b, "max", b.MaxEverywhere(b.Get(top)))
	case d.ISA == ukernel.F16C:
		b = d.f.Block(ir.Once, 0, "The upper half of the lanes.")
		b.Set(top, b.FoldTo(ir.Max, b.Get(top), 4))
		d.parts16(func(b *ir.Block, n int, x ir.V) {
			old := b.Get(top)
			switch n {
			case 4:
				b.Set(top, b.Max(old, x))
			case 2:
				b.Set(top, b.MaxIn(old, b.Join(x, old), 4))
			case 1:
				b.Set(top, b.MaxFirst(old, x))
			}
		})
		b = d.f.Block(ir.Once, 0, "The largest lane.")
		d.return16(b, "max", b.FoldTo(ir.Max, b.FoldTo(ir.Max, b.Get(top), 2), 1))
	default:
		b = d.f.Block(ir.IfAny, 0, "Elements that are left; the other lanes stay as they are.")
		mask := b.TailMask()
		v := b.Get(top)
		b.Set(top, b.Select(mask, b.Max(v, b.Load16Tail(ir.LoadF16, mask)), v))
		b = d.f.Block(ir.Once, 0, "The largest lane.")
		d.return16(b, "max", b.Reduce(ir.Max, b.Get(top)))
	}
}

// f16raddstoreexpminusmax describes the kernels that write and sum exp(x - max).
func (d *description) f16raddstoreexpminusmax() {
	top := d.param16("max")
	acc := d.f.Vars("acc", d.Accumulators)
	b := d.f.Block(ir.Once, 0, "Empty sums.")
	for _, a := range acc {
		b.Set(a, b.Const(0))
	}
	exp := func(b *ir.Block, x ir.V) ir.V { return d.f16exp(b, b.Sub(x, b.Get(top))) }
	step := func(b *ir.Block, acc []*ir.Var, vectors ...int) {
		y := exp(b, d.load16(b, vectors...))
		d.store16(b, y, vectors...)
		for i, v := range vectors {
			a := acc[v%len(acc)]
			b.Set(a, b.Add(b.Get(a), y[i:i+1]))
		}
	}
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Group()
			step(b, acc, g...)
		}
	}, nil)
	if len(acc) > 1 {
		b = d.f.Block(ir.Once, 0, "Merge the sums.")
		b.Set(acc[0], tree(b.Get(acc...), b.Add))
	}
	sum := acc[0]
	d.singles(func(b *ir.Block) { step(b, acc[:1], 0) })

	b = d.f.Block(ir.Once, 0, "The upper half of the lanes.")
	b.Set(sum, b.FoldTo(ir.Add, b.Get(sum), 4))
	d.parts16(func(b *ir.Block, n int, x ir.V) {
		y := exp(b, x)
		d.storePart(b, y, n)
		switch {
		case d.neon(): // two to the upper two lanes, and one to the uppermost
			if n < 4 {
				y = b.ShiftLanes(y, 4-n)
			}
			b.Set(sum, b.AddIn(b.Get(sum), y, 4))
		case n == 4:
			b.Set(sum, b.Add(b.Get(sum), y))
		case n == 2: // the other two lanes add zero
			b.Set(sum, b.AddIn(b.Get(sum), b.FirstHalf(y), 4))
		case n == 1:
			b.Set(sum, b.AddFirst(b.Get(sum), y))
		}
	})
	b = d.f.Block(ir.Once, 0, "Add the lanes up.")
	if d.neon() {
		b.ReturnHalf("sum", b.AddPairsIn(b.AddPairsIn(b.Get(sum), 4), 4))
		return
	}
	d.return16(b, "sum", b.FoldTo(ir.Add, b.FoldTo(ir.Add, b.Get(sum), 2), 1))
}

// f16exp is exp(x) for x <= 0, to the precision of binary16.
func (d *description) f16exp(b *ir.Block, x ir.V) ir.V {
	if d.neon() {
		return f16expNEON(b, x)
	}
	b.Note("n = round(x * log2e), s = 2^n")
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic))
	s := b.ShiftLeft(n, mantissaBits)
	b.Note("t = x - n*ln 2")
	t := b.MulAdd(b.Sub(n, b.Const(magic)), b.Const(-0x1.62E430p-1), x)
	b.Note("exp(x) = s + (t*s) * (halfC1 + t*halfC2)")
	p := b.MulAdd(b.Const(halfC2), t, b.Const(halfC1))
	return b.Keep(b.NotLess(x, b.Const(halfCutoff)), b.MulAdd(b.Mul(t, s), p, s))
}

// f16vmulc describes the kernels that write x * c.
func (d *description) f16vmulc() {
	c := d.param16("c")
	mul := func(b *ir.Block, x ir.V) ir.V { return b.Mul(x, b.Get(c)) }
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			d.store16(b, mul(b, d.load16(b, g...)), g...)
		}
	}, func(b *ir.Block) { d.store16(b, mul(b, d.load16(b, 0)), 0) })
	d.parts16(func(b *ir.Block, n int, x ir.V) { d.storePart(b, mul(b, x), n) })
}
