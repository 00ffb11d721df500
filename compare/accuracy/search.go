package accuracy

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// searchLengths are those of the rows that [Search] tries.
var searchLengths = []int{2, 3, 17, 64, 128, 192, 300}

// Found is the largest relative error of a softmax that a search came to, in units of 2^-24, and its row.
type Found struct {
	Error float64
	Row   []float32
	// NaNs is whether a row was found whose results are not numbers.
	NaNs bool
}

// Search climbs to rows of a softmax with large errors, as native's TestSearch does: it changes single
// elements of rows, many of whose elements are equal, and keeps what makes the error larger. Elements
// are from -108 to 28. Results below 2^-126 do not count.
func Search(f speed.Benchmark, budget time.Duration, seed uint64) (Found, error) {
	r := rand.New(rand.NewPCG(seed, 24))
	type bound struct {
		src, dst []float32
		run      func()
	}
	all := make(map[int]bound)
	for _, n := range searchLengths {
		b := bound{src: make([]float32, n), dst: make([]float32, n)}
		run, done, err := f.Ready(b.dst, b.src)
		if err != nil {
			return Found{}, err
		}
		defer done()
		b.run = run
		all[n] = b
	}
	var best Found
	var x exact
	until := time.Now().Add(budget)
	for time.Now().Before(until) {
		n := searchLengths[r.IntN(len(searchLengths))]
		b := all[n]
		period := []int{1, 2, 4, 8, 16, 64, 128, n}[r.IntN(8)]
		// The levels of the row's elements, and one element apart from them if low is below n.
		value := make([]float32, 1+r.IntN(period)+1)
		which := make([]int, period)
		for i := range value {
			value[i] = float32(r.IntN(1<<20)-1<<19) * 0x1p-16
		}
		for i := range which {
			which[i] = r.IntN(len(value) - 1)
		}
		low, apart := r.IntN(n+1), len(value)-1
		value[apart] = -float32(r.IntN(1<<20)) * 0x1p-14
		errorOf := func() float64 {
			for i := range b.src {
				b.src[i] = value[which[i%period]]
			}
			if low < n {
				b.src[low] = value[apart]
			}
			b.run()
			x.of(b.src)
			most := 0.0
			for i, got := range b.dst {
				want := x.value(speed.Softmax, i)
				if got != got {
					best.NaNs = true
				} else if want >= 0x1p-126 {
					most = math.Max(most, math.Abs(float64(got)-want)/want)
				}
			}
			if most *= 1 << 24; most > best.Error {
				best.Error, best.Row = most, append([]float32(nil), b.src...)
			}
			return most
		}
		most := errorOf()
		for stuck := 0; stuck < 400 && time.Now().Before(until); stuck++ {
			at := &value[r.IntN(len(value))]
			old := *at
			if r.IntN(8) == 0 {
				*at = float32(r.IntN(1<<20)-1<<19) * 0x1p-16
			} else {
				*at = math.Float32frombits(math.Float32bits(old) + uint32(r.IntN(1<<r.IntN(18)*2+1)) - 1<<r.IntN(17))
			}
			if !(*at >= -108 && *at <= 28) {
				*at = old
			} else if e := errorOf(); e > most {
				most, stuck = e, 0
			} else {
				*at = old
			}
		}
	}
	return best, nil
}
