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

// logTable has, for each 64th of the interval [1, 2), a number near the reciprocal of
// what lies there, and minus its logarithm. The first are 1 and 0, so that log(1) is 0.
var logTable = func() (t [64]struct{ c, log float64 }) {
	t[0].c = 1
	for i := 1; i < len(t); i++ {
		m := 1 + (float64(i)+0.5)/64
		t[i].c = 1 / m
		// 2 artanh((m-1)/(m+1)), of which z*z is below 1/9.
		z := (m - 1) / (m + 1)
		sum := 0.0
		for k := 33.0; k >= 1; k -= 2 {
			sum = 1/k + float64(sum*float64(z*z))
		}
		t[i].log = float64(2 * z * sum)
	}
	return t
}()

// log is the natural logarithm of a positive normal number, to 2^-38. It, too, rounds
// alike on every architecture, and takes less time than math.Log.
func log(x float64) float64 {
	const ln2Hi, ln2Lo = 0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45
	b := math.Float64bits(x)
	k := float64(int(b>>52) - 1023)
	e := &logTable[b>>46&63]
	r := float64(math.Float64frombits(b&(1<<52-1)|1023<<52)*e.c) - 1
	// ln(1 + r) by Taylor's polynomial, whose next term is below 2^-38, from both ends.
	r2 := float64(r * r)
	low := r - float64(r2*0.5)
	high := (1.0/3 - float64(r*0.25)) + float64(r2*0.2)
	return float64(k*ln2Hi) + (e.log + (low + float64(float64(r*r2)*high) + float64(k*ln2Lo)))
}
