package arm64

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out, so that it needs no stack.
func shape(k ukernel.Kernel) family.Shape {
	return family.Shape{Group: 4, Residents: 8, Unroll: 4}
}
