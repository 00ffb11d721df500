package amd64

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out, chosen by measurement.
func shape(k ukernel.Kernel) family.Shape {
	return family.Shape{Group: 4, Residents: 4, Unroll: 4}
}
