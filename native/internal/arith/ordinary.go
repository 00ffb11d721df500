package arith

import "math"

// Logarithms of ordinary rows. A sum that doesn't know its largest element, or has something tiny in place of
// zeros, takes less time, and is the definition's but for roundings in float64. These hardly ever change a
// result in float32; where they might, the row is summed as it is defined.

// doubt is more than the logarithms of both sums can be apart: sums of up to 16 chunks 2^-48, each logarithm
// 2^-45 from the right one, and up to six steps that round numbers below 2^8.
const doubt = 0x1p-41

// rowsMost is the longest row that SumRows keeps in registers: of sure ones it makes the second sum faster.
const rowsMost = 256

// aBitMore than two thirds of all is what the largest element is of rows that are sure in any sum.
const aBitMore = 0.67

// Total is the sum of a row's exponentials, total * 2^n. The assembly knows its layout.
type Total struct {
	n, Max float32 // Max is the largest element, of CopyRow
	total  float64
	lanes  [lanes]float32
}

// Add adds the sum of another chunk.
func (t *Total) Add(b *Total) {
	if t.total == 0 {
		*t = *b
		return
	}
	t.Max = max(t.Max, b.Max)
	d := int(t.n - b.n) // at most 200 in size, as both are near 0
	if d < 0 {
		t.n = b.n
		t.total = float64(t.total*math.Float64frombits(uint64(1023+d)<<52)) + b.total
	} else {
		t.total += float64(b.total * math.Float64frombits(uint64(1023-d)<<52))
	}
}

// Excess is the logarithm of the sum less scale * m, of a row that is ordinary. It is not ok if the last bit is
// not certain.
func (t *Total) Excess(m, scale float32) (y float32, ok bool) {
	return certainExcess(t.n, t.total, float64(float64(m)*float64(scale)))
}

// ShortSum is what SumRow makes of a row: the total * 2^first, and RowSum if the row may be sure. The assembly
// knows its layout.
type ShortSum struct {
	RowSum
	total float64
	first float32
}

// Log is log-sum-exp of the row, and Excess that less the largest element. They are not ok if the last bit is not certain.
func (s *ShortSum) Log() (y float32, ok bool) {
	if s.Top > 0 {
		return float32(float64(s.Max) + s.RowSum.Excess(1)), s.sure()
	}
	return certainExcess(s.first, s.total, 0)
}

func (s *ShortSum) Excess() (y float32, ok bool) {
	if s.Top > 0 {
		return float32(s.RowSum.Excess(1)), s.sure()
	}
	return certainExcess(s.first, s.total, float64(s.Max))
}

// sure reports whether the row is sure by its largest element, of which there may be more than one.
func (s *ShortSum) sure() bool {
	return s.Top*math.Float64frombits(uint64(1023+int(s.N-s.first))<<52) > s.total*aBitMore
}

func certainExcess(n float32, total, m float64) (y float32, ok bool) {
	b := math.Float64bits(total) // log, as rows wait for this: to the compiler it is too long
	e := &logTable[b>>46&63]
	r := float64(math.Float64frombits(b&(1<<52-1)|1023<<52)*e.c) - 1
	r2 := float64(r * r)
	low := r - float64(r2*0.5)
	high := (1.0/3 - float64(r*0.25)) + float64(r2*(0.2-float64(r*(1.0/6))))
	l := e.log + (low + float64(float64(r*r2)*high))
	k := float64(int(b>>52)-1023) + float64(n)
	x := (float64(k*math.Ln2) - m) + (l - logK)
	y = float32(x - doubt)
	return y, y == float32(x+doubt)
}

// SureExcess is Excess of a row that is not ordinary, if it is one that is sure by its largest element, t.Max.
//
//go:noinline
func (t *Total) SureExcess(src []float32, s *Scale, scale float32) (y float32, ok bool) {
	x, ok := t.sureExcess(src, s, scale)
	return float32(x), ok
}

// SureLog is the logarithm of the sum, of such a row.
//
//go:noinline
func (t *Total) SureLog(src []float32, s *Scale, scale float32) (y float32, ok bool) {
	t.Max = negInf
	for l, v := range t.lanes {
		if float64(v) > t.total*0.5 { // the lane of the largest element of a sure row
			for i := l; i < len(src); i += lanes {
				if v := src[i]; v > t.Max { // max of Go takes 6 ns
					t.Max = v
				}
			}
			break
		}
	}
	t.Max += 0 // a zero without its sign
	x, ok := t.sureExcess(src, s, scale)
	return float32(float64(float64(t.Max)*float64(scale)) + x), ok
}

func (t *Total) sureExcess(src []float32, s *Scale, scale float32) (x float64, ok bool) {
	if len(src) <= rowsMost || t.total == 0 {
		return 0, false
	}
	sum := RowSum{N: t.n, Max: t.Max, Top: float64(s.Exp(t.Max, t.n))}
	if !(sum.Top > t.total*aBitMore) {
		return 0, false
	}
	Best.SumOthers(src, &sum, s)
	return sum.Excess(scale), true
}
