package arith64

import "math"

// The kernels in Go. They take whole turns, but for what has no lanes.

func maxPlain(src []float64) float64 {
	m := negInf
	for _, x := range src {
		if x > m {
			m = x
		}
	}
	return m
}

func sumPlain(src []float64, st *Sum) {
	kHi, kLo, magic, low := st.KHi, st.KLo, st.Magic, st.Low
	for ; len(src) >= Turn; src = src[Turn:] {
		for l := range lanes {
			st.add(l, exp(src[l], kHi, kLo, magic, low)+exp(src[l+lanes], kHi, kLo, magic, low))
		}
	}
}

func sumStorePlain(dst, src []float64, st *Sum) {
	kHi, kLo, magic, low := st.KHi, st.KLo, st.Magic, st.Low
	for ; len(src) >= Turn; dst, src = dst[Turn:], src[Turn:] {
		for l := range lanes {
			a, b := exp(src[l], kHi, kLo, magic, low), exp(src[l+lanes], kHi, kLo, magic, low)
			dst[l], dst[l+lanes] = a, b
			st.add(l, a+b)
		}
	}
}

// add adds to the sum of a lane.
func (st *Sum) add(l int, t float64) {
	a := st.S[l]
	s := a + t
	st.S[l] = s
	st.R[l] += t - (s - a)
}

// times is the second pass for an exponential.
func (f *Factor) times(e float64) float64 {
	if e < f.Thr {
		return 0
	}
	return float64(math.FMA(e, f.CHi, float64(e*f.CLo)) * Down)
}

func scalePlain(dst, src []float64, f *Factor) {
	for i, e := range src {
		dst[i] = f.times(e)
	}
}

func expScalePlain(dst, src []float64, st *Sum, f *Factor) {
	kHi, kLo, magic, low := st.KHi, st.KLo, st.Magic, st.Low
	for i, x := range src {
		dst[i] = f.times(exp(x, kHi, kLo, magic, low))
	}
}

func logSubPlain(dst, src []float64, m, scale, b float64) {
	for i, x := range src {
		dst[i] = math.FMA(x-m, scale, -b)
	}
}

// logSubFar is LogSub for an m so large that x - m may be beyond float64, though scaled it is not.
func logSubFar(dst, src []float64, m, scale, b float64) {
	for i, x := range src {
		dst[i] = math.FMA(float64(x*0.5)-float64(m*0.5), 2*scale, -b)
	}
}
