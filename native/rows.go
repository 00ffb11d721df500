package native

import (
	"fmt"
	"sort"
	"unsafe"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// SoftmaxRows writes the softmax of each row of src to the same row of dst, bit by bit what
// [Softmax] gives, unless o says otherwise. Float16 and bfloat16 results are float32 results
// rounded to nearest even. O may be nil.
//
// Dst may be src with the same stride and elements of the same size. SoftmaxRows panics if they
// overlap otherwise, or if shapes or options don't fit.
func SoftmaxRows[D, S Element](dst Matrix[D], src Matrix[S], o *Options) {
	const who = "native.SoftmaxRows"
	if !oneFits(&dst, &src) && !checkPair(who, "src", &dst, &src) {
		return
	}
	if unsafe.Sizeof(*new(D)) == 4 && unsafe.Sizeof(*new(S)) == 4 && src.Cols <= wholeRow && o.simple(src.Rows*src.Cols) {
		simpleRows((*Matrix[float32])(unsafe.Pointer(&dst)), (*Matrix[float32])(unsafe.Pointer(&src)), o)
		return
	}
	runRows(who, opSoftmax, 0, &dst, &src, nil, o)
}

// runRows does the rows from first on, of matrices that fit.
func runRows[D, S Element](who string, op op, first int, dst *Matrix[D], src *Matrix[S], index []int, o *Options) {
	o.check(who, src.Rows, src.Cols)
	var c call
	begin(&c, op, dst, src, o)
	c.index = index
	c.checkAdd(who)
	switch {
	case c.cols == 0: // neither src nor masks need have any data
		c.dst.fill(negInf)
	case first > 0:
		c.span(first, c.rows)
	default:
		c.run()
	}
}

// simpleRows is SoftmaxRows by a kernel of rows alone, unless one is not regular: options take longer
// than a short row.
func simpleRows(dst, src *Matrix[float32], o *Options) {
	p := arith.OneRows
	if o != nil && o.Scale != 0 {
		p.Set(o.Scale)
	}
	if done := arith.SoftmaxRows(dst.Data, src.Data, src.Rows, src.Cols, dst.Stride, src.Stride, &p); done < src.Rows {
		simpleRest(dst, src, o, done, &p)
	}
}

// simpleRest does the rows from an irregular one on. A kernel may have stored some of its
// exponentials already.
//
//go:noinline
func simpleRest(dst, src *Matrix[float32], o *Options, first int, p *arith.Rows) {
	var c call
	begin(&c, opSoftmax, dst, src, o)
	c.row(first, p.N, p.At)
	c.sameScale(first+1, c.rows)
}

// LogSoftmaxRows is [LogSoftmax] of each row, under the terms of [SoftmaxRows].
func LogSoftmaxRows[D, S Element](dst Matrix[D], src Matrix[S], o *Options) {
	const who = "native.LogSoftmaxRows"
	if oneFits(&dst, &src) || checkPair(who, "src", &dst, &src) {
		logRows(who, opLogSoftmax, &dst, &src, nil, o)
	}
}

// LogSumExpRows writes the [LogSumExp] of row i of src to dst[i]. It panics unless dst has one
// element for each row and does not overlap src. O may be nil.
func LogSumExpRows[S Element](dst []float32, src Matrix[S], o *Options) {
	const who = "native.LogSumExpRows"
	shape.CheckSums(who, dst, src.shape())
	logRows(who, opLogSumExp, &Matrix[float32]{src.Rows, 1, dst, 1}, &src, nil, o)
}

// op is what is done to a row.
type op uint8

const (
	opSoftmax op = iota
	opLogSoftmax
	opExp
	opLogSumExp // from here on, one result for each row
	opLogProbs
	opTopK
)

// call is what is done to the rows of a matrix.
type call struct {
	op                   op
	rows, cols           int
	dst, src             operand
	dstStride, srcStride int
	index                []int         // of LogProbs, one for each row
	columns              Matrix[int]   // of TopK
	sums                 []Accumulator // of ExpRows
	factors              []float32
	o                    Options
	plan                 plan
	// one is the row without what depends on its number, and plain whether elements are what
	// src holds.
	one   job
	plain bool
}

// begin fills c in: to return it, or to assign its parts, would copy a kilobyte.
func begin[D, S Element](c *call, op op, dst *Matrix[D], src *Matrix[S], o *Options) {
	c.op, c.rows, c.cols = op, src.Rows, src.Cols
	c.dst, c.src = operandOf(dst.used()), operandOf(src.used())
	c.dstStride, c.srcStride = dst.Stride, src.Stride
	if o != nil {
		c.o = *o
	}
	c.plan = c.o.makePlan(c.rows, c.cols, c.dst.format != isFloat32)
	j := &c.one
	j.level, j.stream, j.log, j.zeros = c.plan.level, c.plan.stream, op != opSoftmax, c.o.ZeroRows
	j.touch = c.rows*c.cols >= touchFrom
	c.setScale(c.o.Scale)
}

func (c *call) setScale(s float32) {
	j := &c.one
	j.mul, j.scale, j.factor = 1, arith.One, 1
	if s != 0 && s != 1 {
		switch {
		case c.o.Add.Data != nil || !(s < largeScale && s > -largeScale):
			j.mul = s
		case s < 0:
			j.mul, j.factor = -1, -s
		default:
			j.factor = s
		}
		j.scale.Set(j.factor)
	}
	c.plain = j.mul == 1 && c.o.Add.Data == nil && c.o.Keep.Data == nil && c.src.format == isFloat32
}

// scaled is the call for row i and those after it, up to end, that have the same of Options.Scales.
func (c *call) scaled(i, end int) (same call, last int) {
	same, last = *c, i+1
	same.o.Scales = nil
	same.setScale(c.o.Scales[i])
	for last < end && c.o.Scales[last] == c.o.Scales[i] {
		last++
	}
	return same, last
}

// checkAdd panics if results would overwrite what is added, or scales.
func (c *call) checkAdd(who string) {
	if s := c.o.Scales; overlap(c.dst.f, s) || overlap(c.dst.h, s) {
		panic(fmt.Sprintf("%s: dst overlaps Options.Scales of %d elements; they must be apart", who, len(s)))
	}
	if c.o.Add.Data == nil {
		return
	}
	if add := c.o.Add.used(); overlap(c.dst.f, add) || overlap(c.dst.h, add) {
		panic(fmt.Sprintf("%s: dst overlaps Options.Add of %d elements; they must be apart", who, len(add)))
	}
}

// run does all rows: several goroutines take several rows each, or, if there are fewer rows
// than goroutines, the chunks of one row after the other.
func (c *call) run() {
	if c.plan.goroutines == 1 {
		c.span(0, c.rows)
		return
	}
	shared := *c // that c itself need not be on the heap
	shared.share()
}

// share does all rows in several goroutines.
func (c *call) share() {
	g := c.plan.goroutines
	if c.rows < g {
		for i := range c.rows {
			c.shared(i)
		}
		return
	}
	n := rowsOfTask(g, c.rows, c.cols)
	parallel.Do(g, (c.rows+n-1)/n, func(i int) { c.span(i*n, min((i+1)*n, c.rows)) })
}

// span does the rows from first to before end.
func (c *call) span(first, end int) {
	if len(c.o.Scales) == 0 {
		c.sameScale(first, end)
		return
	}
	for first < end {
		same, last := c.scaled(first, end)
		same.sameScale(first, last)
		first = last
	}
}

// sameScale is span for rows of one scale.
func (c *call) sameScale(first, end int) {
	if c.o.Causal && c.op == opSoftmax && first < end && c.o.visible(end-1, c.cols) == c.cols {
		whole := first + sort.Search(end-first, func(i int) bool { return c.o.visible(first+i, c.cols) == c.cols })
		all := *c
		all.o.Causal = false // which hides nothing from there on
		all.sameScale(whole, end)
		end = whole
	}
	switch {
	case first == end:
	case c.op == opExp:
		c.expRows(first, end)
	case c.op == opTopK:
		c.topRows(first, end)
	case c.fused():
		c.kernelRows(first, end)
	case c.inBlocks():
		c.blocks(first, end)
	case c.plain && c.dst.format == isFloat32 && c.op == opSoftmax && c.cols <= wholeRow:
		if c.o.Causal {
			c.causalRows(first, end)
		} else {
			c.kernelRows(first, end)
		}
	case c.plain && c.dst.format == isFloat32 && c.op != opSoftmax && c.cols-1 < wholeRow && c.cols > 0 && !c.o.Causal:
		r := &plainLogs{op: c.op, cols: c.cols, dst: c.dst.f, src: c.src.f, dstStride: c.dstStride, srcStride: c.srcStride, index: c.index, factor: c.one.factor}
		r.scale.Scale = c.one.scale
		for first = r.all(first, end); first < end; first = r.all(first+1, end) {
			c.row(first, 0, 0)
		}
	default:
		for i := first; i < end; i++ {
			c.row(i, 0, 0)
		}
	}
}

// row does row i. A kernel of rows stored the first done exponentials already, with this n.
func (c *call) row(i int, n float32, done int) {
	j := c.job(i)
	switch c.op {
	case opSoftmax:
		if done > 0 {
			j.e = j.dst.f
		}
		j.softmaxFrom(n, done)
	case opLogSoftmax:
		j.logSoftmax()
	case opLogProbs:
		j.logProb(c.dst.f[i:i+1], c.index[i])
	default:
		c.dst.f[i] = j.logSumExp()
	}
	j.release()
	c.hide(i)
}

// fused reports whether a kernel of rows prepares elements as well. With both masks it may have to begin a row again, so
// not in place.
func (c *call) fused() bool {
	add, keep := c.o.Add.Data != nil, c.o.Keep.Data != nil
	if add && keep && shape.Same(c.dst.f, c.src.f) {
		return false
	}
	return c.op == opSoftmax && !c.o.Causal && c.src.format == isFloat32 && c.dst.format == isFloat32 &&
		(add || keep && c.one.mul == 1) && c.plan.level.Fuses(c.cols)
}

// kernelRows does the rows from first to before end by a kernel of rows, but for those that are not
// regular.
func (c *call) kernelRows(first, end int) {
	var both job // has a buffer
	defer both.release()
	for first < end {
		rows, cols := min(end-first, rowsOfCall(c.cols)), c.cols
		var r arith.Rows
		r.Scale = c.one.scale
		done := 0
		dst, src := c.dst.f[first*c.dstStride:], c.src.f[first*c.srcStride:]
		switch {
		case c.o.Keep.Data != nil && c.o.Add.Data != nil:
			var add []float32
			var stride int
			add, stride, rows = c.keptAdd(&both, first, rows)
			done = c.plan.level.SoftmaxAddedRows(dst, src, add, c.one.mul, rows, cols, c.dstStride, c.srcStride, stride, &r)
			r.At = 0 // a hidden NaN may have kept it from stopping before an element that is too large
		case c.o.Keep.Data != nil:
			keep, stride := rowsOf(&c.o.Keep, first)
			done = c.plan.level.SoftmaxKeptRows(dst, src, keep, rows, cols, c.dstStride, c.srcStride, stride, &r)
		case c.o.Add.Data != nil:
			add, stride := rowsOf(&c.o.Add, first)
			done = c.plan.level.SoftmaxAddedRows(dst, src, add, c.one.mul, rows, cols, c.dstStride, c.srcStride, stride, &r)
		default:
			done = c.plan.level.SoftmaxRows(dst, src, rows, cols, c.dstStride, c.srcStride, &r)
		}
		if first += done; done < rows {
			c.row(first, r.N, r.At)
			first++
		}
	}
}

// keptAdd is what to add to rows from first on, at most so many, and the next row's distance: in the job's buffer,
// -Inf where Keep takes an element out. An infinity or a NaN there makes the sum a NaN, and the kernel leaves that row.
func (c *call) keptAdd(j *job, first, most int) (add []float32, stride, rows int) {
	prepared := 1
	rows = most
	line := (c.cols + 15) &^ 15 // whole lines of the cache
	if c.o.Keep.Rows > 1 || c.o.Add.Rows > 1 {
		rows = min(most, max(1, blockLen/4/line)) // which stay in L1
		prepared, stride = rows, line
	}
	add = j.rowBuffer(prepared * line)
	from, fromStride := rowsOf(&c.o.Add, first)
	p := arith.Preparation{Mul: 1}
	p.Keep, p.KeepStride = rowsOf(&c.o.Keep, first)
	c.plan.level.PrepareRows(add, from, prepared, c.cols, line, fromStride, &p)
	return add, stride, rows
}

// job is row i, as far as it is visible.
func (c *call) job(i int) job {
	j := c.one
	n := c.o.visible(i, c.cols)
	at := i * c.srcStride
	j.src = c.src.part(at, at+n)
	if c.op < opLogSumExp {
		at = i * c.dstStride
		j.dst = c.dst.part(at, at+n)
	}
	if m := &c.o.Add; m.Data != nil {
		j.add = m.row(i % m.Rows)
	}
	if m := &c.o.Keep; m.Data != nil {
		j.keep = m.row(i % m.Rows)
	}
	if c.op == opSoftmax && c.plan.algorithm == Store {
		if j.e = j.dst.f; j.dst.format != isFloat32 {
			j.e = j.rowBuffer(n)
		}
	}
	return j
}

// hide writes the elements of row i that the causal mask takes out: as they would be were they
// -Inf in a row with those before them.
func (c *call) hide(i int) {
	n := c.o.visible(i, c.cols)
	if n == c.cols || c.op >= opLogSumExp {
		return
	}
	at := i * c.dstStride
	row := c.dst.part(at, at+c.cols)
	hidden := row.part(n, c.cols)
	switch {
	case n == 0:
		hidden.fill(c.one.emptyValue())
	case row.isNaN(0):
		hidden.fill(nan)
	case c.one.log:
		hidden.fill(negInf)
	default:
		hidden.fill(0)
	}
}

// shared is row i, its chunks done by several goroutines.
func (c *call) shared(i int) {
	if len(c.o.Scales) > 0 {
		own, _ := c.scaled(i, i+1)
		own.shared(i)
		return
	}
	j := c.job(i)
	if j.src.len() > 0 {
		g := c.plan.goroutines
		chunks := j.split(new([1]chunk))
		each := func(do func(j *job, c *chunk)) {
			parallel.Do(g, len(chunks), func(i int) {
				own := j
				own.buf, own.shared = nil, true
				do(&own, &chunks[i])
				own.release()
			})
		}
		each((*job).sumChunk)
		total, kind := j.sumRow(chunks)
		switch {
		case c.op == opLogSumExp:
			c.dst.f[i] = j.logOf(&total, kind)
		case c.op == opLogProbs:
			j.writeLogProb(c.dst.f[i:i+1], c.index[i], &total, kind)
		case kind != regular:
			j.writeSpecial(kind)
		case c.op == opSoftmax:
			each(func(j *job, c *chunk) { j.writeSoftmax(c, &total) })
		default:
			excess := float32(total.excess(j.factor))
			each(func(j *job, c *chunk) { j.writeLog(c, &total, excess) })
		}
	} else if c.op == opLogSumExp {
		c.dst.f[i] = negInf
	} else if c.op == opLogProbs {
		c.dst.f[i] = j.emptyValue()
	}
	j.release()
	c.hide(i)
}
