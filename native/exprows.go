package native

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
)

// ExpRows is a step of online softmax, as attention by blocks of keys takes it. It adds each row of
// src, a block of scores, to that row's accumulator, writes the row's exponentials to dst, and writes
// to factors[i] what earlier results of row i have to be multiplied by. [DivideRows] ends:
//
//	sums := make([]native.Accumulator, queries)
//	for each block of keys and values {
//		scores = Q * keys^T
//		native.ExpRows(scores, scores, sums, factors, o)
//		out = diag(factors) * out + scores * values
//	}
//	native.DivideRows(out, out, sums, o)
//
// An exponential is e^(scale*x) times a factor that the row's exponentials share: such a power of
// two, times a constant, that the exponential of the largest element of all blocks so far is from 3
// to 6.2. One below 2^-125 is 0, and so is that of an element that a mask takes out. As factors are
// powers of two (unless the row's largest element is beyond 327,680 in size), or 0 if nothing came
// before, multiplying by them rounds nothing.
//
// Sums[i] becomes what [Accumulator.Add] makes it, bit by bit. An empty one takes the scale on; others
// must have it: the size of Options.Scale, or 1 if that is 2^120 or more or Options.Add has Data. The sum
// has the terms and bits of an Accumulator: a row in one block becomes, by DivideRows, the bits of
// [SoftmaxRows]. A NaN or +Inf makes the row's exponentials and its factor NaN.
//
// Float32 rows as they are, with AVX-512 or AVX2, take 1.6 to 2 times the time of [SoftmaxRows] for 64
// elements, 1.2 to 1.5 times for 128 and 256, and about as long as it from 1,000 on. Rows with elements more
// than 30 below the largest one, as -Inf, take two passes of exponentials, and so about twice its time.
//
// Options.Causal with Offset q - k is for scores of queries from q on and keys from k on. Sums and
// factors have as many elements as src has rows. The terms of dst are those of [SoftmaxRows]; factors
// may not overlap dst, src or what o has. ExpRows panics if shapes, scales or options don't fit.
func ExpRows[D, S Element](dst Matrix[D], src Matrix[S], sums []Accumulator, factors []float32, o *Options) {
	const who = "native.ExpRows"
	if len(sums) != src.Rows || len(factors) != src.Rows {
		panic(fmt.Sprintf("%s: len(sums) is %d, len(factors) is %d, both must be the number of rows, %d", who, len(sums), len(factors), src.Rows))
	}
	some := checkPair(who, "src", &dst, &src)
	o.check(who, src.Rows, src.Cols)
	if n := len(factors); overlap(factors, dst.used()) || overlap(factors, src.used()) ||
		o != nil && (overlap(factors, o.Scales) || overlap(factors, o.Add.Data)) {
		panic(fmt.Sprintf("%s: factors of %d elements overlap dst, src or options; they must be apart", who, n))
	}
	var c call
	begin(&c, opExp, &dst, &src, o)
	c.checkAdd(who)
	c.sums, c.factors = sums, factors
	c.checkSums(who)
	if !some {
		for i := range sums {
			factors[i] = sums[i].Factor(&sums[i])
		}
		return
	}
	c.plan.goroutines = min(c.plan.goroutines, c.rows) // a row is done by one
	c.run()
}

// checkSums panics unless each row's accumulator has the row's scale, or is empty.
func (c *call) checkSums(who string) {
	scale := c.one.factor
	for i := range c.sums {
		if len(c.o.Scales) > 0 {
			same := *c
			same.setScale(c.o.Scales[i])
			scale = same.one.factor
		}
		if i == 0 || len(c.o.Scales) > 0 {
			if err := checkScale(scale); err != nil {
				panic(fmt.Sprintf("%s: row %d: %v", who, i, err))
			}
		}
		if a := &c.sums[i]; a.Scale() != scale && a.kind() != allInf {
			panic(fmt.Sprintf("%s: sums[%d] has scale %v, the row's is %v", who, i, a.Scale(), scale))
		}
	}
}

// DivideRows divides row i of src, results that come from the exponentials of [ExpRows], by the sum of
// sums[i]. The exponentials themselves become the softmax. Elements may be of any size and sign; what
// this adds to the relative error is at most 1.001 * 2^-24. Results below 2^-126 in size are 0.
//
// If sums[i] is empty, as if a mask took out all keys, the row becomes NaN, or 0 with
// Options.ZeroRows; if it has a NaN or +Inf, NaN. Of other options only Goroutines counts. Dst may be
// src, under the terms of [SoftmaxRows]. DivideRows panics if shapes don't fit, or sums does not have
// as many elements as src has rows.
func DivideRows(dst, src Matrix[float32], sums []Accumulator, o *Options) {
	const who = "native.DivideRows"
	if len(sums) != src.Rows {
		panic(fmt.Sprintf("%s: len(sums) is %d, it must be the number of rows, %d", who, len(sums), src.Rows))
	}
	if !checkPair(who, "src", &dst, &src) {
		return
	}
	if err := o.Check(); err != nil {
		panic(err.Error())
	}
	if p := o.makePlan(src.Rows, src.Cols, false); p.goroutines > 1 {
		divideShared(dst, src, sums, o.ZeroRows, p.goroutines)
		return
	}
	for i := range sums {
		sums[i].divide(dst.row(i), src.row(i), o != nil && o.ZeroRows)
	}
}

// divideShared is apart so that what the goroutines share is on the heap for them alone.
func divideShared(dst, src Matrix[float32], sums []Accumulator, zeros bool, goroutines int) {
	n := max(1, taskLen/src.Cols)
	parallel.Do(goroutines, (src.Rows+n-1)/n, func(task int) {
		for i := task * n; i < min((task+1)*n, src.Rows); i++ {
			sums[i].divide(dst.row(i), src.row(i), zeros)
		}
	})
}

// divide does a row.
func (a *Accumulator) divide(dst, src []float32, zeros bool) {
	j := newJob(dst, src)
	j.zeros = zeros
	if k := a.kind(); k != regular {
		j.writeSpecial(k)
		return
	}
	f := arith.MakeFactor(a.unitTotal())
	least, most := math.Float32bits(f.Thr), math.Float32bits(arith.ScaleMost)
	for _, y := range src {
		if b := math.Float32bits(y) &^ (1 << 31); b-least > most-least && b != 0 {
			f.Divide(dst, src)
			return
		}
	}
	f.Thr = negInf
	j.level.Scale(dst, src, &f)
}
