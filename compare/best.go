package compare

import (
	"fmt"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

// finalists is among how many kernels a family's fastest is chosen with care.
const finalists = 6

// Fastest chooses the fastest of all kernels that a side has of a family and that
// run here, whatever their ISA, variant and tile. It times all of them briefly,
// then the first few for the given time each; the choice has those. The error
// says if there is no kernel.
func (w *Workload) Fastest(each time.Duration, s side.Side, f ukernel.Family) (Choice, error) {
	all := slices.DeleteFunc(slices.Clone(s.Kernels), func(k ukernel.Kernel) bool { return k.Family != f || !k.ISA.Supported() })
	if len(all) == 0 {
		return Choice{}, fmt.Errorf("no kernel of %v that %s has runs here", f, s.Name)
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

// ComposeFastest composes an algorithm from the kernels of a side that choices
// have in the first place. The error says which family has no choice.
func ComposeFastest(a ukernel.Algorithm, s side.Side, choices []Choice) (ukernel.Composition, error) {
	var names []string
	for _, family := range a.Families() {
		i := slices.IndexFunc(choices, func(c Choice) bool { return c.Family == family.String() })
		if i < 0 {
			return ukernel.Composition{}, fmt.Errorf("no kernel of %v that %s has runs here", family, s.Name)
		}
		names = append(names, choices[i].Candidates[0].Kernel)
	}
	return s.Compose(a, names)
}
