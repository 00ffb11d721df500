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
	"sync"

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
	SoftmaxKept
	SoftmaxAdded
	SumRows
	SoftmaxRow
	LogRow
	ExpRows
	SumTops
	SumStoreKept
	SumStoreAdded
	TotalRow
	CopyRow
	SureRow
)

var kernels = [...]struct{ name, signature, doc string }{
	SoftmaxRows: {"softmaxRows", "func(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) (done int)",
		"the softmax of rows, up to the first that is irregular"},
	Sum:        {"sum", "func(src []float32, st *Sum) (done int)", "adds exp(x) to the sum and keeps the largest elements, up to the first turn with an element above the limit"},
	SumStore:   {"sumStore", "func(dst, src []float32, st *Sum) (done int)", "sum, which stores exp(x) too, and leaves the largest elements alone"},
	Scale:      {"scale", "func(dst, src []float32, f *Factor)", "exponentials times the factor"},
	ScaleNT:    {"scaleNT", "func(dst, src []float32, f *Factor)", "scale around the caches"},
	ExpScale:   {"expScale", "func(dst, src []float32, st *Sum, f *Factor)", "exp(x) times the factor"},
	ExpScaleNT: {"expScaleNT", "func(dst, src []float32, st *Sum, f *Factor)", "expScale around the caches"},
	LogSub:     {"logSub", "func(dst, src []float32, m, scale, b float32)", "(x - m) * scale - b, the product and the difference rounded once"},
	SumRows: {"sumRows", "func(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) (done int)",
		"the sums of rows, up to the first that is irregular"},
	SoftmaxKept: {"softmaxKeptRows", "func(dst, src []float32, other *bool, rows, cols, dstStride, srcStride, otherStride int, p *Rows) (done int)",
		"the same for rows of at least 8 elements, of which some are taken for -Inf: where other is false"},
	SoftmaxAdded: {"softmaxAddedRows", "func(dst, src []float32, other *float32, rows, cols, dstStride, srcStride, otherStride int, p *Rows) (done int)",
		"the same for rows of at least 8 elements x * mul + other"},
	SoftmaxRow: {"softmaxRow", "func(dst, src *float32, n int) (ok bool)",
		"the softmax of a row of 1 to 128 elements or of 256 without a scale, if they are near"},
	ExpRows: {"expRows", "func(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) (done int)",
		"exponentials of rows in their unit, and their sums, up to the first that is irregular, or sure with elements that are not near"},
	SumTops: {"sumTops", "func(tops, src []float32, st *Sum) (done int)", "sum of whole turns, which stores each one's largest elements by lane too"},
	SumStoreKept: {"sumStoreKept", "func(dst, src []float32, other *bool, st *Sum) (done int)",
		"sumStore of whole turns, some of whose elements are taken for -Inf: where other is false"},
	SumStoreAdded: {"sumStoreAdded", "func(dst, src []float32, other *float32, st *Sum) (done int)",
		"sumStore of whole turns of elements x * mul + other"},
	TotalRow: {"totalRow", "func(src *float32, n int, s *Scale, out *Total) (y float32, how uint8)",
		"the total of an ordinary row and its logarithm, or its lanes if one may have nearly all"},
	CopyRow: {"copyRow", "func(dst, src *float32, n int, s *Scale, scale float32, out *Total) (y float32, how uint8)",
		"totalRow that also finds the largest element and copies the row; y is less that element times scale"},
	SureRow: {"sureRow", "func(src *float32, n int, s *Scale, out *RowSum) (how uint8)",
		"the sum of a sure row whose largest element is out's max, if the others are near an N far below it"},
	LogRow: {"logRow", "func(dst, src *float32, n int) (y float32, how uint8, max float32)",
		"the log-softmax of a row of 1 to 128 elements or of 256 without a scale, if they are near, or its log-sum-exp y if dst is nil; if the row may be sure, only its largest element max"},
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

// Rowed reports whether the kernel does whole rows.
func (k Kernel) Rowed() bool { return k == SoftmaxRows || k == SoftmaxKept || k == SoftmaxAdded }

// Prepares reports whether the kernel makes its elements of another operand as well.
func (k Kernel) Prepares() bool { return k.Keeps() || k.Adds() }

// Keeps reports whether that operand tells which elements are as they are, and others are -Inf.
func (k Kernel) Keeps() bool { return k == SoftmaxKept || k == SumStoreKept }

// Adds reports whether it is added.
func (k Kernel) Adds() bool { return k == SoftmaxAdded || k == SumStoreAdded }

// Whole reports whether the kernel does whole turns alone.
func (k Kernel) Whole() bool { return k == SumTops || k == SumStoreKept || k == SumStoreAdded }

// Single reports whether the kernel does one row, to whose call and constants it owes its time:
// the fewer operations that is, the more rows are in flight at once.
func (k Kernel) Single() bool { return k == SoftmaxRow || k == LogRow }

// Ordinary reports whether the kernel does one ordinary row, see [description.ordinaryRow].
func (k Kernel) Ordinary() bool { return k == TotalRow || k == CopyRow || k == SureRow }

// Stores reports whether the kernel writes to dst.
func (k Kernel) Stores() bool {
	return k != Sum && k != SumTops && k != TotalRow && k != SureRow && !k.Sums()
}

// Sums reports whether the kernel makes the sums of rows.
func (k Kernel) Sums() bool { return k == SumRows }

// Streams reports whether it writes around the caches.
func (k Kernel) Streams() bool { return k == ScaleNT || k == ExpScaleNT }

// The offsets of the fields in the structs of package arith, in bytes. Sum's first three
// are arrays of 16.
var (
	SumFields    = map[string]int{"kHi": 192, "kLo": 196, "n": 200, "lim": 204, "mul": 208}
	RowsFields   = map[string]int{"kHi": 0, "kLo": 4, "invK": 8, "low": 12, "high": 16, "n": 20, "at": 24, "before": 32, "cHi": 40, "cLo": 44, "mul": 48}
	FactorFields = map[string]int{"cHi": 0, "cLo": 4, "thr": 8}
	TotalFields  = map[string]int{"n": 0, "max": 4, "total": 8}
	RowSumFields = map[string]int{"n": 0, "max": 4, "top": 8, "rest": 16}
)

// RowSumSize is the size of a RowSum in bytes.
const RowSumSize = 24

// The offsets of Sum's arrays, in floats.
const (
	sumAt  = 0
	restAt = 16
	topAt  = 32
)

// totalLanes is that of Total's lanes.
const totalLanes = 4

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
	// log2(e) in two, and what bounds elements, see nearHigh: of rows without a scale.
	log2eHi, log2eLo = 0x1.715476p+0, 0x1.4ae0c0p-26
	ln2              = 0x1.62e430p-1
	far              = 1 << 18
)

