// Package twins has the kernels of upstream XNNPACK in Go assembly, by upstream's names and
// with upstream's bits. It is for those who validate kernels; package native has no use for it.
//
// Upstream's 8 kernels for RISC-V's vectors have no twins. The two with exponentials,
// f32_raddstoreexpminusmax, have no bits of their own: the order of the sum depends on the size of the
// CPU's registers. (They also take e^NaN and e^-Inf for 8.3e-39.) The other six, of rmax and vmulc, make
// no softmax without them.
package twins

import (
	"slices"

	"github.com/twopass-softmax/twopass/native/twins/internal/neon"
	"github.com/twopass-softmax/twopass/native/twins/internal/scalar"
	"github.com/twopass-softmax/twopass/native/twins/internal/x86"
	"github.com/twopass-softmax/twopass/ukernel"
)

// table joins the kernels of every package that this build has.
var table = slices.Concat(scalar.Kernels, x86.Kernels, neon.Kernels)

// Kernels lists the kernels compiled in, whether or not this CPU runs them, which
// [ukernel.ISA.Supported] tells. On an architecture without assembly, and under the purego build
// tag, these are the scalar ones.
func Kernels() []ukernel.Kernel {
	ks := make([]ukernel.Kernel, len(table))
	for i, f := range table {
		ks[i] = ukernel.MustParse(f.Name)
	}
	return ks
}

// Lookup returns a kernel by its name, for example "f32_raddextexp_ukernel__avx2_p5_u96_acc3". The
// function checks its slices and panics as [ukernel.Func] says. It gives upstream's bits for
// special values too, not those of package native's table.
//
// The error wraps [ukernel.ErrUnknownKernel] for a name that this build does not have, and is a
// [*ukernel.UnsupportedError] for a kernel that this CPU can't run.
func Lookup(name string) (ukernel.Func, error) {
	return ukernel.Lookup("native", table, name)
}
