package family

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// raddexpminusmax describes the kernels that sum exp(x - max), and of them those
// that store it too.
func (d *description) raddexpminusmax() {
	acc := d.f.Vars("acc", d.Accumulators)
	f := d.expMinusMax
	// step takes whole vectors; vector i goes to accumulator i modulo their number.
	step := func(b *ir.Block, acc []*ir.Var, vectors ...int) {
		y := f(b, b.Load(vectors...))
		if d.Family.Stores() {
			b.Store(y, vectors...)
		}
		for i, v := range vectors {
			a := acc[v%len(acc)]
			b.Set(a, b.Add(b.Get(a), y[i:i+1]))
		}
	}

	b := d.f.Block(ir.Once, 0, "Empty sums.")
	for _, a := range acc {
		b.Set(a, b.Const(0))
	}
	d.loops(func(b *ir.Block, first int) {
		for _, g := range d.groups(first) {
			b.Group()
			d.prefetch(b, g)
			step(b, acc, g...)
		}
	}, nil)
	if len(acc) > 1 {
		b = d.f.Block(ir.Once, 0, "Merge the sums.")
		b.Set(acc[0], tree(b.Get(acc...), b.Add))
	}
	sum := acc[:1]
	d.singles(func(b *ir.Block) { step(b, sum, 0) })

	if d.neon() { // which adds what is left to the sum of the lanes
		b = d.f.Block(ir.Once, 0, "Add the lanes up.")
		b.Set(sum[0], b.Reduce(ir.Add, b.Get(sum...)))
	}
	const comment = "Elements that are left; the other lanes add zero."
	switch {
	case d.masked():
		b = d.f.Block(ir.IfAny, 0, comment)
		mask := b.TailMask()
		y := f(b, b.LoadTail(mask))
		if d.Family.Stores() {
			b.StoreTail(mask, y)
		}
		b.Set(sum[0], b.Add(b.Get(sum...), b.Keep(mask, y)))
	case d.neon():
		d.halvedTail("Elements that are left.", f,
			func(b *ir.Block, y ir.V) { b.Set(sum[0], b.Add(b.Get(sum...), b.AddPairs(y))) },
			func(b *ir.Block, y ir.V) { b.Set(sum[0], b.Add(b.Get(sum...), y)) })
	default:
		d.halvedTail(comment, f,
			func(b *ir.Block, y ir.V) { b.Set(sum[0], b.Add(b.Get(sum...), b.FirstHalf(y))) },
			func(b *ir.Block, y ir.V) { b.Set(sum[0], b.AddFirst(b.Get(sum...), y)) })
	}

	if d.neon() {
		b = d.f.Block(ir.Once, 0, "The sum.")
		b.Return("sum", b.Get(sum...))
		return
	}
	b = d.f.Block(ir.Once, 0, "Add the lanes up.")
	b.Return("sum", b.Reduce(ir.Add, b.Get(sum...)))
}

// rmax describes the kernels that find the largest element.
func (d *description) rmax() {
	acc := d.f.Vars("max", d.Accumulators)
	b := d.f.Block(ir.Once, 0, "The first element, in every lane.")
	first := b.LoadSplat()
	for _, a := range acc {
		b.Set(a, first)
	}
	d.loops(func(b *ir.Block, first int) {
		for i := range d.tile {
			a := acc[i%len(acc)]
			b.Set(a, b.Max(b.Get(a), b.Load(first+i)))
		}
	}, nil)
	if len(acc) > 1 {
		b = d.f.Block(ir.Once, 0, "Merge the maxima.")
		b.Set(acc[0], tree(b.Get(acc...), b.Max))
	}
	top := acc[0]
	d.singles(func(b *ir.Block) { b.Set(top, b.Max(b.Get(top), b.Load(0))) })

	if d.masked() {
		b = d.f.Block(ir.IfAny, 0, "Elements that are left; the other lanes stay as they are.")
		mask := b.TailMask()
		v := b.Get(top)
		b.Set(top, b.Select(mask, b.Max(v, b.LoadTail(mask)), v))
	} else if d.neon() {
		b = d.f.Block(ir.While, 1, "Elements that are left, one by one into every lane.")
		b.Set(top, b.Max(b.Get(top), b.LoadSplat()))
	} else {
		b = d.f.Block(ir.While, 1, "Elements that are left, one by one into lane 0.")
		b.Set(top, b.MaxFirst(b.Get(top), b.LoadSplat()))
	}
	b = d.f.Block(ir.Once, 0, "The largest lane.")
	b.Return("max", b.Reduce(ir.Max, b.Get(top)))
}

// raddextexp describes the first pass of the two-pass algorithm: the sum of
// exp(x) as a pair (m, e) that stands for m * 2^e. Pairs add up as
//
//	m1 * 2^e1 + m2 * 2^e2 = (m1 * 2^(e1-e) + m2 * 2^(e2-e)) * 2^e,  e = max(e1, e2)
//
// where no power of two exceeds 1.
func (d *description) raddextexp() {
	m := d.f.Vars("m", d.Accumulators)
	e := d.f.Vars("e", d.Accumulators)

	b := d.f.Block(ir.Once, 0, "Empty sums: 0 * 2^-Inf.")
	for i := range m {
		b.Set(m[i], b.Const(0))
		b.Set(e[i], b.Const(minusInf))
	}
	d.loops(func(b *ir.Block, first int) {
		for _, part := range d.parts(first) {
			d.addPairs(b, m, e, part)
		}
	}, nil)
	if d.Accumulators > 1 {
		b = d.f.Block(ir.Once, 0, "Merge the sums.")
		es := b.Get(e...)
		top := tree(es, b.Max)
		// Every sum at the common exponent, then one after the other.
		sum := d.scale(b, b.Get(m[0]), b.Sub(es[:1], top))
		for i := 1; i < len(m); i++ {
			sum = d.addScaled(b, sum, b.Get(m[i]), b.Sub(es[i:i+1], top))
		}
		b.Set(m[0], sum)
		b.Set(e[0], top)
	}
	d.singles(func(b *ir.Block) { d.addPairs(b, m[:1], e[:1], []int{0}) })

	b = d.f.Block(ir.IfAny, 0, "Elements that are left; the other lanes stay as they are.")
	d.addTail(b, m[0], e[0])

	b = d.f.Block(ir.Once, 0, "All lanes at their largest exponent, then add them up.")
	es := b.Get(e[0])
	top, result := d.topLane(b, es)
	sum := d.scale(b, b.Get(m[0]), b.Sub(es, top))
	b.Return("mantissa", b.Reduce(ir.Add, sum))
	b.Return("exponent", result)
}

