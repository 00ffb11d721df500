package model

import (
	"math"

	"github.com/twopass-softmax/twopass/ukernel"
)

// shortRow is ours: the softmax of one row of up to a tile. It returns 1, or 0 and
// writes nothing if the row's maximum is not finite.
func (m *machine) shortRow(e exponential, a ukernel.Args) float32 {
	var x []vector
	lanes := 0
	for i := 0; i < len(m.src); i += m.kernel.Lanes() {
		var v vector
		v, lanes = m.load(i)
		x = append(x, v)
	}
	m.first = noElement
	last := len(x) - 1
	tops := append(x[:last:last], blend(lanes, x[last], m.splat(float32(math.Inf(-1)))))
	top := m.everywhere(m.tree("vmax", tops, m.max), func(x, y vector) vector { return m.max("vmax", x, y) })
	if m.sub("vmax", top[:1], top[:1])[0] != 0 {
		return 0
	}
	y := make([]vector, len(x))
	for i := range x {
		m.first = i * m.kernel.Lanes()
		y[i] = m.exp2(e, m.sub("vx", x[i], top))
	}
	m.first = noElement
	y[last] = blend(lanes, y[last], m.splat(0))
	sum := m.everywhere(m.tree("vsum", y, m.add), func(x, y vector) vector { return m.add("vsum", x, y) })
	if m.kernel.Family.Log() {
		log := m.log(sum)
		for i := range y {
			m.first = i * m.kernel.Lanes()
			copy(a.Dst[m.first:], m.sub("vy", m.sub("vy", x[i], top), log))
		}
		m.first = noElement
		return 1
	}
	scale := m.map2("vscale", "div", func(x, y float32) float32 { return x / y }, vector{1}, sum[:1])
	for i := range y {
		m.first = i * m.kernel.Lanes()
		copy(a.Dst[m.first:], m.mul("vf", y[i], m.splat(scale[0])))
	}
	m.first = noElement
	return 1
}

// scaleRow puts the row's product with a scale in its place.
func (m *machine) scaleRow(scale float32) {
	scaled := make([]float32, len(m.src))
	m.each(scaled, func(v vector) vector { return m.mul("vx", v, m.splat(scale)) })
	m.src = scaled
}

// longRow is shortRow for a row of any length, in three passes.
func (m *machine) longRow(e exponential, a ukernel.Args) float32 {
	const maxVectors, maxAccumulators, leftVectors = 8, 4, 4
	sumVectors := m.kernel.Vectors()

	m.kernel.Tile, m.kernel.Accumulators = maxVectors*m.kernel.Lanes(), maxAccumulators
	acc := m.accumulators(m.src[0])
	m.walk(
		func(i int, v vector) { acc[i] = m.max(numbered("vmax", i), acc[i], v) },
		func() { acc[0] = m.tree("vmax", acc, m.max) },
		func(v vector) { acc[0] = m.max("vmax0", acc[0], v) },
		func(n int, v vector) { acc[0] = blend(n, m.max("vmax0", acc[0], v), acc[0]) })
	top := m.everywhere(acc[0], func(x, y vector) vector { return m.max("vmax", x, y) })
	if m.sub("vmax", top[:1], top[:1])[0] != 0 {
		return 0
	}

	log := m.kernel.Family.Log()
	sum := compensated{m.splat(0), m.splat(0)}
	for i := 0; i < len(m.src); {
		left := (len(m.src) - i) / m.kernel.Lanes() // whole vectors
		vectors := 1
		switch {
		case left >= sumVectors:
			vectors = sumVectors
		case left >= leftVectors:
			vectors = leftVectors
		}
		tile := make([]vector, vectors)
		for j := range tile {
			v, n := m.load(i)
			x := m.sub("vx", v, top)
			f := m.exp2(e, x)
			if log {
				copy(a.Dst[i:], x)
			} else {
				copy(a.Dst[i:], f)
			}
			tile[j] = blend(n, f, m.splat(0))
			i += n
		}
		m.accumulate(&sum, m.tree("vtile", tile, m.add))
	}
	m.first = noElement
	total := m.lanes(sum)

	m.src = a.Dst
	if log {
		log := m.log(m.splat(total))
		m.each(a.Dst, func(x vector) vector { return m.sub("vy", x, log) })
		return 1
	}
	scale := m.map2("vscale", "div", func(x, y float32) float32 { return x / y }, vector{1}, vector{total})
	m.each(a.Dst, func(y vector) vector { return m.mul("vf", y, m.splat(scale[0])) })
	return 1
}

// everywhere folds the lanes, so that every one has the result.
func (m *machine) everywhere(v vector, op func(x, y vector) vector) vector {
	for n := len(v) / 2; n > 0; n /= 2 {
		d := n
		if m.style == pairwise { // neighbours first
			d = len(v) / 2 / n
		}
		other := make(vector, len(v))
		for i := range other {
			other[i] = v[i^d]
		}
		v = op(v, other)
	}
	return v
}

// logCoefficients are those of the minimax polynomial for ln(1 + t) on [0, 1], from
// degree 1.
var logCoefficients = []float32{
	0x1.ffffeap-1, -0x1.fff87ep-2, 0x1.54e3e6p-2, -0x1.f955cp-3, 0x1.7c69dap-3, -0x1.04135cp-3, 0x1.173034p-4, -0x1.877d28p-6, 0x1.0222acp-8,
}

const ln2 = 0x1.62e43p-1

// log is ln(x) for x of at least 1, and NaN for a NaN.
func (m *machine) log(x vector) vector {
	exponent := func(x float32) float32 { return math.Float32frombits(math.Float32bits(x)>>23 + 0x4b000000) }
	mantissa := func(x float32) float32 { return math.Float32frombits(math.Float32bits(x)&0x007fffff + 0x3f800000) }
	e := m.sub("ve", m.map1("ve", "exponent", exponent, x), m.splat(0x1p23+127))
	t := m.sub("vt", m.map1("vt", "mantissa", mantissa, x), m.splat(1))
	e = m.fma("ve", x, m.splat(0), e)
	c := func(degree int) vector { return m.splat(logCoefficients[degree-1]) }
	linear := func(degree int) vector { return m.fma("vp", t, c(degree+1), c(degree)) }
	t2 := m.mul("vt2", t, t)
	t4 := m.mul("vt4", t2, t2)
	low := m.fma("vlow", linear(2), t2, m.mul("vlow", t, c(1)))
	high := m.fma("vhigh", linear(8), t4, m.fma("vhigh", linear(6), t2, linear(4)))
	return m.fma("vy", e, m.splat(ln2), m.fma("vp", high, t4, low))
}
