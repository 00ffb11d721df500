package native_test

import (
	"fmt"
	"math"
	"slices"
)

var (
	nan    = float32(math.NaN())
	inf    = float32(math.Inf(1))
	negInf = float32(math.Inf(-1))
)

// reference is a row after scale and mask, and what its results should be. Where it has
// a NaN or +Inf, or nothing but -Inf, only max says so.
type reference struct {
	max float64
	d   []float64 // the elements less max; -Inf where there is none
	log float64   // log-sum-exp is max + log; log-softmax d - log
	// rest is the sum of exp(d) without one maximum, to 2^-50 of it.
	rest float64
	p    []float64 // the softmax, once it was asked for
}

// softmax is that of the row.
func (r *reference) softmax() []float64 {
	if r.p == nil {
		r.p = make([]float64, len(r.d))
		for i, d := range r.d {
			r.p[i] = math.Exp(d - r.log)
		}
	}
	return r.p
}

// newReference takes the options that change a row's elements: a scale (0 for none), a
// row that is added, one that keeps, and the number of elements before those that the
// causal mask hides.
func newReference(x []float32, scale float32, add []float32, keep []bool, visible int, stepwise bool) *reference {
	r := &reference{max: math.Inf(-1), d: make([]float64, len(x))}
	top := 0
	for i, x := range x {
		y := math.Inf(-1)
		if i < visible && (keep == nil || keep[i]) {
			y = element(x, scale, add, i, stepwise)
		}
		if y != y {
			r.max = y
			return r
		}
		if r.d[i] = y; y > r.max {
			r.max, top = y, i
		}
	}
	if math.IsInf(r.max, 0) {
		return r
	}
	var low float64
	for i, y := range r.d {
		if math.IsInf(y, -1) {
			continue
		}
		if r.d[i] = y - r.max; scale != 0 && add == nil && !stepwise {
			r.d[i] = (float64(x[i]) - float64(x[top])) * float64(scale)
		}
		if i == top {
			continue
		}
		// Kahan's sum.
		term := math.Exp(r.d[i]) - low
		sum := r.rest + term
		low = (sum - r.rest) - term
		r.rest = sum
	}
	r.log = math.Log1p(r.rest)
	return r
}

// element is one after scale and mask.
func element(x, scale float32, add []float32, i int, stepwise bool) float64 {
	y := float64(x)
	if scale != 0 {
		if y *= float64(scale); stepwise {
			y = float64(float32(y))
		}
	}
	if add == nil {
		return y
	}
	a := float64(add[i])
	if sum := y + a; stepwise || math.IsInf(sum, 0) || sum != sum {
		return float64(float32(sum))
	}
	return max(-math.MaxFloat32, min(math.MaxFloat32, float64(roundSum(y, a))))
}

// roundSum is a + b, rounded once to float32: the float64 between is made odd where it
// is not exact.
func roundSum(a, b float64) float32 {
	sum := a + b
	part := sum - a
	if low := (a - (sum - part)) + (b - part); low != 0 && math.Float64bits(sum)&1 == 0 {
		sum = math.Nextafter(sum, math.Copysign(math.Inf(1), low))
	}
	return float32(sum)
}

// check compares results with the reference, and returns the largest error as a multiple
// of its bound, which may not be above 1. Where a row has no finite element it holds the
// table of special values; empty is the softmax of one with -Inf alone.
func (r *reference) check(w what, k kind, got []float32, c contract, empty float32) (used float64, err error) {
	if w == logSumExp {
		if used = r.logSumExpError(got[0], c); c.otherNaN(got[0]) {
			used = math.Inf(1)
		}
		if !(used <= 1) {
			err = fmt.Errorf("log-sum-exp is %v, want %v: %.3g times the bound", got[0], r.max+r.log, used)
		}
		return used, err
	}
	if special := math.IsInf(r.max, 0) || r.max != r.max; special {
		want := nan
		if math.IsInf(r.max, -1) {
			if want = empty; w == logSoftmax && empty == 0 {
				want = negInf
			}
		}
		for i, y := range got {
			if !same(y, want) || c.otherNaN(y) {
				return math.Inf(1), fmt.Errorf("element %d is %v (%#08x), want %v: the maximum is %v", i, y, math.Float32bits(y), want, r.max)
			}
		}
		return 0, nil
	}
	for i, y := range got {
		e, want := 0.0, 0.0
		if w == softmax {
			want = r.softmax()[i]
			e = r.softmaxError(float64(y), want, r.d[i], k, c)
		} else {
			want = r.d[i] - r.log
			e = r.logSoftmaxError(float64(y), want, r.d[i], k, c)
		}
		if e > used {
			if used = e; used > 1 {
				err = fmt.Errorf("element %d is %v, want %v: %.3g times the bound; it is %v below the maximum %v", i, y, want, e, -r.d[i], r.max)
			}
		}
	}
	return used, err
}

