package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// upstreamBest is an opponent called from Go.
func upstreamBest(o *ukernel.Composition) speed.Benchmark {
	return speed.Benchmark{Name: speed.UpstreamBest + " " + o.Algorithm().String(), Kernels: side.Names(o), Run: o.Softmax}
}

// inC is the opponent called from C, on rows of cols elements.
func (r *speedRun) inC(o *ukernel.Composition, cols, goroutines int) speed.Benchmark {
	a := o.Algorithm()
	return speed.FromC(speed.UpstreamBestInC+" "+a.String(), r.sides.ref, a, side.Names(o), cols, goroutines)
}

// opponents are upstream's algorithms from the kernels that are its fastest on
// this CPU on a row of n elements, or of half the L1 cache if that is shorter, or from
// those that upstream prefers if they are faster together.
// Which these are, a run measures once for each length. Algorithms for which
// upstream has no kernels here are left out.
func (r *speedRun) opponents(algorithms []ukernel.Algorithm, n int) ([]ukernel.Composition, error) {
	choices, err := r.fastest(min(n, r.results.Machine.Lengths().L1))
	if err != nil {
		return nil, err
	}
	var all []ukernel.Composition
	for _, a := range algorithms {
		o, err := speed.ComposeFastest(a, r.sides.ref, choices)
		if err != nil {
			continue
		}
		if other, err := r.preferred(a); err == nil && r.sides.ref.InC != nil && !slices.Equal(side.Names(&other), side.Names(&o)) {
			if o, err = r.faster(o, other, n); err != nil {
				return nil, err
			}
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s lacks kernels for every algorithm of %v", r.sides.ref.Name, algorithms)
	}
	return all, nil
}

// preferred is an algorithm by the kernels that upstream prefers.
func (r *speedRun) preferred(a ukernel.Algorithm) (ukernel.Composition, error) {
	var names []string
	for _, f := range a.Families() {
		name, _ := xnnpack.Preferred(f)
		names = append(names, name)
	}
	return r.sides.ref.Compose(a, names)
}

// faster is the one of two opponents that takes less time called from C: on short rows
// kernels that are the fastest one by one are not always so together.
func (r *speedRun) faster(o, other ukernel.Composition, n int) (ukernel.Composition, error) {
	timer := speed.Timer{MinReps: leastRounds, Budget: min(r.o.budget, 50*time.Millisecond)}
	samples, elements, err := timer.TimeRows([]speed.Benchmark{r.inC(&o, n, 1), r.inC(&other, n, 1)}, n, 1)
	if err != nil {
		return o, err
	}
	if samples.Compare(0, 1, elements).Ratio.Median < 1 {
		return other, nil
	}
	return o, nil
}

// fastest are upstream's fastest kernels on a row of n elements, by family.
func (r *speedRun) fastest(n int) ([]speed.Choice, error) {
	of := func(c speed.Choice) bool { return c.Elements != n }
	if chosen := slices.DeleteFunc(slices.Clone(r.state.Found.UpstreamBest), of); len(chosen) > 0 {
		return chosen, nil
	}
	r.line("")
	r.line("%s's fastest kernels on a row of %s, of all that run here", strings.ToUpper(r.sides.ref.Name[:1])+r.sides.ref.Name[1:], plural(n, "element", "elements"))
	var chosen []speed.Choice
	work := speed.NewWorkload(n)
	for _, f := range ukernel.Families() {
		if !slices.ContainsFunc(r.sides.ref.Kernels, func(k ukernel.Kernel) bool { return k.Family == f && k.ISA.Supported() }) {
			continue
		}
		c, err := work.Fastest(min(r.o.budget, 50*time.Millisecond), r.sides.ref, f)
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(c.Candidates[0].Kernel, "_ukernel__")
		r.line("  %-24s  %-30s %8.3f ns/elem", f, name, c.Candidates[0].NS.Median)
		chosen = append(chosen, c)
	}
	r.state.Found.UpstreamBest = append(r.state.Found.UpstreamBest, chosen...)
	return chosen, nil
}
