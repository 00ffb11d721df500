package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/pytorch"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

// f64Name is native/f64 in the table of float64.
const f64Name = "`f64.Softmax`"

// softmax64 is a softmax of float64. Bind is as [speed.Library.Bind]'s, for one row.
type softmax64 struct {
	name string
	inC  bool
	bind func(dst, src []float64) (run, done func(), err error)
}

// softmaxes64 are those that are here. oneDNN has no float64, and neither has XNNPACK.
func softmaxes64() []softmax64 {
	inGo := func(name string, softmax func(dst, src []float64)) softmax64 {
		return softmax64{name: name, bind: func(dst, src []float64) (run, done func(), err error) {
			return func() { softmax(dst, src) }, func() {}, nil
		}}
	}
	all := []softmax64{inGo(speed.GoLoop, goSoftmax64), inGo("gonum", gonumSoftmax64), inGo(f64Name, f64.Softmax)}
	if l := pytorch.Library(); l.Available == nil {
		all = append(all, softmax64{name: l.Name + " " + l.Version, inC: true, bind: func(dst, src []float64) (run, done func(), err error) {
			return pytorch.Bind(dst, src, 1, len(src), 1)
		}})
	}
	return all
}

// goSoftmax64 is softmax as a Go programmer writes it without a library.
func goSoftmax64(dst, src []float64) {
	top := math.Inf(-1)
	for _, x := range src {
		top = max(top, x)
	}
	sum := 0.0
	for i, x := range src {
		e := math.Exp(x - top)
		dst[i] = e
		sum += e
	}
	for i := range dst {
		dst[i] /= sum
	}
}

func gonumSoftmax64(dst, src []float64) {
	log := floats.LogSumExp(src)
	for i, x := range src {
		dst[i] = math.Exp(x - log)
	}
}

// tableFloat64 prints the table of float64.
func (a *app) tableFloat64(ctx context.Context, sizes string, budget time.Duration) error {
	if a.json != "" {
		return errors.New("--json: results have no place for float64")
	}
	lengths, err := parseSizes(sizes, machine.This().Lengths())
	if err != nil {
		return fmt.Errorf("--sizes: %w", err)
	}
	level, _ := native.Level()
	m := machine.This()
	a.line("%s (%s), one thread; native with %s.", m.CPU, m.Microarchitecture(), level)
	a.line("Time of one row of float64, uniform in [-10, 10); greatest and mean error in ULP.")
	a.line("")
	all := softmaxes64()
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.name})
	}
	head, ratios := []string{"elements"}, []string{f64Name + "'s time / PyTorch's"}
	for _, n := range lengths {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		head = append(head, grouped(int64(n)))
		ns, errs, err := measure64(all, n, budget)
		if err != nil {
			return err
		}
		ours, inC := 0.0, math.Inf(1)
		for i, s := range all {
			rows[i] = append(rows[i], rowTime(ns[i])+"; "+errs[i])
			switch {
			case s.name == f64Name:
				ours = ns[i]
			case s.inC:
				inC = min(inC, ns[i])
			}
		}
		ratios = append(ratios, fmt.Sprintf("%.2f", ours/inC))
	}
	missing := pytorch.Library().Available
	if missing == nil {
		rows = append(rows, ratios)
	}
	a.markdown(head, rows)
	if missing != nil {
		a.line("")
		a.line("Without PyTorch: %v.", missing)
	}
	return nil
}

// measure64 is the median time of each softmax on a row, in nanoseconds, and its errors.
func measure64(all []softmax64, n int, budget time.Duration) (ns []float64, errs []string, err error) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	src, dst := make([]float64, n), make([]float64, n)
	greatest, sums := make([]float64, len(all)), make([]float64, len(all))
	runs := make([]func(), len(all))
	for i, s := range all {
		run, done, err := s.bind(dst, src)
		if err != nil {
			return nil, nil, err
		}
		defer done()
		runs[i] = run
	}
	draws := max(1, (1<<14)/n)
	for range draws {
		for i := range src {
			src[i] = r.Float64()*20 - 10
		}
		want := exactSoftmax(src)
		for k, run := range runs {
			for i := range dst {
				dst[i] = math.NaN()
			}
			run()
			for i, y := range dst {
				e := ulps64(y, want[i])
				greatest[k] = max(greatest[k], e)
				sums[k] += e
			}
		}
	}
	samples := speed.Timer{MinReps: leastRounds, Budget: budget * time.Duration(len(all))}.Time(runs...)
	for k := range all {
		ns = append(ns, speed.NewSummary(samples.NS[k]).Median)
		errs = append(errs, strings.TrimSpace(cmp.Or(ulpText(greatest[k], sums[k]/float64(draws*n)), "none")))
	}
	return ns, errs, nil
}

// ulps64 is the error of y in units of the last place of what is right, at least 2^-1022.
func ulps64(y float64, want *big.Float) float64 {
	if y != y {
		return math.MaxFloat64
	}
	d := new(big.Float).Sub(new(big.Float).SetPrec(128).SetFloat64(y), want)
	e, _ := d.SetMantExp(d, 53-want.MantExp(nil)).Float64()
	return math.Abs(e)
}

// exactSoftmax is softmax to more than 100 bits, of elements within 100 of the largest.
func exactSoftmax(x []float64) []*big.Float {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(128).SetFloat64(v) }
	total := number(0)
	exps := make([]*big.Float, len(x))
	for i, v := range x {
		// e^(d/2^10) by Taylor's series, squared ten times.
		d := number(v)
		d.Sub(d, number(top))
		d.SetMantExp(d, -10)
		e, term := number(1), number(1)
		for k := 1; k < 24; k++ {
			term.Mul(term, d).Quo(term, number(float64(k)))
			e.Add(e, term)
		}
		for range 10 {
			e.Mul(e, e)
		}
		exps[i] = e
		total.Add(total, e)
	}
	for _, e := range exps {
		e.Quo(e, total)
	}
	return exps
}
