package native_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

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