// The constants of an exponential that is near, see [description.near]: all powers of two
// are times unit.
const (
	unit      = 0x1p-19
	nearBelow = 45 // how many powers of two below N they begin,
	nearRange = 128
	nearTop   = nearRange - nearBelow
	nearBase  = 0x1p20 + nearBelow
	nearExp1  = exp1 / unit
	nearExp2  = exp2 / (unit * unit)
	nearExp3  = exp3 / (unit * unit * unit)
	// sureReach is how many powers of two above N the largest element of a sure row is in the
	// arithmetic of near elements, and below what that is in the result.
	sureReach, sureLeast = nearTop - 1, 100
	// nearMagic is magic in these units, and nearBitsOfN what takes 8 * (integer + headroom - N) and nearMagic + n,
	// as the integers that they are, to nearBase + n - N.
	nearMagic = magic * unit
	// nearBits are the bits that no float32 from 2 on has, for 8*nearRange of them.
	nearBits = ^uint32(0x40000000 | 8*nearRange - 1)
	// up and down keep e*cLo above the denormal numbers, which take 100 times as long.
	up, down = 0x1p100, 0x1p-100
	// nearTotal is what the total must not exceed for no result to be 0.
	nearTotal = 0x1p79
	// leastLow is 2^100 times the square of 2^-81: with a cLo of that at least, no e*cLo of a near element is
	// denormal, as e is 2^-nearBelow at least.
	leastLow = 0x1p-62
	// leastFactor is what cLo itself is then.
	leastFactor = 0x1p-81
)

var nearBitsOfN = math.Float32bits(nearBase*unit) - math.Float32bits(nearMagic) - math.Float32bits(integer*unit)<<3

// The numbers of the tables, see [ir.Block.Table].
const (
	exp2Table uint32 = iota
	nearTable
	powersTable
)

// Exp2Table is 2^(j/8) times a factor that makes all of them nearly floats; less j << 20,
// which is what the integer j/8 in the low bits adds to the exponent. NearTable is the same
// for those that are near. PowersTable has the numbers themselves.
var Exp2Table, NearTable, PowersTable = func() (t, near, powers [8]uint32) {
	for j, bits := range [8]uint32{0x3f8b3a3e, 0x3f97d424, 0x3fa59202, 0x3fb48e45, 0x3fc4e5be, 0x3fd6b7da, 0x3fea26de, 0x3fff5829} {
		t[j] = bits - uint32(j)<<20
		near[j] = t[j] - nearBelow<<23
		powers[j] = bits
	}
	return t, near, powers
}()

// names are the constants' names in the generated files.
var names = map[float32]string{
	magic: "magic", exp1: "exp1", exp2: "exp2", exp3: "exp3", integer: "integer", 1: "one", thr: "thr",
	magic - lowest: "cut", integer + headroom: "integerHeadroom", integer + reach + headroom: "integerReach",
	integer - magic: "integerMagic", reach + headroom: "reach", float32(math.Inf(-1)): "minusInf", 0: "zero",
	unit: "unit", nearMagic: "nearMagic", nearExp1: "nearExp1", nearExp2: "nearExp2", nearExp3: "nearExp3", nearTotal: "nearTotal", leastLow: "leastLow", up: "up", down: "down",
	1 / unit: "perUnit", (integer + headroom) * unit: "nearHeadroom", (integer - nearBase) * unit: "nearInteger", nearBase: "nearBase",
	(integer + sureReach) * unit: "nearSure", integer + sureLeast: "integerSure", 1 << (sureLeast - sureReach): "sureScale",
	log2eHi: "log2eHi", log2eHi * unit: "nearLog2eHi", log2eLo * unit: "nearLog2eLo",
	float32(math.Inf(1)): "plusInf", integer + unitBelow: "integerUnit", unitRange: "unitRange", integer - lowest + nearBelow: "integerLowest",
	-math.MaxFloat32: "lowest", -exp1: "minusExp1", -exp3: "minusExp3", ordinary: "ordinary", -ordinary: "minusOrdinary", share: "share",
	nearTop + 0.5: "nearTop", sureExcess: "sureExcess", leastU: "leastU", -far: "minusFar", reach + 1: "nearReach",
}

