package native_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestBounds measures the errors of softmax, log-softmax and log-sum-exp on every class of finite
// rows, holds their bounds, and prints how much of them is used. Every level has the same bits, so
// that one will do. With -short rows end at 2^12, otherwise at 2^20, which only those with many
// equal elements reach.
func TestBounds(t *testing.T) {
	classes := append(inputs.Hard(), inputs.Uniform10, inputs.Uniform1000, inputs.Normal, inputs.Equal, inputs.Ascending,
		inputs.Ties, inputs.Tiny, inputs.Huge, inputs.Magnitudes, inputs.Edges, inputs.Masked)
	lengths := []int{1, 2, 3, 5, 16, 17, 100, 193, 1000, 4096}
	if !testing.Short() {
		for n := 1; n <= 200; n += 1 + n/16 {
			lengths = append(lengths, n)
		}
		lengths = append(lengths, 777, 5001, 1<<14+1, 1<<16+1, 1<<18, 1<<20)
	}
	type errors [3]float64 // by function
	byClass := make(map[string]errors)
	for _, class := range classes {
		for _, n := range lengths {
			seeds := uint64(2)
			switch class {
			case inputs.EqualTail, inputs.Smoothed, inputs.TwoLevels, inputs.Padding:
				if seeds = 4; !testing.Short() && n <= 4096 {
					seeds = 8
				}
			default:
				if n > 1<<18 {
					continue
				}
			}
			if n > 5001 {
				seeds = 1
			}
			for seed := range seeds {
				x := class.Row(seed, n)
				r := newReference(x, 0, nil, nil, n)
				if math.IsInf(r.max, 0) {
					continue
				}
				c := &call{rows: 1, cols: n, src: matrix{f: x, stride: n}}
				c.dst = matrix{f: make([]float32, n), stride: n}
				for _, name := range []string{"Softmax", "LogSoftmax", "LogSumExp"} {
					f := formNamed(name)
					f.run(options{level: levels()[len(levels())-1]}, c)
					used, err := r.check(f.what, f32, c.dst.f, nan)
					if err != nil {
						t.Errorf("%s, class %v, seed %d, %d elements: %v", name, class, seed, n, err)
					}
					e := byClass[class.String()]
					e[f.what] = math.Max(e[f.what], used)
					byClass[class.String()] = e
				}
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "largest errors as a part of the bound\n%-12s %10s %10s %10s", "class", "Softmax", "LogSoftmax", "LogSumExp")
	for _, class := range classes {
		fmt.Fprintf(&b, "\n%-12v", class)
		for _, e := range byClass[class.String()] {
			fmt.Fprintf(&b, " %10.3f", e)
		}
	}
	t.Log(b.String())
}

var searchTime = flag.Duration("search", 2*time.Second, "how long TestSearch tries to break the bounds; a sixteenth of it with -short")

// TestSearch climbs to rows with large errors: it changes single elements of rows, many of whose
// elements are equal, and keeps what makes the error larger. The bounds have to hold all the way.
func TestSearch(t *testing.T) {
	budget := *searchTime
	if testing.Short() {
		budget /= 16
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	softmax, sumExp := formNamed("Softmax"), formNamed("LogSumExp")
	var worst [3]float64
	climb := func(f *form, until time.Time) {
		n := []int{2, 3, 17, 64, 128, 192, 300}[r.IntN(7)]
		period := []int{1, 2, 4, 8, 16, 64, 128, n}[r.IntN(8)]
		levels := 1 + r.IntN(period)
		value := make([]float32, levels)
		which := make([]int, period)
		center := float32(0)
		if r.IntN(4) == 0 {
			center = float32(r.IntN(1<<19) - 1<<18)
		}
		for i := range value {
			value[i] = center + float32(r.IntN(1<<20)-1<<19)*0x1p-16
		}
		for i := range which {
			which[i] = r.IntN(levels)
		}
		low := r.IntN(n + 1) // an element apart, if below n
		lowValue := center - float32(r.IntN(1<<20))*0x1p-14
		x := make([]float32, n)
		c := &call{rows: 1, cols: n, src: matrix{f: x, stride: n}, dst: matrix{f: make([]float32, n), stride: n}}
		errorOf := func() float64 {
			for i := range x {
				x[i] = value[which[i%period]]
			}
			if low < n {
				x[low] = lowValue
			}
			f.run(options{level: levels1()}, c)
			ref := newReference(x, 0, nil, nil, n)
			used, err := ref.check(f.what, f32, c.dst.f, nan)
			if err != nil {
				t.Errorf("%s of %v: %v", f.name, x, err)
			}
			if f.what == logSumExp {
				k := 2
				worst[k] = max(worst[k], used)
				return used
			}
			used *= ref.softmaxBound() / u
			k := 0
			if math.Abs(ref.max) > 1<<14 {
				k = 1
			}
			worst[k] = max(worst[k], used)
			return used
		}
		best, stuck := errorOf(), 0
		for stuck < 400 && time.Now().Before(until) {
			k := r.IntN(levels + 1)
			at := &lowValue
			if k < levels {
				at = &value[k]
			}
			old := *at
			if r.IntN(8) == 0 {
				*at = center + float32(r.IntN(1<<20)-1<<19)*0x1p-16
			} else {
				*at = math.Float32frombits(math.Float32bits(old) + uint32(r.IntN(1<<r.IntN(18)*2+1)) - 1<<r.IntN(17))
			}
			if *at-*at != 0 || *at > center+20 || *at < center-100 {
				*at = old
				continue
			}
			if e := errorOf(); e > best {
				best, stuck = e, 0
			} else {
				*at, stuck = old, stuck+1
			}
		}
	}
	until := time.Now().Add(budget)
	for i := 0; time.Now().Before(until) && !t.Failed(); i++ {
		if i%2 == 0 {
			climb(softmax, until)
		} else {
			climb(sumExp, until)
		}
	}
	t.Logf("softmax %.2f * 2^-24 (%.2f beyond 16,384), log-sum-exp %.3f of its bound", worst[0], worst[1], worst[2])
}

// levels1 is a level whose kernels are fast.
func levels1() arith.Level { return levels()[len(levels())-1] }
