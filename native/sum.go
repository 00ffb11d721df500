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
	if a.total == 0 {
		*a = *b
		return
	}
	if b.total == 0 {
		return
	}
	c := *b
	a.rescale(max(a.n, b.n))
	c.rescale(a.n)
	a.total += c.total
	if c.max > a.max {
		a.rest += a.top
		a.rest += c.rest
		a.max, a.top = c.max, c.top
	} else {
		a.rest += c.rest + c.top
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

// normal is a factor as a float32, 0 where that would be below the normal numbers.
func normal(f float64) float32 {
	if f < arith.Least {
		return 0
	}
	return float32(f)
}
