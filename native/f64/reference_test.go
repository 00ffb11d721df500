package f64_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// The reference is math/big's, with 200 bits.
const prec = 200

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }

func newBig() *big.Float { return new(big.Float).SetPrec(prec) }

// bigExp is e^x for x up to 0, and 0 below -3000.
func bigExp(x *big.Float) *big.Float {
	if f, _ := x.Float64(); f < -3000 {
		return newBig()
	}
	t := newBig().SetMantExp(x, -20) // below 2^-8
	y, term := bigOf(1), bigOf(1)
	for k := 1; k < 25; k++ {
		term.Mul(term, t).Quo(term, bigOf(float64(k)))
		y.Add(y, term)
	}
	for range 20 {
		y.Mul(y, y)
	}
	return y
}

// bigLog1p is log(1+x) for x from 0 up.
func bigLog1p(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return newBig()
	}
	f, _ := x.Float64()
	if f < 0x1p-70 { // x - x*x/2 + x*x*x/3
		y := newBig().Mul(x, x)
		y.Sub(newBig().Quo(newBig().Mul(y, x), bigOf(3)), y.Quo(y, bigOf(2)))
		return y.Add(y, x)
	}
	y := bigOf(math.Log1p(f))
	for range 3 { // Newton: y -= 1 - (1+x)/e^y
		e := bigExp(newBig().Neg(y))
		one := bigOf(1)
		e.Mul(e, newBig().Add(one, x))
		y.Sub(y, one.Sub(one, e))
	}
	return y
}

// reference is what a row of finite numbers and -Inf has to become.
type reference struct {
	p       []*big.Float // softmax
	y       []*big.Float // log-softmax; nil for -Inf
	lse     *big.Float
	largest float64
}

func newReference(x []float64, scale float64) *reference {
	r := &reference{largest: math.Inf(-1)}
	scaled := make([]*big.Float, len(x))
	var top *big.Float
	at := 0
	for i, v := range x {
		if !math.IsInf(v, 0) {
			scaled[i] = newBig().SetPrec(2*prec).Mul(bigOf(v), bigOf(scale))
			if top == nil || scaled[i].Cmp(top) > 0 {
				top, at = scaled[i], i
			}
		}
	}
	rest := newBig()
	exps := make([]*big.Float, len(x))
	for i, v := range scaled {
		exps[i] = newBig()
		if v != nil {
			// Differences first, exactly: they are within the precision, or the exponential is 0.
			exps[i] = bigExp(newBig().SetPrec(3000).Sub(v, top))
			if i != at {
				rest.Add(rest, exps[i])
			}
		}
	}
	excess := bigLog1p(rest)
	total := newBig().Add(rest, bigOf(1))
	r.lse = newBig().SetPrec(3000).Add(top, excess)
	for i, v := range scaled {
		r.p = append(r.p, newBig().Quo(exps[i], total))
		if v == nil {
			r.y = append(r.y, nil)
		} else {
			d := newBig().SetPrec(3000).Sub(v, top)
			r.y = append(r.y, d.Sub(d, excess))
		}
	}
	return r
}

// off is the size of the difference between x and want.
func off(x float64, want *big.Float) float64 {
	d := newBig().SetPrec(3000).Sub(bigOf(x), want)
	f, _ := d.Abs(d).Float64()
	return f
}

// softmaxError is the largest relative error in units of 2^-53, checked for what has to be 0.
func (r *reference) softmaxError(t *testing.T, got []float64) (worst float64) {
	t.Helper()
	least := bigOf(0x1p-1022)
	for i, y := range got {
		want := r.p[i]
		if y == 0 {
			w, _ := newBig().Quo(want, least).Float64()
			if w > 1+0x1p-49 {
				t.Errorf("result %d is 0, want %v", i, want)
			}
			continue
		}
		if want.Sign() == 0 || y < 0x1p-1022 {
			t.Errorf("result %d is %v, want %v", i, y, want)
			continue
		}
		d := newBig().Sub(bigOf(y), want)
		e, _ := d.Quo(d, want).Float64()
		worst = max(worst, math.Abs(e)*0x1p53)
	}
	return worst
}

