package speed

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Choice ranks kernels that can stand for each other: of one family, ISA and variant, they differ
// in tile and accumulators only.
type Choice struct {
	Family  string `json:"family"`
	ISA     string `json:"isa"`
	Variant string `json:"variant,omitempty"`
	// Elements is the length of the row.
	Elements int `json:"elements"`
	// Candidates are the kernels with their times per element, fastest first.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is a kernel of a [Choice].
type Candidate struct {
	Kernel string  `json:"kernel"`
	NS     Summary `json:"ns"`
	// Ratio is its time to that of the fastest; zero for the fastest itself.
	Ratio Summary `json:"ratio,omitzero"`
}

// Choose ranks kernels of a side by their time. They are of one family; the choice names the ISA
// and the variant of the first in group.
func (w *Workload) Choose(t Timer, s side.Side, group []ukernel.Kernel) (Choice, error) {
	c := Choice{
		Family: group[0].Family.String(), ISA: group[0].ISA.String(), Variant: group[0].Variant, Elements: w.Elements(),
	}
	fs := make([]func(), len(group))
	for i, k := range group {
		f, err := s.Lookup(k.Name)
		if err != nil {
			return c, err
		}
		fs[i] = func() { f.Call(w.args) }
	}
	samples := t.Time(fs...)
	speeds := make([]int, len(group))
	for i := range speeds {
		speeds[i] = i
	}
	ns := func(i int) Summary { return samples.Timing(i, c.Elements).OursNS }
	slices.SortStableFunc(speeds, func(i, j int) int { return cmp.Compare(ns(i).Median, ns(j).Median) })
	for rank, i := range speeds {
		candidate := Candidate{Kernel: group[i].Name, NS: ns(i)}
		if rank > 0 {
			candidate.Ratio = samples.Compare(speeds[0], i, c.Elements).Ratio
		}
		c.Candidates = append(c.Candidates, candidate)
	}
	return c, nil
}

// finalists is the number of kernels that Fastest times at length.
const finalists = 6

// Fastest chooses the fastest of a side's kernels of a family that run here, of any ISA, variant
// and tile. It times all of them briefly, then the first six for the given time each, and ranks
// those. It returns an error if there is no kernel.
func (w *Workload) Fastest(each time.Duration, s side.Side, f ukernel.Family) (Choice, error) {
	all := slices.DeleteFunc(slices.Clone(s.Kernels), func(k ukernel.Kernel) bool { return k.Family != f || !k.ISA.Supported() })
	if len(all) == 0 {
		return Choice{}, fmt.Errorf("%s has no kernel of %v that runs here", s.Name, f)
	}
	c, err := w.Choose(Timer{MinReps: 7}, s, all)
	if err != nil {
		return c, err
	}
	last := make([]ukernel.Kernel, min(finalists, len(all)))
	for i := range last {
		last[i] = ukernel.MustParse(c.Candidates[i].Kernel)
	}
	if c, err = w.Choose(Timer{Budget: each * time.Duration(len(last))}, s, last); err != nil {
		return c, err
	}
	first := ukernel.MustParse(c.Candidates[0].Kernel)
	c.ISA, c.Variant = first.ISA.String(), first.Variant
	return c, nil
}

// ComposeFastest composes an algorithm of a side's kernels that are first in choices. The error
// names the family that has no choice.
func ComposeFastest(a ukernel.Algorithm, s side.Side, choices []Choice) (ukernel.Composition, error) {
	var names []string
	for _, family := range a.Families() {
		i := slices.IndexFunc(choices, func(c Choice) bool { return c.Family == family.String() })
		if i < 0 {
			return ukernel.Composition{}, fmt.Errorf("%s has no kernel of %v that runs here", s.Name, family)
		}
		names = append(names, choices[i].Candidates[0].Kernel)
	}
	return s.Compose(a, names)
}
