package compare

import (
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Upstream is XNNPACK's own kernels. It has none where [xnnpack.Available]
// returns an error.
func Upstream() Side {
	return Side{Name: "upstream", Kernels: xnnpack.Kernels(), Lookup: xnnpack.Lookup}
}

// Native is this project's kernels.
func Native() Side {
	return Side{Name: "native", Kernels: native.Kernels(), Lookup: native.Lookup}
}

// Model is the executable model of the given kernels. It runs on any CPU, and
// slowly.
func Model(kernels []ukernel.Kernel) Side {
	return Side{Name: "model", Kernels: kernels, Lookup: func(name string) (ukernel.Func, error) {
		k, err := ukernel.Parse(name)
		if err != nil {
			return ukernel.Func{}, err
		}
		// One call shows whether there is a model of this kernel.
		one := make([]float32, 1)
		if _, err := model.Run(k, ukernel.Args{Src: one, Dst: one}); err != nil {
			return ukernel.Func{}, err
		}
		return modelFunc(k), nil
	}}
}

func modelFunc(k ukernel.Kernel) ukernel.Func {
	run := func(a ukernel.Args) ukernel.Result {
		r, err := model.Run(k, a)
		if err != nil {
			panic(err)
		}
		return r
	}
	f := ukernel.Func{Name: k.Name}
	switch k.Family {
	case ukernel.RMax:
		f.RMax = func(src []float32) float32 { return run(ukernel.Args{Src: src}).Value }
	case ukernel.RAddExtExp:
		f.RAddExtExp = func(src []float32) (mantissa, exponent float32) {
			r := run(ukernel.Args{Src: src})
			return r.Value, r.Exponent
		}
	case ukernel.VScaleExtExp:
		f.VScaleExtExp = func(dst, src []float32, mantissa, exponent float32) {
			run(ukernel.Args{Dst: dst, Src: src, Scale: mantissa, ScaleExp: exponent})
		}
	case ukernel.RAddExpMinusMax:
		f.RAddExpMinusMax = func(src []float32, max float32) float32 {
			return run(ukernel.Args{Src: src, Max: max}).Value
		}
	case ukernel.VScaleExpMinusMax:
		f.VScaleExpMinusMax = func(dst, src []float32, scale, max float32) {
			run(ukernel.Args{Dst: dst, Src: src, Scale: scale, Max: max})
		}
	case ukernel.RAddStoreExpMinusMax:
		f.RAddStoreExpMinusMax = func(dst, src []float32, max float32) float32 {
			return run(ukernel.Args{Dst: dst, Src: src, Max: max}).Value
		}
	case ukernel.VMulC:
		f.VMulC = func(dst, src []float32, c float32) { run(ukernel.Args{Dst: dst, Src: src, Scale: c}) }
	}
	return f
}
