package inputs

import (
	"math"
	"math/bits"
)

// The classes that are hard on the error bounds of functions. Most have many equal elements:
// their errors have one sign, and do not average out in the sum.
const (
	// EqualTail is one maximum, and a smaller number for all others: together they add
	// about as much to the sum as the maximum.
	EqualTail Class = numKernelClasses + iota
	// Padding is Normal in its first eighth, with a maximum of 8 to 24, then one number
	// from -24 to 8.
	Padding
	// Smoothed is the logarithm of a label smoothed by 0.1: 0.9 for one element, equal
	// shares of the rest for the others.
	Smoothed
	// BF16 is four times Normal, cut to the upper 16 bits.
	BF16
	// Eighths is three times Normal in multiples of 1/8.
	Eighths
	// TwoLevels has two different numbers up to 16 apart. The larger is rare in some rows.
	TwoLevels
	// Rising goes up in equal steps by 8 to 1024, and Falling down.
	Rising
	Falling
	// LateTop is Normal with an element 16 to 2^14 above among the last 64.
	LateTop
	// Wide is five times Normal.
	Wide
	// Offset is Wide around a power of two from 2^10 to 2^30, or its negative.
	Offset
	// Sure is one element, in every other row 0, and others 20 to 103.5 below it.
	Sure
	// MaskedLow is three times Normal, with two thirds of the elements near -10^9: a mask
	// without -Inf.
	MaskedLow

	numClasses
)

// fixed is i * 2^-k, rounded to float32.
func fixed(i int64, k int) float32 { return float32(float64(i) / float64(int64(1)<<k)) }

// log16 is the natural logarithm of n in units of 2^-16, with an error up to 0.06.
func log16(n int) int64 {
	e := bits.Len(uint(n)) - 1
	whole := int64(e)<<16 + (int64(n)<<16)>>e - 1<<16
	return whole * 45426 >> 16 // ln(2) * 2^16
}

// hard fills row with one of the classes above.
func (s source) hard(c Class, row []float32) {
	n := len(row)
	if n == 0 {
		return
	}
	constant := func(x float32) { s.each(row, func() float32 { return x }) }
	place := int(s.below(uint64(n)))
	switch c {
	case EqualTail:
		top := int64(s.below(1<<24)) - 1<<23 // in units of 2^-23
		constant(fixed(top-max(log16(n)<<7+int64(s.below(4<<23))-2<<23, 1<<20), 23))
		row[place] = fixed(top, 23)
	case Padding:
		constant(s.uniform(-24, 8))
		s.each(row[:(n+7)/8], s.normal)
		row[int(s.below(uint64(n+7)/8))] = s.uniform(8, 24)
	case Smoothed:
		const ln10, ln09 = 150902, 6905 // of 10 and 1/0.9
		constant(fixed(-ln10-log16(max(n-1, 1)), 16))
		row[place] = fixed(-ln09, 16)
	case BF16:
		s.each(row, func() float32 { return math.Float32frombits(math.Float32bits(4*s.normal()) &^ 0xffff) })
	case Eighths:
		s.each(row, func() float32 { return fixed(3*s.normal24()>>21, 3) })
	case TwoLevels:
		lo := s.uniform(-16, 0)
		hi, rare := lo+s.uniform(0, 16), uint64(2)<<s.below(10)
		s.each(row, func() float32 {
			if s.below(rare) == 0 {
				return hi
			}
			return lo
		})
	case Rising, Falling:
		height := int64(8) << (16 + s.below(8))
		first := int64(s.below(1<<20)) - height/2
		for i := range row {
			row[i] = fixed(first+height*int64(i)/int64(max(n-1, 1)), 16)
			if c == Falling {
				row[i] = -row[i]
			}
		}
	case LateTop:
		s.each(row, s.normal)
		row[n-1-int(s.below(uint64(min(n, 64))))] = fixed(int64(1)<<(20+s.below(11))+int64(s.below(1<<16)), 16)
	case Wide:
		s.each(row, func() float32 { return fixed(5*s.normal24(), 24) })
	case Offset:
		base := int64(1) << (24 + 10 + s.below(21))
		if s.below(2) == 0 {
			base = -base
		}
		s.each(row, func() float32 { return fixed(base+5*s.normal24(), 24) })
	case Sure:
		top := int64(0)
		if s.below(2) == 0 {
			top = int64(s.below(1<<24)) - 1<<23
		}
		s.each(row, func() float32 { return fixed(top-20<<23-int64(s.below(83<<23+1<<22)), 23) })
		row[place] = fixed(top, 23)
	case MaskedLow:
		s.each(row, func() float32 {
			if s.below(3) > 0 {
				return -float32(1e9) - fixed(int64(s.below(1<<30)), 0)
			}
			return fixed(3*s.normal24(), 24)
		})
		row[place] = 1
	}
}
