// Package inputs makes the rows on which kernels are compared.
// Class, seed and length determine a row: its bits are the same on every architecture and with
// every Go release, so that these three are enough to report a difference.
package inputs

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Class is a kind of row.
type Class uint8

// The classes on which kernels are compared. Callers of softmax have rows like those up to
// Masked; the others reach what such rows rarely reach. The classes of [Hard] are for functions.
const (
	// Uniform10 is uniform in [-10, 10).
	Uniform10 Class = iota
	// Uniform1000 is uniform in [-1000, 1000): most exponentials underflow once
	// the maximum is subtracted.
	Uniform1000
	// Normal has mean 0 and standard deviation 1: the sum of twelve uniform
	// numbers, which reaches from -6 to 6.
	Normal
	// Masked is Normal with -Inf for a fifth of the elements.
	Masked
	// Equal repeats one number drawn from [-10, 10).
	Equal
	// Ascending rises in equal steps from -50 to 50, so that every element is a
	// new maximum.
	Ascending
	// Zeros is +0 and -0.
	Zeros
	// Denormal is below 2^-126 in magnitude, with both signs.
	Denormal
	// Tiny is normal and below 2^-100 in magnitude, with both signs.
	Tiny
	// Huge is finite and at least 2^100 in magnitude, with both signs.
	Huge
	// Magnitudes draws sign, exponent and mantissa separately: all binades of the normal
	// numbers are equally likely.
	Magnitudes
	// Ties has few different values, two of them +0 and -0: the maxima in every other row.
	Ties
	// Edges lies within a few units in the last place of the numbers at which
	// kernels change course: halfway between two multiples of ln 2, where
	// x * log2(e) rounds to the one or the other integer, and the limits beyond
	// which exp(x) is denormal, zero or infinite.
	Edges
	// Overflow is from 2^20 up to 2^127 in magnitude, with both signs: the
	// integer nearest to x * log2(e) no longer fits where kernels keep it.
	Overflow
	// Infinities is Uniform10 with +Inf and -Inf sprinkled in.
	Infinities
	// NaNs is Uniform10 with quiet and signalling NaNs sprinkled in.
	NaNs
	// Bits is uniform over all 2^32 bit patterns.
	Bits

	numKernelClasses
)

var classNames = [numClasses]string{
	Uniform10: "uniform10", Uniform1000: "uniform1000", Normal: "normal", Masked: "masked",
	Equal: "equal", Ascending: "ascending", Zeros: "zeros", Denormal: "denormal", Tiny: "tiny",
	Huge: "huge", Magnitudes: "magnitudes", Ties: "ties", Edges: "edges", Overflow: "overflow",
	Infinities: "infinities", NaNs: "nans", Bits: "bits",

	EqualTail: "equaltail", Padding: "padding", Smoothed: "smoothed", BF16: "bf16", Eighths: "eighths",
	TwoLevels: "twolevels", Rising: "rising", Falling: "falling", LateTop: "latetop", Wide: "wide",
	Offset: "offset", Sure: "sure", MaskedLow: "maskedlow",
}

// Classes lists the classes on which kernels are compared.
func Classes() []Class { return span(0, numKernelClasses) }

// Hard lists the classes that are hard on the error bounds of functions.
func Hard() []Class { return span(numKernelClasses, numClasses) }

func span(first, end Class) (cs []Class) {
	for c := first; c < end; c++ {
		cs = append(cs, c)
	}
	return cs
}

// Parse returns the class with a name.
func Parse(name string) (Class, bool) {
	for i, n := range classNames {
		if n == name {
			return Class(i), true
		}
	}
	return 0, false
}

