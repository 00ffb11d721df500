// Package operator is softmax by XNNPACK's own operator, for comparison with it:
// upstream's C files at the pinned commit, which create, reshape, set up and run an
// operator of softmax_nc_f32, choose its kernels for the CPU, and share rows among the
// threads of upstream's pthreadpool. The kernels are those of package xnnpack. A call on
// several threads waits for each of them, which takes milliseconds where other work has
// the cores.
//
// Upstream runs every operator with denormals off: numbers below 2^-126 in a row, among
// its exponentials and in its result count as zeros.
//
// Bazel builds it, with the build tag operator that .bazelrc sets. Otherwise the package
// compiles, and [Library] says why it computes nothing.
package operator

import (
	"time"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// Library describes the operator, and says why it is missing if it is. After a call, the threads of upstream's pool look
// 1,000,000 times for more work.
func Library() speed.Library {
	l := speed.Library{Name: "upstream's operator", Function: "upstream operator", Rest: 100 * time.Millisecond}
	link(&l)
	return l
}
