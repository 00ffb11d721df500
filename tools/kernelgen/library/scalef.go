package library

import "github.com/twopass-softmax/twopass/tools/kernelgen/ir"

// wideLeast is how many elements take less time with Scalef than without.
const wideLeast = 384

// wide is what the exponential takes besides on a machine with Scalef.
type wide struct {
	minusKHi ir.V
	table    ir.V // times 2^-N
	near     bool // whether elements have to be near
	// least takes the place of lower elements, such as -Inf, in kernels that add an operand: its exponential is 0,
	// and its u passes for near.
	least ir.V
}

// leastU is the u of least to within 1/32.
const leastU = 0x1p19 + 32

// wideBits are bits that the first 8*nearRange float32 from 2^20 on do not have. Other numbers without them are so
// far below 2^20 that the exponential is 0, with Scalef too.
const wideBits = ^uint32(0x49800000 | 8*nearRange - 1)

// wideTurn describes whole turns whose elements are near with Scalef, in place of a shift and an addition.
func (d *description) wideTurn(label string, use func(b *ir.Block, y ir.V, vectors []int)) {
	b := d.f.Block(ir.Once, 0, "Where a table may hold 2^-N, in rows that are longer than making it takes.")
	others := narrow
	if d.Whole() && d.Prepares() {
		others = label
	}
	b.GuardLeft(others, wideLeast)
	near := d.vars
	magic := b.Mul(d.kept(b).magic, b.Const(1/unit))
	minusN := b.Sub(magic, b.Const(nearBase))
	b.Guard(b.Const(ordinary), minusN, others)
	b.Guard(minusN, b.Const(-ordinary), others)
	d.widen(b, magic, minusN, d.f.Vars("wide", 3))
	if d.Adds() {
		d.bareTurn(use)
	}
	b = d.f.Block(ir.While, Turn, "Turns whose elements are all near, of 128 elements, with that table.")
	d.turn(b, d.kept(b), wholeTurn, label, use, d.accumulate)
	d.vars, d.wideVars = near, nil
}

// widen sets variables to what exponentials take with Scalef, for the blocks that follow.
func (d *description) widen(b *ir.Block, magic, minusN ir.V, vars []*ir.Var) {
	d.wideVars = d.f.Vars("wide", 3)
	minus := func(x ir.V) ir.V { return b.Sub(b.Const(0), x) }
	kHi := b.Param("kHi")
	d.keep(b, segment{near: true, kHi: kHi, kLo: minus(b.Param("kLo")), magic: magic}, vars)
	b.Set(d.wideVars[0], minus(kHi))
	b.Set(d.wideVars[1], b.Scalef(b.Table(powersTable), minusN))
	if d.Adds() {
		b.Set(d.wideVars[2], b.Mul(b.Sub(b.Const(leastU), magic), d.invK(b)))
	}
}

// wideExp is exp(x) * 2^-N with Scalef, of an x so far below N that it should be 0 something below 2^-125,
// and of one far above something so large, or a NaN, that the sum shows it; and what shows whether x is near,
// if it has to be.
func (d *description) wideExp(b *ir.Block, s segment, load func() ir.V, keep func(x ir.V)) (y, u ir.V) {
	b.Note("u = x * kHi + magic - N, the low bits of which are the eighths of n")
	u = b.MulAdd(load(), s.kHi, s.magic)
	if s.wide.near {
		keep(u)
	}
	b.Note("n = u - (magic - N)")
	n := b.Sub(u, s.magic)
	b.Note("f = n - x * (kHi + kLo)")
	f := b.MulAdd(load(), s.wide.minusKHi, n)
	f = b.MulAdd(load(), s.kLo, f)
	b.Note("q = f * ((exp2 - exp3*f)*f - exp1)")
	q := b.Mul(f, b.MulAdd(b.MulAdd(b.Const(-exp3), f, b.Const(exp2)), f, b.Const(-exp1)))
	b.Note("(t*q + t) * 2^n rounded down, for t of the table")
	t := b.Lookup(u, s.wide.table)
	if s.wide.near {
		t = b.Scalef(t, n)
		y = b.MulAdd(t, q, t)
		keep(y)
		return y, u
	}
	y = b.Scalef(b.MulAdd(t, q, t), n)
	keep(y)
	if !s.wide.near {
		u = nil
	}
	return y, u
}

// invK is 1 / (scale * log2(e)).
func (d *description) invK(b *ir.Block) ir.V {
	if d.Whole() {
		return b.Splat(b.Narrow(b.DivDouble(b.Double(1), b.WidenFirst(b.Param("kHi")))))
	}
	return b.Param("invK")
}
