package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// opponent is an algorithm by upstream's fastest kernels.
type opponent struct {
	softmax ukernel.Composition
	kernels []string
}

// benchmark is the opponent called from Go.
func (o *opponent) benchmark() compare.Benchmark {
	return compare.Benchmark{Name: compare.UpstreamBest + " " + o.softmax.Algorithm().String(), Kernels: o.kernels, Run: o.softmax.Softmax}
}

// inC is the opponent called from C, on rows of cols elements.
func (r *speedRun) inC(o *opponent, cols, goroutines int) compare.Benchmark {
	a := o.softmax.Algorithm()
	return compare.FromC(compare.UpstreamBestInC+" "+a.String(), r.sides.ref, a, o.kernels, cols, goroutines)
}

// opponents are upstream's algorithms from the kernels that are its fastest on
// this CPU on a row of n elements, or of half the L1 cache if that is shorter, or from
// those that upstream prefers if they are faster together.
// Which these are, a run measures once for each length. Algorithms for which
// upstream has no kernels here are left out.
func (r *speedRun) opponents(algorithms []ukernel.Algorithm, n int) ([]opponent, error) {
	choices, err := r.fastest(min(n, r.results.Machine.Lengths().L1))
	if err != nil {
		return nil, err
	}
	var all []opponent
	for _, a := range algorithms {
		c, names, err := compare.ComposeFastest(a, r.sides.ref, choices)
		if err != nil {
			continue
		}
		o := opponent{c, names}
		if other, ok := r.preferred(a); ok && r.sides.ref.InC != nil && !slices.Equal(other.kernels, names) {
			if o, err = r.faster(o, other, n); err != nil {
				return nil, err
			}
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has the kernels of none of the algorithms %v", r.sides.ref.Name, algorithms)
	}
	return all, nil
}

// preferred is an algorithm by the kernels that upstream prefers.
func (r *speedRun) preferred(a ukernel.Algorithm) (o opponent, ok bool) {
	var passes []ukernel.Func
	for _, f := range a.Families() {
		name, _ := xnnpack.Preferred(f)
		k, err := r.sides.ref.Lookup(name)
		if err != nil {
			return o, false
		}
		passes, o.kernels = append(passes, k), append(o.kernels, name)
	}
	c, err := ukernel.Compose(a, passes...)
	o.softmax = c
	return o, err == nil
}

// faster is the one of two opponents that takes less time called from C: on short rows
// kernels that are the fastest one by one are not always so together.
func (r *speedRun) faster(o, other opponent, n int) (opponent, error) {
	timer := compare.Timer{MinReps: leastRounds, Budget: min(r.o.budget, 50*time.Millisecond)}
	samples, elements, err := timer.TimeRows([]compare.Benchmark{r.inC(&o, n, 1), r.inC(&other, n, 1)}, n, 1)
	if err != nil {
		return o, err
	}
	if compare.NewRatio(samples, 0, 1, elements).Ratio.Median < 1 {
		return other, nil
	}
	return o, nil
}

// fastest are upstream's fastest kernels on a row of n elements, by family.
func (r *speedRun) fastest(n int) ([]compare.Choice, error) {
	of := func(c compare.Choice) bool { return c.Elements != n }
	if chosen := slices.DeleteFunc(slices.Clone(r.state.UpstreamBest), of); len(chosen) > 0 {
		return chosen, nil
	}
	r.line("")
	r.line("%s's fastest kernels on a row of %s, of all that run here", strings.ToUpper(r.sides.ref.Name[:1])+r.sides.ref.Name[1:], plural(n, "element", "elements"))
	var chosen []compare.Choice
	work := compare.NewWorkload(n)
	for _, f := range ukernel.Families() {
		if !slices.ContainsFunc(r.sides.ref.Kernels, func(k ukernel.Kernel) bool { return k.Family == f && k.ISA.Supported() }) {
			continue
		}
		c, err := work.Fastest(min(r.o.budget, 50*time.Millisecond), r.sides.ref, f)
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(c.Candidates[0].Kernel, "_ukernel__")
		r.line("  %-26s %-30s %8.3f ns/elem", f, name, c.Candidates[0].NS.Median)
		chosen = append(chosen, c)
	}
	r.state.UpstreamBest = append(r.state.UpstreamBest, chosen...)
	return chosen, nil
}
