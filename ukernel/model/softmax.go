package model

import (
	"math"

	"github.com/twopass-softmax/twopass/ukernel"
)

// softmax is ours: the softmax of one row of up to a tile. It returns 1, or 0 and
// writes nothing if the row's maximum is not finite.
func (m *machine) softmax(e exponential, a ukernel.Args) float32 {
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
	if m.kernel.Family == ukernel.LogSoftmax {
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

// everywhere folds the lanes, so that every one has the result.
func (m *machine) everywhere(v vector, op func(x, y vector) vector) vector {
	for d := len(v) / 2; d > 0; d /= 2 {
		other := make(vector, len(v))
		for i := range other {
			other[i] = v[i^d]
		}
		v = op(v, other)
	}
	return v
}

// logCoefficients are those of the minimax polynomial for ln(1 + t)/t on [0, 1].
var logCoefficients = []float32{
	0x1.0222acp-8, -0x1.877d28p-6, 0x1.173034p-4, -0x1.04135cp-3, 0x1.7c69dap-3, -0x1.f955cp-3, 0x1.54e3e6p-2, -0x1.fff87ep-2, 0x1.ffffeap-1,
}

const ln2 = 0x1.62e43p-1

// log is ln(x) for x of at least 1, and NaN for a NaN.
func (m *machine) log(x vector) vector {
	exponent := func(x float32) float32 { return math.Float32frombits(math.Float32bits(x)>>23 + 0x4b000000) }
	mantissa := func(x float32) float32 { return math.Float32frombits(math.Float32bits(x)&0x007fffff + 0x3f800000) }
	e := m.sub("ve", m.map1("ve", "exponent", exponent, x), m.splat(0x1p23+127))
	t := m.sub("vt", m.map1("vt", "mantissa", mantissa, x), m.splat(1))
	y := m.fma("vy", e, m.splat(ln2), m.mul("vp", t, m.horner(t, logCoefficients...)))
	return m.fma("vy", x, m.splat(0), y)
}