// scale is m * 2^e.
func (d *description) scale(b *ir.Block, m, e ir.V) ir.V {
	if d.Exp.Scalef {
		return b.Scalef(m, e)
	}
	return b.Mul(m, scaleFactor(b, e))
}

// addScaled is sum + m * 2^e.
func (d *description) addScaled(b *ir.Block, sum, m, e ir.V) ir.V {
	if d.Exp.Scalef {
		return b.Add(sum, b.Scalef(m, e))
	}
	return b.MulAdd(m, scaleFactor(b, e), sum)
}

// parts splits the vectors of the tile that begins with vector first by
// accumulator into lists of about Group vectors, which need not know of each other:
// vector i belongs to accumulator i modulo their number, which divides tiles.
func (d *description) parts(first int) (parts [][]int) {
	perAcc := (d.tile + d.Accumulators - 1) / d.Accumulators
	together := max(1, d.Group/perAcc) // accumulators in one part
	for acc := 0; acc < d.Accumulators; acc += together {
		var part []int
		for i := range d.tile {
			if a := i % d.Accumulators; acc <= a && a < acc+together {
				part = append(part, first+i)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// addPairs adds exp of the given vectors to the sums that they belong to.
func (d *description) addPairs(b *ir.Block, m, e []*ir.Var, vectors []int) {
	// The exponents first: the sums move to the largest of them.
	n := make(map[int]ir.V)
	top := make(map[int]ir.V)
	for _, g := range d.split(vectors) {
		b.Group()
		d.prefetch(b, g)
		ns := exponent(b, b.Load(g...))
		for i, v := range g {
			a := v % len(m)
			if n[v] = ns[i : i+1]; top[a] == nil {
				top[a] = b.Get(e[a])
			}
			top[a] = b.Max(top[a], n[v])
		}
	}
	for a := range m {
		if top[a] != nil {
			b.Note("The sum at the largest exponent.")
			b.Set(m[a], d.scale(b, b.Get(m[a]), b.Sub(b.Get(e[a]), top[a])))
			b.Set(e[a], top[a])
		}
	}
	// Then the mantissas, at these exponents.
	for _, g := range d.split(vectors) {
		b.Group()
		var ns, tops ir.V
		for _, v := range g {
			ns = append(ns, n[v][0])
			tops = append(tops, top[v%len(m)][0])
		}
		p := mantissa(b, d.Exp, ns, b.Load(g...))
		delta := b.Sub(ns, tops)
		if d.Exp.Scalef {
			p = b.Scalef(p, delta)
		} else {
			delta = scaleFactor(b, delta)
		}
		for i, v := range g {
			a := m[v%len(m)]
			if d.Exp.Scalef {
				b.Set(a, b.Add(b.Get(a), p[i:i+1]))
			} else {
				b.Set(a, b.MulAdd(p[i:i+1], delta[i:i+1], b.Get(a)))
			}
		}
	}
}

// addTail adds exp of the elements that are left to the sum (m, e).
func (d *description) addTail(b *ir.Block, m, e *ir.Var) {
	mask := b.TailMask()
	x := b.LoadTail(mask)
	old := b.Get(e)
	n := exponent(b, x)
	p := mantissa(b, d.Exp, n, x)
	if d.Exp.Scalef {
		// The lanes without an element keep their sum and exponent.
		top := b.Select(mask, b.Max(old, n), old)
		sum := b.Get(m)
		scaled := b.Select(mask, b.Scalef(sum, b.Sub(old, top)), sum)
		b.Set(m, b.Select(mask, b.Add(scaled, b.Scalef(p, b.Sub(n, top))), scaled))
		b.Set(e, top)
		return
	}
	// The lanes without an element add 0 at the exponent that they have.
	n = b.Select(mask, n, old)
	p = b.Keep(mask, p)
	top := b.Max(old, n)
	sum := d.scale(b, b.Get(m), b.Sub(old, top))
	b.Set(m, d.addScaled(b, sum, p, b.Sub(n, top)))
	b.Set(e, top)
}

// topLane is the largest lane, in every lane and as the kernel's result. The
// order of the comparisons tells which of +0 and -0 it is.
func (d *description) topLane(b *ir.Block, e ir.V) (top, result ir.V) {
	if d.ISA != ukernel.AVX512F {
		for distance := d.Lanes() / 2; distance > 0; distance /= 2 {
			e = b.Max(e, b.Swap(e, distance))
		}
		return e, e
	}
	// Upstream leaves it to the compiler here. This is gcc's order.
	for e[0].Lanes > 4 {
		e = b.FoldSwapped(ir.Max, e)
	}
	e = b.Reduce(ir.Max, e)
	return b.Splat(e), e
}
