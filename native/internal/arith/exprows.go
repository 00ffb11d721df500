package arith

import "math"

// ExpSum is a row's sum and the unit of its exponentials. The assembly knows its layout.
type ExpSum struct {
	RowSum         // of a sure row as SumOthers makes it, but for the power of two that BeSure changes
	Total  float64 // all exponentials, as softmax adds them up
	Before float32 // the largest element of what came before the row, -Inf if nothing did: it is given
	Unit   float32 // N of the exponentials that are written: [Scale.Unit] of the largest element so far
}

// expRows is ExpRows by a level's other kernels. It is the definition.
func (l Level) expRows(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) int {
	st := Sum{KHi: p.KHi, KLo: p.KLo}
	for i := range rows {
		x, s := src[i*srcStride:][:cols], &out[i]
		var sum [1]RowSum // that one which is left stays as it was
		if !l.sumRow(x, &st, &sum[0], p) {
			return i
		}
		s.RowSum, s.Total = sum[0], st.Total()
		if s.Sure() {
			others := s.RowSum
			l.SumOthers(x, &others, &p.Scale)
			s.Rest = others.Rest * power(others.N-s.N)
		}
		s.Unit = p.Unit(max(s.Max, s.Before))
		st.N = s.Unit
		l.ExpScale(dst[i*dstStride:][:cols], x, &st, &Same)
	}
	return rows
}

// BeSure changes N of a sure row's sum to what SumOthers makes it.
func (s *ExpSum) BeSure(scale *Scale) {
	n := scale.Below(s.Max)
	f := power(s.N - n)
	s.N, s.Top, s.Rest, s.Total = n, s.Top*f, s.Rest*f, s.Total*f
}

// power is 2^n for an integer n from -1022 to 1023.
func power(n float32) float64 { return math.Float64frombits(uint64(int(n)+1023) << 52) }
