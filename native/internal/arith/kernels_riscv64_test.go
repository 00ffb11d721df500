//go:build go1.25 && !purego

package arith

import "golang.org/x/sys/cpu"

var assembly = []kernels{
	{"RVV", cpu.RISCV64.HasV, softmaxRowsRVV, sumRVV, sumStoreRVV, scaleRVV, scaleRVV, expScaleRVV, expScaleRVV, logSubRVV, RVV.SumRows},
}
