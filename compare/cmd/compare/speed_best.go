package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/ukernel"
)

// opponent is an algorithm by upstream's fastest kernels.
type opponent struct {
	softmax ukernel.Composition
	kernels []string
}

// contestant is the opponent called from Go.
func (o *opponent) contestant() compare.Contestant {
	return compare.Contestant{Name: compare.UpstreamBest + " " + o.softmax.Algorithm().String(), Kernels: o.kernels, Run: o.softmax.Softmax}
}

// inC is the opponent called from C, on rows of cols elements.
func (r *speedRun) inC(o *opponent, cols, goroutines int) compare.Contestant {
	a := o.softmax.Algorithm()
	return compare.FromC(compare.UpstreamBestInC+" "+a.String(), r.sides.ref, a, o.kernels, cols, goroutines)
}

// opponents are upstream's algorithms from the kernels that are its fastest on
// this CPU on a row of n elements, or of half the L1 cache if that is shorter.
// Which these are, a run measures once for each length. Algorithms for which
// upstream has no kernels here are left out.
func (r *speedRun) opponents(algorithms []ukernel.Algorithm, n int) ([]opponent, error) {
	choices, err := r.fastest(min(n, r.results.Machine.Lengths().L1))
	if err != nil {
		return nil, err
	}
	var all []opponent
	for _, a := range algorithms {
		if c, names, err := compare.ComposeFastest(a, r.sides.ref, choices); err == nil {
			all = append(all, opponent{c, names})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has the kernels of none of the algorithms %v", r.sides.ref.Name, algorithms)
	}
	return all, nil
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
