package scalar

import "github.com/twopass-softmax/twopass/ukernel"

// Kernels lists the package's kernels, unchecked.
var Kernels []ukernel.Func
