// Package onednn is softmax by oneDNN, Intel's deep learning library, for
// comparison with it.
//
// It is linked in with cgo and -tags onednn, and under Bazel with
// --config=onednn; both need the library and its headers, which Debian has in
// libdnnl-dev. Versions 2 and 3 are supported. Otherwise the package compiles, and
// [Library] says why it computes nothing.
//
// Debian's build of the library runs on OpenMP. Each run sets the number of OpenMP's
// threads, so that no environment variable changes it.
package onednn

import (
	"time"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// Library describes oneDNN, and says why it is missing if it is. After a call, the threads of GCC's OpenMP look 300,000
// times for more work, which takes 20 ms on CPUs whose PAUSE is long.
func Library() speed.Library {
	l := speed.Library{Name: "oneDNN", Function: "onednn softmax", Rest: 30 * time.Millisecond}
	link(&l)
	return l
}
