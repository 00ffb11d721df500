package f64

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
)

// SoftmaxRows writes the softmax of each row of src to that row of dst, which has the same
// shape. A row's bits are those that [Softmax] gives it, unless o says otherwise. O may be nil.
//
// Dst may be src, with the same stride; if they overlap otherwise, or shapes or options don't fit,
// SoftmaxRows panics.
func SoftmaxRows(dst, src Matrix, o *Options) {
	rows("f64.SoftmaxRows", dst, src, o, opSoftmax)
}

// LogSoftmaxRows is [LogSoftmax] of each row, under the terms of [SoftmaxRows].
func LogSoftmaxRows(dst, src Matrix, o *Options) {
	rows("f64.LogSoftmaxRows", dst, src, o, opLogSoftmax)
}

// LogSumExpRows writes the [LogSumExp] of row i of src to dst[i]. Dst has as many elements as
// src has rows and does not overlap it; otherwise LogSumExpRows panics. O may be nil.
func LogSumExpRows(dst []float64, src Matrix, o *Options) {
	const who = "f64.LogSumExpRows"
	check(who, "src", &src)
	if len(dst) != src.Rows {
		panic(fmt.Sprintf("%s: len(dst) is %d, it must be the number of rows, %d", who, len(dst), src.Rows))
	}
	checkApart(who, "src", dst, used(&src))
	o.check(who, dst, src.Rows, src.Cols)
	c := newCall(Matrix{Rows: src.Rows, Cols: 1, Data: dst, Stride: 1}, src, o)
	c.run(opLogSumExp)
}

func rows(who string, dst, src Matrix, o *Options, op op) {
	if checkPair(who, "src", &dst, &src) {
		o.check(who, used(&dst), src.Rows, src.Cols)
		c := newCall(dst, src, o)
		c.run(op)
	}
}

// call is what is done to the rows of a matrix.
type call struct {
	dst, src   Matrix
	o          Options
	one        job // without what depends on the row
	goroutines int
}

func newCall(dst, src Matrix, o *Options) call {
	c := call{dst: dst, src: src, one: newJob(nil, nil), goroutines: o.goroutines(src.Rows * src.Cols)}
	if o == nil {
		return c
	}
	c.o = *o
	c.one.zeros = o.ZeroRows
	if s := o.Scale; s != 0 {
		switch size := math.Abs(s); {
		case o.Add.Data != nil || !(size >= 0x1p-960 && size <= 0x1p960):
			c.one.mul = s
		case s < 0:
			c.one.mul, c.one.scale = -1, arith64.MakeScale(-s)
		default:
			c.one.scale = arith64.MakeScale(s)
		}
	}
	return c
}

// run does all rows: several goroutines take several rows each, or, if there are fewer rows than
// goroutines, the blocks of one row after the other.
func (c *call) run(op op) {
	if c.goroutines > 1 && c.src.Rows >= c.goroutines {
		c.share(op)
		return
	}
	c.span(0, c.src.Rows, c.goroutines, op)
}

func (c *call) share(op op) {
	shared, n := *c, c.src.Rows // that c itself need not be on the heap
	tasks := min(n, 4*c.goroutines)
	parallel.Do(c.goroutines, tasks, func(i int) { shared.span(n*i/tasks, n*(i+1)/tasks, 1, op) })
}

// span does the rows from first to before end.
func (c *call) span(first, end, goroutines int, op op) {
	j := c.one
	j.goroutines = goroutines
	for i := first; i < end; i++ {
		j.settled, j.shifted = false, false
		j.src, j.dst = row(&c.src, i), row(&c.dst, i)
		if m := &c.o.Add; m.Data != nil {
			j.add = row(m, i%m.Rows)
		}
		if m := &c.o.Keep; m.Data != nil {
			j.keep = row(m, i%m.Rows)
		}
		j.do(op)
	}
	j.release()
}
