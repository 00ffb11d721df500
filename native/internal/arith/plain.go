package arith

import (
	"math"
	"slices"
)

// The kernels in plain Go, for every architecture and for tests of the others.

// fma is a*b + c, rounded once. Float64 holds a*b exactly, so that the sum in float64,
// rounded to float32, is right but where float64's own rounding ends in the middle between two
// float32, or below the smallest normal one.
func fma(a, b, c float32) float32 {
	s := float64(float64(a)*float64(b)) + float64(c)
	if w := math.Float64bits(s); w<<35 == 1<<63 || w<<1 < (1023-126)<<53 {
		return fmaSlow(a, b, c)
	}
	return float32(s)
}

// fmaSlow rounds the sum in float64 to odd where it is not exact: what is then rounded to
// float32 is right.
//
//go:noinline
func fmaSlow(a, b, c float32) float32 {
	p, d := float64(float64(a)*float64(b)), float64(c)
	s := p + d
	z := s - p
	e := (p - (s - z)) + (d - z) // s + e is p + d exactly
	if w := math.Float64bits(s); e != 0 && w&1 == 0 {
		if (e > 0) == (s > 0) {
			w++
		} else {
			w--
		}
		s = math.Float64frombits(w)
	}
	return float32(s)
}

func exp(x, kHi, kLo, n float32, shift uint32) float32 {
	u := fma(x, kHi, magic)
	m := u - magic
	if m < n-cut {
		return 0
	}
	f := fma(x, kLo, fma(x, kHi, -m))
	w := math.Float32bits(u)
	s := math.Float32frombits(table[w&7] + w<<20 - shift)
	q := float32(f * fma(fma(exp3, f, exp2), f, exp1))
	return fma(s, q, s)
}

func sumPlain(src []float32, st *Sum) int { return sumStorePlain(nil, src, st) }

// sumStorePlain is the first pass. Without a dst it does not store.
func sumStorePlain(dst, src []float32, st *Sum) int {
	shift := uint32(int32(st.N)) << 23
	for at := 0; at < len(src); at += turn {
		x := src[at:min(at+turn, len(src))]
		for _, v := range x {
			if v > st.Lim {
				return at
			}
		}
		var r [turn]float32
		for i, v := range x {
			r[i] = exp(v, st.KHi, st.KLo, st.N, shift)
			st.Max[i%lanes] = max(st.Max[i%lanes], v)
		}
		if dst != nil {
			copy(dst[at:], r[:len(x)])
		}
		st.addTurn(&r)
	}
	return len(src)
}

// addTurn adds a turn of exponentials.
func (st *Sum) addTurn(r *[turn]float32) {
	for l := range lanes {
		for at := l; at < turn; at += turn / 2 {
			t := (r[at] + r[at+lanes]) + (r[at+2*lanes] + r[at+3*lanes])
			a := st.S[l]
			s := a + t
			z := s - a
			st.R[l] += (a - (s - z)) + (t - z)
			st.S[l] = s
		}
	}
}

// AddStored adds exponentials that a first pass stored.
func (st *Sum) AddStored(e []float32) {
	for at := 0; at < len(e); at += turn {
		var r [turn]float32
		copy(r[:], e[at:])
		st.addTurn(&r)
	}
}

// Total is the sum as softmax takes it.
func (st *Sum) Total() float64 {
	var d [lanes]float64
	for l := range d {
		d[l] = float64(st.S[l]) + float64(st.R[l])
	}
	return byHalves(&d)
}

// byHalves adds up lanes: the upper half to the lower one, until one is left.
func byHalves(d *[lanes]float64) float64 {
	for h := lanes / 2; h > 0; h /= 2 {
		for l := range h {
			d[l] += d[l+h]
		}
	}
	return d[0]
}

// up and down keep products of exponentials above the denormal numbers, which take 100 times as
// long on many CPUs.
const up, down = 0x1p100, 0x1p-100

// MakeFactor is what turns exponentials that add up to total into a softmax.
func MakeFactor(total float64) (f Factor) {
	c := up / total
	f.CHi = float32(c)
	f.CLo = float32(c - float64(f.CHi))
	f.Thr = float32(float64(total * thr))
	return f
}

// times is the second pass for an exponential.
func (f *Factor) times(e float32) float32 {
	if e < f.Thr {
		return 0
	}
	return float32(fma(e, f.CHi, float32(e*f.CLo)) * down)
}

func scalePlain(dst, src []float32, f *Factor) {
	for i, e := range src {
		dst[i] = f.times(e)
	}
}

func expScalePlain(dst, src []float32, st *Sum, f *Factor) {
	shift := uint32(int32(st.N)) << 23
	for i, x := range src {
		dst[i] = f.times(exp(x, st.KHi, st.KLo, st.N, shift))
	}
}

func logSubPlain(dst, src []float32, m, scale, b float32) {
	for i, x := range src {
		dst[i] = fma(x-m, scale, -b)
	}
}

// SubFarFrom is the size of m from which LogSubFar takes the place of LogSub.
const SubFarFrom = 0x1p100

// LogSubOne is LogSub, or LogSubFar, of one element.
func LogSubOne(x, m, scale, b float32) float32 {
	switch {
	case m >= SubFarFrom || m <= -SubFarFrom:
	case scale == 1:
		return x - m - b
	default:
		return fma(x-m, scale, -b)
	}
	return fma(float32(x*0.5)-float32(m*0.5), 2*scale, -b)
}

