//go:build !amd64 || purego

package x86

import "github.com/twopass-softmax/twopass/ukernel"

// Kernels lists the package's kernels, unchecked: none in this build.
var Kernels []ukernel.Func
