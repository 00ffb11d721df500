//go:build !purego

package arith

import "github.com/klauspost/cpuid/v2"

// Levels lists the levels that this build has and this CPU runs, narrow before wide.
func Levels() []Level {
	ls := []Level{Plain}
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.BMI1) && !off("avx", "avx2", "fma", "bmi1") {
		ls = append(ls, AVX2)
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512CD, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) &&
			!off("avx512", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl") {
			ls = append(ls, AVX512)
		}
	}
	return ls
}

// Sum is the first pass: it adds the exponentials of src to st, up to the first turn with an
// element beyond st.Lim, and returns how many elements it took.
func (l Level) Sum(src []float32, st *Sum) int {
	switch l {
	case AVX512:
		return sumAVX512(src, st)
	case AVX2:
		return sumAVX2(src, st)
	}
	return sumPlain(src, st)
}

// SumStore is Sum, and stores the exponentials.
func (l Level) SumStore(dst, src []float32, st *Sum) int {
	switch l {
	case AVX512:
		return sumStoreAVX512(dst, src, st)
	case AVX2:
		return sumStoreAVX2(dst, src, st)
	}
	return sumStorePlain(dst, src, st)
}

// Scale is the second pass over stored exponentials.
func (l Level) Scale(dst, src []float32, f *Factor) {
	switch l {
	case AVX512:
		scaleAVX512(dst, src, f)
	case AVX2:
		scaleAVX2(dst, src, f)
	default:
		scalePlain(dst, src, f)
	}
}

// ScaleStream is Scale with stores around the caches, where the level has them.
func (l Level) ScaleStream(dst, src []float32, f *Factor) {
	switch l {
	case AVX512:
		scaleNTAVX512(dst, src, f)
	case AVX2:
		scaleNTAVX2(dst, src, f)
	default:
		scalePlain(dst, src, f)
	}
}

// ExpScale is the second pass over the elements themselves.
func (l Level) ExpScale(dst, src []float32, st *Sum, f *Factor) {
	switch l {
	case AVX512:
		expScaleAVX512(dst, src, st, f)
	case AVX2:
		expScaleAVX2(dst, src, st, f)
	default:
		expScalePlain(dst, src, st, f)
	}
}

// ExpScaleStream is ExpScale with stores around the caches, where the level has them.
func (l Level) ExpScaleStream(dst, src []float32, st *Sum, f *Factor) {
	switch l {
	case AVX512:
		expScaleNTAVX512(dst, src, st, f)
	case AVX2:
		expScaleNTAVX2(dst, src, st, f)
	default:
		expScalePlain(dst, src, st, f)
	}
}

// LogSub is (x - m) * scale - b for each element x.
func (l Level) LogSub(dst, src []float32, m, scale, b float32) {
	switch l {
	case AVX512:
		logSubAVX512(dst, src, m, scale, b)
	case AVX2:
		logSubAVX2(dst, src, m, scale, b)
	default:
		logSubPlain(dst, src, m, scale, b)
	}
}

// SumRows makes out the sums of rows of 1 to Chunk elements, up to the first one that is not
// regular, and returns how many it did.
func (l Level) SumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) int {
	switch l {
	case AVX512:
		return sumRowsAVX512(src, rows, cols, srcStride, out, p)
	case AVX2:
		return sumRowsAVX2(src, rows, cols, srcStride, out, p)
	}
	return l.sumRows(src, rows, cols, srcStride, out, p)
}

// SoftmaxRows does whole rows of 1 to Chunk elements, up to the first one that is not
// regular, and returns how many it did.
func (l Level) SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	switch l {
	case AVX512:
		return softmaxRowsAVX512(dst, src, rows, cols, dstStride, srcStride, p)
	case AVX2:
		return softmaxRowsAVX2(dst, src, rows, cols, dstStride, srcStride, p)
	}
	return softmaxRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
}
