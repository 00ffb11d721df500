package arith64

import "math"

const (
	// Chunk is the number of elements that share an N.
	Chunk = 1 << 12
	// Block is the number of elements that are added up by themselves, whoever does it.
	Block = 16 * Chunk
	// Turn is the number of elements that kernels take at a time.
	Turn  = 2 * lanes
	lanes = 8

	headroom = 4        // how many powers of two the largest exponential lies above 1
	depth    = 1020     // and how many below N elements count as low
	bias     = 1 << 18  // where the sum of a lane begins
	magic    = 3 << 51  // x + magic rounds x to an integer
	up       = 0x1p+300 // keeps e*cLo above the denormal numbers
	// Down takes the powers of two of Factor away.
	Down = 0x1p-300

	// Far is the size of scale * x beyond which a row may have to be shifted; it is if that of its
	// largest element is beyond 2 * Far.
	Far = 1 << 40
	// subFarFrom is the size of m from which logSubFar takes the place of logSubPlain.
	subFarFrom = 0x1p900
)

const (
	log2eHi = 0x1.71547652b82fep+0  // log2(e) rounded
	log2eLo = 0x1.777d0ffda0d24p-56 // what that lacks, rounded
)

// exps are the coefficients of p, the lowest first: 1 + x*p(x) is within 2^-57 of 2^x, relatively, for x
// from -0.5001 to 0.5001 (Sollya's fpminimax). The assembly has them, too.
var exps = [11]float64{
	0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5a6p-3, 0x1.c6b08d704a12cp-5, 0x1.3b2ab6fb9fd9dp-7,
	0x1.5d87fe789e990p-10, 0x1.4309130f6fc36p-13, 0x1.ffcbfc667752fp-17, 0x1.62bfc64f78edcp-20,
	0x1.b52522db2536dp-24, 0x1.e61d57b36be8ap-28, 0x1.e972f12c4fed4p-32,
}

// Scale is a factor of all elements, above 0, with what kernels need of it.
type Scale struct {
	Factor   float64
	KHi, KLo float64 // Factor * log2(e), in two
	InvK     float64
}

// One is the scale 1.
var One = Scale{1, log2eHi, log2eLo, 1 / log2eHi}

// MakeScale is for scales from 2^-960 to 2^960.
func MakeScale(s float64) Scale {
	if s == 1 {
		return One
	}
	k := float64(s * log2eHi)
	return Scale{s, k, math.FMA(s, log2eLo, math.FMA(s, log2eHi, -k)), 1 / k}
}

// N is the integer that goes with a largest element.
func (s *Scale) N(m float64) float64 { return math.RoundToEven(float64(m*s.KHi)) - headroom }

// vector is a number for each lane.
type vector [lanes]float64

// Sum is the sum of a chunk, lane by lane, with what its exponentials depend on. The assembly knows its
// layout.
type Sum struct {
	S, R                 vector
	KHi, KLo, Magic, Low float64
	// Ahead is how many bytes ahead of what it reads a kernel asks for more, 0 for nothing. The first pass
	// asks for the next chunk, so that memory and arithmetic take their time together.
	Ahead int
}

// SetN sets what exponentials depend on.
func (st *Sum) SetN(s *Scale, n float64) {
	st.KHi, st.KLo, st.Magic, st.Low = s.KHi, s.KLo, magic-n, float64((n-depth)*s.InvK)
}

// reset empties the sum.
func (st *Sum) reset() {
	st.S, st.R = vector{bias, bias, bias, bias, bias, bias, bias, bias}, vector{}
}

// Total is the sum of all lanes.
func (st *Sum) Total() (hi, lo float64) {
	s, r := &st.S, &st.R
	hi = ((s[0] - bias + (s[4] - bias)) + (s[2] - bias + (s[6] - bias))) + ((s[1] - bias + (s[5] - bias)) + (s[3] - bias + (s[7] - bias)))
	lo = ((r[0] + r[4]) + (r[2] + r[6])) + ((r[1] + r[5]) + (r[3] + r[7]))
	return hi, lo
}

