package native

import "github.com/twopass-softmax/twopass/native/internal/arith"

// Float16 is an IEEE 754 binary16 number: 1 sign bit, 5 exponent bits, 10 mantissa bits.
type Float16 uint16

// BFloat16 is the upper half of a float32: 1 sign bit, 8 exponent bits, 7
// mantissa bits.
type BFloat16 uint16

// Element is a type of elements and results. The arithmetic is that of float32.
type Element interface{ float32 | Float16 | BFloat16 }

// Float32 converts exactly.
func (h Float16) Float32() float32 {
	var y [1]float32
	arith.Plain.WidenF16(y[:], []uint16{uint16(h)})
	return y[0]
}

// ToFloat16 rounds to nearest even. Numbers too large become infinities, every NaN 0x7e00.
func ToFloat16(x float32) Float16 {
	var y [1]uint16
	arith.Plain.NarrowF16(y[:], []float32{x})
	return Float16(y[0])
}

// Float32 converts exactly.
func (b BFloat16) Float32() float32 {
	var y [1]float32
	arith.Plain.WidenBF16(y[:], []uint16{uint16(b)})
	return y[0]
}

// ToBFloat16 rounds to nearest even. Numbers too large become infinities, every NaN 0x7fc0.
func ToBFloat16(x float32) BFloat16 {
	var y [1]uint16
	arith.Plain.NarrowBF16(y[:], []float32{x})
	return BFloat16(y[0])
}
