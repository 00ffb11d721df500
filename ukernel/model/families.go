package model

import (
	"math"
	"strconv"

	"github.com/twopass-softmax/twopass/ukernel"
)

// numbered is the name of an accumulator in the main loop.
func numbered(name string, i int) string { return name + strconv.Itoa(i) }

// accumulators returns as many vectors as the kernel has accumulators.
func (m *machine) accumulators(x float32) []vector {
	acc := make([]vector, m.kernel.Accumulators)
	for i := range acc {
		acc[i] = m.splat(x)
	}
	return acc
}

// rmax is upstream's f32-rminmax templates: every accumulator starts from the
// first element, and is the first operand of each maximum.
func (m *machine) rmax() float32 {
	acc := m.accumulators(m.firstMax())
	merge := func(x, y vector) vector { return m.max("vmax", x, y) }
	spread := m.has(InOutMax, "") && m.kernel.Family == ukernel.RMax
	// The elements of a partial vector, for the ISAs that take it last.
	var rest vector
	at := noElement
	m.walk(
		func(i int, v vector) { acc[i] = m.max(numbered("vmax", i), acc[i], v) },
		func() { acc[0] = m.tree("vmax", acc, m.max) },
		func(v vector) { acc[0] = m.max("vmax0", acc[0], v) },
		func(n int, v vector) {
			if spread && (m.style == masked || m.style == predicated) {
				for i := range n {
					acc[0] = m.max("vmax", acc[0], m.splat(v[i]))
				}
				return
			}
			switch m.style {
			case masked, predicated:
				acc[0] = blend(n, m.max("vmax0", acc[0], v), acc[0])
			case halving: // one element after the other, in lane 0
				for i := range n {
					m.first += i
					acc[0] = blend(1, merge(acc[0][:1], v[i:i+1]), acc[0])
					m.first -= i
				}
			case pairwise:
				rest, at = v[:n], m.first
			}
		})
	if spread && m.style == predicated {
		return m.top(acc[0])[0] // _mm512_reduce_max_ps, too
	}
	if m.style != pairwise {
		return halve(acc[0], merge)
	}
	// NEON takes two elements when two lanes are left, and one when one is.
	v := merge(acc[0][:2], acc[0][2:])
	if len(rest)&2 != 0 {
		m.first = at
		v = merge(v, rest[:2])
	}
	m.first = noElement
	v = merge(v[:1], v[1:])
	if n := len(rest); n&1 != 0 {
		m.first = at + n - 1
		v = merge(v, rest[n-1:])
	}
	return v[0]
}

// firstMax is what a maximum begins with.
func (m *machine) firstMax() float32 {
	if m.has(InOutMax, "") {
		return float32(math.Inf(-1))
	}
	return m.src[0]
}

// vmulc is upstream's f32-vbinary/vopc templates.
func (m *machine) vmulc(a ukernel.Args) {
	b := m.splat(a.Scale)
	m.each(a.Dst, func(v vector) vector { return m.mul("vacc", v, b) })
}

// raddexpminusmax is upstream's f32-raddexpminusmax and f32-raddstoreexpminusmax
// templates: the second pass of the paper's three-pass algorithms, with recomputing
// and with reloading of the exponentials.
func (m *machine) raddexpminusmax(e exponential, a ukernel.Args) float32 {
	acc := m.accumulators(0)
	exp := func(v vector) vector {
		at := m.first
		f := m.expMinusMax(e, v, a.Max)
		if m.kernel.Family.Stores() {
			copy(a.Dst[at:], f)
		}
		return f
	}
	accumulate := func(f vector) { acc[0] = m.add("vacc", acc[0], f) }
	var sum float32
	summed := false
	m.walk(
		func(i int, v vector) {
			if m.style == pairwise {
				// Upstream's NEON templates number the accumulators by elements, of
				// which a vector has 4, instead of vectors: all go to the first.
				i = 0
			}
			acc[i] = m.add(numbered("vacc", i), acc[i], exp(v))
		},
		func() { acc[0] = m.tree("vacc", acc, m.add) },
		func(v vector) { accumulate(exp(v)) },
		func(n int, v vector) {
			f := exp(v)
			switch m.style {
			case masked:
				accumulate(blend(n, f, m.splat(0)))
			case predicated:
				acc[0] = blend(n, m.add("vacc", acc[0], f), acc[0])
			case halving: // two elements in lanes 0 and 1, then one in lane 0
				if n&2 != 0 {
					accumulate(blend(2, f, m.splat(0)))
					f = f[2:]
				}
				if n&1 != 0 {
					m.first += n - 1
					acc[0] = blend(1, m.add("vacc", acc[0][:1], f[:1]), acc[0])
				}
			case pairwise:
				// The lanes are summed before the tail is added to the sum.
				at := m.first
				m.first, summed = noElement, true
				sum = m.sum("vacc_lo", acc[0])
				if n&2 != 0 {
					m.first = at
					pair := m.add("vf_lo", f[:1], f[1:2])
					sum = m.add("vacc_lo", vector{sum}, pair)[0]
					f = f[2:]
				}
				if n&1 != 0 {
					m.first = at + n - 1
					sum = m.add("vacc_lo", vector{sum}, f[:1])[0]
				}
			}
		})
	if summed {
		return sum
	}
	return m.sum("vacc", acc[0])
}

