package arith

import "math"

// The constants of the exponential. See the package comment.
const (
	log2eHi = 0x1.715476p+0  // log2(e) rounded to float32
	log2eLo = 0x1.4ae0c0p-26 // what that lacks, rounded to float32
	magic   = 0x1.8p20       // x + magic rounds x to a multiple of 1/8
	exp1    = 0x1.62e432p-1
	exp2    = 0x1.ec0fbcp-3
	exp3    = 0x1.c6937ap-5

	lanes = 16
	turn  = 8 * lanes

	// Chunk is the number of elements that are summed by themselves, whoever does it.
	Chunk = 1 << 16

	// Call is how many elements a call of assembly takes at most: Go can't interrupt it.
	Call = 1 << 18

	// headroom is how many powers of two the exponential of the element that N was made of
	// lies above 1, and reach how many another element may lie above that one.
	headroom = 24
	reach    = 60
	// cut is how many powers of two below 2^N an exponential becomes 0.
	cut = 125

	// Huge is the size of scale * x beyond which a row is shifted, and Far the one at which
	// kernels stop to find out. Between the two, rows are summed as they are.
	Huge = 5 << 16
	Far  = 1 << 18

	// Least is the smallest float32 that a softmax has besides 0.
	Least = 0x1p-126
	// thr makes the threshold for a stored exponential out of the total: Least, and a little
	// more, so that no product that is kept is rounded to less.
	thr = 0x1.000002p-126
)

// table holds the bits of K * 2^(j/8), less j << 20, for a K = 0x1.16747cp+0 for which all
// eight are floats to within 2^-27. All exponentials have that factor: it cancels in a
// softmax, and logarithms subtract logK.
var table = [8]uint32{
	0x3f8b3a3e - 0<<20, 0x3f97d424 - 1<<20, 0x3fa59202 - 2<<20, 0x3fb48e45 - 3<<20,
	0x3fc4e5be - 4<<20, 0x3fd6b7da - 5<<20, 0x3fea26de - 6<<20, 0x3fff5829 - 7<<20,
}

// Scale is a factor of all elements with what kernels need of it.
type Scale struct {
	KHi, KLo float32 // scale * log2(e), in two
	InvK     float32 // 1 / (scale * log2(e))
	Low      float32 // of elements, where scale * x is -Far
	High     float32 // of elements, where scale * x is Far
}

// One is the scale 1.
var One = Scale{KHi: log2eHi, KLo: log2eLo, InvK: ln2, Low: -Far, High: Far}

// MakeScale is for scales from 0 up.
func MakeScale(scale float32) (s Scale) {
	s.Set(scale)
	return s
}

// Set makes s a scale from 0 up. A result of five fields would be copied in parts larger than those it was
// written in, before they are in the cache, which takes 40 ns.
func (s *Scale) Set(scale float32) {
	if scale == 1 {
		*s = One
		return
	}
	k := float64(float64(scale) * (1 / ln2Hi64))
	s.KHi, s.InvK = float32(k), float32(1/k)
	s.KLo = float32(k - float64(s.KHi))
	// Infinities are never within reach, whatever the scale.
	s.High = float32(min(Far/float64(scale), math.MaxFloat32))
	s.Low = -s.High
}

// Sum is the sum of a segment, lane by lane, with what its exponentials depend on. The
// assembly knows its layout.
type Sum struct {
	S, R [lanes]float32 // the sum, and what its additions rounded off
	Max  [lanes]float32 // the largest elements
	KHi  float32
	KLo  float32
	N    float32 // an integer
	Lim  float32 // of elements: a turn with a larger one is not begun
	Mul  float32 // of SumStoreAdded
}

// Rows is what kernels of rows take besides the matrix. N and At are results. The assembly
// knows its layout. Set Scale in a variable: of a literal Go makes a copy, which takes 40 ns as it
// reads what was just written in other parts.
type Rows struct {
	Scale
	N  float32 // of the row that was left
	At int     // how many elements of it are exponentials by now

	// Kernels alone use these.
	before   uintptr // the row whose second pass is put off, 0 between calls
	cHi, cLo float32 // its factor
	mul      float32 // of SoftmaxAddedRows
}

// RowSum is the sum of a row's exponentials for logarithms: the first ones of [Excess]'s
// parameters. The assembly knows its layout.
type RowSum struct {
	N    float32 // an integer
	Max  float32 // the largest element
	Top  float64 // its exponential
	Rest float64 // those of all others
}

// Excess is [Excess] of the sum.
func (s *RowSum) Excess(scale float32) float64 { return Excess(s.N, s.Top, s.Rest, s.Max, scale) }

// OneRows is for rows without a scale. Kernels of sums leave it as it is.
var OneRows = Rows{Scale: One}

// Factor is what exponentials are multiplied by in the second pass, in two and times 2^100, and the
// least exponential whose product is not 0. The assembly knows its layout.
type Factor struct{ CHi, CLo, Thr float32 }

// Reset empties the sum.
func (st *Sum) Reset() {
	st.S, st.R = [lanes]float32{}, [lanes]float32{}
	for l := range st.Max {
		st.Max[l] = negInf
	}
}

// Guess is the integer N for rows that begin with x, and the limit of elements that goes with
// it. It is false if x can't be the first element: a NaN, or far from 0.
func (s *Scale) Guess(x float32) (n, lim float32, ok bool) {
	if !(s.Low <= x && x <= s.High) {
		return 0, 0, false
	}
	n = s.round(x) - headroom
	return n, s.LimitOf(n), true
}

// LimitOf is the limit that goes with the N of an element between Low and High.
func (s *Scale) LimitOf(n float32) float32 {
	return min(float32((n+(headroom+reach))*s.InvK), s.High)
}

// round is x as a power of two, rounded.
func (s *Scale) round(x float32) float32 {
	return float32(math.RoundToEven(float64(float32(x * s.KHi))))
}

// Exp is K * e^(scale * x) * 2^-n.
func (s *Scale) Exp(x, n float32) float32 {
	return exp(x, s.KHi, s.KLo, n, uint32(int32(n))<<23)
}

var negInf = float32(math.Inf(-1))

const (
	ln2     = 0x1.62e430p-1
	ln2Hi64 = math.Ln2
)

const (
	// Turn is the number of elements that kernels take at a time.
	Turn = turn
	// Headroom is minus the N of rows whose largest element is 0.
	Headroom = headroom
)

// Within is N for elements that are at most top, and the limit that goes with it, which is
// itself at most limit.
func (s *Scale) Within(top, limit float32) (n, lim float32) {
	n = s.round(top) - headroom
	return n, min(float32((n+(headroom+reach))*s.InvK), limit)
}

// Below is an N for elements below top, for sums that cut off no element.
func (s *Scale) Below(top float32) (n float32) { return s.round(top) - 100 }

// Limit is the largest element of rows that are summed as they are.
func Limit(scale float32) float32 { return float32(min(Huge/float64(scale), math.MaxFloat32)) }
