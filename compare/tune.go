package compare

import (
	"cmp"
	"math"
	"slices"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Choice is the fastest of the kernels that can stand for each other: those of
// one family, ISA and variant, which differ in tile and accumulators only.
type Choice struct {
	Family  string `json:"family"`
	ISA     string `json:"isa"`
	Variant string `json:"variant,omitempty"`
	// Elements is the length of the row that they were timed on.
	Elements int `json:"elements"`
	// Candidates are the kernels with their times per element, fastest first.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is a kernel that a [Choice] is among.
type Candidate struct {
	Kernel string   `json:"kernel"`
	NS     Interval `json:"ns"`
	// Ratio is its time to that of the fastest; zero for the fastest itself.
	Ratio Interval `json:"ratio,omitzero"`
}

// Groups divides kernels that this CPU runs by family, ISA and variant, in the
// order of reports.
func Groups(kernels []ukernel.Kernel) [][]ukernel.Kernel {
	sorted := slices.DeleteFunc(slices.Clone(kernels), func(k ukernel.Kernel) bool { return !k.ISA.Supported() })
	slices.SortFunc(sorted, side.Order)
	var groups [][]ukernel.Kernel
	for i, k := range sorted {
		if i > 0 && k.Family == sorted[i-1].Family && k.ISA == sorted[i-1].ISA && k.Variant == sorted[i-1].Variant {
			groups[len(groups)-1] = append(groups[len(groups)-1], k)
		} else {
			groups = append(groups, []ukernel.Kernel{k})
		}
	}
	return groups
}

// Choose times the kernels of one of a side's [Groups] against each other.
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
	ns := func(i int) Interval { return NewSpeed(samples, i, c.Elements).OursNS }
	slices.SortStableFunc(speeds, func(i, j int) int { return cmp.Compare(ns(i).Median, ns(j).Median) })
	for rank, i := range speeds {
		candidate := Candidate{Kernel: group[i].Name, NS: ns(i)}
		if rank > 0 {
			candidate.Ratio = NewRatio(samples, speeds[0], i, c.Elements).Ratio
		}
		c.Candidates = append(c.Candidates, candidate)
	}
	return c, nil
}

// Auto is the length from which native's Auto should recompute exponentials on a CPU: it
// stores them for shorter rows.
type Auto struct {
	ISA     string `json:"isa"` // native's level
	Threads int    `json:"threads"`
	// From is 0 if storing them is the best for all lengths that were timed.
	From int `json:"from,omitempty"`
	// Ratio is the geometric mean, over the lengths, of the time of this choice to
	// that of the faster algorithm at each length.
	Ratio float64 `json:"ratio"`
}

// ChooseAuto finds the best length from the times per element of rows of the lengths, which
// rise.
func ChooseAuto(lengths []int, store, recompute []float64) (from int, ratio float64) {
	ratio = math.Inf(1)
	for first := len(lengths); first >= 0; first-- {
		sum := 0.0
		for i := range lengths {
			t := store[i]
			if i >= first {
				t = recompute[i]
			}
			sum += math.Log(t / min(store[i], recompute[i]))
		}
		if m := math.Exp(sum / float64(len(lengths))); m < ratio {
			from, ratio = 0, m
			if first < len(lengths) {
				from = lengths[first]
			}
		}
	}
	return from, ratio
}
