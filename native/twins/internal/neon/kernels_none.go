//go:build !arm64 || purego

package neon

import "github.com/twopass-softmax/twopass/ukernel"

// Kernels lists the package's kernels, unchecked: none in this build.
var Kernels []ukernel.Func
