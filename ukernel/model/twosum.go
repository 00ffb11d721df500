package model

import (
	"math"

	"github.com/twopass-softmax/twopass/ukernel"
)

// The kernels of this file are ours. They add up the vectors of a tile as a
// tree, and add what that gives to one accumulator by Knuth's TwoSum, whose
// rounding errors go to a second one.

// compensated is a vector of sums, each sum + rest.
type compensated struct{ sum, rest vector }

// twoSum is x + y, and what its rounding left out.
func (m *machine) twoSum(x, y vector) (sum, rest vector) {
	sum = m.add("vsum", x, y)
	z := m.sub("vrest", sum, x)
	lost := m.sub("vrest", x, m.sub("vrest", sum, z))
	return sum, m.add("vrest", lost, m.sub("vrest", y, z))
}

func (m *machine) accumulate(a *compensated, x vector) {
	sum, rest := m.twoSum(a.sum, x)
	a.rest = m.add("vrest", a.rest, rest)
	a.sum = sum
}

// lanes adds the lanes up, halves to halves.
func (m *machine) lanes(a compensated) float32 {
	for len(a.sum) > 1 {
		h := len(a.sum) / 2
		sum, rest := m.twoSum(a.sum[:h], a.sum[h:])
		a = compensated{sum, m.add("vrest", m.add("vrest", a.rest[:h], a.rest[h:]), rest)}
	}
	return m.add("vsum", a.sum, a.rest)[0]
}

func (m *machine) raddexpminusmaxTwoSum(e exponential, a ukernel.Args) float32 {
	acc := compensated{m.splat(0), m.splat(0)}
	exp := func(v vector) vector {
		at := m.first
		f := m.expMinusMax(e, v, a.Max)
		if m.kernel.Family.Stores() {
			copy(a.Dst[at:], f)
		}
		return f
	}
	var tile []vector
	m.walk(
		func(_ int, v vector) {
			if tile = append(tile, exp(v)); len(tile) == m.kernel.Vectors() {
				m.accumulate(&acc, m.tree("vtile", tile, m.add))
				tile = nil
			}
		},
		func() {},
		func(v vector) { m.accumulate(&acc, exp(v)) },
		func(n int, v vector) {
			f := exp(v)
			if m.style != halving {
				m.accumulate(&acc, blend(n, f, m.splat(0)))
				return
			}
			if n&2 != 0 { // two elements in lanes 0 and 1, then one in lane 0
				m.accumulate(&acc, blend(2, f, m.splat(0)))
				f = f[2:]
			}
			if n&1 != 0 {
				m.accumulate(&acc, blend(1, f, m.splat(0)))
			}
		})
	return m.lanes(acc)
}

// raddmaxexpminusmax is the sum, and apart from it the largest element.
func (m *machine) raddmaxexpminusmax(e exponential, a ukernel.Args) (sum, top float32) {
	sum = m.raddexpminusmaxTwoSum(e, a)
	acc := m.splat(float32(math.Inf(-1)))
	var tile []vector
	m.walk(
		func(_ int, v vector) {
			if tile = append(tile, v); len(tile) == m.kernel.Vectors() {
				acc = m.max("vmax", acc, m.tree("vmax", tile, m.max))
				tile = nil
			}
		},
		func() {},
		func(v vector) { acc = m.max("vmax", acc, v) },
		func(n int, v vector) { acc = blend(n, m.max("vmax", acc, v), acc) })
	return sum, halve(acc, func(x, y vector) vector { return m.max("vmax", x, y) })
}

// floor is where variants with one cut x off.
const floor = -0x1p17

// floored is x, not below the floor, but for a NaN.
func (m *machine) floored(e exponential, x vector) vector {
	if !e.floor {
		return x
	}
	return m.max("vx", m.splat(floor), x)
}

func (m *machine) raddextexpTwoSum(e exponential) (mantissa, exponent float32) {
	acc := compensated{m.splat(0), m.splat(0)}
	at := m.splat(float32(math.Inf(-1))) // the exponent of acc
	scaled := func(x, delta vector) vector {
		if e.scalef {
			return m.scalef("vscaled", x, delta)
		}
		return m.mul("vscaled", x, m.power("vs", e.magic, m.max("vdelta_e", delta, m.splat(minExponent))))
	}
	update := func(n, p []vector) {
		top := at
		for _, n := range n {
			top = m.max("vmax_e", top, n)
		}
		delta := m.sub("vdelta_e", at, top)
		acc = compensated{scaled(acc.sum, delta), scaled(acc.rest, delta)}
		at = top
		var tile []vector
		for i := range n {
			tile = append(tile, scaled(p[i], m.sub("vdelta_e", n[i], top)))
		}
		m.accumulate(&acc, m.tree("vtile", tile, m.add))
	}
	one := func(x vector) {
		n, p := m.extExp(e, m.floored(e, x))
		update([]vector{n}, []vector{p})
	}
	var ns, ps []vector
	m.walk(
		func(_ int, x vector) {
			n, p := m.extExp(e, m.floored(e, x))
			if ns, ps = append(ns, n), append(ps, p); len(ns) == m.kernel.Vectors() {
				update(ns, ps)
				ns, ps = nil, nil
			}
		},
		func() {},
		one,
		func(lanes int, x vector) { one(blend(lanes, x, m.splat(floor))) })
	top := m.top(at)
	delta := m.sub("vdelta_e", at, top)
	return m.lanes(compensated{scaled(acc.sum, delta), scaled(acc.rest, delta)}), top[0]
}
