// Package pytorch is softmax by PyTorch's library, libtorch, for comparison with it.
//
// It is linked in with cgo and -tags pytorch, and under Bazel with --config=pytorch;
// both need the library and its headers, which Debian has in libtorch-dev. CGO_CXXFLAGS and
// CGO_LDFLAGS name other places. Without the tag the package compiles, and [Library]
// says why it computes nothing.
//
// It calls the operator behind torch.softmax in inference mode, on an output and
// tensors that are made once.
package pytorch

import (
	"time"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// Library describes PyTorch, and says why it is missing if it is. After a call, the threads of GCC's OpenMP look 300,000
// times for more work, which takes 20 ms on CPUs whose PAUSE is long.
func Library() speed.Library {
	l := speed.Library{Name: "PyTorch", Function: "pytorch softmax", Rest: 30 * time.Millisecond}
	link(&l)
	return l
}