// LogSubFar is LogSub for an m so large that x - m may be beyond float32, though scaled it is not.
func LogSubFar(dst, src []float32, m, scale, b float32) {
	for i, x := range src {
		dst[i] = fma(float32(x*0.5)-float32(m*0.5), 2*scale, -b)
	}
}

func softmaxRowsPlain(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	return softmaxMaskedPlain(dst, src, rows, cols, dstStride, srcStride, p, 1)
}

// softmaxMaskedPlain takes N from the first of so many elements that is not below p.Low.
func softmaxMaskedPlain(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows, look int) int {
	for i := range rows {
		x, y := src[i*srcStride:][:cols], dst[i*dstStride:][:cols]
		st := Sum{KHi: p.KHi, KLo: p.KLo}
		st.Reset()
		first := max(0, slices.IndexFunc(x[:min(look, cols)], func(v float32) bool { return !(v < p.Low) }))
		var ok bool
		if st.N, st.Lim, ok = p.Guess(x[first]); !ok {
			p.At = 0
			return i
		}
		p.N, p.At = st.N, 0
		if p.At = sumStorePlain(y, x, &st); p.At < cols {
			return i
		}
		total := st.Total()
		if total != total {
			return i
		}
		f := MakeFactor(total)
		scalePlain(y, y, &f)
	}
	return rows
}

// sumRows are the sums of rows by a level's kernel for one. It is the definition of the
// kernels for several.
func (l Level) sumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) int {
	st := Sum{KHi: p.KHi, KLo: p.KLo}
	for i := range rows {
		if !l.sumRow(src[i*srcStride:][:cols], &st, &out[i], p) {
			return i
		}
	}
	return rows
}

// sumRow does a row; st becomes its sum.
func (l Level) sumRow(x []float32, st *Sum, out *RowSum, p *Rows) (ok bool) {
	if st.N, st.Lim, ok = p.Guess(x[0]); !ok {
		return false
	}
	st.Reset()
	if l.Sum(x, st) < len(x) {
		return false
	}
	m := st.Largest()
	e := p.Exp(m, st.N)
	*out = RowSum{N: st.N, Max: m, Top: float64(e), Rest: st.Rest(m, e)}
	return out.Rest == out.Rest
}

// sumRowsPlain is what SumRows in best_amd64.s goes on with at level Plain.
func sumRowsPlain(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) int {
	return Plain.sumRows(src, rows, cols, srcStride, out, p)
}

// SumWithout adds the exponentials of x to st but that of the largest element, top, which x may
// have once.
func (l Level) SumWithout(x []float32, top float32, st *Sum) {
	st.Lim = math.Nextafter32(top, negInf)
	for len(x) > 0 {
		k := l.Sum(x, st)
		if x = x[k:]; len(x) > 0 { // the next turn has it
			var turn [turn]float32
			n := copy(turn[:], x)
			turn[slices.Index(turn[:n], top)] = negInf
			st.Lim = math.MaxFloat32
			x = x[l.Sum(turn[:n], st):]
		}
	}
}

// Sure reports whether the largest element is more than twice as much as all others: then it
// takes a sum without it to know what the others are. Kernels do that for most short rows: then
// the largest element is 100 powers of two above N, otherwise at most 85.
func (s *RowSum) Sure() bool { return s.Rest < s.Top*0.5 && s.Top < 0x1p90 }

// SumOthers makes the rest of a sure row exact.
//
//go:noinline
func (l Level) SumOthers(x []float32, s *RowSum, scale *Scale) {
	if l == Best && len(x) <= Chunk && SureRow(&x[0], len(x), scale, s) == RowDone {
		return
	}
	st := Sum{KHi: scale.KHi, KLo: scale.KLo, N: scale.Below(s.Max)}
	st.Reset()
	l.SumWithout(x, s.Max, &st)
	s.Top *= math.Float64frombits(uint64(int(s.N-st.N)+1023) << 52)
	s.N, s.Rest = st.N, st.Total()
}

// Largest is the largest element, -Inf if there is none. With a NaN among the elements it
// may be anything.
func (st *Sum) Largest() float32 {
	m := negInf
	for _, v := range st.Max {
		if v > m {
			m = v
		}
	}
	if m == 0 {
		return 0 // of two zeros either may be taken for the larger
	}
	return m
}

// Rest is the sum without the exponential e of the largest element, m.
func (st *Sum) Rest(m, e float32) float64 {
	var d [lanes]float64
	found := false
	for l := range d {
		s := float64(st.S[l])
		if !found && st.Max[l] == m {
			s -= float64(e) // exact
			found = true
		}
		d[l] = s + float64(st.R[l])
	}
	return byHalves(&d)
}

// dotPlain is the sum of y * dy, or that of dy if y is nil. Products are exact in float64. They
// go to 16 lanes, which are added up by halves.
func dotPlain(y, dy []float32) float64 {
	var d [lanes]float64
	if y == nil {
		for i, v := range dy {
			d[i%lanes] += float64(v)
		}
		return byHalves(&d)
	}
	for i, v := range dy {
		d[i%lanes] += float64(float64(y[i]) * float64(v))
	}
	return byHalves(&d)
}

// ExpOf is what ExpScale takes to make e^x of each x up to 0, and 0 where that is below 2^-126.
func ExpOf() (Sum, Factor) {
	st := Sum{KHi: log2eHi, KLo: log2eLo, N: -headroom}
	return st, MakeFactor(factorK * (1 << headroom))
}
