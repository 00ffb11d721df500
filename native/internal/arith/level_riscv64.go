//go:build go1.25 && !purego

package arith

import "golang.org/x/sys/cpu"

// Levels lists the levels that this build has and this CPU runs. Registers have 128 bits at least:
// the V extension has no smaller ones.
func Levels() []Level {
	if cpu.RISCV64.HasV && !off("v") {
		return []Level{Plain, RVV}
	}
	return []Level{Plain}
}

// Sum is the first pass: it adds the exponentials of src to st, up to the first turn with an
// element beyond st.Lim, and returns how many elements it took.
func (l Level) Sum(src []float32, st *Sum) int {
	if l == RVV {
		return sumRVV(src, st)
	}
	return sumPlain(src, st)
}

// SumStore is Sum, and stores the exponentials.
func (l Level) SumStore(dst, src []float32, st *Sum) int {
	if l == RVV {
		return sumStoreRVV(dst, src, st)
	}
	return sumStorePlain(dst, src, st)
}

// Scale is the second pass over stored exponentials.
func (l Level) Scale(dst, src []float32, f *Factor) {
	if l == RVV {
		scaleRVV(dst, src, f)
	} else {
		scalePlain(dst, src, f)
	}
}

// ScaleStream is Scale with stores around the caches, where the level has them.
func (l Level) ScaleStream(dst, src []float32, f *Factor) {
	if l == RVV {
		scaleRVV(dst, src, f)
	} else {
		scalePlain(dst, src, f)
	}
}

// ExpScale is the second pass over the elements themselves.
func (l Level) ExpScale(dst, src []float32, st *Sum, f *Factor) {
	if l == RVV {
		expScaleRVV(dst, src, st, f)
	} else {
		expScalePlain(dst, src, st, f)
	}
}

// ExpScaleStream is ExpScale with stores around the caches, where the level has them.
func (l Level) ExpScaleStream(dst, src []float32, st *Sum, f *Factor) {
	if l == RVV {
		expScaleRVV(dst, src, st, f)
	} else {
		expScalePlain(dst, src, st, f)
	}
}

// LogSub is (x - m) * scale - b for each element x.
func (l Level) LogSub(dst, src []float32, m, scale, b float32) {
	if l == RVV {
		logSubRVV(dst, src, m, scale, b)
	} else {
		logSubPlain(dst, src, m, scale, b)
	}
}

// SumRows makes out the sums of rows of 1 to Chunk elements, up to the first one that is not
// regular, and returns how many it did.
func (l Level) SumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) int {
	return l.sumRows(src, rows, cols, srcStride, out, p)
}

// SoftmaxRows does whole rows of 1 to Chunk elements, up to the first one that is not
// regular, and returns how many it did.
func (l Level) SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	if l == RVV {
		return softmaxRowsRVV(dst, src, rows, cols, dstStride, srcStride, p)
	}
	return softmaxRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
}
