//go:build (arm64 || (riscv64 && go1.25)) && !purego

package arith

// The kernels of architectures that have one level besides Plain.

// Sum is the first pass: it adds the exponentials of src to st, up to the first turn with an
// element beyond st.Lim, and returns how many elements it took.
func (l Level) Sum(src []float32, st *Sum) int {
	if l == vector {
		return sumVector(src, st)
	}
	return sumPlain(src, st)
}

// SumStore is Sum, and stores the exponentials.
func (l Level) SumStore(dst, src []float32, st *Sum) int {
	if l == vector {
		return sumStoreVector(dst, src, st)
	}
	return sumStorePlain(dst, src, st)
}

// Scale is the second pass over stored exponentials.
func (l Level) Scale(dst, src []float32, f *Factor) {
	if l == vector {
		scaleVector(dst, src, f)
	} else {
		scalePlain(dst, src, f)
	}
}

// ScaleStream is Scale with stores around the caches, where the level has them.
func (l Level) ScaleStream(dst, src []float32, f *Factor) { l.Scale(dst, src, f) }

// ExpScale is the second pass over the elements themselves.
func (l Level) ExpScale(dst, src []float32, st *Sum, f *Factor) {
	if l == vector {
		expScaleVector(dst, src, st, f)
	} else {
		expScalePlain(dst, src, st, f)
	}
}

// ExpScaleStream is ExpScale with stores around the caches, where the level has them.
func (l Level) ExpScaleStream(dst, src []float32, st *Sum, f *Factor) { l.ExpScale(dst, src, st, f) }

// LogSub is (x - m) * scale - b for each element x.
func (l Level) LogSub(dst, src []float32, m, scale, b float32) {
	if l == vector {
		logSubVector(dst, src, m, scale, b)
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
	if l == vector {
		return softmaxRowsVector(dst, src, rows, cols, dstStride, srcStride, p)
	}
	return softmaxRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
}