// vscaleexpminusmax is upstream's f32-vscaleexpminusmax templates: the third
// pass of the paper's three-pass algorithm with recomputing.
func (m *machine) vscaleexpminusmax(e exponential, a ukernel.Args) {
	scale := m.splat(a.Scale)
	m.each(a.Dst, func(v vector) vector { return m.mul("vf", m.expMinusMax(e, v, a.Max), scale) })
}

// vscaleextexp is upstream's f32-vscaleextexp templates: the second pass of the
// paper's two-pass algorithm.
func (m *machine) vscaleextexp(e exponential, a ukernel.Args) {
	scale, exponent := m.splat(a.Scale), m.splat(a.ScaleExp)
	m.each(a.Dst, func(x vector) vector {
		n, p := m.extExp(e, x)
		f := m.mul("vf", p, scale)
		n = m.add("ve", n, exponent)
		if e.scalef {
			return m.scalef("vf", f, n)
		}
		n = m.max("ve", n, m.splat(minExponent))
		return m.mul("vf", f, m.power("vs", e.magic, n))
	})
}

// extended is a vector of sums, each a mantissa v times 2 to the exponent e.
type extended struct{ v, e vector }

// raddextexp is upstream's f32-raddextexp templates: the first pass of the paper's
// two-pass algorithm.
func (m *machine) raddextexp(e exponential) (mantissa, exponent float32) {
	acc := make([]extended, m.kernel.Accumulators)
	for i := range acc {
		acc[i] = extended{m.splat(0), m.splat(float32(math.Inf(-1)))}
	}
	// scaled returns v * 2^(e - to), added to sum if there is one.
	scaled := func(name string, x extended, to vector, sum vector) vector {
		d := m.sub("vdelta_e", x.e, to)
		if e.scalef {
			v := m.scalef(name, x.v, d)
			if sum != nil {
				v = m.add(name, sum, v)
			}
			return v
		}
		d = m.max("vdelta_e", d, m.splat(minExponent))
		s := m.power("vs", e.magic, d)
		if sum != nil {
			return m.fma(name, x.v, s, sum)
		}
		return m.mul(name, x.v, s)
	}
	maximum := func(x, y vector) vector { return m.max("vmax_e", x, y) }

	// The vectors of a tile that share an accumulator are added to it at once,
	// relative to the largest of their exponents.
	type term struct {
		extended
		first int
	}
	terms := make([][]term, len(acc))
	perTile, seen := m.kernel.Vectors(), 0
	update := func(name string, a extended, terms []term) extended {
		at := m.first
		to := a.e
		for _, t := range terms {
			m.first = t.first
			to = maximum(to, t.e)
		}
		m.first = noElement
		v := scaled(name, a, to, nil)
		for _, t := range terms {
			m.first = t.first
			v = scaled(name, t.extended, to, v)
		}
		m.first = at
		return extended{v, to}
	}
	m.walk(
		func(i int, x vector) {
			n, p := m.extExp(e, x)
			terms[i] = append(terms[i], term{extended{p, n}, m.first})
			if seen++; seen < perTile {
				return
			}
			seen = 0
			for i := range acc {
				acc[i] = update(numbered("vaccv", i), acc[i], terms[i])
				terms[i] = nil
			}
		},
		func() {
			if len(acc) == 1 {
				return
			}
			exponents := make([]vector, len(acc))
			for i := range acc {
				exponents[i] = acc[i].e
			}
			to := m.tree("vmax_e", exponents, m.max)
			var v vector
			for i := range acc {
				v = scaled("vaccv", acc[i], to, v)
			}
			acc[0] = extended{v, to}
		},
		func(x vector) {
			n, p := m.extExp(e, x)
			acc[0] = update("vaccv", acc[0], []term{{extended{p, n}, m.first}})
		},
		func(lanes int, x vector) {
			n, p := m.extExp(e, x)
			if m.style == predicated {
				a := update("vaccv", acc[0], []term{{extended{p, n}, m.first}})
				acc[0] = extended{blend(lanes, a.v, acc[0].v), blend(lanes, a.e, acc[0].e)}
				return
			}
			t := extended{blend(lanes, p, m.splat(0)), blend(lanes, n, acc[0].e)}
			acc[0] = update("vaccv", acc[0], []term{{t, m.first}})
		})

	a := acc[0]
	to := m.top(a.e)
	return m.sum("vaccv", scaled("vaccv", a, to, nil)), to[0]
}

// top is the largest exponent, in every lane.
func (m *machine) top(e vector) vector {
	maximum := func(x, y vector) vector { return m.max("vmax_e", x, y) }
	if m.style == predicated {
		// _mm512_reduce_max_ps as gcc has it: the upper half of the lanes is the
		// first operand, until four are left. clang gives the lower half first,
		// which may choose another zero, or a number instead of a NaN.
		return m.splat(halve(e, func(lower, upper vector) vector {
			if len(lower) < 4 {
				return maximum(lower, upper)
			}
			return maximum(upper, lower)
		}))
	}
	return everywhere(e, maximum)
}

// everywhere folds the lanes, so that every one has the result.
func everywhere(v vector, op func(x, y vector) vector) vector {
	for n := len(v) / 2; n > 0; n /= 2 {
		other := make(vector, len(v))
		for i := range other {
			other[i] = v[i^n]
		}
		v = op(v, other)
	}
	return v
}