// Exp is e^(scale * x) * 2^-n, n being at most 1000 below x in powers of two.
func (s *Scale) Exp(x, n float64) float64 {
	return exp(x, s.KHi, s.KLo, magic-n, float64((n-depth)*s.InvK))
}

func exp(x, kHi, kLo, magic, low float64) float64 {
	if x < low {
		x = low
	}
	v := math.FMA(x, kHi, magic)
	f := math.FMA(x, kLo, math.FMA(x, kHi, magic-v))
	p := exps[10]
	p = math.FMA(p, f, exps[9])
	p = math.FMA(p, f, exps[8])
	p = math.FMA(p, f, exps[7])
	p = math.FMA(p, f, exps[6])
	p = math.FMA(p, f, exps[5])
	p = math.FMA(p, f, exps[4])
	p = math.FMA(p, f, exps[3])
	p = math.FMA(p, f, exps[2])
	p = math.FMA(p, f, exps[1])
	p = math.FMA(p, f, exps[0])
	q := float64(f * p)
	s := math.Float64frombits(math.Float64bits(v)<<52 + 1023<<52)
	return math.FMA(s, q, s)
}

// Factor is what exponentials are multiplied by in the second pass, in two and times 2^300, and the
// least exponential whose product is not 0. The assembly knows its layout.
type Factor struct{ CHi, CLo, Thr float64 }

// MakeFactor is for the total hi + lo of a row and exponentials whose N is d less. It is false if all
// products are 0.
func MakeFactor(hi, lo, d float64) (f Factor, ok bool) {
	if d > 1060 {
		return Factor{}, false
	}
	hi, lo = fastTwoSum(hi, lo)
	c := 1 / hi
	rest := float64((math.FMA(-hi, c, 1) - float64(lo*c)) * c)
	p := Pow2(300 - d)
	return Factor{float64(c * p), float64(rest * p), float64(float64(hi*(1+0x1p-51)) * Pow2(d-1022))}, true
}

// Same leaves an exponential as it is, but for one that counts as low, which becomes 0.
var Same = Factor{CHi: up, Thr: 0x1p-1019}

// divideMost is the size up to which an element times 2^300 does not overflow.
const divideMost = 0x1p+700

// Direct reports whether the second pass over exponentials can be that over these elements, of any sign.
func (f *Factor) Direct(src []float64) bool {
	least, most := math.Float64bits(f.Thr), math.Float64bits(divideMost)
	for _, x := range src {
		if b := math.Float64bits(x); b&^(1<<63)-least > most-least && b != 0 {
			return false
		}
	}
	return true
}

// Divide is the second pass for elements of any size and sign.
func (f *Factor) Divide(dst, src []float64) {
	for i, x := range src {
		switch size := math.Abs(x); {
		case x-x != 0:
			dst[i] = canonical(x)
		case size < f.Thr:
			dst[i] = 0
		case size <= divideMost:
			dst[i] = float64(math.FMA(x, f.CHi, float64(x*f.CLo)) * Down)
		default:
			x *= 0x1p-400
			dst[i] = float64(math.FMA(x, f.CHi, float64(x*f.CLo)) * (Down * 0x1p400))
		}
	}
}

// ExpOf is what ExpScale takes to make e^x of each x up to 0, and 0 where that is below 2^-1022.
func ExpOf() (st Sum, f Factor) {
	st.SetN(&One, -headroom)
	f, _ = MakeFactor(1<<headroom, 0, 0)
	return st, f
}

// Pow2 is 2^n for an integer n, 0 where that is below the normal numbers.
func Pow2(n float64) float64 {
	if n < -1022 {
		return 0
	}
	return math.Float64frombits(uint64(int(n)+1023) << 52)
}

// fastTwoSum is a + b and what that lacks, for a not below b in size.
func fastTwoSum(a, b float64) (s, z float64) {
	s = a + b
	return s, b - (s - a)
}

// TwoSum is a + b and what that lacks.
func TwoSum(a, b float64) (s, z float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

var negInf = math.Inf(-1)
