package compare

import (
	"github.com/twopass-softmax/twopass/native/twins"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Upstream is XNNPACK's own kernels. It has none where [xnnpack.Available]
// returns an error.
func Upstream() Side {
	return Side{Name: "upstream", Kernels: xnnpack.Kernels(), Lookup: xnnpack.Lookup, InC: xnnpack.TimeSoftmax}
}

// Native is this project's kernels.
func Native() Side {
	return Side{Name: "native", Kernels: twins.Kernels(), Lookup: twins.Lookup}
}

// Model is the executable model of the given kernels. It runs on any CPU, and
// slowly.
func Model(kernels []ukernel.Kernel) Side {
	return Side{Name: "model", Kernels: kernels, Pure: true, Lookup: func(name string) (ukernel.Func, error) {
		k, err := ukernel.Parse(name)
		if err != nil {
			return ukernel.Func{}, err
		}
		// One call shows whether there is a model of this kernel.
		one := make([]float32, 1)
		if _, err := model.Run(k, ukernel.Args{Src: one, Dst: one, Dst16: make([]uint16, 1),
			Half: make([]uint16, 1), Src8: make([]uint8, 1), Dst8: make([]uint8, 1), Table: []uint32{1}}); err != nil {
			return ukernel.Func{}, err
		}
		return model.Func(k, model.Fault{}), nil
	}}
}
