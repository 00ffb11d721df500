package main

import (
	"slices"

	"github.com/twopass-softmax/twopass/tools/kernelgen/double"
)

// arith64 is the directory of float64's arithmetic.
const arith64 = "native/f64/internal/arith64/"

// generateDouble adds the files of package native/f64/internal/arith64.
func generateDouble(files map[string][]byte) error {
	declare := func(arch string, kernels []double.Kernel, suffixes ...string) error {
		d := newDeclarations("arith64", "!purego")
		for _, suffix := range suffixes {
			for _, k := range kernels {
				if k.In(suffix) {
					d.add(k.Name+suffix, k.Signature)
				}
			}
		}
		return d.write(files, arith64+"kernels_"+arch+".go")
	}
	var suffixes []string
	for _, l := range double.AMD64 {
		files[arith64+l.File+"_amd64.s"] = double.AMD64File(l.Suffix, generated)
		suffixes = append(suffixes, l.Suffix)
	}
	if err := declare("amd64", slices.Concat(double.Kernels, double.RowKernels, double.ElementKernels), suffixes...); err != nil {
		return err
	}
	files[arith64+"neon_arm64.s"] = double.ARM64File(generated)
	return declare("arm64", double.Kernels, double.ARM64)
}
