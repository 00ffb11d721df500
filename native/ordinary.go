package native

import "github.com/twopass-softmax/twopass/native/internal/arith"

// Logarithms of rows longer than a turn. Most rows are ordinary, and package arith has faster kernels for those.

const (
	// severalMost is the longest row of a matrix for which the definition's kernel is faster: it does several in a call.
	severalMost = 320
	// putOffMost is the longest row whose second pass is put off: two of them stay in the first cache.
	putOffMost = 2048
	// ordinaryMost is the longest row that these kernels sum chunk by chunk: package arith's doubt allows 16 chunks.
	ordinaryMost = 16 * arith.Chunk
	// copyMost is the longest row that log-softmax copies while it is summed: more are faster read twice.
	copyMost = 1 << 18
)

// ordinaryRows is [plainLogs.do] until a row that is not ordinary. While the logarithm of one row is on its way,
// the next one is summed.
func (r *plainLogs) ordinaryRows(first, end int) int {
	var before []float32 // what log-softmax's second pass is put off for
	var m, excess float32
	i := first
	for ; i < end; i++ {
		src := r.src[i*r.srcStride:][:r.cols]
		if r.op == opLogSumExp {
			y, ok := ordinaryLog(src, &r.scale.Scale, r.factor)
			if !ok {
				break
			}
			r.dst[i*r.dstStride] = y
			continue
		}
		dst := r.dst[i*r.dstStride:][:r.cols]
		largest, e, ok := ordinaryExcess(dst, src, &r.scale.Scale, r.factor)
		if before != nil {
			arith.LogSub(before, before, m, r.factor, excess)
			before = nil
		}
		if !ok {
			break
		}
		if r.cols > putOffMost {
			arith.LogSub(dst, dst, largest, r.factor, e)
			continue
		}
		before, m, excess = dst, largest, e
	}
	if before != nil {
		arith.LogSub(before, before, m, r.factor, excess)
	}
	return i
}

// ordinaryLog is the logarithm of the sum of a row of one chunk. It is not ok if the row has to be summed by definition.
func ordinaryLog(src []float32, scale *arith.Scale, factor float32) (y float32, ok bool) {
	var t arith.Total
	y, how := arith.TotalRow(&src[0], len(src), scale, &t)
	if how != arith.RowLeft {
		return y, how == arith.RowDone
	}
	return t.SureLog(src, scale, factor)
}

// ordinaryExcess is the largest element of such a row, and the logarithm less that. It copies the row to dst.
func ordinaryExcess(dst, src []float32, scale *arith.Scale, factor float32) (largest, excess float32, ok bool) {
	var t arith.Total
	excess, how := arith.CopyRow(&dst[0], &src[0], len(src), scale, factor, &t)
	ok = how == arith.RowDone
	if how == arith.RowLeft {
		excess, ok = t.SureExcess(src, scale, factor)
	}
	return t.Max, excess, ok
}

// ordinaryChunks is the sum of a row of several chunks, which it copies to dst if that is not nil. It is false
// if a chunk is not ordinary.
func ordinaryChunks(dst, src []float32, scale *arith.Scale) (total arith.ChunksTotal, ok bool) {
	for at := 0; at < len(src); at += arith.Chunk {
		var t arith.Total
		chunk := src[at:min(at+arith.Chunk, len(src))]
		var how uint8
		if dst != nil {
			_, how = arith.CopyRow(&dst[at], &chunk[0], len(chunk), scale, 1, &t)
		} else if _, how = arith.TotalRow(&chunk[0], len(chunk), scale, &t); how == arith.RowLeft {
			t.Find(chunk)
		}
		ok = how != arith.RowLeft
		if !total.AddChunk(&t, ok, chunk, scale) {
			return total, false
		}
	}
	return total, true
}

// ordinaryLogSoftmax is [job.logSoftmax] of a row of several chunks that are ordinary, or false.
func (j *job) ordinaryLogSoftmax() bool {
	if n := j.src.len(); !j.direct() || j.dst.format != isFloat32 || n <= arith.Chunk || n > copyMost {
		return false
	}
	t, ok := ordinaryChunks(j.dst.f, j.src.f, &j.scale)
	if !ok {
		return false
	}
	excess, ok := t.Excess(j.factor)
	if ok {
		arith.LogSub(j.dst.f, j.dst.f, t.Max, j.factor, excess)
	}
	return ok
}

// ordinaryLogSumExp is [job.logSumExp] of such a row.
func (j *job) ordinaryLogSumExp() (y float32, ok bool) {
	if n := j.src.len(); !j.direct() || n <= arith.Chunk || n > ordinaryMost {
		return 0, false
	}
	t, ok := ordinaryChunks(nil, j.src.f, &j.scale)
	if !ok {
		return 0, false
	}
	return t.Log(j.factor)
}
