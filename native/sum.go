package native

import (
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// sum is a sum of exponentials, K * e^x * 2^-n. The zero sum is empty.
type sum struct {
	n     float32 // an integer
	total float64 // all of them, as softmax adds them up
	// For logarithms: the largest element, its exponential, and all others added up. Max is -Inf,
	// and top and rest 0, where nobody asked.
	max       float32
	top, rest float64
}

// merge adds b.
func (a *sum) merge(b *sum) {
	switch {
	case a.total == 0:
		*a = *b
	case b.total != 0:
		a.add(b.n, b.max, b.total, b.top, b.rest)
	}
}

// add adds a sum by its parts, which come in registers. Neither is empty.
func (a *sum) add(n, m float32, total, top, rest float64) {
	if a.n < n {
		a.rescale(n)
	} else {
		f := pow2(n - a.n)
		total, top, rest = float64(total*f), float64(top*f), float64(rest*f)
	}
	a.total += total
	if m > a.max {
		a.rest += a.top
		a.rest += rest
		a.max, a.top = m, top
	} else {
		a.rest += rest + top
	}
}

// rescale sets n.
func (a *sum) rescale(n float32) {
	f := pow2(a.n - n)
	a.n = n
	a.total, a.top, a.rest = float64(a.total*f), float64(a.top*f), float64(a.rest*f)
}

// sure reports whether the largest element is more than twice as much as all others.
func (a *sum) sure() bool { return a.rest < a.top*0.5 }

// excess is the logarithm of the sum less that of its largest element.
func (a *sum) excess(scale float32) float64 {
	return arith.Excess(a.n, a.top, a.rest, a.max, scale)
}

// pow2 is 2^n for an integer n, 0 where that is below the normal numbers.
func pow2(n float32) float64 {
	switch {
	case n < -1022:
		return 0
	case n > 1023:
		return math.Inf(1)
	}
	return math.Float64frombits(uint64(int(n)+1023) << 52)
}

// pow2Down is normal(pow2(n)) for an integer n up to 0.
func pow2Down(n float32) float32 {
	if n < -126 {
		return 0
	}
	return math.Float32frombits(uint32(int32(n)+127) << 23)
}

// normal is a factor as a float32, 0 where that would be below the normal numbers.
func normal(f float64) float32 {
	if f < arith.Least {
		return 0
	}
	return float32(f)
}
