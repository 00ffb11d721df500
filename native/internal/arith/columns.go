package arith

import "math"

// Columns is columns side by side, as kernels take them: some of up to MostColumns places, what belongs
// to each, and their sums. If there are not as many columns as whole vectors have, the last vector has
// some of those before it again. The assembly knows its layout, up to sums.
type Columns struct {
	exp1, exp2, exp3  float32
	headroom, integer float32 // magic - N is headroom - x*kHi - integer
	bits              uint32  // that elements near N do not have
	down, _           float32
	up, most          float64 // and the largest total for which no result is 0
	width             int     // of all vectors, in bytes
	last              int     // where the last one is in a row of the matrix
	lanesAhead        int     // how many lanes ahead elements are asked for, 1 to 16
	groups            int     // that a kernel has yet to do
	dstAhead          int     // in the second pass, in bytes
	srcAhead          int
	sums              *ColumnSums
	_                 [3]int
	table             [lanes]uint32
	seen              [lanes]uint32
	kHi, kLo          [MostColumns]float32 // the scale's, times 2^-19
	magic             [MostColumns]float32
	cHi, cLo          [MostColumns]float32 // what the second pass multiplies by and, of logarithms, adds
	max, top          [MostColumns]float32 // the largest elements, and their exponentials
	rest              [MostColumns]float64 // the sums without those, or all
	high              [MostColumns]float32 // the size of a column's first element is at most that

	factor [MostColumns]float32 // the scale
	excess [MostColumns]float64
	cols   int
	level  Level
	all    float32 // the scale, if all places have the same
	_      [44]byte
}

// ColumnSums is working memory: the sum, what that lacks, and the largest element of each lane of each
// vector.
type ColumnSums [lanes][3 * MostColumns]float32

// MostColumns is how many columns are done at once at most.
const MostColumns = 8 * lanes

// ColumnsGroup is the number of rows that all calls of Sum but the last one have a multiple of.
const ColumnsGroup = turn / 2

// The arithmetic of near elements, as the generated kernels have it: powers of two are times unit, and
// begin nearBelow below N.
const (
	unit      = 0x1p-19
	nearBelow = 45
	nearBits  = ^uint32(0x40000000 | 8*128 - 1)
	integer   = 0x1.8p23 // rounds to an integer
	nearTotal = 0x1p79
	// sureReach is how far above N the largest element is for a sum without it, and sureScale what
	// makes that what it is by the definition, where it is 100 above.
	sureReach = 82
	sureScale = 1 << (100 - sureReach)
)

// Reset prepares for a level and cols columns, from one vector's up to MostColumns. Rows of the matrices
// of both passes are srcStride and dstStride elements apart.
func (c *Columns) Reset(l Level, sums *ColumnSums, cols, dstStride, srcStride int) {
	if c.sums == nil {
		c.exp1, c.exp2, c.exp3 = exp1/unit, exp2/(unit*unit), exp3/(unit*unit*unit)
		c.integer = (integer - 0x1p20 - nearBelow) * unit
		c.bits, c.down, c.up, c.most = nearBits, down, up, nearTotal
		for i := range c.table {
			c.table[i] = table[i%8] - nearBelow<<23
		}
	}
	c.level, c.sums, c.cols = l, sums, cols
	n := l.Columns()
	vectors := (cols + n - 1) / n
	c.width, c.last = 4*n*vectors, 4*(cols-n)
	// Far enough for memory, and not so far that the lines of a row of 4,096 bytes or a multiple, which
	// lie in the same few sets of the first cache, push each other out.
	c.lanesAhead = max(1, 8/vectors)
	rows := max(2, 16/vectors)
	c.dstAhead, c.srcAhead = 4*rows*dstStride, 4*rows*srcStride
}

// Places is how many places the columns take: exponentials of a row are so far from the next one's.
func (c *Columns) Places() int { return c.width / 4 }

// Column is the column of a place.
func (c *Columns) Column(place int) int {
	if n := c.level.Columns(); place >= c.cols&^(n-1) {
		return place - (c.width/4 - c.cols)
	}
	return place
}

// SetScale sets the scale of all columns, which is s and, as a number, factor. It is false if columns
// can't be done side by side with it.
func (c *Columns) SetScale(s *Scale, factor float32) bool {
	if c.all != factor || factor == 0 {
		c.all = 0
		for i := range c.kHi {
			if !c.setScale(i, s, factor) {
				return false
			}
		}
		c.all = factor
	}
	return true
}

// SetScaleOf is SetScale of a place.
func (c *Columns) SetScaleOf(place int, s *Scale, factor float32) bool {
	c.all = 0
	return c.setScale(place, s, factor)
}

func (c *Columns) setScale(i int, s *Scale, factor float32) bool {
	if w := math.Float32bits(s.KHi); w&7 == 0 || w-(127-40)<<23 >= 80<<23 {
		return false // an element may make magic + x*kHi 0
	}
	c.kHi[i], c.kLo[i], c.factor[i] = s.KHi*unit, s.KLo*unit, factor
	c.high[i] = s.High - float32(s.InvK*(reach+1))
	return true
}

// Regular reports whether all elements were near. If not, sums are nothing.
func (c *Columns) Regular() bool {
	var seen uint32
	for _, w := range c.seen {
		seen |= w
	}
	return seen&nearBits == 0
}

// sure is the excess of a column whose largest element is more than twice as much as all others, until
// it is known.
var sure = math.NaN()

// Excesses are what logarithms of the columns take, after SumTop. It is false if some columns need the
// sum of the others, by BeginOthers, SumOthers and EndOthers.
func (c *Columns) Excesses() (done bool) {
	c.rests()
	done = true
	for i := range c.Places() {
		s := RowSum{N: 0x1p20 + nearBelow - c.magic[i]*(1/unit), Max: c.max[i], Top: float64(c.top[i]), Rest: c.rest[i]}
		if s.Sure() {
			c.excess[i], done = sure, false
			continue
		}
		c.excess[i] = s.Excess(c.factor[i])
	}
	return done
}

// EndOthers is false if the sum of the others can't be had so.
func (c *Columns) EndOthers() bool {
	if !c.Regular() {
		return false
	}
	c.totals()
	for i := range c.Places() {
		if c.excess[i] != c.excess[i] {
			scale := Scale{KHi: c.kHi[i] * (1 / unit)}
			s := RowSum{N: scale.Below(c.max[i]), Max: c.max[i], Top: float64(c.top[i]) * sureScale, Rest: c.rest[i] * sureScale}
			c.excess[i] = s.Excess(c.factor[i])
		}
	}
	return true
}

// LogSumExps writes those of the columns.
func (c *Columns) LogSumExps(dst []float32) {
	for i := range c.Places() {
		dst[c.Column(i)] = float32(float64(float64(c.max[i])*float64(c.factor[i])) + c.excess[i])
	}
}

// LogFactors prepares LogSub.
func (c *Columns) LogFactors() {
	for i := range c.Places() {
		c.cHi[i], c.cLo[i] = c.factor[i], -float32(c.excess[i])
	}
}
