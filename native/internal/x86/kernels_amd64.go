//go:build amd64 && !purego

package x86

import "github.com/twopass-softmax/twopass/ukernel"

// Kernels lists the package's kernels, unchecked. Each needs the instructions
// that its name says.
var Kernels []ukernel.Func
