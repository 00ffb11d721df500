package ukernel

import "math"

// Same reports whether two outputs are equal bit for bit, or both NaN. Signs and payloads of NaNs
// don't count: the compiler chooses them, since it may swap the operands of an addition or a
// multiplication.
func Same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// Same reports whether two results of a kernel of the family are the [Same]. For the
// exponent of [RAddExtExp], +0 and -0 are the same, and beside a NaN mantissa any two
// exponents are.
//
// The compiler chooses these: upstream's AVX-512 kernels find the largest exponent with
// _mm512_reduce_max_ps, for which gcc and clang give MAXPS its operands in different
// orders, and MAXPS returns the second of two zeros and of an unordered pair. The pair
// stands for the same sum.
func (r Result) Same(f Family, s Result) bool {
	if f == RAddExtExp && Same(r.Value, s.Value) && (r.Value != r.Value || r.Exponent == s.Exponent) {
		return true
	}
	return Same(r.Value, s.Value) && Same(r.Exponent, s.Exponent)
}