// otherNaN reports whether y is a NaN other than the one that is promised. Those of the
// 16-bit types that are, 0x7e00 and 0x7fc0, are the same as float32.
func (c contract) otherNaN(y float32) bool {
	return c.oneNaN && y != y && math.Float32bits(y) != 0x7fc00000
}

func (r *reference) softmaxError(y, want, d float64, k kind, c contract) float64 {
	least := k.least()
	switch {
	case math.IsInf(d, -1):
		return wrongUnless(y == 0 && !math.Signbit(y))
	case want < least:
		return wrongUnless(y >= 0 && y <= least*1.01 && !math.Signbit(y))
	}
	return tooFar(y, want, want*(c.softmax.at(-d)+c.marshalled)+k.half(want))
}

func (r *reference) logSoftmaxError(y, want, d float64, k kind, c contract) float64 {
	if math.IsInf(d, -1) || float64(k.nearest(want)) == y {
		return wrongUnless(y == want || float64(k.nearest(want)) == y)
	}
	allowed := c.logSoftmax.at(math.Abs(want))
	if d == 0 && r.rest < 0.5 && c.sure > 0 {
		allowed = min(allowed, max(c.sure*math.Abs(want), 0x1p-149))
	}
	return tooFar(y, want, allowed+c.marshalled+k.half(want))
}

func (r *reference) logSumExpError(got float32, c contract) float64 {
	y := float64(got)
	switch {
	case r.max != r.max:
		return wrongUnless(y != y)
	case math.IsInf(r.max, 0):
		return wrongUnless(y == r.max)
	case float64(float32(r.max+r.log)) == y:
		return 0
	}
	allowed := c.logSumExp.at(math.Abs(y))
	if r.max == 0 && r.rest < 0.5 && c.sure > 0 {
		allowed = min(allowed, max(c.sure*math.Abs(r.log), 0x1p-149))
	}
	// One after the other: max + log would lose log where max is large.
	return tooFar(y-r.max, r.log, allowed+c.marshalled)
}

// tooFar is an error as a multiple of what is allowed.
func tooFar(y, want, allowed float64) float64 {
	e := math.Abs(y-want) / allowed
	if e != e {
		return math.Inf(1)
	}
	return e
}

func wrongUnless(ok bool) float64 {
	if ok {
		return 0
	}
	return math.Inf(1)
}

// least is the number below which a softmax may be 0.
func (k kind) least() float64 {
	if k == f16 {
		return 0x1p-24
	}
	return 0x1p-126
}

// half is what rounding x to the type may be off by; that of float32 is in the bounds.
func (k kind) half(x float64) float64 {
	_, e := math.Frexp(x)
	switch k {
	case f16:
		return math.Ldexp(1, max(e-11, -24)-1)
	case bf16:
		return math.Ldexp(1, max(e-8, -133)-1)
	}
	return 0
}

// nearest is the number of the type next to x.
func (k kind) nearest(x float64) float32 {
	if k == f32 {
		return float32(x)
	}
	return k.value(k.round(float32(x)))
}

// gradientError compares a gradient with the formula, and returns the largest error as a
// multiple of its bound.
func gradientError(w what, got, y, dy []float32, scale float32, c contract) (used float64, err error) {
	if scale == 0 {
		scale = 1
	}
	var total, size, most float64 // sum(y*dy) or sum(dy), its sizes' sum, the largest dy
	for i, g := range dy {
		p := 1.0
		if w == softmaxGrad {
			p = float64(y[i])
		}
		total += p * float64(g)
		size += p * math.Abs(float64(g))
		most = max(most, math.Abs(float64(g)))
	}
	for i := range got {
		g, p := float64(dy[i]), float64(y[i])
		want, allowed := p*(g-total), p*most*c.gradient.fixed
		if w == logSoftmaxGrad {
			e := math.Exp(p)
			want = g - e*total
			allowed = math.Abs(g)*0x1p-24 + (e*c.gradient.at(min(-p, 1000))+0x1p-126)*size
		}
		want, allowed = want*float64(scale), allowed*math.Abs(float64(scale))+0x1p-149
		if e := tooFar(float64(got[i]), want, allowed); !(e <= 1) {
			return e, fmt.Errorf("element %d is %v, want %v: %.3g times the bound", i, got[i], want, e)
		} else {
			used = max(used, e)
		}
	}
	return used, nil
}

// same reports whether two results are equal, zeros with their signs. A NaN
// equals any NaN.
func same(a, b float32) bool {
	return a == b && math.Signbit(float64(a)) == math.Signbit(float64(b)) || a != a && b != b
}

func sameRow(a, b []float32) bool { return slices.EqualFunc(a, b, same) }
