package native_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestBounds measures the errors of softmax, log-softmax and log-sum-exp on every class
// of finite rows, by every algorithm at every level, holds the bounds of [promised], and
// prints how much of those that are documented and of those that are demanded is used,
// by level and by class. With -short rows end at 2^12, otherwise at 2^20, which only
// those with many equal elements reach.
func TestBounds(t *testing.T) {
	t.Parallel()
	classes := append(inputs.Hard(), inputs.Uniform10, inputs.Uniform1000, inputs.Normal, inputs.Equal, inputs.Ascending,
		inputs.Ties, inputs.Tiny, inputs.Huge, inputs.Magnitudes, inputs.Edges, inputs.Masked)
	lengths := []int{1, 2, 3, 5, 16, 17, 100, 193, 1000, 4096}
	if !testing.Short() {
		for n := 1; n <= 200; n += 1 + n/16 {
			lengths = append(lengths, n)
		}
		lengths = append(lengths, 777, 5001, 1<<14+1, 1<<16+1, 1<<18, 1<<20)
	}
	type errors [3][2]float64 // by function, of what is documented and what is demanded
	byLevel, byClass := make(map[string]errors), make(map[string]errors)
	note := func(to map[string]errors, key string, w what, used [2]float64) {
		e := to[key]
		for i, u := range used {
			e[w][i] = math.Max(e[w][i], u)
		}
		to[key] = e
	}
	for _, class := range classes {
		for _, n := range lengths {
			seeds := uint64(2)
			switch class {
			case inputs.EqualTail, inputs.Smoothed, inputs.TwoLevels, inputs.Padding:
				if seeds = 4; !testing.Short() {
					seeds = 64 // of which few find the worst place of an exponential
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
				r := newReference(x, 0, nil, nil, n, false)
				if math.IsInf(r.max, 0) {
					continue
				}
				c := &call{rows: 1, cols: n, src: matrix{f: x, stride: n}}
				c.dst = matrix{f: make([]float32, n), stride: n}
				for _, level := range levels() {
					switch level {
					case ukernel.Scalar, ukernel.AVX2, ukernel.AVX512SKX, ukernel.NEONFMA:
					default:
						if n > 5001 || testing.Short() && n > 200 {
							continue // their exponential is of one of these
						}
					}
					for _, a := range algorithms() {
						if a == ukernel.Auto {
							continue
						}
						s, err := options{level: level, algorithm: a}.softmaxer()
						if err != nil {
							t.Fatal(err)
						}
						for _, name := range []string{"Softmaxer.Softmax", "Softmaxer.LogSoftmax", "Softmaxer.LogSumExp"} {
							f := formNamed(name)
							f.run(s, c)
							var used [2]float64
							used[0], err = r.check(f.what, f32, c.dst.f, documented, nan)
							used[1], _ = r.check(f.what, f32, c.dst.f, demanded, nan)
							if oneArithmetic && used[1] > 1 || used[0] > broken[level] {
								t.Errorf("%s, %v, %v, class %v, seed %d, %d elements: %.3g of the documented bound, %.3g of the demanded one: %v",
									name, level, a, class, seed, n, used[0], used[1], err)
							}
							note(byLevel, fmt.Sprintf("%-10v %v", level, a), f.what, used)
							note(byClass, fmt.Sprintf("%-10v %v", class, level), f.what, used)
						}
					}
				}
			}
		}
	}
	for title, table := range map[string]map[string]errors{"level and algorithm": byLevel, "class and level": byClass} {
		var b strings.Builder
		fmt.Fprintf(&b, "largest errors as a part of the bound: documented, demanded\n%-40s %17s %17s %17s", title, "Softmax", "LogSoftmax", "LogSumExp")
		var keys []string
		for key := range table {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			fmt.Fprintf(&b, "\n%-40s", key)
			for _, e := range table[key] {
				fmt.Fprintf(&b, " %8.3g %8.3g", e[0], e[1])
			}
		}
		t.Log(b.String())
	}
}
