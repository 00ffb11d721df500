package bits

import (
	"slices"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// longestExplained is the longest row whose differences are explained: the model tries many
// mistakes on the whole row.
const longestExplained = 4096

// outcome is what a call returned and wrote.
type outcome struct {
	result ukernel.Result
	out    []float32 // nil if the family stores nothing
}

func (o outcome) same(f ukernel.Family, p outcome) bool {
	return o.result.Same(f, p.result) && slices.EqualFunc(o.out, p.out, ukernel.Same)
}

// explain returns which operation went wrong in ours, by the executable model. A has the operands
// of the call, with the row as it was before.
func explain(k ukernel.Kernel, a ukernel.Args, ref, ours outcome) string {
	if len(a.Src) > longestExplained {
		return ""
	}
	if i := slices.Index(ours.out, oursUnset); i >= 0 && ref.out[i] != oursUnset {
		return "the element was not written"
	}
	a.Dst = nil
	if k.Family.Stores() {
		a.Dst = make([]float32, len(a.Src))
	}
	a.Dst16, a.Dst8 = make([]uint16, len(a.Src)), make([]uint8, len(a.Src))
	r, err := model.Run(k, a)
	if err != nil {
		return err.Error()
	}
	is := outcome{r, a.Dst}
	switch asRef, asOurs := is.same(k.Family, ref), is.same(k.Family, ours); {
	case asOurs && asRef: // the outputs agree: something else was touched
		return ""
	case asOurs:
		return "the executable model agrees with ours, not with the reference"
	case !asRef:
		return "the executable model agrees with neither"
	}
	fault, slip, ok := model.Explain(k, a, ours.result, ours.out)
	switch {
	case !ok:
		return "the executable model knows no single mistake that has this result"
	case slip == nil:
		return "as if by this mistake: " + fault.String()
	}
	return "as if by this mistake: " + fault.String() + "; first in " + slip.String()
}
