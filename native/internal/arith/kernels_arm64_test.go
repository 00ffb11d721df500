//go:build !purego

package arith

var assembly = []kernels{
	{"NEON", true, softmaxRowsNEON, sumNEON, sumStoreNEON, scaleNEON, scaleNEON, expScaleNEON, expScaleNEON, logSubNEON, NEON.SumRows},
}
