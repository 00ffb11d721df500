package f64

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// ExpRows is a step of online softmax, for attention by blocks of keys. It adds row i of src, a
// block of scores, to sums[i], writes the row's exponentials to dst, and writes to factors[i] what
// earlier results of row i must be multiplied by. [DivideRows] ends:
//
//	sums := make([]f64.Accumulator, queries)
//	for each block of keys and values {
//		scores = Q * keys^T
//		f64.ExpRows(scores, scores, sums, factors, o)
//		out = diag(factors) * out + scores * values
//	}
//	f64.DivideRows(out, out, sums, o)
//
// An exponential is e^(scale*x) times a factor that all exponentials of the row share. It is a
// power of two, chosen so that the exponential of the largest element so far is from 11 to 23.
// Exponentials below 2^-1019 and of masked elements are 0. Factors are powers of two (unless the
// row's largest element is beyond 2^41 in size), so multiplying by them rounds nothing; the factor
// is 0 if nothing came before.
//
// Sums[i] gets the bits of [Accumulator.Add]. An empty sum takes on the scale of o; others must
// have it: the size of Options.Scale, or 1 if that is not from 2^-960 to 2^960 or Options.Add has
// Data. A row in one block becomes, by [DivideRows], the bits of [SoftmaxRows]. A NaN or +Inf makes
// the row's exponentials and its factor NaN.
//
// For scores of queries from q on and keys from k on, set Options.Causal with Offset q - k. Sums
// and factors have one element for each row of src. The terms of dst are those of [SoftmaxRows];
// factors overlaps neither dst, src nor the slices of o. ExpRows panics if shapes, scales or
// options don't fit.
func ExpRows(dst, src Matrix, sums []Accumulator, factors []float64, o *Options) {
	const who = "f64.ExpRows"
	if len(sums) != src.Rows || len(factors) != src.Rows {
		panic(fmt.Sprintf("%s: len(sums) is %d, len(factors) is %d, both must be the number of rows, %d", who, len(sums), len(factors), src.Rows))
	}
	d, s := matrix(dst), matrix(src)
	some := shape.CheckPair(who, "src", &d, &s)
	o.check(who, d.Used(), s.Rows, s.Cols)
	if shape.Overlap(factors, d.Used()) || shape.Overlap(factors, s.Used()) ||
		o != nil && (shape.Overlap(factors, o.Scales) || shape.Overlap(factors, o.Add.Data) || shape.Overlap(factors, o.Keep.Data)) {
		panic(fmt.Sprintf("%s: factors of %d elements overlap dst, src or options; they must be apart", who, len(factors)))
	}
	var c call
	c.begin(opExp, d, s, o)
	c.sums, c.factors = sums, factors
	c.checkSums(who)
	if !some {
		for i := range sums {
			factors[i] = sums[i].Factor(&sums[i])
		}
		return
	}
	c.goroutines = min(c.goroutines, s.Rows) // a row is done by one
	c.run()
}

// checkSums panics unless each row's accumulator has the row's scale, or is empty.
func (c *call) checkSums(who string) {
	j := c.one
	for i := range c.sums {
		if len(c.o.Scales) > 0 {
			j.setScale(c.o.Scales[i], &c.o)
		}
		scale := j.scale.Factor
		if a := &c.sums[i]; a.kind() != allInf && a.Scale() != scale {
			panic(fmt.Sprintf("%s: sums[%d] has scale %v, the row's is %v", who, i, a.Scale(), scale))
		}
	}
}

// DivideRows divides row i of src, a result made with the exponentials of [ExpRows], by the sum of
// sums[i]. The exponentials themselves become the softmax. Elements may have any size and sign;
// dividing adds at most 1.001 * 2^-53 to the relative error. Results below 2^-1022 in size are 0.
//
// If sums[i] is empty, as when a mask hides all keys, the row becomes NaN, or 0 with
// Options.ZeroRows. If it has a NaN or +Inf, the row becomes NaN. Of the other options only
// Goroutines counts. Dst may be src, under the terms of [SoftmaxRows]. DivideRows panics if shapes
// don't fit, or unless sums has one element for each row.
func DivideRows(dst, src Matrix, sums []Accumulator, o *Options) {
	const who = "f64.DivideRows"
	if len(sums) != src.Rows {
		panic(fmt.Sprintf("%s: len(sums) is %d, it must be the number of rows, %d", who, len(sums), src.Rows))
	}
	d, s := matrix(dst), matrix(src)
	if !shape.CheckPair(who, "src", &d, &s) {
		return
	}
	if err := o.Check(); err != nil {
		panic(err.Error())
	}
	zeros := o != nil && o.ZeroRows
	if g := o.goroutines(s.Rows * s.Cols); g > 1 {
		divideShared(g, d, s, sums, zeros)
		return
	}
	for i := range sums {
		sums[i].divide(d.Row(i), s.Row(i), zeros)
	}
}

// divideShared is apart so that what the goroutines share is on the heap for them alone.
func divideShared(g int, dst, src matrix, sums []Accumulator, zeros bool) {
	tasks := min(src.Rows, 4*g)
	parallel.Do(g, tasks, func(task int) {
		for i := src.Rows * task / tasks; i < src.Rows*(task+1)/tasks; i++ {
			sums[i].divide(dst.Row(i), src.Row(i), zeros)
		}
	})
}

// divide does a row.
func (a *Accumulator) divide(dst, src []float64, zeros bool) {
	if k := a.kind(); k != regular {
		j := newJob(dst, src)
		j.zeros = zeros
		j.writeSpecial(k, false)
		return
	}
	f := a.reciprocal()
	if !f.Direct(src) {
		f.Divide(dst, src)
		return
	}
	f.Thr = math.Inf(-1)
	for at := 0; at < len(src); at += arith64.Chunk {
		end := min(at+arith64.Chunk, len(src))
		arith64.ScaleStored(arith64.Best, dst[at:end], src[at:end], &f)
	}
}
