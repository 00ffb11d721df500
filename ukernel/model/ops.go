package model

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// isa is what sets the operations of one ISA apart from those of another.
type isa struct {
	// fused multiply-add is one instruction that rounds once; otherwise the
	// product is rounded before the addition.
	fused bool
	// maximum is the ISA's larger of two.
	maximum func(x, y float32) float32
	// style is how the ISA's kernels deal with the last, partial vector, and in
	// which order they add up the lanes of one.
	style style
	// half: results are rounded to binary16.
	half bool
}

// style is the idiom in which an ISA's kernels are written.
type style int

const (
	// halving: the tail is taken element by element or pair by pair, from the
	// low lanes; the upper half of the lanes is added to the lower half until
	// one is left. The idiom of SSE, and that of a single lane.
	halving style = iota
	// masked: the tail is a whole vector whose lanes beyond the end hold zeros,
	// and add zeros to a sum. Lanes are added as in halving. AVX and AVX2.
	masked
	// predicated: as masked, but lanes beyond the end keep what they had. AVX-512.
	predicated
	// pairwise: neighbouring lanes are added, before the tail is. NEON.
	pairwise
	// pairwiseMasked: masked, but neighbouring lanes are added. Ours, on NEON.
	pairwiseMasked
)

var (
	scalar      = isa{false, maxX86, halving, false}
	scalarFMA   = isa{true, maxX86, halving, false}
	sse         = isa{false, maxX86, halving, false}
	avx         = isa{false, maxX86, masked, false}
	avx2        = isa{true, maxX86, masked, false}
	avx512      = isa{true, maxX86, predicated, false}
	neon        = isa{false, maxNEON, pairwise, false}
	neonFMA     = isa{true, maxNEON, pairwise, false}
	neonTwoPass = isa{true, maxNum, pairwiseMasked, false}
	// Of a NEON maximum the order does not matter, so that any style has it.
	neonMax   = isa{false, maxNEON, halving, true}
	neonHalf  = isa{true, maxNEON, pairwise, true}
	scalarMax = isa{false, maxBits, halving, false}
)

// maxX86 is MAXPS: y unless x is larger, hence y if one is a NaN or both are
// zeros. It is also "y < x ? x : y" in C.
func maxX86(x, y float32) float32 {
	if x > y {
		return x
	}
	return y
}

// maxNEON is FMAX: a NaN if one is a NaN, and +0 is larger than -0.
func maxNEON(x, y float32) float32 {
	if x != x || y != y {
		return float32(math.NaN())
	}
	return f32.MaxNum(x, y)
}

// maxNum is FMAXNM and C's fmaxf: a number if one is a NaN.
var maxNum = f32.MaxNum

// The conversions keep the compiler from fusing a product into a sum.

func add(x, y float32) float32 { return float32(x + y) }
func sub(x, y float32) float32 { return float32(x - y) }
func mul(x, y float32) float32 { return float32(x * y) }

