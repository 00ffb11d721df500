package arith

import "math"

// Columns is what the kernel that does columns side by side takes, and its working memory. The
// assembly knows its layout.
type Columns struct {
	kHi, kLo          float32 // the scale's, times 2^-19
	exp1, exp2, exp3  float32
	headroom, integer float32 // magic - N is headroom - x*kHi - integer
	bits              uint32  // that elements near N do not have
	down              float32
	_                 float32
	up, most          float64 // and the largest total for which no result is 0
	width             int     // of a row, in bytes
	table             [lanes]uint32
	magic, cHi, cLo   [MostColumns]float32
	sums              [lanes][2 * MostColumns]float32 // by lane and vector: the sums, the rests

	high float32 // the size of a column's first element is at most that
}

// MostColumns is how many columns are done at once at most.
const MostColumns = 8 * lanes

// The arithmetic of near elements, as the generated kernels have it: powers of two are times unit, and
// begin nearBelow below N.
const (
	unit      = 0x1p-19
	nearBelow = 45
	nearBits  = ^uint32(0x40000000 | 8*128 - 1)
	integer   = 0x1.8p23 // rounds to an integer
	nearTotal = 0x1p79
)

// Reset prepares for a scale. It is false if columns can't be done side by side with it.
func (c *Columns) Reset(s *Scale) bool {
	if w := math.Float32bits(s.KHi); w&7 == 0 || w-(127-40)<<23 >= 80<<23 {
		return false // an element may make magic + x*kHi 0
	}
	c.kHi, c.kLo = s.KHi*unit, s.KLo*unit
	c.exp1, c.exp2, c.exp3 = exp1/unit, exp2/(unit*unit), exp3/(unit*unit*unit)
	c.headroom, c.integer = (integer+headroom)*unit, (integer-0x1p20-nearBelow)*unit
	c.bits, c.down, c.up, c.most = nearBits, down, up, nearTotal
	for i := range c.table {
		c.table[i] = table[i%8] - nearBelow<<23
	}
	c.high = s.High - float32(s.InvK*(reach+1))
	return true
}

// near reports whether first elements are such that the limit is above all that are near.
func (c *Columns) near(first []float32) bool {
	for _, x := range first {
		if !(x <= c.high && x >= -c.high) {
			return false
		}
	}
	return true
}
