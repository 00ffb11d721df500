//go:build !purego

package arith

import "github.com/klauspost/cpuid/v2"

var assembly = []kernels{
	{"AVX2", cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.BMI2), softmaxRowsAVX2, sumAVX2, sumStoreAVX2, scaleAVX2, scaleNTAVX2, expScaleAVX2, expScaleNTAVX2, logSubAVX2, sumRowsAVX2},
	{"AVX512", cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.BMI2), softmaxRowsAVX512, sumAVX512, sumStoreAVX512, scaleAVX512, scaleNTAVX512, expScaleAVX512, expScaleNTAVX512, logSubAVX512, sumRowsAVX512},
}