// round is ROUNDPS and VRNDSCALEPS to an integer, ties to even: -0.3 becomes -0.
func round(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

// shift23 moves the lowest 8 bits of x, as an integer, to where the exponent
// is. Of x = n + magic, they are those of n + 127, and the result is 2^n.
func shift23(x float32) float32 { return math.Float32frombits(math.Float32bits(x) << 23) }

// scalef is VSCALEFPS: x * 2^floor(y), rounded once. An infinite y overrules a
// NaN in x: the result is that of 2^y alone.
func scalef(x, y float32) float32 {
	inf := float32(math.Inf(1))
	signaling := x != x && math.Float32bits(x)&(1<<22) == 0
	switch {
	case signaling || y != y:
		return float32(math.NaN())
	case x != x && y == inf:
		return inf
	case x != x && y == -inf:
		return 0
	case y == inf:
		return mul(x, inf) // NaN if x is 0
	case y == -inf:
		return mul(x, 0) // NaN if x is infinite
	}
	// Further out, any x but 0, Inf and NaN gives 0 or Inf already.
	n := max(-400, min(400, math.Floor(float64(y))))
	return float32(math.Ldexp(float64(x), int(n))) // exact until rounded to float32
}

// zeroBelow is the comparison with the cutoff and the AND-NOT or blend that
// follows it: +0 if x is less than the cutoff, else f. A NaN is not less.
func zeroBelow(x, cutoff, f float32) float32 {
	if x < cutoff {
		return 0
	}
	return f
}

// vector is a register, or a part of one: one element per lane.
type vector []float32

// machine runs one kernel.
type machine struct {
	isa
	kernel ukernel.Kernel
	src    []float32
	visit  func(Op)
	// fault is the mistake to make, and slip where it first made a difference.
	fault Fault
	slip  *Slip
	// first is the index in src of the current vector's lane 0.
	first int
	// free is memory for vectors: they are many and small.
	free []float32
}

// noElement is machine.first while lanes don't stand for elements.
const noElement = math.MinInt32

// make returns a new vector of n zeros.
func (m *machine) make(n int) vector {
	if len(m.free) < n {
		m.free = make([]float32, 1024)
	}
	v := m.free[:n:n]
	m.free = m.free[n:]
	return v
}

func (m *machine) splat(x float32) vector {
	v := m.make(m.kernel.Lanes())
	for i := range v {
		v[i] = x
	}
	return v
}

// op describes one operation.
func (m *machine) op(name, op string, lane int, result float32, args ...float32) Op {
	e := m.first + lane
	if e < 0 || e >= len(m.src) {
		e = -1
	}
	return Op{e, lane, name, op, append([]float32(nil), args...), result}
}

func (m *machine) map1(name, op string, f func(x float32) float32, x vector) vector {
	z := m.make(len(x))
	for i := range z {
		z[i] = f(x[i])
		if m.visit != nil {
			m.visit(m.op(name, op, i, z[i], x[i]))
		}
	}
	return z
}

func (m *machine) map2(name, op string, f func(x, y float32) float32, x, y vector) vector {
	z := m.make(len(x))
	for i := range z {
		z[i] = f(x[i], y[i])
		if m.visit != nil {
			m.visit(m.op(name, op, i, z[i], x[i], y[i]))
		}
	}
	return z
}

func (m *machine) map3(name, op string, f func(w, x, y float32) float32, w, x, y vector) vector {
	z := m.make(len(x))
	for i := range z {
		z[i] = f(w[i], x[i], y[i])
		if m.visit != nil {
			m.visit(m.op(name, op, i, z[i], w[i], x[i], y[i]))
		}
	}
	return z
}

// arithmetic is what an ISA does with two or three numbers.
type arithmetic struct {
	add, sub, mul func(x, y float32) float32
	fma           func(x, y, z float32) float32
}

func (m *machine) arithmetic() arithmetic {
	if m.half {
		return arithmetic{addHalf, subHalf, mulHalf, fmaHalf}
	}
	return arithmetic{add, sub, mul, f32.FMA}
}

func (m *machine) add(name string, x, y vector) vector {
	return m.map2(name, "add", m.arithmetic().add, x, y)
}
func (m *machine) sub(name string, x, y vector) vector {
	return m.map2(name, "sub", m.arithmetic().sub, x, y)
}
func (m *machine) mul(name string, x, y vector) vector {
	return m.map2(name, "mul", m.arithmetic().mul, x, y)
}
func (m *machine) scalef(name string, x, y vector) vector {
	return m.map2(name, "scalef", scalef, x, y)
}
func (m *machine) round(name string, x vector) vector   { return m.map1(name, "round", round, x) }
func (m *machine) shift23(name string, x vector) vector { return m.map1(name, "shift23", shift23, x) }

// max is the ISA's, for which the order of the operands matters.
func (m *machine) max(name string, x, y vector) vector {
	if m.has(SwappedMax, name) {
		wrong := func(a []float32) float32 { return m.maximum(a[1], a[0]) }
		right := func(a []float32) float32 { return m.maximum(a[0], a[1]) }
		return m.mistake(name, "max", wrong, right, x, y)
	}
	return m.map2(name, "max", m.maximum, x, y)
}

// fma is x*y + z, with two roundings if the ISA has no fused multiply-add.
func (m *machine) fma(name string, x, y, z vector) vector {
	do := m.arithmetic()
	fused := func(a []float32) float32 { return do.fma(a[0], a[1], a[2]) }
	unfused := func(a []float32) float32 { return do.add(do.mul(a[0], a[1]), a[2]) }
	switch {
	case m.fused && m.has(UnfusedFMA, name):
		return m.mistake(name, "fma", unfused, fused, x, y, z)
	case m.fused:
		return m.map3(name, "fma", do.fma, x, y, z)
	case m.has(FusedMulAdd, name):
		return m.mistake(name, "mul and add", fused, unfused, x, y, z)
	}
	return m.add(name, m.mul(name, x, y), z)
}

// blend returns x in the first n lanes and y in the others.
func blend(n int, x, y vector) vector {
	return append(append(make(vector, 0, len(x)), x[:n]...), y[n:]...)
}

// load returns the vector of elements from i on, with zeros beyond the end, and
// the number of elements in it.
func (m *machine) load(i int) (vector, int) {
	m.first = i
	v := m.make(m.kernel.Lanes())
	return v, copy(v, m.src[i:])
}

// walk calls one of its functions for each vector of the source: for those of
// whole tiles, with the number of the accumulator to use; after all of them
// merge; then for those that are left and whole; last for a partial one of n
// elements, if any.
func (m *machine) walk(tiled func(acc int, v vector), merge func(), single func(v vector), tail func(n int, v vector)) {
	lanes, tile := m.kernel.Lanes(), m.kernel.Tile
	i := 0
	for ; len(m.src)-i >= tile; i += tile {
		for j := 0; j < tile; j += lanes {
			v, _ := m.load(i + j)
			tiled(j/lanes%m.kernel.Accumulators, v)
		}
	}
	m.first = noElement
	merge()
	for ; len(m.src)-i >= lanes; i += lanes {
		v, _ := m.load(i)
		single(v)
	}
	if i < len(m.src) {
		v, n := m.load(i)
		if m.has(ShortTail, "") {
			n--
			v[n] = 0
		}
		tail(n, v)
	}
	m.first = noElement
}

// each writes f of every vector of the source to dst. Tiles make no difference
// where no element depends on another.
func (m *machine) each(dst []float32, f func(v vector) vector) {
	for i := 0; i < len(m.src); i += m.kernel.Lanes() {
		v, n := m.load(i)
		if n < len(v) && m.has(ShortTail, "") {
			n--
		}
		copy(dst[i:], f(v)[:n])
	}
}

// tree merges accumulators: neighbours first, then neighbours of those, as
// upstream's templates do.
func (m *machine) tree(name string, acc []vector, merge func(name string, x, y vector) vector) vector {
	acc = append([]vector(nil), acc...)
	if m.has(MergedInLine, "") {
		for _, a := range acc[1:] {
			acc[0] = merge(name, acc[0], a)
		}
		return acc[0]
	}
	for step := 1; step < len(acc); step *= 2 {
		for i := 0; i+step < len(acc); i += 2 * step {
			acc[i] = merge(name, acc[i], acc[i+step])
		}
	}
	return acc[0]
}

// halve merges the upper half of v's lanes into the lower half until one is left.
func halve(v vector, merge func(lower, upper vector) vector) float32 {
	for len(v) > 1 {
		v = merge(v[:len(v)/2], v[len(v)/2:])
	}
	return v[0]
}

// pairs merges each odd lane of v into the even one before it until one is left.
func pairs(v vector, merge func(even, odd vector) vector) float32 {
	for len(v) > 1 {
		even, odd := make(vector, len(v)/2), make(vector, len(v)/2)
		for i := range even {
			even[i], odd[i] = v[2*i], v[2*i+1]
		}
		v = merge(even, odd)
	}
	return v[0]
}

// sum adds up the lanes of v in the ISA's order.
func (m *machine) sum(name string, v vector) float32 {
	merge := func(x, y vector) vector { return m.add(name, x, y) }
	if (m.style == pairwise || m.style == pairwiseMasked) != m.has(OtherSum, "") {
		return pairs(v, merge)
	}
	return halve(v, merge)
}
