//go:build arm64 && !purego

package neon

import "github.com/twopass-softmax/twopass/ukernel"

// Kernels lists the package's kernels, unchecked. Each needs the instructions
// that its name says.
var Kernels []ukernel.Func
