package arith

import "math"

// Logarithms of ordinary rows. A sum without the largest element, or with something tiny in place of zeros, takes
// less time, and differs from the definition's by roundings in float64 alone. These hardly ever change a result in
// float32; where they might, the row is summed as it is defined.

// doubt is more than the logarithms of both sums can differ by: 2^-48 for sums of up to 16 chunks, 2^-45 for each
// logarithm, and up to nine roundings of numbers below 2^9. tools/kernelgen has the same constant.
const doubt = 0x1p-41

// sureDoubt is more than the relative difference between the excess of a sure row of up to 16 chunks and the
// definition's.
const sureDoubt = 0x1p-43

// A row is sure if its largest element is more than two thirds of the total: above aBitMore whatever the roundings
// of the sum, below aBitLess never.
const aBitMore, aBitLess = 0.67, 0.66

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
	d := int(t.n - b.n) // at most 300 in size, as both are near 0
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

// What LogRow, TotalRow, CopyRow and SureRow have done with a row. TotalRow and CopyRow also return 2, for a total
// whose logarithm has no certain last bit.
const (
	RowLeft      = iota // nothing
	RowDone             // all
	RowMayBeSure        // LogRow: found the largest element, as the row may be sure
)

// SureAlone is the sum of a row whose largest element is m, and whether the row is sure; the caller knows that m is there
// once. It is not ok if SureRow leaves the row, or if a sum with other roundings might decide otherwise.
//
//go:noinline
func SureAlone(src []float32, m float32, s *Scale) (sum RowSum, sure, ok bool) {
	sum.Max = m + 0 // a zero without its sign
	if SureRow(&src[0], len(src), s, &sum) != RowDone {
		return sum, false, false
	}
	sure = sum.Rest < sum.Top*0.495
	return sum, sure, sure || sum.Rest > sum.Top*0.505
}

// isSure reports whether a row with the largest exponential top * 2^n and the total * 2^first is sure. It is not ok
// if roundings might decide otherwise.
func isSure(top float64, n float32, total float64, first float32) (sure, ok bool) {
	top *= math.Float64frombits(uint64(1023+int(n-first)) << 52)
	sure = top > total*aBitMore
	return sure, sure || top < total*aBitLess
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

// SureExcess is Excess of a row that its kernel left, unless that is irregular. Max is its largest element.
//
//go:noinline
func (t *Total) SureExcess(src []float32, s *Scale, scale float32) (y float32, ok bool) {
	sum, sure, ok := t.SureSum(src, s)
	if ok && !sure {
		return t.Excess(t.Max, scale)
	}
	return float32(sum.Excess(scale)), ok
}

// SureLog is the logarithm of the sum, of such a row. Max need not be set.
//
//go:noinline
func (t *Total) SureLog(src []float32, s *Scale, scale float32) (y float32, ok bool) {
	t.Find(src)
	sum, sure, ok := t.SureSum(src, s)
	if ok && !sure {
		return t.Excess(0, scale)
	}
	return float32(float64(float64(t.Max)*float64(scale)) + sum.Excess(scale)), ok
}

// Find sets Max to the largest element, if the row can be sure by it.
func (t *Total) Find(src []float32) {
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
}

// SureSum is the definition's sum of a row that its kernel left, if it is sure by its largest element, Max. It is
// not ok for irregular rows, and where the sum's last bits decide.
func (t *Total) SureSum(src []float32, s *Scale) (sum RowSum, sure, ok bool) {
	if t.total == 0 {
		return sum, false, false
	}
	if len(src) <= Chunk {
		if sum, sure, ok = SureAlone(src, t.Max, s); ok {
			// SureAlone leaves out every element equal to Max. If there are two, each is at most half of the total.
			top := sum.Top * math.Float64frombits(uint64(1023+int(sum.N-t.n))<<52)
			return sum, sure && top > t.total*0.6, ok
		}
	}
	sum = RowSum{N: t.n, Max: t.Max, Top: float64(s.Exp(t.Max, t.n))}
	if sure, ok = isSure(sum.Top, sum.N, t.total, t.n); sure {
		Best.SumOthers(src, &sum, s)
	}
	return sum, sure, ok
}

// ChunksTotal is the sum of a row of several chunks.
type ChunksTotal struct {
	Total         // of all
	others Total  // of all but the sure chunk
	top    RowSum // of that, if there is one
}

// AddChunk adds a chunk's sum; ok is whether its kernel did not leave it. It is false if the row has to be summed
// by definition.
func (c *ChunksTotal) AddChunk(t *Total, ok bool, chunk []float32, s *Scale) bool {
	if !ok {
		sum, sure, ok := t.SureSum(chunk, s)
		if !ok || sure && c.top.Top > 0 {
			return false
		}
		if sure { // next to the largest element, small ones are rounded off in t
			c.top = sum
			c.Total.Add(&Total{n: sum.N, Max: t.Max, total: sum.Top + sum.Rest})
			return true
		}
	}
	c.Total.Add(t)
	c.others.Add(t)
	return true
}

// Log is the logarithm of the sum, and Excess that less the largest element. They are not ok if the last bit is not
// certain.
func (c *ChunksTotal) Log(scale float32) (y float32, ok bool) {
	excess, sure, ok := c.sure(scale)
	if !sure {
		y, certain := c.Total.Excess(0, scale)
		return y, ok && certain
	}
	x := float64(float64(c.top.Max)*float64(scale)) + excess
	d := float64(excess*sureDoubt) + float64(math.Abs(x)*0x1p-50)
	y = float32(x - d)
	return y, ok && y == float32(x+d)
}

func (c *ChunksTotal) Excess(scale float32) (y float32, ok bool) {
	excess, sure, ok := c.sure(scale)
	if !sure {
		y, certain := c.Total.Excess(c.Max, scale)
		return y, ok && certain
	}
	d := float64(excess * sureDoubt)
	y = float32(excess - d)
	return y, ok && y == float32(excess+d)
}

// sure is the excess of a row that is sure.
func (c *ChunksTotal) sure(scale float32) (excess float64, sure, ok bool) {
	if c.top.Top == 0 {
		return 0, false, true
	}
	if sure, ok = isSure(c.top.Top, c.top.N, c.total, c.n); !sure {
		return 0, false, ok
	}
	sum := c.top
	if c.others.total > 0 {
		sum.Rest += float64(c.others.total * math.Float64frombits(uint64(1023+int(c.others.n-sum.N))<<52))
	}
	return sum.Excess(scale), true, true
}
