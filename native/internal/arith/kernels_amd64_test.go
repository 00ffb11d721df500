//go:build !purego

package arith

import "slices"

var assembly = []kernels{
	{"AVX2", slices.Contains(Levels(), AVX2), softmaxRowsAVX2, sumAVX2, sumStoreAVX2, scaleAVX2, scaleNTAVX2, expScaleAVX2, expScaleNTAVX2, logSubAVX2, sumRowsAVX2},
	{"AVX512", slices.Contains(Levels(), AVX512), softmaxRowsAVX512, sumAVX512, sumStoreAVX512, scaleAVX512, scaleNTAVX512, expScaleAVX512, expScaleNTAVX512, logSubAVX512, sumRowsAVX512},
}
