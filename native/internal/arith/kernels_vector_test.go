//go:build (arm64 || (riscv64 && go1.25)) && !purego

package arith

import "slices"

var assembly = []kernels{
	{vector.String(), slices.Contains(Levels(), vector), softmaxRowsVector, sumVector, sumStoreVector, scaleVector, scaleVector,
		expScaleVector, expScaleVector, logSubVector, vector.SumRows},
}
