// Package accuracy measures how far results are from the exact ones, in units in the last place.
package accuracy

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Errors are the distances of a function's results from the exact ones, in units in the last
// place (ULP) of a float32 with the magnitude of the exact result.
type Errors struct {
	Name   string `json:"name"`
	Class  string `json:"class"`
	Length int    `json:"length"`
	// Rows is the number of rows. Outputs is the number of results whose exact value is at
	// least 2^-126 in magnitude. Smaller ones, which may be flushed to zero, are left out.
	Rows    int   `json:"rows"`
	Outputs int64 `json:"outputs"`
	// MaxULP and MeanULP are the greatest and the mean error of results that are numbers.
	// NaNs counts those that are not, where the exact result is.
	MaxULP  float64 `json:"max_ulp"`
	MeanULP float64 `json:"mean_ulp"`
	NaNs    int64   `json:"nans,omitempty"`
	// At and Seed are the element with the greatest error and the seed of its row.
	At   int    `json:"at"`
	Seed uint64 `json:"seed"`
}

// Plan is a set of measurements: every function on every class and length.
type Plan struct {
	Functions []speed.Benchmark
	Classes   []inputs.Class
	Lengths   []int
	// Outputs is the approximate number of elements at each length, at least one row.
	// Rows have the seeds 0, 1, 2, ...
	Outputs int
}

// Run measures on a number of goroutines. It calls done, if not nil, after each class and length,
// never concurrently. The result is in order of class, then function, then length.
func (p Plan) Run(ctx context.Context, workers int, done func()) ([]Errors, error) {
	// By class and length: the exact results serve all functions.
	found := make([][]Errors, len(p.Classes)*len(p.Lengths))
	var failed error
	var mu sync.Mutex
	parallel.Each(ctx, workers, len(found), func() func(int) {
		return func(i int) {
			// The longest first, so that none is left for the end.
			class, length := i%len(p.Classes), len(p.Lengths)-1-i/len(p.Classes)
			a, err := p.measure(p.Classes[class], p.Lengths[length])
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			found[class*len(p.Lengths)+length] = a
			if done != nil {
				done()
			}
		}
	})
	if err := cmp.Or(ctx.Err(), failed); err != nil {
		return nil, err
	}
	var all []Errors
	for c := range p.Classes {
		for f := range p.Functions {
			for l := range p.Lengths {
				all = append(all, found[c*len(p.Lengths)+l][f])
			}
		}
	}
	return all, nil
}

// measure measures all functions on one class and length.
func (p Plan) measure(class inputs.Class, length int) ([]Errors, error) {
	rows := max(1, p.Outputs/length)
	src, dst := make([]float32, length), make([]float32, length)
	all := make([]Errors, len(p.Functions))
	bound := make([]func(), len(p.Functions))
	for i, f := range p.Functions {
		run, done, err := f.Ready(dst, src)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		defer done()
		bound[i] = run
	}
	sums := make([]float64, len(p.Functions))
	var x exact
	for seed := range uint64(rows) {
		class.Fill(src, seed)
		x.of(src)
		for i, f := range p.Functions {
			a := &all[i]
			n := length
			if f.Computes == speed.LogSumExp {
				n = 1
			}
			bound[i]()
			for j, got := range dst[:n] {
				want := x.value(f.Computes, j)
				if math.Abs(want) < 0x1p-126 && want != 0 {
					continue
				}
				a.Outputs++
				switch e := ULPs(got, want); {
				case got != got:
					a.NaNs++
				case e > a.MaxULP:
					a.MaxULP, a.At, a.Seed = e, j, seed
					sums[i] += e
				default:
					sums[i] += e
				}
			}
		}
	}
	for i, f := range p.Functions {
		a := &all[i]
		a.Name, a.Class, a.Length, a.Rows = f.Name, class.String(), length, rows
		if numbers := a.Outputs - a.NaNs; numbers > 0 {
			a.MeanULP = sums[i] / float64(numbers)
		}
	}
	return all, nil
}

// ULPs is the distance of a result from the exact one in units in the last place of a float32 with
// the magnitude of the exact one. It is 0 if both are the same infinity, and NaN if got is a NaN.
func ULPs(got float32, exact float64) float64 {
	if float64(got) == exact {
		return 0
	}
	e := -125 // a float32 has 24 bits; below 2^-126 its last one stays in place
	if exact != 0 {
		_, e = math.Frexp(exact)
	}
	return math.Abs(float64(got)-exact) / math.Ldexp(1, max(e, -125)-24)
}

// exact computes in float64 with a compensated sum. Its errors are about 2^-29 of a float32's.
type exact struct {
	shifted []float64 // x - max
	exp     []float64
	max     float64
	sum     float64
	log     float64 // of the sum
}

func (x *exact) of(src []float32) {
	x.max = math.Inf(-1)
	for _, v := range src {
		x.max = math.Max(x.max, float64(v))
	}
	x.shifted, x.exp = x.shifted[:0], x.exp[:0]
	// The sum is 1, which one of the greatest elements adds, and the rest. The
	// logarithm of a sum near 1 needs the rest by itself.
	rest, lost, counted := 0.0, 0.0, false
	for _, v := range src {
		d := float64(v) - x.max
		e := math.Exp(d)
		x.shifted, x.exp = append(x.shifted, d), append(x.exp, e)
		if d == 0 && !counted {
			counted = true
			continue
		}
		// Neumaier: what the sum loses is summed on its own.
		t := rest + e
		if rest >= e {
			lost += (rest - t) + e
		} else {
			lost += (e - t) + rest
		}
		rest = t
	}
	rest += lost
	x.sum, x.log = 1+rest, math.Log1p(rest)
}

func (x *exact) value(q speed.Quantity, i int) float64 {
	switch q {
	case speed.Softmax:
		return x.exp[i] / x.sum
	case speed.LogSoftmax:
		return x.shifted[i] - x.log
	}
	return x.max + x.log
}

// Worst returns the greatest error of a function on a class, or on all if class is empty, over all
// lengths, and the mean error of all its outputs.
func Worst(all []Errors, name, class string) Errors {
	w := Errors{Name: name, Class: class}
	sum := 0.0
	for _, a := range all {
		if a.Name != name || class != "" && a.Class != class {
			continue
		}
		if a.MaxULP >= w.MaxULP {
			w.MaxULP, w.Length, w.At, w.Seed = a.MaxULP, a.Length, a.At, a.Seed
		}
		w.Rows, w.Outputs, w.NaNs = w.Rows+a.Rows, w.Outputs+a.Outputs, w.NaNs+a.NaNs
		sum += a.MeanULP * float64(a.Outputs-a.NaNs)
	}
	if numbers := w.Outputs - w.NaNs; numbers > 0 {
		w.MeanULP = sum / float64(numbers)
	}
	return w
}