// Name is what to call a constant in a generated file.
func Name(bits uint32) string {
	switch bits {
	case 1 << 31:
		return "signBit"
	case nearBits:
		return "nearBits"
	case wideBits:
		return "wideBits"
	case nearBitsOfN:
		return "nearBitsOfN"
	case math.MaxUint32:
		return "allBits"
	// For a look-up by bytes, see [ir.Block.Lookup].
	case 7:
		return "eighths"
	case 0x04040404:
		return "wordOffsets"
	case 0x03020100:
		return "byteOffsets"
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

	exact     = "exact"     // elements that are not near
	Sure      = "mayBeSure" // a row whose largest element may be more than twice as much as all others
	Uncertain = "uncertain" // a logarithm whose last bit is not certain
	// narrow are turns whose elements are near, but N too far from 0 for a table.
	narrow = "narrow"
	masked = "masked" // turns in which something is hidden
	sure   = "sure"   // a row whose largest element is more than twice as much as all others
	total  = "total"  // a sum with such elements
	small  = "small"  // a row of near elements with a small cLo
)

// Machine is what a description has to know of a machine.
type Machine struct {
	Lanes       int
	VectorMasks bool // masks are vectors
	Operands    bool // operands may be in memory
	PutsOff     bool // a row's second pass comes behind the first one of the next row
}

// Shape says how a kernel is laid out for speed.
type Shape struct {
	Group       int // vectors that go through the formulas together
	Stagger     int // operations between the beginnings of groups; 0 for one after the other
	Residents   int // registers that variables may keep
	Unroll      int // vectors in a turn of a kernel without sums
	InRegisters int // rows of lanes in registers, from 8 up
	Small       int // rows of lanes from which on rows in registers have a copy of the second pass for a small factor
	Smalls      int // how many such numbers of rows of lanes there are
	Apart       int // rows of lanes of a single row up to which N is made beside exponentials, and not before
	Ahead       int // elements between what a turn of a sum reads and what it asks for; 0 for nothing
}

// Describe writes a kernel down.
func Describe(k Kernel, m Machine, s Shape) *ir.Func {
	d := &description{Kernel: k, Machine: m, Shape: s, f: ir.NewFunc(m.Lanes, true), parts: Lanes / m.Lanes}
	d.f.VectorMasks, d.f.SharedSlots, d.f.Guarded = m.VectorMasks, true, true
	switch k {
	case SoftmaxRows, SoftmaxKept, SoftmaxAdded:
		d.softmaxRows()
	case SumRows:
		d.sumRows()
	case ExpRows:
		d.expRows()
	case SoftmaxRow:
		d.singleRow(d.shortRow)
	case LogRow:
		d.singleRow(d.logRow)
	case TotalRow, CopyRow:
		d.ordinaryRow()
	case SureRow:
		d.sureSum()
	case Sum, SumStore, SumTops, SumStoreKept, SumStoreAdded:
		d.sum()
	case Scale, ScaleNT:
		d.elementwise(nil, func(b *ir.Block, load func() ir.V) ir.V {
			return d.scaled(b, load(), givenFactor(b))
		})
	case ExpScale, ExpScaleNT:
		d.elementwise(func(b *ir.Block) { d.keep(b, d.given(b), d.f.Vars("segment", 3)) }, func(b *ir.Block, load func() ir.V) ir.V {
			y, _ := d.exp(b, d.kept(b), load, nil)
			return d.scaled(b, y, givenFactor(b))
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
	isNear            bool      // the segment
	sums, rests, tops []*ir.Var // by part

	row  func(b *ir.Block, s segment, x body, label string) // what is done with a short row
	meet func(b *ir.Block, tops ir.V)                       // takes a turn's largest elements by part

	wideVars []*ir.Var // of [wide]

	without func(*ir.Block) ir.V // an element that exponentials go without, if any
}

// segment is what the elements that share N have in common.
type segment struct {
	kHi, kLo ir.V
	magic    ir.V // less N
	lim      ir.V // none where no limit is looked at
	near     bool
	// minusN makes what is added to the integer that a sum with magic is, if magic is not less N.
	minusN func() ir.V
	belowN func() ir.V // a float whose last bits are -N's
	wide   *wide       // of ordinary rows on a machine with Scalef
	// bare is for turns without a look at what a mask hides: hidden elements have to be near too, and no sum with
	// Add may be -Inf.
	bare bool
}

func (s segment) values() ir.V { return slices.Concat(s.kHi, s.kLo, s.magic, s.lim) }

// keep sets variables to a segment, for the blocks that follow.
func (d *description) keep(b *ir.Block, s segment, vars []*ir.Var) {
	b.SetAll(vars, s.values())
	d.vars, d.isNear = vars, s.near
}

// kept is the segment of those variables.
func (d *description) kept(b *ir.Block) segment {
	vs := b.Get(d.vars...)
	s := segment{kHi: vs[:1], kLo: vs[1:2], magic: vs[2:3], lim: vs[3:], near: d.isNear}
	if d.wideVars != nil {
		s.lim, s.wide = nil, &wide{minusKHi: b.Get(d.wideVars[0]), table: b.Get(d.wideVars[1]), near: !d.Ordinary()}
		if d.Adds() {
			s.wide.least = b.Get(d.wideVars[2])
		}
	}
	return s
}

// sumVars makes the variables of a sum.
func (d *description) sumVars() {
	d.sums, d.rests = d.f.Vars("sum", d.parts), d.f.Vars("rest", d.parts)
}

// given is the segment of the N in the kernel's state.
func (d *description) given(b *ir.Block) segment {
	return segment{kHi: b.Param("kHi"), kLo: b.Param("kLo"), magic: b.Sub(b.Const(magic), b.Param("n"))}
}

// near is the same segment for elements that are near N, from 45 powers of two below it to
// 83 above, as most are. It takes two looks at each element away, the one at the limit and
// the one at what is so low that it is 0: with all powers of two times 2^-19, an element is
// near if u is one of the first 1024 float32 from 2 on. What others there are has bits that
// those don't have, but 0, and so a turn's u, or'ed together, show whether all are near.
//
// That needs a factor for which no element makes u 0, which [ir.GuardScale] looks for, and a
// limit above the nearest. Times a power of two the arithmetic has the same bits.
func (d *description) near(b *ir.Block, n ir.V) segment {
	return segment{near: true, kHi: b.Mul(b.Param("kHi"), b.Const(unit)), kLo: b.Mul(b.Param("kLo"), b.Const(unit)),
		magic: b.Mul(b.Sub(b.Const(nearBase), n), b.Const(unit))}
}

// exp is exp(x) * 2^-N for x that load loads, and what shows whether it is near. Of those
// that are near keep clears lanes.
func (d *description) exp(b *ir.Block, s segment, load func() ir.V, keep func(x ir.V)) (y, u ir.V) {
	get := load
	if !d.Operands || d.Prepares() && !s.near {
		x := load()
		get = func() ir.V { return x }
	}
	if s.wide != nil {
		return d.wideExp(b, s, load, keep)
	}
	c1, c2, c3, table := b.Const(exp1), b.Const(exp2), b.Const(exp3), exp2Table
	if s.near {
		table = nearTable
		c1, c2, c3 = b.Const(nearExp1), b.Const(nearExp2), b.Const(nearExp3)
	}
	b.Note("u = x * kHi + magic - N, the low bits of which are the eighths of n - N")
	u = b.MulAdd(get(), s.kHi, s.magic)
	if s.near && s.minusN == nil && !s.bare {
		keep(u)
	}
	b.Note("-n = magic - N - u")
	f := b.Sub(s.magic, u)
	b.Note("f = x * (kHi + kLo) - n")
	f = b.MulAdd(get(), s.kHi, f)
	f = b.MulAdd(get(), s.kLo, f)
	if s.minusN != nil {
		u = b.AddInt(u, s.minusN())
		keep(u)
	}
	b.Note("s = 2^(n - N) * K")
	scale := b.AddInt(b.Lookup(u, b.Table(table)), b.ShiftLeft(u, 20))
	b.Note("q = f * ((exp3*f + exp2)*f + exp1)")
	q := b.Mul(f, b.MulAdd(b.MulAdd(c3, f, c2), f, c1))
	if s.near {
		b.Note("s*q + s")
		y = b.MulAdd(scale, q, scale)
		keep(y)
		return y, u
	}
	b.Note("s*q + s, and 0 where n < N - 125")
	return b.Keep(b.NotLess(u, b.Const(magic-lowest)), b.MulAdd(scale, q, scale)), u
}

// scaled is e / total, and 0 below 2^-126.
func (d *description) scaled(b *ir.Block, e ir.V, f factor) (y ir.V) {
	what := "e*cHi + e*cLo"
	if f.up {
		what = "(" + what + ") * 2^-100"
	}
	if f.thr != nil {
		what += ", and 0 where e < thr"
	}
	b.Note(what)
	low := b.Mul(e, f.cLo)
	if y = b.MulAdd(e, f.cHi, low); f.thr != nil {
		y = b.Keep(b.NotLess(e, f.thr), y)
	}
	if f.up {
		y = b.Mul(y, b.Const(down))
	}
	return y
}

// body is a piece of code for rows of lanes: up to so many, of which the first few have 16 elements for
// sure. What is missing of the others is an exponential of 0, which changes no sum.
type body struct{ rows, whole int }

// wholeTurn is a turn that lacks nothing.
var wholeTurn = body{Rows, Rows}

// bodies are those for what goes up to each of these numbers of rows, but not to the one before.
func bodies(most ...int) (bs []body) {
	whole := 0
	for _, rows := range most {
		bs = append(bs, body{rows, whole})
		whole = rows
	}
	return bs
}

// block adds a block for a body.
func (d *description) block(test ir.Test, x body, what string) *ir.Block {
	comment := fmt.Sprintf("%s%d to %d elements.", what, x.whole*Lanes+1, x.rows*Lanes)
	if x.whole == x.rows {
		comment = fmt.Sprintf("%s%d elements.", what, x.rows*Lanes)
	}
	b := d.f.Block(test, x.rows*Lanes, comment)
	b.Full = x.whole * Lanes
	return b
}

// turn describes a turn of a body. It leaves for the label if an element is above the limit, or not
// near. It hands the vectors of exponentials to use, and the sums of each group of a part
// to add.
func (d *description) turn(b *ir.Block, s segment, x body, label string,
	use func(b *ir.Block, y ir.V, vectors []int), add func(b *ir.Block, part int, t ir.V)) {
	rows, last, whole := x.rows, x.whole*d.parts, x == wholeTurn
	left, masks := make(map[int]ir.V), make(map[int]ir.V)
	load := func(v int) ir.V {
		switch {
		case left[v] != nil:
		case v < last && d.Prepares() && !(s.near && d.Keeps()):
			return d.prepared(b, v, false)
		case v < last:
			return b.Load(v)
		case s.near && d.Keeps():
			masks[v] = b.KeptLeft(v)
			left[v] = b.LoadTailAt(v, masks[v])
		case d.Prepares():
			left[v] = d.prepared(b, v, true)
		case s.near:
			masks[v] = b.LeftMask(v)
			left[v] = b.LoadTailAt(v, masks[v])
		default:
			left[v] = b.LoadLeft(v)
		}
		return left[v]
	}
	if rows-x.whole == 1 { // early, as it is what the end waits for
		for p := range d.parts {
			load(last + p)
		}
	}
	if !s.near {
		b.Note("Leave if an element is above the limit.")
		tops := d.largest(b, rows, load)
		b.GuardGreater(label, d.tree(tops, b.Max), s.lim)
		d.meetTops(b, tops)
	}
	type sum struct {
		part int
		t    ir.V
	}
	var sums []sum
	var us, ys ir.V
	var vectors []int
	parts := d.parts
	exps := func(g []int, take func(y ir.V)) { // of a group of vectors
		b.Group()
		if d.Ahead > 0 && whole {
			for _, v := range g {
				if at := v * d.Machine.Lanes; at%16 == 0 {
					b.Prefetch(d.Ahead + at)
				}
			}
		}
		elements := func() (x ir.V) {
			for _, v := range g {
				x = append(x, load(v)...)
			}
			return x
		}
		for _, v := range g {
			if v >= last && left[v] == nil {
				load(v)
			} else if v < last && s.near && d.Keeps() && !s.bare {
				masks[v] = b.KeptInt(v)
			}
		}
		if s.near && d.Adds() {
			x := elements()
			switch {
			case s.bare:
			case s.wide != nil:
				x = b.Max(s.wide.least, x)
			default:
				for i, v := range g {
					masks[v] = b.NotLess(x[i:i+1], b.Const(-math.MaxFloat32))
				}
			}
			elements = func() ir.V { return x }
		}
		y, u := d.exp(b, s, elements, func(x ir.V) {
			for i, v := range g {
				mask := masks[v]
				if s.bare && d.Keeps() { // late, as registers are few
					mask = b.KeptInt(v)
				}
				if mask != nil {
					copy(x[i:], b.Keep(mask, x[i:i+1]))
				}
			}
		})
		all := y
		if d.without != nil {
			var x ir.V
			for _, v := range g {
				x = append(x, load(v)...)
			}
			y = b.Keep(b.Greater(d.without(b), x), y)
		}
		take(y)
		if d.Kernel == CopyRow {
			d.store(x)(b, elements(), g)
		}
		if !s.near {
			use(b, y, g)
			return
		}
		ys, vectors = append(ys, all...), append(vectors, g...)
		if us = append(us, u...); us != nil && label != "" && (d.Operands && d.VectorMasks || len(us) > 2) {
			us = b.Or(us)
		}
	}
	if s.minusN != nil && rows == 1 && d.parts <= d.Group { // side by side
		exps([]int{0, 1}[:d.parts], func(y ir.V) {
			for p := range d.parts {
				sums = append(sums, sum{p, y[p : p+1]})
			}
		})
		parts = 0
	}
	for p := range parts {
		for r := 0; r < rows; r += GroupRows {
			var f forest
			var vs []int
			for i := r; i < min(r+GroupRows, rows); i++ {
				vs = append(vs, i*d.parts+p)
			}
			for _, g := range split(vs, d.Group) {
				exps(g, func(y ir.V) { f.add(y, b.Add) })
			}
			if t := f.root(b.Add); s.near {
				sums = append(sums, sum{p, t})
			} else {
				add(b, p, t)
			}
		}
	}
	if s.near {
		if label != "" && us != nil { // else that is known already
			b.Note("Leave if an element is not near.")
			bits := uint32(nearBits)
			if s.wide != nil {
				bits = wideBits
			}
			b.GuardBits(label, b.Or(us), bits)
		}
		if d.tops != nil {
			d.setTops(b, d.elements(b, x))
		}
		use(b, ys, vectors)
		for _, s := range sums {
			add(b, s.part, s.t)
		}
		if s.wide != nil && !s.wide.near {
			b.Note("Leave if a sum is infinite, of either sign, or a NaN: then the rest is a NaN.")
			b.GuardNotLess(label, b.Get(d.rests[0]), b.Const(nearTotal))
		}
	}
}

// prepared is a vector of elements as they go into exponentials; what a row lacks is -Inf.
func (d *description) prepared(b *ir.Block, v int, last bool) ir.V {
	none := b.Const(float32(math.Inf(-1)))
	if d.Keeps() {
		b.Note("x where other is true, else -Inf")
	} else {
		b.Note("x * mul + other")
	}
	switch {
	case d.Keeps() && last:
		mask := b.KeptLeft(v)
		return b.Select(mask, b.LoadTailAt(v, mask), none)
	case d.Keeps():
		return b.Select(b.Kept(v), b.Load(v), none)
	case last:
		mask := b.LeftMask(v)
		return b.Select(mask, b.MulAdd(b.LoadTailAt(v, mask), b.Param("mul"), b.OtherTail(v, mask)), none)
	}
	return b.MulAdd(b.Load(v), b.Param("mul"), b.Other(v))
}

// largest is the largest elements by part.
func (d *description) largest(b *ir.Block, rows int, load func(v int) ir.V) (tops ir.V) {
	for p := range d.parts {
		var vs ir.V
		for r := range rows {
			vs = append(vs, load(r*d.parts+p)...)
		}
		tops = append(tops, d.tree(vs, b.Max)...)
	}
	return tops
}

// elements is the largest of a body's elements by part.
func (d *description) elements(b *ir.Block, x body) (tops ir.V) {
	return d.largest(b, x.rows, func(v int) ir.V {
		if v >= x.whole*d.parts {
			return b.LoadLeft(v)
		}
		return b.Load(v)
	})
}

// setTops keeps the largest elements, if the kernel is to.
func (d *description) setTops(b *ir.Block, tops ir.V) {
	for p := range d.tops {
		if d.Kernel == SumTops {
			b.Store(tops[p:p+1], p)
		}
		b.Set(d.tops[p], b.Max(tops[p:p+1], b.Get(d.tops[p])))
	}
}

// meetTops takes a turn's largest elements.
func (d *description) meetTops(b *ir.Block, tops ir.V) {
	if d.meet != nil {
		d.meet(b, tops)
	} else {
		d.setTops(b, tops)
	}
}

// tree joins vectors.
func (d *description) tree(vs ir.V, op func(x, y ir.V) ir.V) ir.V {
	var f forest
	f.add(vs, op)
	return f.root(op)
}

// accumulate adds a group's sum.
func (d *description) accumulate(b *ir.Block, part int, t ir.V) {
	b.Note("sum + t, and what that lacks to the rest")
	s, r := d.twoSum(b, b.Get(d.sums[part]), t)
	b.Set(d.rests[part], b.Add(b.Get(d.rests[part]), r))
	b.Set(d.sums[part], s)
}

// twoSum is x + y, and what is missing of it, for numbers from 0 up: the smaller one less
// what of it arrived.
func (d *description) twoSum(b *ir.Block, x, y ir.V) (sum, rest ir.V) {
	sum = b.Add(x, y)
	return sum, b.Sub(b.Min(x, y), b.Sub(sum, b.Max(x, y)))
}

// The bodies of what is left behind the last whole turn: fewer where that costs little time, or few rows come.
var (
	allTails  = bodies(1, 2, 3, 4, 5, 6, 7, 8)
	nearTails = bodies(1, 2, 3, 4, 6, 8)
	fewTails  = bodies(1, 2, 4, 8)
)

// turns describes the loop over whole turns, and what is left behind it.
func (d *description) turns(label string, use func(x body) func(b *ir.Block, y ir.V, vectors []int)) {
	what, tails := "Turns", fewTails
	if d.isNear {
		what, tails = "Turns whose elements are all near,", nearTails
		switch {
		case d.Kernel == Sum || d.Kernel == SumStore || d.Ordinary():
			tails = fewTails
		case d.Kernel == SoftmaxRows && d.Operands, d.Prepares():
			tails = allTails
		}
	}
	widens := d.isNear && !d.VectorMasks && (d.Kernel == SoftmaxRows || d.Kernel == SumStore || d.Prepares())
	if widens {
		d.wideTurn(label, use(wholeTurn))
		if d.Whole() && d.Prepares() { // chunks of other elements are rare
			return
		}
	} else if d.isNear && d.Prepares() {
		d.bareTurn(use(wholeTurn))
	}
	b := d.f.Block(ir.While, Turn, what+" of 128 elements.")
	if widens {
		b.Label = narrow
	}
	d.turn(b, d.kept(b), wholeTurn, label, use(wholeTurn), d.accumulate)
	if d.Whole() {
		return
	}
	for _, x := range tails {
		b := d.block(ir.UpTo, x, what+" of ")
		d.turn(b, d.kept(b), x, label, use(x), d.accumulate)
	}
}

// bareTurn describes a loop of whole turns without a look at what a mask hides, in which even hidden elements are near.
// It leaves at the first turn with others; what follows does that turn again.
func (d *description) bareTurn(use func(b *ir.Block, y ir.V, vectors []int)) {
	if d.Adds() {
		b := d.f.Block(ir.Once, 0, "Where nothing is hidden, as the first elements tell.")
		b.GuardLeft(masked, Turn)
		b.GuardGreater(masked, b.Const(-far), d.prepared(b, 0, false))
		turns := 20 // from so many on, one that is done again does not matter
		if d.VectorMasks {
			turns = 7
		}
		b.GuardLeft("ends", turns*Turn)
		b.Goto = "bare"
		b = d.f.Block(ir.Once, 0, "And the last ones, in a row that is not long.")
		b.Label = "ends"
		b.GuardGreater(masked, b.Const(-far), b.MulAdd(b.LoadLast(), b.Param("mul"), b.OtherLast()))
	}
	b := d.f.Block(ir.While, Turn, "Turns of near elements, hidden ones too, of 128 elements.")
	if d.Adds() {
		b.Label = "bare"
	}
	s := d.kept(b)
	s.bare = true
	d.turn(b, s, wholeTurn, masked, use, d.accumulate)
	d.f.Block(ir.Resume, 0, "Where something is hidden.").Label = masked
}

// store returns what stores a turn's vectors.
func (d *description) store(x body) func(b *ir.Block, y ir.V, vectors []int) {
	return func(b *ir.Block, y ir.V, vectors []int) {
		for i, v := range vectors {
			if v >= x.whole*d.parts {
				b.StoreLeft(y[i:i+1], v)
			} else {
				b.Store(y[i:i+1], v)
			}
		}
	}
}

// sum describes the first pass.
func (d *description) sum() {
	use := d.store
	if d.Kernel == Sum || d.Kernel == SumTops {
		use = unusedTurns
	}
	near, other := d.f.Vars("near", 3), d.f.Vars("other", 4)
	b := d.f.Block(ir.Once, 0, "The sum so far.")
	d.sumVars()
	if d.Kernel == Sum || d.Kernel == SumTops {
		d.tops = d.f.Vars("top", d.parts)
	}
	for p := range d.parts {
		at := p * d.Machine.Lanes
		b.Set(d.sums[p], b.State(sumAt+at))
		b.Set(d.rests[p], b.State(restAt+at))
		if d.tops != nil {
			b.Set(d.tops[p], b.State(topAt+at))
		}
	}
	b = d.f.Block(ir.Once, 0, "Where elements are near.")
	b.GuardScale(exact)
	n := b.Param("n")
	b.Guard(b.Mul(b.Param("lim"), b.Param("kHi")), b.Add(n, b.Const(nearTop+0.5)), exact)
	d.keep(b, d.near(b, n), near)
	d.turns(exact, use)
	d.f.Blocks[len(d.f.Blocks)-1].Goto = End
	b = d.f.Block(ir.Resume, 0, "Other elements.")
	b.Label = exact
	s := d.given(b)
	s.lim = b.Param("lim")
	d.keep(b, s, other)
	d.turns(End, use)
	b = d.f.Block(ir.Once, 0, "The sum.")
	b.Label = End
	for p := range d.parts {
		at := p * d.Machine.Lanes
		b.StoreState(b.Get(d.sums[p]), sumAt+at)
		b.StoreState(b.Get(d.rests[p]), restAt+at)
		if d.tops != nil {
			b.StoreState(b.Get(d.tops[p]), topAt+at)
		}
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
	d.loops(f, store)
	tail(ir.UpTo, d.Machine.Lanes, "Elements that are left.")
}

// loops describes the loops over whole vectors.
func (d *description) loops(f func(b *ir.Block, load func() ir.V) ir.V, store func(b *ir.Block, y ir.V, vectors ...int)) {
	all := make([]int, d.Unroll)
	for i := range all {
		all[i] = i
	}
	b := d.f.Block(ir.While, d.Unroll*d.Machine.Lanes, fmt.Sprintf("%d vectors a turn.", d.Unroll))
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
	d.row = d.shortRow
	vars := d.shortLoops()

	magic, other := d.f.Vars("magic", 1), d.f.Vars("other", 4)
	d.sumVars()
	b := d.f.Block(ir.Row, 0, "A row of more elements: N, and an empty sum.")
	x := d.first(b, 0)
	d.begin(b, x, Irregular)
	d.empty(b)
	b.Set(magic[0], d.rowMagic(b, x, b.Get(vars[0])))
	b = d.f.Block(ir.Once, 0, "Where elements are near.")
	b.GuardScale(exact)
	b.Guard(d.nearHigh(b), d.first(b, 0), exact)
	d.vars, d.isNear = slices.Concat(vars[:2], magic), true
	d.turns(exact, d.store)
	b = d.f.Block(ir.Once, 0, "The sum of all lanes, and its reciprocal.")
	sum := d.total(b)
	b.GuardDouble(b.Double(nearTotal), sum, total)
	f := d.largeFactor(b, sum, small)
	if d.PutsOff {
		d.putOff(b, f)
	} else {
		d.secondPass(b, f)
	}
	d.f.Blocks[len(d.f.Blocks)-1].Goto = "next"
	b = d.f.Block(ir.Once, 0, "The same where a product may be denormal.")
	b.Label = small
	d.secondPass(b, d.factor(b, d.total(b)))
	d.f.Blocks[len(d.f.Blocks)-1].Goto = "next"

	d.other(other)
	d.turns(Irregular, d.store)
	b = d.f.Block(ir.Once, 0, "The sum of all lanes, and its reciprocal.")
	b.Label = total
	sum = d.total(b)
	b.GuardNumber(Irregular, sum)
	d.secondPass(b, d.zeroFactor(b, sum))
	d.rowDone(vars)
	if d.PutsOff {
		b = d.f.Block(ir.Before, 0, "The second pass of the last row, if that was put off.")
		b.Label = End
		d.secondLoops(d.before)
	}
}

// putOffMost is the longest row that is put off: two of them stay in the first-level cache.
const putOffMost = 2048

// putOff describes the second pass over the row before, if there was one, while the divisions and
// additions that this row's factor takes are on their way: as many operations as the CPU can have in
// flight. What follows the last row is done at the end.
func (d *description) putOff(b *ir.Block, f factor) {
	factor := d.setFactor(b, f)
	d.f.Block(ir.PutOff, putOffMost, "The second pass of the row before, while this one's factor is made.")
	d.secondLoops(d.before)
	b = d.f.Block(ir.Putting, 0, "This row's second pass is put off.")
	b.Label = "put"
	f = factor(b)
	b.StoreFloat("cHi", f.cHi)
	b.StoreFloat("cLo", f.cLo)
	b.Goto = "next"
	d.f.Block(ir.Results, 0, "The second pass: the exponentials times that.").Label = "now"
	d.secondLoops(factor)
}

// givenFactor is the one that a kernel is given.
func givenFactor(b *ir.Block) factor {
	return factor{cHi: b.Param("cHi"), cLo: b.Param("cLo"), up: true, thr: b.Param("thr")}
}

// before is the factor of the row that was put off.
func (d *description) before(b *ir.Block) factor {
	return factor{cHi: b.Param("cHi"), cLo: b.Param("cLo")}
}

// shortLoops describes the loops over rows that stay in registers, and returns what rows of
// near elements share.
func (d *description) shortLoops() (vars []*ir.Var) {
	vars = d.f.Vars("row", 2)
	b := d.f.Block(ir.Once, 0, "What near elements share, and up to where a row's first one may be.")
	b.Set(vars[0], b.Mul(b.Param("kHi"), b.Const(unit)))
	b.Set(vars[1], b.Mul(b.Param("kLo"), b.Const(unit)))
	b.KeepFirst(d.nearHigh(b))
	b.Label = "short"
	for _, x := range d.shortBodies() {
		d.shortRows(x, vars)
	}
	return vars
}

// shortBodies are those of rows in registers.
func (d *description) shortBodies() []body {
	all := bodies(1, 2, 3, 4, 6, 8, 10, 12, 16)
	if d.Kernel == SoftmaxRows || d.Single() {
		all = bodies(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	}
	return slices.DeleteFunc(all, func(x body) bool { return x.rows > d.InRegisters })
}

// shortRows describes the loop over rows of a body, and what a row takes that has an element that is
// not near.
func (d *description) shortRows(of body, vars []*ir.Var) {
	label := fmt.Sprint(exact, of.rows*Lanes)
	b := d.block(ir.EachRow, of, "Rows of ")
	x := d.first(b, of.rows)
	if d.Prepares() {
		b.Guard(x, b.Param("low"), label)
		b.Guard(d.nearHigh(b), x, label)
	} else {
		b.GuardFirst(label, 0)
	}
	kHi := b.Get(vars[0])
	d.row(b, segment{near: true, kHi: kHi, kLo: b.Get(vars[1]), magic: d.rowMagic(b, x, kHi)}, of, label)
	b = d.f.Block(ir.Longer, of.rows*Lanes, "")
	b.Full, b.Label = of.whole*Lanes, label
	switch b.Goto = "far"; {
	case d.Kernel == ExpRows:
		b.Goto = "longer"
	case !d.Prepares(): // their search is long, so it stands in one place, in other
		d.begin(b, d.first(b, of.rows), End)
	}
	if d.Kernel == ExpRows {
		d.sureExps(of, vars)
	}
	if d.Kernel == SumRows && of.rows <= Rows { // longer ones are summed again by SureRow
		d.sureRow(of, func(b *ir.Block) ir.V { return b.Get(vars[0]) }, func(b *ir.Block) ir.V { return b.Get(vars[1]) })
	}
}

// singleRow describes a kernel of one row that stays in registers, with near elements and without a scale.
func (d *description) singleRow(row func(b *ir.Block, s segment, x body, label string)) {
	var high float32 = far - ln2*(reach+1) // see nearHigh
	if d.Kernel == LogRow {
		high = certainMost
	}
	kHi := func(b *ir.Block) ir.V { return b.Const(log2eHi * unit) }
	kLo := func(b *ir.Block) ir.V { return b.Const(log2eLo * unit) }
	all := d.shortBodies()
	// 16 elements without masks, and 256 in registers, take a tenth less time than otherwise.
	all = append(slices.Insert(all, 0, body{1, 1}), body{2 * Rows, 2 * Rows})
	for i, x := range all {
		b := d.block(ir.Only, x, "")
		b.Less = i > 0 && all[i-1].whole == x.rows
		b.GuardFirst(End, high)
		s := segment{near: true, kHi: kHi(b), kLo: kLo(b)}
		belowN := sync.OnceValue(func() ir.V {
			b.Note("-N = 24 - round(x0 * kHi), in units of 2^-19")
			return d.belowN(b, d.first(b, x.rows), kHi(b), headroom)
		})
		s.belowN = belowN
		if x.rows <= d.Apart {
			s.magic = b.Const(nearMagic)
			s.minusN = sync.OnceValue(func() ir.V { return d.minusNBits(b, belowN()) })
		} else {
			s.magic = d.magicOf(b, belowN())
		}
		row(b, s, x, End)
	}
}

// begin describes the beginning of a longer row with that first element: N.
func (d *description) begin(b *ir.Block, x ir.V, label string) {
	b.Guard(x, b.Param("low"), label)
	b.Guard(b.Param("high"), x, label)
	b.StoreFloat("n", b.Sub(b.Const(integer), d.minusN(b, x)))
}

// empty makes the sum empty.
func (d *description) empty(b *ir.Block) {
	for p := range d.parts {
		b.Set(d.sums[p], b.Const(0))
		b.Set(d.rests[p], b.Const(0))
		if d.tops != nil {
			b.Set(d.tops[p], b.Const(float32(math.Inf(-1))))
		}
	}
}

// other describes where a row goes on that has elements which are not near, and makes their segment. Those
// of short rows come from their loops and go back there.
func (d *description) other(vars []*ir.Var) {
	if !d.Ordinary() {
		b := d.f.Block(ir.Far, 0, "A short row with other elements: an empty sum.")
		b.Label = "far"
		if d.Prepares() {
			d.begin(b, d.first(b, 0), End)
		}
		d.empty(b)
	}
	b := d.f.Block(ir.Resume, 0, "Other elements.")
	b.Label = exact
	s := d.given(b)
	s.lim = b.Min(b.Mul(b.Add(b.Param("n"), b.Const(reach+headroom)), b.Param("invK")), b.Param("high"))
	d.keep(b, s, vars)
}

// rowDone describes what a row is followed by.
func (d *description) rowDone(vars []*ir.Var) {
	b := d.f.Block(ir.RowDone, d.InRegisters*Lanes, "The next row.")
	b.Label = "next"
	b.Get(vars...) // which the next row needs
}

// nearHigh is up to where the size of a row's first element may be for the limit to be
// above all near elements. It is less than high, which is -low.
func (d *description) nearHigh(b *ir.Block) ir.V {
	return b.Sub(b.Param("high"), b.Mul(b.Param("invK"), b.Const(reach+1)))
}

// first is the element that a row's N comes from: the first one, and in prepared rows the first that is not below
// low, or something lower. Rows is how many rows of lanes the row has, 0 if it is not in registers.
func (d *description) first(b *ir.Block, rows int) ir.V {
	switch {
	case d.Kernel == SoftmaxKept:
		return b.FirstKept(rows)
	case d.Kernel == SoftmaxAdded:
		return b.FirstAdded(rows, b.Param("mul"), b.Param("low"))
	}
	return b.LoadSplat()
}

// rowMagic is near elements' magic - N for a row's first element.
func (d *description) rowMagic(b *ir.Block, x, kHi ir.V) ir.V {
	b.Note("-N = 24 - round(x0 * kHi), in units of 2^-19")
	return d.magicBelow(b, x, kHi, headroom)
}

// magicBelow is near elements' magic - N for an N so far below x.
func (d *description) magicBelow(b *ir.Block, x, kHi ir.V, far float32) ir.V {
	return d.magicOf(b, d.belowN(b, x, kHi, far))
}

// belowN is a float whose last bits are those of -N, for an N so far below x.
func (d *description) belowN(b *ir.Block, x, kHi ir.V, far float32) ir.V {
	return b.Sub(b.Const((integer+far)*unit), b.Mul(x, kHi))
}

// magicOf is near elements' magic - N by [description.belowN].
func (d *description) magicOf(b *ir.Block, belowN ir.V) ir.V {
	return b.Sub(belowN, b.Const((integer-nearBase)*unit))
}

// minusNBits is the integer to add to the bits of nearMagic + n for those of the near elements' u.
func (d *description) minusNBits(b *ir.Block, belowN ir.V) ir.V {
	b.Note("-N as the bits of u have it") // one more in -N is one more in the bits of belowN
	return b.AddInt(b.ShiftLeft(belowN, 3), b.Bits(nearBitsOfN))
}

// kHi is scale * log2(e).
func (d *description) kHi(b *ir.Block) ir.V {
	if d.Single() {
		return b.Const(log2eHi)
	}
	return b.Param("kHi")
}

// minusN is integer - N for a row's first element.
func (d *description) minusN(b *ir.Block, x ir.V) ir.V {
	return b.Sub(b.Const(integer+headroom), b.Mul(x, d.kHi(b)))
}

// rowSum describes the sum of a row in registers. Use takes its exponentials.
func (d *description) rowSum(b *ir.Block, s segment, x body, label string, use func(b *ir.Block, y ir.V, vectors []int)) ir.V {
	groups := make([]ir.V, d.parts)
	d.turn(b, s, x, label, use, func(_ *ir.Block, part int, t ir.V) { groups[part] = append(groups[part], t...) })
	var lanes ir.V
	for _, t := range groups {
		lanes = append(lanes, d.lanes(b, t)...)
	}
	return b.ByHalves(lanes)
}

// unused is for sums whose exponentials nobody takes, and unusedTurns for those of turns.
func unused(*ir.Block, ir.V, []int) {}

func unusedTurns(body) func(*ir.Block, ir.V, []int) { return unused }

// shortRow describes the softmax of a row in registers.
func (d *description) shortRow(b *ir.Block, s segment, x body, label string) {
	e := make(map[int]ir.V)
	sum := d.rowSum(b, s, x, label, func(b *ir.Block, y ir.V, vectors []int) {
		for i, v := range vectors {
			e[v] = y[i : i+1]
		}
	})
	var f factor
	if s.near && (d.Single() || x.rows >= d.Small && x.rows < d.Small+d.Smalls) {
		b.Note("1/total = cHi + cLo")
		var low ir.V
		f, low = d.quotient(b, 1, sum)
		b.Note("Go on with 2^100/total if cLo is small.")
		b.GuardSmall(label, f.cHi, f.cLo, low, leastFactor, 1/float32(nearTotal))
	} else if s.near {
		b.GuardDouble(b.Double(nearTotal), sum, label)
		f = d.factor(b, sum)
	} else {
		b.GuardNumber(label, sum)
		f = d.zeroFactor(b, sum)
	}
	store := d.store(x)
	for v := range x.rows * d.parts {
		store(b, d.scaled(b, e[v], f), []int{v})
	}
}

// lanes is the sum of groups in float64, for the lanes of a part.
func (d *description) lanes(b *ir.Block, t ir.V) ir.V {
	switch len(t) {
	case 1:
		return b.Widen(t)
	case 2:
		// What TwoSum makes of two is exactly their sum, and so rounded alike.
		return b.AddDouble(b.Widen(t[:1]), b.Widen(t[1:]))
	}
	sum, rest := d.twoSum(b, t[:1], t[1:2])
	for _, v := range t[2:] {
		var r ir.V
		sum, r = d.twoSum(b, sum, ir.V{v})
		rest = b.Add(rest, r)
	}
	return b.AddDouble(b.Widen(sum), b.Widen(rest))
}

// total is the sum of all lanes.
func (d *description) total(b *ir.Block) ir.V {
	return b.ByHalves(b.AddDouble(b.Widen(b.Get(d.sums...)), b.Widen(b.Get(d.rests...))))
}

// secondPass describes the second pass over a row.
func (d *description) secondPass(b *ir.Block, f factor) {
	get := d.setFactor(b, f)
	d.f.Block(ir.Results, 0, "The second pass: the exponentials times that.")
	d.secondLoops(get)
}

// setFactor keeps a factor for the blocks that follow.
func (d *description) setFactor(b *ir.Block, f factor) (get func(b *ir.Block) factor) {
	vars := d.f.Vars("factor", 3)
	b.Set(vars[0], f.cHi)
	b.Set(vars[1], f.cLo)
	if f.thr != nil {
		b.Set(vars[2], f.thr)
	}
	return func(b *ir.Block) factor {
		kept := factor{cHi: b.Get(vars[0]), cLo: b.Get(vars[1]), up: f.up}
		if f.thr != nil {
			kept.thr = b.Get(vars[2])
		}
		return kept
	}
}

// secondLoops describes the loops of a second pass.
func (d *description) secondLoops(get func(b *ir.Block) factor) {
	f := func(b *ir.Block, load func() ir.V) ir.V {
		return d.scaled(b, load(), get(b))
	}
	shape := d.Shape
	d.Shape = Shape{Group: 1, Unroll: 8}
	d.loops(f, (*ir.Block).Store)
	d.Shape = shape
	b := d.f.Block(ir.UpTo, d.Machine.Lanes, "Elements that are left.")
	x := b.LoadLeft(0)
	b.StoreLeft(f(b, func() ir.V { return x }), 0)
}

// factor is 1/total in two floats, in all lanes.
type factor struct {
	cHi, cLo ir.V
	up       bool // times 2^100
	thr      ir.V // the least exponential of which the result is not 0, if there may be such ones
}

// zeroFactor is the factor where results may be 0.
func (d *description) zeroFactor(b *ir.Block, sum ir.V) factor {
	f := d.factor(b, sum)
	f.thr = b.Splat(b.Narrow(b.MulDouble(sum, b.Double(thr))))
	return f
}

// factor is the factor that any number takes.
func (d *description) factor(b *ir.Block, sum ir.V) factor {
	b.Note("2^100/total = cHi + cLo")
	f, _ := d.quotient(b, up, sum)
	f.up = true
	return f
}

// largeFactor is the factor if cLo is so large that near elements don't take a power of two; else it leaves
// for the label.
func (d *description) largeFactor(b *ir.Block, sum ir.V, label string) factor {
	b.Note("1/total = cHi + cLo")
	f, low := d.quotient(b, 1, sum)
	b.Note("Leave if cLo is small.")
	b.GuardDouble(b.MulDouble(b.MulDouble(low, b.Double(up)), low), b.Double(leastLow), label)
	return f
}

// quotient is x / sum in two floats, and the second of them as a float64.
func (d *description) quotient(b *ir.Block, x float32, sum ir.V) (f factor, low ir.V) {
	c := b.DivDouble(b.Double(x), sum)
	h := b.Narrow(c)
	low = b.SubDouble(c, b.Widen(h))
	f.cHi, f.cLo = b.Splat(h), b.Splat(b.Narrow(low))
	return f, low
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

func (t *forest) add(vs ir.V, op func(x, y ir.V) ir.V) {
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

func (t *forest) root(op func(x, y ir.V) ir.V) ir.V {
	for len(t.trees) > 1 {
		t.join(op)
	}
	return t.trees
}
