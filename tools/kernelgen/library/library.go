// Package library describes the kernels of package native/internal/arith, each once
// for all machines: the library's own arithmetic, which that package's documentation
// defines. A row has 16 lanes whatever the machine: a vector of 16, two of 8, four of 4.
//
// The bits of a kernel do not depend on the order of independent operations, which is
// chosen for speed by a [Shape].
package library

import (
	"fmt"
	"math"
	"slices"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// Kernel is a function of the package.
type Kernel uint8

// The kernels.
const (
	SoftmaxRows Kernel = iota
	Sum
	SumStore
	Scale
	ScaleNT
	ExpScale
	ExpScaleNT
	LogSub
)

var kernels = [...]struct{ name, signature, doc string }{
	SoftmaxRows: {"softmaxRows", "func(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) (done int)",
		"the softmax of rows, up to the first that is irregular"},
	Sum:        {"sum", "func(src []float32, st *Sum) (done int)", "adds exp(x) to the sum, up to the first turn with an element above the limit"},
	SumStore:   {"sumStore", "func(dst, src []float32, st *Sum) (done int)", "the same, and stores exp(x)"},
	Scale:      {"scale", "func(dst, src []float32, f *Factor)", "multiplies exponentials by the factor"},
	ScaleNT:    {"scaleNT", "func(dst, src []float32, f *Factor)", "the same around the caches"},
	ExpScale:   {"expScale", "func(dst, src []float32, st *Sum, f *Factor)", "multiplies exp(x) by the factor"},
	ExpScaleNT: {"expScaleNT", "func(dst, src []float32, st *Sum, f *Factor)", "the same around the caches"},
	LogSub:     {"logSub", "func(dst, src []float32, m, scale, b float32)", "(x - m) * scale - b, the product and the difference rounded once"},
}

// Kernels lists all kernels.
func Kernels() (ks []Kernel) {
	for k := range kernels {
		ks = append(ks, Kernel(k))
	}
	return ks
}

func (k Kernel) String() string { return kernels[k].name }

// Signature is the type of the kernel's function.
func (k Kernel) Signature() string { return kernels[k].signature }

// Doc says what the kernel does.
func (k Kernel) Doc() string { return kernels[k].doc }

// Stores reports whether the kernel writes to dst.
func (k Kernel) Stores() bool { return k != Sum }

// Streams reports whether it writes around the caches.
func (k Kernel) Streams() bool { return k == ScaleNT || k == ExpScaleNT }

// The offsets of the fields in the structs of package arith, in bytes. Sum's first three
// are arrays of 16.
var (
	SumFields    = map[string]int{"kHi": 192, "kLo": 196, "n": 200, "lim": 204}
	RowsFields   = map[string]int{"kHi": 0, "kLo": 4, "invK": 8, "low": 12, "high": 16, "n": 20, "at": 24}
	FactorFields = map[string]int{"cHi": 0, "cLo": 4, "thr": 8}
)

// The offsets of Sum's arrays, in floats.
const (
	sumAt  = 0
	restAt = 16
	topAt  = 32
)

// The layout of a turn.
const (
	Lanes     = 16 // of a row
	Rows      = 8  // of a turn
	GroupRows = 4  // that are added up before they are added to the sum
	Turn      = Rows * Lanes
)

// The constants of the exponential.
const (
	magic    = 0x1.8p20 // rounds to a multiple of 1/8, which stands in the low bits
	exp1     = 0x1.62e432p-1
	exp2     = 0x1.ec0fbcp-3
	exp3     = 0x1.c6937ap-5
	lowest   = 125 // below N less this it is 0
	headroom = 24
	reach    = 60
	// integer rounds to an integer, which stands in the low bits.
	integer = 0x1.8p23
	// thr is a bit more than 2^-126: below that a result is 0.
	thr = 0x1.000002p-126
)

// Exp2Table is 2^(j/8) times a factor that makes all of them nearly floats; less j << 20,
// which is what the integer j/8 in the low bits adds to the exponent.
var Exp2Table = func() (t [8]uint32) {
	for j, bits := range [8]uint32{0x3f8b3a3e, 0x3f97d424, 0x3fa59202, 0x3fb48e45, 0x3fc4e5be, 0x3fd6b7da, 0x3fea26de, 0x3fff5829} {
		t[j] = bits - uint32(j)<<20
	}
	return t
}()

// names are the constants' names in the generated files.
var names = map[float32]string{
	magic: "magic", exp1: "exp1", exp2: "exp2", exp3: "exp3", integer: "integer", 1: "one", thr: "thr",
	magic - lowest: "lowestSum", integer + headroom: "integerHeadroom", magic - lowest + integer: "lowestRow",
	integer + reach + headroom: "integerReach", float32(math.Inf(-1)): "minusInf",
	0: "zero",
}

// Name is what to call a constant in a generated file.
func Name(bits uint32) string {
	if bits == 1<<31 {
		return "signBit"
	}
	if name, ok := names[math.Float32frombits(bits)]; ok {
		return name
	}
	panic(fmt.Sprintf("library: the constant %#08x has no name", bits))
}

// The labels that guards leave for.
const (
	End       = "end"       // the kernel stops where it is
	Irregular = "irregular" // it stops within a row, and says where
)

// Machine is what a description has to know of a machine.
type Machine struct {
	Lanes       int
	VectorMasks bool // masks are vectors
	Operands    bool // operands may be in memory, and few values in registers
}

// Shape says how a kernel is laid out for speed.
type Shape struct {
	Group     int // vectors that go through the formulas together
	Stagger   int // operations between the beginnings of groups; 0 for one after the other
	Residents int // registers that variables may keep
	Unroll    int // vectors in a turn of a kernel without sums
	Ahead     int // elements between what a turn of a sum reads and what it asks for; 0 for nothing
}

// Describe writes a kernel down.
func Describe(k Kernel, m Machine, s Shape) *ir.Func {
	d := &description{Kernel: k, Machine: m, Shape: s, f: ir.NewFunc(m.Lanes, true), parts: Lanes / m.Lanes}
	d.f.VectorMasks = m.VectorMasks
	switch k {
	case SoftmaxRows:
		d.softmaxRows()
	case Sum, SumStore:
		d.sum()
	case Scale, ScaleNT:
		d.elementwise(nil, func(b *ir.Block, load func() ir.V) ir.V {
			return d.scaled(b, load(), b.Param("cHi"), b.Param("cLo"), b.Param("thr"))
		})
	case ExpScale, ExpScaleNT:
		d.elementwise(func(b *ir.Block) { d.keep(b, d.given(b)) }, func(b *ir.Block, load func() ir.V) ir.V {
			return d.scaled(b, d.exp(b, d.kept(b), load), b.Param("cHi"), b.Param("cLo"), b.Param("thr"))
		})
	case LogSub:
		vars := d.f.Vars("param", 3)
		d.elementwise(func(b *ir.Block) {
			b.Set(vars[0], b.Param("m"))
			b.Set(vars[1], b.Param("scale"))
			b.Set(vars[2], b.AddInt(b.Param("b"), b.Bits(1<<31)))
		}, func(b *ir.Block, load func() ir.V) ir.V {
			b.Note("(x - m) * scale + (-b)")
			v := b.Get(vars...)
			return b.MulAdd(b.Sub(load(), v[:1]), v[1:2], v[2:])
		})
	}
	if s.Stagger > 0 {
		for _, b := range d.f.Blocks {
			b.Stagger(s.Stagger)
		}
	}
	return d.f
}

// description is a kernel on its way.
type description struct {
	Kernel
	Machine
	Shape
	f     *ir.Func
	parts int // vectors of a row

	vars              []*ir.Var // of a segment
	sums, rests, tops []*ir.Var // by part
}

// segment is what the elements that share N have in common.
type segment struct {
	kHi, kLo, bound ir.V
	lim             ir.V // none where no limit is looked at
	table           ir.V
}

func (s segment) values() ir.V { return slices.Concat(s.kHi, s.kLo, s.table, s.bound, s.lim) }

// keep makes variables of a segment, for the blocks that follow.
func (d *description) keep(b *ir.Block, s segment) {
	vs := s.values()
	d.vars = d.f.Vars("segment", len(vs))
	b.SetAll(d.vars, vs)
}

// kept is the segment of those variables.
func (d *description) kept(b *ir.Block) (s segment) {
	vs := b.Get(d.vars...)
	n := max(1, 8/d.Machine.Lanes)
	return segment{kHi: vs[:1], kLo: vs[1:2], table: vs[2 : 2+n], bound: vs[2+n : 3+n], lim: vs[3+n:]}
}

// sumVars makes the variables of a sum.
func (d *description) sumVars() {
	d.sums, d.rests = d.f.Vars("sum", d.parts), d.f.Vars("rest", d.parts)
}

// given is the segment of the N in the kernel's state.
func (d *description) given(b *ir.Block) segment {
	n := b.Param("n")
	return segment{kHi: b.Param("kHi"), kLo: b.Param("kLo"),
		table: d.lowered(b, b.Sub(b.Const(integer), n)), bound: b.Add(n, b.Const(magic-lowest))}
}

// lowered is the table times 2^-N, of a vector with -N in its low bits.
func (d *description) lowered(b *ir.Block, minusN ir.V) ir.V {
	b.Note("The table, times 2^-N.")
	return b.AddInt(b.ShiftLeft(minusN, 23), b.Table())
}

// exp is exp(x) * 2^-N for x that load loads.
func (d *description) exp(b *ir.Block, s segment, load func() ir.V) ir.V {
	get := load
	if !d.Operands {
		x := load()
		get = func() ir.V { return x }
	}
	b.Note("u = x * kHi + magic, the low bits of which are the eighths of n")
	u := b.MulAdd(get(), s.kHi, b.Const(magic))
	b.Note("-n = magic - u")
	f := b.Sub(b.Const(magic), u)
	b.Note("f = x * (kHi + kLo) - n")
	f = b.MulAdd(get(), s.kHi, f)
	f = b.MulAdd(get(), s.kLo, f)
	b.Note("s = 2^(n - N) * K")
	scale := b.AddInt(b.Lookup(u, s.table), b.ShiftLeft(u, 20))
	b.Note("q = f * ((exp3*f + exp2)*f + exp1)")
	q := b.Mul(f, b.MulAdd(b.MulAdd(b.Const(exp3), f, b.Const(exp2)), f, b.Const(exp1)))
	b.Note("s*q + s, and 0 where n < N - 125")
	return b.Keep(b.NotLess(u, s.bound), b.MulAdd(scale, q, scale))
}

// scaled is e * (cHi + cLo), and 0 below 2^-126.
func (d *description) scaled(b *ir.Block, e, cHi, cLo, thr ir.V) ir.V {
	b.Note("e*cHi + e*cLo, and 0 where e < thr")
	low := b.Mul(e, cLo)
	return b.Keep(b.NotLess(e, thr), b.MulAdd(e, cHi, low))
}

// turn describes a turn of so many rows, of which the last has what is left, unless
// all have 16 elements. It leaves for the label if an element is above the limit. It
// hands the vectors of exponentials to use, and the sums of each group of a part to add.
func (d *description) turn(b *ir.Block, s segment, rows int, whole bool, label string,
	use func(b *ir.Block, y ir.V, vectors []int), add func(b *ir.Block, part int, t ir.V)) {
	last := (rows - 1) * d.parts
	left := make(map[int]ir.V)
	load := func(v int) ir.V {
		if !whole && v >= last {
			return left[v]
		}
		return b.Load(v)
	}
	if !whole {
		for p := range d.parts {
			left[last+p] = b.LoadLeft(last + p)
		}
	}
	b.Note("Leave if an element is above the limit.")
	tops := make([]ir.V, d.parts)
	for p := range d.parts {
		var f forest
		for r := range rows {
			f.add(b, load(r*d.parts+p), b.Max)
		}
		tops[p] = f.root(b, b.Max)
	}
	top := tops[0]
	if d.parts > 1 {
		var f forest
		for _, v := range tops {
			f.add(b, v, b.Max)
		}
		top = f.root(b, b.Max)
	}
	b.GuardGreater(label, top, s.lim)
	for p := range d.tops {
		b.Set(d.tops[p], b.Max(tops[p], b.Get(d.tops[p])))
	}
	for p := range d.parts {
		for r := 0; r < rows; r += GroupRows {
			var f forest
			var vs []int
			for i := r; i < min(r+GroupRows, rows); i++ {
				vs = append(vs, i*d.parts+p)
			}
			for _, g := range split(vs, d.Group) {
				b.Group()
				if d.Ahead > 0 && whole {
					for _, v := range g {
						if at := v * d.Machine.Lanes; at%16 == 0 {
							b.Prefetch(d.Ahead + at)
						}
					}
				}
				y := d.exp(b, s, func() (x ir.V) {
					for _, v := range g {
						x = append(x, load(v)...)
					}
					return x
				})
				if use != nil {
					use(b, y, g)
				}
				f.add(b, y, b.Add)
			}
			add(b, p, f.root(b, b.Add))
		}
	}
}

// accumulate adds a group's sum by TwoSum.
func (d *description) accumulate(b *ir.Block, part int, t ir.V) {
	a := b.Get(d.sums[part])
	b.Note("sum + t, and what that lacks to the rest: TwoSum")
	s := b.Add(a, t)
	z := b.Sub(s, a)
	r := b.Add(b.Sub(a, b.Sub(s, z)), b.Sub(t, z))
	b.Set(d.rests[part], b.Add(b.Get(d.rests[part]), r))
	b.Set(d.sums[part], s)
}

// turns describes the loop over whole turns, and one for each number of rows that may
// be left.
func (d *description) turns(label string, use func(rows int, whole bool) func(b *ir.Block, y ir.V, vectors []int)) {
	b := d.f.Block(ir.While, Turn, "Turns of 128 elements.")
	d.turn(b, d.kept(b), Rows, true, label, use(Rows, true), d.accumulate)
	for rows := 1; rows <= Rows; rows++ {
		b := d.f.Block(ir.UpTo, rows*Lanes, fmt.Sprintf("A turn of %d to %d elements.", (rows-1)*Lanes+1, rows*Lanes))
		d.turn(b, d.kept(b), rows, false, label, use(rows, false), d.accumulate)
	}
}

// store returns what stores a turn's vectors.
func (d *description) store(rows int, whole bool) func(b *ir.Block, y ir.V, vectors []int) {
	last := (rows - 1) * d.parts
	return func(b *ir.Block, y ir.V, vectors []int) {
		for i, v := range vectors {
			if !whole && v >= last {
				b.StoreLeft(y[i:i+1], v)
			} else {
				b.Store(y[i:i+1], v)
			}
		}
	}
}

// sum describes the first pass.
func (d *description) sum() {
	b := d.f.Block(ir.Once, 0, "The segment's N, and its sum so far.")
	s := d.given(b)
	s.lim = b.Param("lim")
	d.keep(b, s)
	d.sumVars()
	d.tops = d.f.Vars("top", d.parts)
	for p := range d.parts {
		at := p * d.Machine.Lanes
		b.Set(d.sums[p], b.State(sumAt+at))
		b.Set(d.rests[p], b.State(restAt+at))
		b.Set(d.tops[p], b.State(topAt+at))
	}
	d.turns(End, func(rows int, whole bool) func(*ir.Block, ir.V, []int) {
		if d.Kernel == Sum {
			return nil
		}
		return d.store(rows, whole)
	})
	b = d.f.Block(ir.Finally, 0, "The sum.")
	for p := range d.parts {
		at := p * d.Machine.Lanes
		b.StoreState(b.Get(d.sums[p]), sumAt+at)
		b.StoreState(b.Get(d.rests[p]), restAt+at)
		b.StoreState(b.Get(d.tops[p]), topAt+at)
	}
}

// elementwise describes kernels that write f of every element.
func (d *description) elementwise(setup func(b *ir.Block), f func(b *ir.Block, load func() ir.V) ir.V) {
	if setup != nil {
		setup(d.f.Block(ir.Once, 0, "What all elements share."))
	}
	store := (*ir.Block).Store
	tail := func(test ir.Test, step int, comment string) {
		b := d.f.Block(test, step, comment)
		x := b.LoadLeft(0)
		b.StoreLeft(f(b, func() ir.V { return x }), 0)
	}
	if d.Streams() {
		store = (*ir.Block).Stream
		tail(ir.ToAligned, 0, "Elements before the first vector that lies as non-temporal stores want it.")
	}
	d.loops(d.Unroll, f, store)
	tail(ir.UpTo, d.Machine.Lanes, "Elements that are left.")
}

// loops describes the loops over whole vectors.
func (d *description) loops(unroll int, f func(b *ir.Block, load func() ir.V) ir.V, store func(b *ir.Block, y ir.V, vectors ...int)) {
	all := make([]int, unroll)
	for i := range all {
		all[i] = i
	}
	b := d.f.Block(ir.While, unroll*d.Machine.Lanes, fmt.Sprintf("%d vectors a turn.", unroll))
	for _, g := range split(all, d.Group) {
		b.Group()
		store(b, f(b, func() ir.V { return b.Load(g...) }), g...)
	}
	b = d.f.Block(ir.While, d.Machine.Lanes, "Whole vectors that are left.")
	store(b, f(b, func() ir.V { return b.Load(0) }), 0)
}

// softmaxRows describes the softmax of rows: those of up to a turn stay in registers,
// with a loop for each number of rows of 16 lanes; longer ones take two passes.
func (d *description) softmaxRows() {
	for rows := 1; rows <= Rows; rows++ {
		b := d.f.Block(ir.EachRow, rows*Lanes, fmt.Sprintf("Rows of %d to %d elements.", (rows-1)*Lanes+1, rows*Lanes))
		seg, _ := d.begin(b, End)
		e := make(map[int]ir.V)
		// A lane has two sums at most. What TwoSum makes of them is exactly their sum, which
		// in float64 is rounded as that of the two is.
		sums := make([]ir.V, 2)
		d.turn(b, seg, rows, false, End, func(b *ir.Block, y ir.V, vectors []int) {
			for i, v := range vectors {
				e[v] = y[i : i+1]
			}
		}, func(b *ir.Block, part int, t ir.V) {
			g := 0
			if len(sums[0]) > part {
				g = 1
			}
			sums[g] = append(sums[g], t...)
		})
		total := b.Widen(sums[0])
		if len(sums[1]) > 0 {
			total = b.AddDouble(total, b.Widen(sums[1]))
		}
		cHi, cLo, thr := d.factor(b, b.ByHalves(total), End)
		store := d.store(rows, false)
		for v := range rows * d.parts {
			store(b, d.scaled(b, e[v], cHi, cLo, thr), []int{v})
		}
	}

	cHi, cLo, thr := d.f.Vars("cHi", 1)[0], d.f.Vars("cLo", 1)[0], d.f.Vars("thr", 1)[0]
	b := d.f.Block(ir.Row, 0, "A row of more elements: N, and an empty sum.")
	seg, n := d.begin(b, Irregular)
	d.keep(b, seg)
	d.sumVars()
	b.Guard(b.Param("high"), b.LoadSplat())
	b.Ops[len(b.Ops)-1].Name = Irregular
	b.StoreFloat("n", n)
	for p := range d.parts {
		b.Set(d.sums[p], b.Const(0))
		b.Set(d.rests[p], b.Const(0))
	}
	d.turns(Irregular, d.store)
	b = d.f.Block(ir.Once, 0, "The sum of all lanes, and its reciprocal.")
	total := b.ByHalves(b.AddDouble(b.Widen(b.Get(d.sums...)), b.Widen(b.Get(d.rests...))))
	h, l, t := d.factor(b, total, Irregular)
	b.Set(cHi, h)
	b.Set(cLo, l)
	b.Set(thr, t)
	b = d.f.Block(ir.Results, 0, "The second pass: the exponentials times that.")
	f := func(b *ir.Block, load func() ir.V) ir.V {
		return d.scaled(b, load(), b.Get(cHi), b.Get(cLo), b.Get(thr))
	}
	d.Shape = Shape{Group: 1}
	d.loops(d.secondUnroll(), f, (*ir.Block).Store)
	b = d.f.Block(ir.UpTo, d.Machine.Lanes, "Elements that are left.")
	x := b.LoadLeft(0)
	b.StoreLeft(f(b, func() ir.V { return x }), 0)
	d.f.Block(ir.RowDone, 0, "The next row.")
}

// secondUnroll is the number of vectors in a turn of a row's second pass.
func (d *description) secondUnroll() int { return 8 }

// begin takes a row's N from its first element, and leaves for the label if that is
// too small.
func (d *description) begin(b *ir.Block, label string) (s segment, n ir.V) {
	x := b.LoadSplat()
	b.Guard(x, b.Param("low"))
	b.Ops[len(b.Ops)-1].Name = label
	s = segment{kHi: b.Param("kHi"), kLo: b.Param("kLo")}
	b.Note("-N = 24 - round(x0 * kHi), in the low bits")
	minusN := b.Sub(b.Const(integer+headroom), b.Mul(x, s.kHi))
	s.table = d.lowered(b, minusN)
	s.bound = b.Sub(b.Const(magic-lowest+integer), minusN)
	b.Note("lim = min((N + 84) / k, high)")
	s.lim = b.Min(b.Mul(b.Sub(b.Const(integer+reach+headroom), minusN), b.Param("invK")), b.Param("high"))
	if label != Irregular {
		return s, nil
	}
	return s, b.Sub(b.Const(integer), minusN)
}

// factor is 1/total in two floats, and the least exponential of which the result is
// not below 2^-126, in all lanes. It leaves for the label if the total is a NaN.
func (d *description) factor(b *ir.Block, total ir.V, label string) (cHi, cLo, least ir.V) {
	b.GuardNumber(label, total)
	b.Note("1/total = cHi + cLo")
	c := b.DivDouble(b.Double(1), total)
	h := b.Narrow(c)
	l := b.Narrow(b.SubDouble(c, b.Widen(h)))
	t := b.Narrow(b.MulDouble(total, b.Double(thr)))
	return b.Splat(h), b.Splat(l), b.Splat(t)
}

// split cuts a list into runs of about the same length, at most size.
func split(vectors []int, size int) (gs [][]int) {
	n := (len(vectors) + size - 1) / size
	for ; n > 0; n-- {
		l := (len(vectors) + n - 1) / n
		gs, vectors = append(gs, vectors[:l]), vectors[l:]
	}
	return gs
}

// forest builds the tree of a turn's vectors as they come: trees of one size are
// joined at once, so that few vectors wait. A missing vector would add 0, so that it
// need not be there.
type forest struct {
	trees ir.V
	sizes []int
}

func (t *forest) add(b *ir.Block, vs ir.V, op func(x, y ir.V) ir.V) {
	for i := range vs {
		t.trees, t.sizes = append(t.trees, vs[i]), append(t.sizes, 1)
		for n := len(t.sizes); n > 1 && t.sizes[n-1] == t.sizes[n-2]; n-- {
			t.join(op)
		}
	}
}

func (t *forest) join(op func(x, y ir.V) ir.V) {
	n := len(t.trees)
	t.trees = append(t.trees[:n-2:n-2], op(t.trees[n-2:n-1], t.trees[n-1:])...)
	t.sizes = append(t.sizes[:n-2], t.sizes[n-2]+t.sizes[n-1])
}

func (t *forest) root(b *ir.Block, op func(x, y ir.V) ir.V) ir.V {
	for len(t.trees) > 1 {
		t.join(op)
	}
	return t.trees
}