// logSoftmaxError is the largest error as a part of the bound.
func (r *reference) logSoftmaxError(t *testing.T, got []float64) (worst float64) {
	t.Helper()
	for i, y := range got {
		if r.y[i] == nil {
			if !math.IsInf(y, -1) {
				t.Errorf("log-softmax %d is %v, want -Inf", i, y)
			}
			continue
		}
		w, _ := r.y[i].Float64()
		if math.IsInf(w, -1) || math.IsInf(y, -1) { // beyond float64, or next to it
			if !(min(w, y) < -math.MaxFloat64 && max(w, y) < -math.MaxFloat64/2) {
				t.Errorf("log-softmax %d is %v, want %v", i, y, w)
			}
			continue
		}
		worst = max(worst, off(y, r.y[i])/(0x1p-51+0x1p-52*math.Abs(w)))
		if w > -0.4 {
			worst = max(worst, off(y, r.y[i])/(0x1p-49*math.Abs(w)+0x1p-1022))
		}
	}
	return worst
}

// logSumExpError is the error as a part of the bound.
func (r *reference) logSumExpError(y float64) float64 {
	w, _ := r.lse.Float64()
	if w == y {
		return 0
	}
	return off(y, r.lse) / (0x1p-51 + 0x1p-53*math.Abs(w))
}

// classes are kinds of rows. They are made of operations that are alike everywhere.
var classes = []struct {
	name string
	fill func(r *rand.Rand, x []float64)
}{
	{"uniform", each(func(r *rand.Rand) float64 { return spread(r, 20) })},
	{"narrow", each(func(r *rand.Rand) float64 { return spread(r, 0x1p-30) })},
	{"wide", each(func(r *rand.Rand) float64 { return spread(r, 1500) })},
	{"bell", each(func(r *rand.Rand) float64 { return (r.Float64() + r.Float64() + r.Float64() - 1.5) * 8 })},
	{"halves", each(func(r *rand.Rand) float64 { // where the exponential's error is largest
		return float64(float64(r.IntN(40))+0.5+spread(r, 0x1p-20)) * math.Ln2
	})},
	{"equal", func(r *rand.Rand, x []float64) {
		v := spread(r, 100)
		for i := range x {
			x[i] = v
		}
	}},
	{"masked", each(func(r *rand.Rand) float64 {
		if r.IntN(3) > 0 {
			return math.Inf(-1)
		}
		return spread(r, 10)
	})},
	{"sure", func(r *rand.Rand, x []float64) {
		for i := range x {
			x[i] = spread(r, 3)
		}
		x[r.IntN(len(x))] += 10 + r.Float64()*60
	}},
	{"surest", func(r *rand.Rand, x []float64) {
		for i := range x {
			x[i] = -700 + spread(r, 40)
		}
		x[r.IntN(len(x))] = spread(r, 3)
	}},
	{"far up", each(func(r *rand.Rand) float64 { return 0x1p42 + math.Floor(spread(r, 1<<10)) })},
	{"far down", each(func(r *rand.Rand) float64 { return -0x1p43 + math.Floor(spread(r, 1<<12))/64 })},
	{"about far", each(func(r *rand.Rand) float64 {
		return []float64{1, -1, 2, -2, 4, -4}[r.IntN(6)]*0x1p40 + math.Floor(spread(r, 8))
	})},
	{"offset", each(func(r *rand.Rand) float64 { return 1e9 + spread(r, 30) })},
	{"any size", each(func(r *rand.Rand) float64 { return math.Ldexp(spread(r, 1), r.IntN(2000)-1000) })},
	{"denormal", each(func(r *rand.Rand) float64 { return math.Ldexp(spread(r, 1), -1060) })},
	{"first low", func(r *rand.Rand, x []float64) {
		for i := range x {
			x[i] = float64(i)*3 + spread(r, 1)
		}
	}},
	{"edge", each(func(r *rand.Rand) float64 { // about the smallest result
		return []float64{0, -708.3964, -709, -707, -745}[r.IntN(5)] + spread(r, 0.5)
	})},
}

func spread(r *rand.Rand, size float64) float64 { return float64((r.Float64()*2 - 1) * size) }

func each(f func(r *rand.Rand) float64) func(r *rand.Rand, x []float64) {
	return func(r *rand.Rand, x []float64) {
		for i := range x {
			x[i] = f(r)
		}
		if math.IsInf(x[0], -1) && r.IntN(2) == 0 || len(x) == 1 && math.IsInf(x[0], -1) {
			x[0] = 1
		}
		x[len(x)-1] = max(x[len(x)-1], -math.MaxFloat64)
	}
}

// eachLevel runs a test with each level of instructions.
func eachLevel(t *testing.T, test func(t *testing.T)) {
	os.Getenv(arith.Env) // of which the go command's cache of test results learns only while a test runs
	best := arith64.Best
	for _, l := range arith.Levels() {
		t.Run(l.String(), func(t *testing.T) {
			arith64.Best = l
			defer func() { arith64.Best = best }()
			test(t)
		})
	}
}
