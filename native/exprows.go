package native

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
)

// ExpRows is a step of online softmax, for attention by blocks of keys. It adds row i of src, a
// block of scores, to sums[i], writes the row's exponentials to dst, and writes to factors[i] what
// earlier results of row i must be multiplied by. [DivideRows] ends:
//
//	sums := make([]native.Accumulator, queries)
//	for each block of keys and values {
//		scores = Q * keys^T
//		native.ExpRows(scores, scores, sums, factors, o)
//		out = diag(factors) * out + scores * values
//	}
//	native.DivideRows(out, out, sums, o)
//
// An exponential is e^(scale*x) times a factor that all exponentials of the row share. It is a
// power of two times a constant, chosen so that the exponential of the largest element so far is
// from 2.9 to 6.4. Exponentials below 2^-125 and of masked elements are 0. Factors are powers of two
// (unless the row's largest element is beyond 327,680 in size), so multiplying by them rounds
// nothing; the factor is 0 if nothing came before.
//
// Sums[i] gets the bits of [Accumulator.Add]. An empty sum takes on the scale of o; others must
// have it: the size of Options.Scale, or 1 if that is 2^120 or more or Options.Add has Data. A row
// in one block becomes, by [DivideRows], the bits of [SoftmaxRows]. A NaN or +Inf makes the row's
// exponentials and its factor NaN.
//
// With AVX-512 or AVX2, float32 rows without masks take 1.6 to 2 times the time of SoftmaxRows for
// 64 elements, 1.2 to 1.5 times for 128 and 256, and the same from 1,000 on. Rows with elements
// more than 30 below the largest, such as -Inf, take about twice its time.
//
// For scores of queries from q on and keys from k on, set Options.Causal with Offset q - k. Sums
// and factors have one element for each row of src. The terms of dst are those of [SoftmaxRows];
// factors overlaps neither dst, src nor the slices of o. ExpRows panics if shapes, scales or
// options don't fit.
func ExpRows[D, S Element](dst Matrix[D], src Matrix[S], sums []Accumulator, factors []float32, o *Options) {
	const who = "native.ExpRows"
	if len(sums) != src.Rows || len(factors) != src.Rows {
		panic(fmt.Sprintf("%s: len(sums) is %d, len(factors) is %d, both must be the number of rows, %d", who, len(sums), len(factors), src.Rows))
	}
	some := checkPair(who, "src", &dst, &src)
	o.check(who, src.Rows, src.Cols)
	if n := len(factors); overlap(factors, dst.used()) || overlap(factors, src.used()) ||
		o != nil && (overlap(factors, o.Scales) || overlap(factors, o.Add.Data) || overlap(factors, o.Keep.Data)) {
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

// DivideRows divides row i of src, a result made with the exponentials of [ExpRows], by the sum of
// sums[i]. The exponentials themselves become the softmax. Elements may have any size and sign;
// dividing adds at most 1.001 * 2^-24 to the relative error. Results below 2^-126 in size are 0.
//
// If sums[i] is empty, as when a mask hides all keys, the row becomes NaN, or 0 with
// Options.ZeroRows. If it has a NaN or +Inf, the row becomes NaN. Of the other options only
// Goroutines counts. Dst may be src, under the terms of [SoftmaxRows]. DivideRows panics if shapes
// don't fit, or unless sums has one element for each row.
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
	for at := 0; at < len(src); at += callLen {
		end := min(at+callLen, len(src))
		j.level.Scale(dst[at:end], src[at:end], &f)
	}
}

// expRows does the rows from first to before end.
func (c *call) expRows(first, end int) {
	plain := c.plain && c.dst.format == isFloat32 && c.cols-1 < wholeRow
	for ; first < end; first++ {
		if plain {
			if first = c.expPlain(first, end); first == end {
				return
			}
		}
		c.expRow(first)
	}
}

// expRow does row i.
func (c *call) expRow(i int) {
	a := &c.sums[i]
	if a.kind() == allInf {
		*a = Accumulator{scale: c.one.factor}
	}
	before := *a
	j := c.job(i)
	a.add(&j)
	c.factors[i] = a.Factor(&before)
	a.exps(&j)
	j.release()
	if n := c.o.visible(i, c.cols); n < c.cols {
		at := i * c.dstStride
		hidden := c.dst.part(at+n, at+c.cols)
		if hidden.fill(0); a.kind() > allInf {
			hidden.fill(nan)
		}
	}
}

// expPlain is expRow for rows of float32 as they are, from first to before end, by a kernel for several.
// It returns the first row that the kernel leaves.
func (c *call) expPlain(first, end int) int {
	const most = 32
	var out [most]arith.ExpSum
	var p arith.Rows
	p.Scale = c.one.scale
	for first < end {
		n, rows := c.o.visible(first, c.cols), 1
		if n == c.cols || !c.o.Causal { // and so are those after it
			rows = min(end-first, most, rowsOfCall(c.cols))
		}
		if n < 2 {
			return first
		}
		sums := c.sums[first : first+rows]
		for k := range sums {
			a := &sums[k]
			if a.ref != 0 || a.state != regular {
				rows = k
				break
			}
			if out[k].Before = negInf; a.sum.total != 0 {
				out[k].Before = a.sum.max
			}
		}
		if rows == 0 {
			return first
		}
		done := c.plan.level.ExpRows(c.dst.f[first*c.dstStride:], c.src.f[first*c.srcStride:], rows, n, c.dstStride, c.srcStride, out[:rows], &p)
		sums, factors := sums[:done], c.factors[first:][:done]
		for k := range sums {
			s, a := &out[k], &sums[k]
			if s.Sure() {
				s.BeSure(&p.Scale)
			}
			if a.sum.total == 0 {
				a.scale = c.one.factor
				a.sum = sum{n: s.N, total: s.Total, max: s.Max, top: s.Top, rest: s.Rest}
				factors[k] = 0
			} else {
				factors[k] = pow2Down(p.Unit(a.sum.max) - s.Unit)
				a.sum.add(s.N, s.Max, s.Total, s.Top, s.Rest)
			}
		}
		for i := first; i < first+done && n < c.cols; i++ {
			clear(c.dst.f[i*c.dstStride:][n:c.cols])
		}
		if first += done; done < rows {
			return first
		}
	}
	return end
}
