package native

import (
	"fmt"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Explain tells, for people, how s computes the softmax of a row of n elements:
// the algorithm and why it, the kernels and why they.
func (s Softmaxer) Explain(n int) string {
	e := s.kernels()
	a := s.choose(n)
	var b strings.Builder
	fmt.Fprintf(&b, "%d elements: %v, ", n, a)
	_, from, limit := s.far()
	switch {
	case s.algorithm != ukernel.Auto:
		b.WriteString("as WithAlgorithm says")
	case from == 0:
		fmt.Fprintf(&b, "because level %v %s", e.isa, limit)
	case n < from:
		fmt.Fprintf(&b, "because the row is shorter than %d elements, %s", from, limit)
	default:
		fmt.Fprintf(&b, "because the row is not shorter than %d elements, %s", from, limit)
	}
	fmt.Fprintf(&b, "\nlevel %v, ", e.isa)
	switch {
	case s.engine != nil:
		b.WriteString("as WithISA says")
	case envISA != "":
		fmt.Fprintf(&b, "the widest here that %s=%s allows", EnvISA, envISA)
	default:
		b.WriteString("the widest that this build and this CPU have")
	}
	if a == ukernel.ThreePassReload && e.rows(opSoftmax, n) != nil {
		name := e.shortName
		if n > e.shortLen {
			name = e.longName
		}
		if s.scale != 0 && !s.mask.byElement() {
			name = strings.Replace(name, ukernel.Softmax.String(), ukernel.ScaledSoftmax.String(), 1)
		}
		fmt.Fprintf(&b, "\n  %s\nA row with an infinity or a NaN as its maximum takes these instead:", name)
	}
	for _, f := range a.Families() {
		fmt.Fprintf(&b, "\n  %s", e.kernels[f].Name)
	}
	if a == ukernel.ThreePassRecompute && e.addMax != nil {
		fmt.Fprintf(&b, "\nand, for the first two of these in one pass,\n  %s", e.kernels[ukernel.RAddMaxExpMinusMax].Name)
	}
	if a == ukernel.TwoPass {
		b.WriteString("\nA row whose maximum is beyond 45000 in size takes three passes instead.")
	}
	return b.String()
}