// String returns the class's name in lower case, such as "uniform10".
func (c Class) String() string {
	if c < numClasses {
		return classNames[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// Row returns a new row of n elements.
func (c Class) Row(seed uint64, n int) []float32 {
	row := make([]float32, n)
	c.Fill(row, seed)
	return row
}

// Fill overwrites row with the row of its length. It panics if c is not one of the constants.
func (c Class) Fill(row []float32, seed uint64) {
	s := source{rand.NewPCG(seed, uint64(c))}
	switch c {
	case Uniform10:
		s.each(row, func() float32 { return s.uniform(-10, 10) })
	case Uniform1000:
		s.each(row, func() float32 { return s.uniform(-1000, 1000) })
	case Normal:
		s.each(row, s.normal)
	case Masked:
		s.each(row, func() float32 {
			if s.below(5) == 0 {
				return float32(math.Inf(-1))
			}
			return s.normal()
		})
	case Equal:
		x := s.uniform(-10, 10)
		s.each(row, func() float32 { return x })
	case Ascending:
		for i := range row {
			row[i] = float32(float64(100*i)/float64(max(len(row)-1, 1))) - 50
		}
	case Zeros:
		s.each(row, func() float32 { return s.sign(0) })
	case Denormal:
		s.each(row, func() float32 { return s.sign(math.Float32frombits(uint32(s.below(1 << 23)))) })
	case Tiny:
		s.each(row, func() float32 { return s.magnitude(-126, -101) })
	case Huge:
		s.each(row, func() float32 { return s.magnitude(100, 127) })
	case Magnitudes:
		s.each(row, func() float32 { return s.magnitude(-126, 127) })
	case Ties:
		x := s.uniform(-10, 10)
		x = max(x, -x)
		values := [4]float32{0, math.Float32frombits(1 << 31), -x, x}
		if seed%2 == 0 {
			values[3] = -x
		}
		s.each(row, func() float32 { return values[s.below(4)] })
	case Edges:
		s.each(row, s.edge)
	case Overflow:
		s.each(row, func() float32 { return s.magnitude(20, 126) })
	case Infinities:
		s.each(row, func() float32 { return s.uniform(-10, 10) })
		s.sprinkle(row, func() float32 { return s.sign(float32(math.Inf(1))) })
	case NaNs:
		s.each(row, func() float32 { return s.uniform(-10, 10) })
		s.sprinkle(row, func() float32 {
			return s.sign(math.Float32frombits(0x7f800001 + uint32(s.below(1<<23-1))))
		})
	case Bits:
		s.each(row, func() float32 { return math.Float32frombits(uint32(s.below(1 << 32))) })
	default:
		if c >= numClasses {
			panic(fmt.Sprintf("inputs: %v is not a class", c))
		}
		s.hard(c, row)
	}
}

// Args returns the operands of a call of a kernel of the family. Src is the given slice, Dst,
// Dst16 or Dst8 is new if the family writes it.
//
// An even seed gives what softmax would pass: Max is the largest element that is not a NaN, Scale
// is in [0.5, 1), and ScaleExp is the negative of an integer near Max * log2(e). An odd seed gives
// anything: each operand has a random sign and binade, and is sometimes 0, Inf or NaN. ScaleExp
// is then an integer up to the exponents of Infs and zeros, since kernels return no others.
func Args(f ukernel.Family, seed uint64, src []float32) ukernel.Args {
	a := ukernel.Args{Src: src}
	if f.Stores() {
		a.Dst = make([]float32, len(src))
	}
	s := source{rand.NewPCG(seed, 1<<32)}
	if f.Half() {
		a.Half, a.Dst16 = Halves(src), make([]uint16, len(src))
	}
	if f.Bytes() {
		a.Src8, a.Dst8 = Bytes(src), make([]uint8, len(src))
		a.Table = Table(seed, a.Src8)
	}
	if seed%2 == 0 {
		a.Max = float32(math.Inf(-1))
		for _, x := range src {
			if x > a.Max {
				a.Max = x
			}
		}
		a.Scale = s.uniform(0.5, 1)
		a.ScaleExp = -float32(math.RoundToEven(float64(a.Max)*math.Log2E)) - float32(s.below(8))
		return a
	}
	anything := func() float32 {
		switch s.below(16) {
		case 0:
			return s.sign(0)
		case 1:
			return s.sign(float32(math.Inf(1)))
		case 2:
			return float32(math.NaN())
		}
		return s.magnitude(-126, 127)
	}
	a.Max, a.Scale = anything(), anything()
	a.ScaleExp = float32(math.RoundToEven(float64(anything())))
	if s.below(2) == 0 {
		a.ScaleExp = s.sign(float32(s.below(300)))
	}
	return a
}

// beyond is the room behind rows of less than 32 bits, which some of upstream's kernels
// read.
const beyond = 32

// Halves returns the elements rounded to binary16, for families of binary16 numbers. An element
// out of range becomes the number whose bits are the upper half of its own, so that every class
// has many different ones.
func Halves(src []float32) []uint16 {
	halves := make([]uint16, len(src), len(src)+beyond)
	for i, x := range src {
		h := f32.ToHalf(x)
		if lost := h&0x7fff == 0 && x != 0 || h&0x7fff == 0x7c00 && !math.IsInf(float64(x), 0); lost {
			h = uint16(math.Float32bits(x) >> 16)
		}
		halves[i] = h
	}
	return halves
}

// Bytes returns a byte of each element's bits, for families of bytes.
func Bytes(src []float32) []uint8 {
	bytes := make([]uint8, len(src), len(src)+beyond)
	for i, x := range src {
		bytes[i] = uint8(math.Float32bits(x) >> 16)
	}
	return bytes
}

// Table makes a table of U8LUT32Norm for a row of bytes. An even seed gives one like that of
// upstream's operator, with powers from the row's maximum down and a sum below 2^32; an odd
// seed gives any whose sum is not 0.
func Table(seed uint64, row []uint8) []uint32 {
	s := source{rand.NewPCG(seed, 1<<34)}
	table := make([]uint32, 256)
	if seed%2 == 0 {
		ratio, y := float64(s.uniform(0.5, 1)), min(math.MaxUint32/float64(len(row)), 1<<23-1)
		top := 0
		for _, x := range row {
			top = max(top, int(x))
		}
		for i := top; i >= 0; i-- {
			table[i] = uint32(math.RoundToEven(y))
			y *= ratio
		}
		return table
	}
	shift := s.below(32)
	var sum uint32
	for i := range table {
		table[i] = uint32(s.below(1<<32)) >> shift
	}
	for _, x := range row {
		sum += table[x]
	}
	if sum == 0 {
		table[row[0]]++ // which the sum has at least once and less than 2^32 times
	}
	return table
}

// source is a stream of random numbers. PCG's output is specified, unlike that
// of rand.Rand's methods; everything made of it here is exact integer or
// float64 arithmetic, which no compiler can round differently.
type source struct{ pcg *rand.PCG }

// below returns an integer in [0, n), n at most 2^32.
func (s source) below(n uint64) uint64 { return s.pcg.Uint64() >> 32 * n >> 32 }

func (s source) each(row []float32, f func() float32) {
	for i := range row {
		row[i] = f()
	}
}

// sprinkle overwrites one element, and each other with probability 1/16.
func (s source) sprinkle(row []float32, f func() float32) {
	if len(row) == 0 {
		return
	}
	row[s.below(uint64(len(row)))] = f()
	for i := range row {
		if s.below(16) == 0 {
			row[i] = f()
		}
	}
}

func (s source) sign(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ uint32(s.below(2))<<31)
}

// uniform returns a multiple of (hi-lo)/2^24 in [lo, hi), rounded.
func (s source) uniform(lo, hi float64) float32 {
	x := float32(lo + (hi-lo)*(float64(s.below(1<<24))/(1<<24)))
	return min(x, math.Nextafter32(float32(hi), float32(lo)))
}

func (s source) normal() float32 { return fixed(s.normal24(), 24) }

// normal24 is the same in units of 2^-24.
func (s source) normal24() int64 {
	var sum int64
	for range 12 {
		sum += int64(s.below(1 << 24))
	}
	return sum - 6<<24
}

// magnitude returns a normal number of any sign whose exponent is in [lo, hi].
func (s source) magnitude(lo, hi int) float32 {
	e := uint32(lo+127) + uint32(s.below(uint64(hi-lo+1)))
	return s.sign(math.Float32frombits(e<<23 | uint32(s.below(1<<23))))
}

// limits are where exp(x) becomes infinite, denormal and zero, and where
// kernels' own cutoffs lie.
var limits = [...]float32{
	0x1.62e430p+6, -0x1.5d589ep+6, -0x1.9fe368p+6, -0x1.5ebb82p+6, -0x1.62e430p+15,
}

func (s source) edge() float32 {
	var x float32
	if s.below(4) == 0 {
		x = limits[s.below(uint64(len(limits)))]
	} else {
		// The halves and the 64ths that table lookups round to.
		x = float32((float64(s.below(1<<15)) - 1<<14 + 0.5) / 64 * math.Ln2)
		if s.below(2) == 0 {
			x = float32((float64(s.below(512)) - 256 + 0.5) * math.Ln2)
		}
	}
	return math.Float32frombits(math.Float32bits(x) + uint32(s.below(9)) - 4)
}
