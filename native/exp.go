package native

import "math"

// exp is e^x for x up to ln(2)/2, to 2^-41 of it, and 0 below -708. Unlike math.Exp, it
// rounds alike on every architecture, so that the merging of sums does.
func exp(x float64) float64 {
	if x < -708 {
		return 0
	}
	const (
		ln2Hi = 0x1.62e42fefa3800p-1 // so short that n times it is exact
		ln2Lo = 0x1.ef35793c76730p-45
	)
	n := math.RoundToEven(float64(x * math.Log2E))
	t := x - float64(n*ln2Hi) - float64(n*ln2Lo)
	// Taylor's polynomial: at ln(2)/2 its next term is 2^-42.
	p := 1.0
	for k := 10.0; k >= 1; k-- {
		p = 1 + float64(p*t)/k
	}
	return float64(p * exp2(n))
}
