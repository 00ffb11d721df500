package f64

import (
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// SoftmaxRows writes the softmax of each row of src to the same row of dst, bit by bit what
// [Softmax] gives, unless o says otherwise. O may be nil.
//
// Dst may be src with the same stride. SoftmaxRows panics if they overlap otherwise, or if shapes
// or options don't fit.
func SoftmaxRows(dst, src Matrix, o *Options) {
	const who = "f64.SoftmaxRows"
	d, s := (*matrix)(&dst), (*matrix)(&src)
	if !shape.CheckPair(who, "src", d, s) {
		return
	}
	done := 0
	if s.Cols <= arith64.Chunk && o.simple() {
		done = simpleRows(d, s, o)
	} else {
		o.check(who, d.Used(), s.Rows, s.Cols)
	}
	if done < s.Rows {
		runFrom(done, opSoftmax, d, s, nil, o)
	}
}

// LogSoftmaxRows is [LogSoftmax] of each row, under the terms of [SoftmaxRows].
func LogSoftmaxRows(dst, src Matrix, o *Options) {
	const who = "f64.LogSoftmaxRows"
	d, s := (*matrix)(&dst), (*matrix)(&src)
	if shape.CheckPair(who, "src", d, s) {
		o.check(who, d.Used(), s.Rows, s.Cols)
		runLogs(opLogSoftmax, d, s, nil, o)
	}
}

// LogSumExpRows writes the [LogSumExp] of row i of src to dst[i]. It panics unless dst has one
// element for each row and does not overlap src. O may be nil.
func LogSumExpRows(dst []float64, src Matrix, o *Options) {
	const who = "f64.LogSumExpRows"
	d, m := oneEach(dst), matrix(src)
	shape.CheckSums(who, dst, &m)
	o.check(who, dst, m.Rows, m.Cols)
	runLogs(opLogSumExp, &d, &m, nil, o)
}

// LogProbs writes the log-probability of column index[i] of row i of src to dst[i], as the
// cross-entropy of labels needs it: the bits that [LogSoftmaxRows] writes there, in about the time
// of [LogSumExpRows].
//
// LogProbs panics, before it writes, unless dst and index have one element for each row, 0 <=
// index[i] < src.Cols, and dst does not overlap src. O may be nil.
func LogProbs(dst []float64, src Matrix, index []int, o *Options) {
	const who = "f64.LogProbs"
	d, m := oneEach(dst), matrix(src)
	shape.CheckIndex(who, dst, &m, index)
	o.check(who, dst, m.Rows, m.Cols)
	runLogs(opLogProbs, &d, &m, index, o)
}

// oneEach is a matrix of one column.
func oneEach(x []float64) matrix { return matrix{Rows: len(x), Cols: 1, Data: x, Stride: 1} }

// runLogs does rows for logarithms: as long as they are simple without what a call has.
func runLogs(op op, dst, src *matrix, index []int, o *Options) {
	if done := simpleLogs(op, dst, src, index, o); done < src.Rows {
		runFrom(done, op, dst, src, index, o)
	}
}

// runFrom does the rows from first on. It is apart from SoftmaxRows, whose call would take twice as long
// with this one's frame.
//
//go:noinline
func runFrom(first int, op op, dst, src *matrix, index []int, o *Options) {
	var c call
	c.begin(op, *dst, *src, o)
	if c.index = index; first > 0 {
		c.span(first, src.Rows, 1)
	} else {
		c.run()
	}
}

// simpleRows does rows of up to a chunk until one that is not regular, and returns how many.
func simpleRows(dst, src *matrix, o *Options) (done int) {
	scale := o.scale()
	if src.Cols <= arith64.Turn {
		return arith64.SoftmaxRows(arith64.Best, dst.Data, src.Data, src.Rows, src.Cols, dst.Stride, src.Stride, &scale)
	}
	for done < src.Rows && softmaxChunk(arith64.Best, dst.Row(done), src.Row(done), &scale) {
		done++
	}
	return done
}

// simpleLogs does rows of up to a chunk until one that is not regular, or has a sure element, and returns how
// many.
func simpleLogs(op op, dst, src *matrix, index []int, o *Options) (done int) {
	if !o.simple() || uint(src.Cols-1) >= arith64.Chunk {
		return 0
	}
	scale := o.scale()
	for ; done < src.Rows; done++ {
		x, y := src.Row(done), dst.Row(done)
		t, ok := sumLogChunk(arith64.Best, x, &scale)
		if !ok {
			break
		}
		if op == opLogSumExp {
			y[0] = t.log(t.max, &scale)
			continue
		}
		if op == opLogProbs {
			x = x[index[done]:][:1]
		}
		h, l := t.excess(&scale)
		arith64.LogSub(arith64.BeforeGo(arith64.Best, len(x)), y, x, t.max, scale.Factor, h+l)
	}
	return done
}

// op is what is done to a row.
type op uint8

const (
	opSoftmax op = iota
	opLogSoftmax
	opExp
	opLogSumExp // from here on dst is not as long as the row
	opLogProbs
	opTopK
)

// call is what is done to the rows of a matrix.
type call struct {
	op         op
	dst, src   matrix            // dst has one column for one result
	index      []int             // of LogProbs, one for each row
	columns    shape.Matrix[int] // of TopK
	sums       []Accumulator     // of ExpRows
	factors    []float64
	o          Options
	one        job // without what depends on the row
	goroutines int
}

// begin fills c in: to return it would copy half a kilobyte.
func (c *call) begin(op op, dst, src matrix, o *Options) {
	c.op, c.dst, c.src, c.goroutines = op, dst, src, o.goroutines(src.Rows*src.Cols)
	c.one.level, c.one.mul, c.one.scale = arith64.Best, 1, arith64.One
	if o != nil {
		c.o = *o
		c.one.zeros = o.ZeroRows
		c.one.setScale(o.Scale, o)
	}
	if src.Cols == 0 {
		c.src.Stride = 0 // there need not be any data
	}
}

// run does all rows: several goroutines take several rows each, or, if there are fewer rows than
// goroutines, the blocks of one row after the other.
func (c *call) run() {
	if c.goroutines > 1 && c.src.Rows >= c.goroutines {
		c.share()
		return
	}
	c.span(0, c.src.Rows, c.goroutines)
}

func (c *call) share() {
	shared, n := *c, c.src.Rows // that c itself need not be on the heap
	tasks := min(n, 4*c.goroutines)
	parallel.Do(c.goroutines, tasks, func(i int) { shared.span(n*i/tasks, n*(i+1)/tasks, 1) })
}

// span does the rows from first to before end.
func (c *call) span(first, end, goroutines int) {
	j := c.one
	short := c.op == opSoftmax && c.src.Cols-1 < arith64.Turn && c.o.Add.Data == nil && c.o.Keep.Data == nil && !c.o.Causal
	for i := first; i < end; {
		last := end // of rows with one scale
		if s := c.o.Scales; len(s) > 0 {
			j.setScale(s[i], &c.o)
			for last = i + 1; last < end && s[last] == s[i]; last++ {
			}
		}
		for ; i < last; i++ {
			if short && j.mul == 1 {
				if i += arith64.SoftmaxRows(j.level, c.dst.Data[i*c.dst.Stride:], c.src.Data[i*c.src.Stride:], last-i, c.src.Cols, c.dst.Stride, c.src.Stride, &j.scale); i == last {
					break
				}
			}
			c.row(&j, i, goroutines)
		}
	}
	j.release()
}

// row does row i.
func (c *call) row(j *job, i, goroutines int) {
	n := c.o.visible(i, c.src.Cols)
	j.settled, j.shifted, j.shift = false, false, 0
	j.src = c.src.Row(i)[:n]
	dst := c.dst.Row(i)
	if j.dst = dst; c.op < opLogSumExp {
		j.dst = dst[:n]
	}
	if c.o.Add.Data != nil && n > 0 {
		j.add = c.o.Add.Data[i%c.o.Add.Rows*c.o.Add.Stride:][:n]
	}
	if c.o.Keep.Data != nil && n > 0 {
		j.keep = c.o.Keep.Data[i%c.o.Keep.Rows*c.o.Keep.Stride:][:n]
	}
	switch k := 0; {
	case goroutines > 1 && c.op != opExp && c.op != opTopK:
		if c.op == opLogProbs {
			k = c.index[i]
		}
		j.shared(c.op, goroutines, k)
	case c.op == opSoftmax:
		j.softmax()
	case c.op == opLogSoftmax:
		j.logSoftmax()
	case c.op == opExp:
		c.sums[i].exp(j, &c.factors[i])
	case c.op == opTopK:
		j.topK(c.columns.Row(i))
	default:
		total, kind := j.sumLog()
		if c.op == opLogSumExp {
			dst[0] = j.logSumExp(&total, kind)
		} else {
			dst[0] = j.logProb(c.index[i], &total, kind)
		}
	}
	if n == c.src.Cols || c.op >= opLogSumExp {
		return
	}
	// What the causal mask takes out is as -Inf would be in a row with the elements before.
	hidden := 0.0
	switch {
	case c.op == opExp:
		if c.sums[i].kind() > allInf {
			hidden = nan
		}
	case n == 0:
		hidden = j.emptyValue(c.op == opLogSoftmax)
	case dst[0] != dst[0]:
		hidden = nan
	case c.op == opLogSoftmax:
		hidden = negInf
	}
	fill(dst[n:], hidden)
}

// setScale is for rows that have this scale.
func (j *job) setScale(s float64, o *Options) {
	j.mul, j.scale = 1, arith64.One
	if s == 0 {
		return
	}
	switch {
	case o.Add.Data != nil || !(s >= 0x1p-960 && s <= 0x1p960 || -s >= 0x1p-960 && -s <= 0x1p960):
		j.mul = s
	case s < 0:
		j.mul, j.scale = -1, arith64.MakeScale(-s)
	default:
		j.scale = arith64.MakeScale(s)
	}
}
