package arm64

import (
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out, so that it needs no stack.
func shape(k ukernel.Kernel) family.Shape {
	if strings.Contains(k.Variant, "p6") { // one more coefficient, and the rest of a sum
		return family.Shape{Group: 3, Residents: 8, Unroll: 4}
	}
	if strings.HasPrefix(k.Variant, "exp2_") { // few constants
		return family.Shape{Group: 6, Residents: 8, Unroll: 4}
	}
	return family.Shape{Group: 4, Residents: 8, Unroll: 4}
}
