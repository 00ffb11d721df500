package f64

import (
	"math"
	"slices"
	"sync"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
)

// job is a row, and what is to be made of it.
type job struct {
	level    arith64.Level
	src, dst []float64

	// What is done to elements before anything else: x * mul + add, and -Inf where keep is false.
	mul  float64
	add  []float64
	keep []bool

	scale arith64.Scale // of what that makes
	zeros bool          // a row of -Inf alone becomes zeros

	// settled: it is known whether the row is shifted. If it is, shift is its largest element.
	settled, shifted bool
	wasSettled       bool // see leaveOut
	shift            float64
	// skip is 1 more than the index of an element that counts as -Inf, 0 for none.
	skip int
	// tried: [sumLogChunk] did not do the row.
	tried bool

	buf *buffers
}

// buffers are what a job may need besides its operands.
type buffers struct {
	in   [arith64.Chunk]float64
	self *buffers // what goes back to the pool: of a job's own pointer the compiler fears more
}

var bufferPool = sync.Pool{New: func() any {
	b := new(buffers)
	b.self = b
	return b
}}

func (j *job) buffers() *buffers {
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	return j.buf
}

// release gives buffers back.
func (j *job) release() {
	if j.buf != nil {
		bufferPool.Put(j.buf.self)
		j.buf = nil
	}
}

// direct reports whether elements are those of src, unless shifted.
func (j *job) direct() bool { return j.mul == 1 && j.add == nil && j.keep == nil }

// elements are those from at to end, at most a chunk.
func (j *job) elements(at, end int) []float64 {
	x := j.src[at:end]
	skip := j.skip > at && j.skip <= end
	if j.direct() && !j.shifted && !skip {
		return x
	}
	z := j.buffers().in[:end-at]
	var add []float64
	var keep []bool
	if j.add != nil {
		add = j.add[at:end]
	}
	if j.keep != nil {
		keep = j.keep[at:end]
	}
	arith64.Prepare(j.level, z, x, j.mul, add, keep)
	if j.shifted {
		for i := range z {
			z[i] -= j.shift
		}
	}
	if skip {
		z[j.skip-1-at] = negInf
	}
	return z
}

// kind is what a row is.
type kind uint8

const (
	regular kind = iota
	allInf       // -Inf alone
	plusInf      // +Inf and no NaN
	hasNaN
)

// sumChunk is the first pass over a chunk. It stores exponentials in dst if store. It is false if the
// row has to be settled first. Tops takes the elements, too, unless it is nil.
func (j *job) sumChunk(at, end int, store bool, tops *heap) (s sum, ok bool) {
	z := j.elements(at, end)
	if s.at = at; tops != nil {
		s.max = tops.take(j.level, z, at)
	} else {
		s.max = arith64.Max(j.level, z)
	}
	size := s.max * j.scale.Factor
	switch {
	case s.max == negInf || j.settled && size < -4*arith64.Far:
		if slices.ContainsFunc(z, math.IsNaN) {
			s.hi = nan
		}
		if store {
			clear(j.dst[at:end])
		}
		return s, true
	case !j.settled && !(math.Abs(size) <= arith64.Far):
		return s, false
	}
	var st arith64.Sum
	s.n = j.scale.N(s.max)
	st.SetN(&j.scale, s.n)
	if end < len(j.src) && j.direct() {
		st.Ahead = 8 * arith64.Chunk
	}
	if store {
		arith64.StoreExp(j.level, j.dst[at:end], z, &st)
	} else {
		arith64.AddExp(j.level, z, &st)
	}
	s.hi, s.lo = st.Total()
	return s, true
}

// storeChunks is how many chunks may have stored exponentials.
const storeChunks = recomputeFrom / arith64.Chunk

// sumBlock sums the chunks from at on up to end. With ns it stores exponentials, and each chunk's N. Where
// it is not ok, done is the beginning of the chunk for which the row has to be settled.
func (j *job) sumBlock(at, end int, ns *[storeChunks]float64, tops *heap) (s sum, done int, ok bool) {
	s.max = negInf
	for ; at < end; at += arith64.Chunk {
		c, ok := j.sumChunk(at, min(at+arith64.Chunk, end), ns != nil, tops)
		if !ok {
			return s, at, false
		}
		if ns != nil {
			ns[at/arith64.Chunk] = c.n
			if c.hi == 0 {
				ns[at/arith64.Chunk] = negInf
			}
		}
		s.merge(&c)
	}
	return s, end, true
}

// sumRow sums a row. It stores exponentials if there are ns for their chunks.
func (j *job) sumRow(ns *[storeChunks]float64, tops *heap) (total sum, kind kind) {
	n := len(j.src)
	total.max = negInf
	for at := 0; at < n && kind == regular; at += arith64.Block {
		end := min(at+arith64.Block, n)
		b, done, ok := j.sumBlock(at, end, ns, tops)
		if !ok {
			kind = j.settle(done, max(total.max, b.max), total.hi != total.hi || b.hi != b.hi)
			if j.shifted { // what was before is nothing next to the largest element
				total, b = sum{max: negInf}, sum{max: negInf}
				if ns != nil {
					clear(j.dst[:done])
					for i := range done / arith64.Chunk {
						ns[i] = negInf
					}
				}
			}
			for ; done < end && kind == regular; done += arith64.Chunk {
				c, _, _ := j.sumBlock(done, min(done+arith64.Chunk, end), ns, tops)
				b.merge(&c)
			}
		}
		total.merge(&b)
	}
	if kind != regular {
		return total, kind
	}
	return total, total.kind()
}

// kind is that of a row with this sum, which has no +Inf.
func (a *sum) kind() kind {
	switch {
	case a.hi != a.hi:
		return hasNaN
	case a.hi == 0:
		return allInf
	}
	return regular
}

// settle finds out whether the row's largest element is so far from 0 that the row is shifted. Of what is
// before at, top is the largest element, and isNaN tells whether there is a NaN.
func (j *job) settle(at int, top float64, isNaN bool) kind {
	for ; at < len(j.src); at += arith64.Chunk {
		z := j.elements(at, min(at+arith64.Chunk, len(j.src)))
		top = max(top, arith64.Max(j.level, z))
		isNaN = isNaN || slices.ContainsFunc(z, math.IsNaN)
	}
	switch {
	case isNaN:
		return hasNaN
	case top > math.MaxFloat64:
		return plusInf
	case top == negInf:
		return allInf
	}
	j.settled = true
	if math.Abs(top*j.scale.Factor) > 2*arith64.Far {
		j.shifted, j.shift = true, top
	}
	return regular
}

// softmax does a row.
func (j *job) softmax() {
	switch {
	case len(j.src) == 0:
	case j.direct() && len(j.src) <= arith64.Chunk && softmaxChunk(j.level, j.dst, j.src, &j.scale):
	case len(j.src) < recomputeFrom:
		j.softmaxStored()
	default:
		if total, kind := j.sumRow(nil, nil); kind != regular {
			j.writeSpecial(kind, false)
		} else {
			p := softmaxPass(&total)
			j.write(&p, 0, len(j.src))
		}
	}
}

// softmaxChunk does a row of a chunk that is to be taken as it is, and whose largest element is not far from
// 0. It reports whether it did.
func softmaxChunk(l arith64.Level, dst, src []float64, s *arith64.Scale) bool {
	m := arith64.Max(l, src)
	if !(math.Abs(m*s.Factor) <= arith64.Far) {
		return false
	}
	var st arith64.Sum
	st.SetN(s, s.N(m))
	arith64.StoreExp(l, dst, src, &st)
	hi, lo := st.Total()
	if hi != hi {
		fill(dst, nan)
		return true
	}
	f, _ := arith64.MakeFactor(hi, lo, 0)
	arith64.ScaleStored(l, dst, dst, &f)
	return true
}

// sumLogChunk is [job.sumLog] of such a row, unless its largest element is more than twice as much as all
// others.
func sumLogChunk(l arith64.Level, src []float64, s *arith64.Scale) (t sum, ok bool) {
	l = arith64.BeforeGo(l, len(src))
	if uint(len(src)-1) < arith64.Turn {
		t.hi, t.lo, t.max, ok = arith64.SumRow(l, src, s)
		t.n = s.N(t.max)
	}
	if !ok {
		t.max = arith64.Max(l, src)
		if !(math.Abs(t.max*s.Factor) <= arith64.Far) {
			return t, false
		}
		var st arith64.Sum
		t.n = s.N(t.max)
		st.SetN(s, t.n)
		arith64.AddExp(l, src, &st)
		t.hi, t.lo = st.Total()
	}
	t.top = s.Exp(t.max, t.n)
	t.rest = (t.hi - t.top) + t.lo
	return t, t.rest >= t.top*0.5
}

// softmaxStored does a row with exponentials that are stored.
func (j *job) softmaxStored() {
	var ns [storeChunks]float64
	total, kind := j.sumRow(&ns, nil)
	if kind != regular {
		j.writeSpecial(kind, false)
		return
	}
	for at := 0; at < len(j.dst); at += arith64.Chunk {
		y := j.dst[at:min(at+arith64.Chunk, len(j.dst))]
		if f, ok := arith64.MakeFactor(total.hi, total.lo, total.n-ns[at/arith64.Chunk]); ok {
			arith64.ScaleStored(j.level, y, y, &f)
		} else {
			clear(y)
		}
	}
}

// pass is what the second pass over elements has to know.
type pass struct {
	log       bool
	n         float64 // of exponentials
	f         arith64.Factor
	m, excess float64 // of log-softmax
}

// softmaxPass is for a total.
func softmaxPass(total *sum) pass {
	f, _ := arith64.MakeFactor(total.hi, total.lo, 0)
	return pass{n: total.n, f: f}
}

// write is the second pass over the elements themselves, from at to end.
func (j *job) write(p *pass, at, end int) {
	var st arith64.Sum
	st.SetN(&j.scale, p.n)
	st.Ahead = 4096 // bytes: the least time of 0, 512, 2048, 4096 and 8192
	for ; at < end; at += arith64.Chunk {
		last := min(at+arith64.Chunk, end)
		if y, z := j.dst[at:last], j.elements(at, last); p.log {
			arith64.LogSub(j.level, y, z, p.m, j.scale.Factor, p.excess)
		} else {
			arith64.ExpScale(j.level, y, z, &st, &p.f)
		}
	}
}

// sumLog is the sum of a row for logarithms.
func (j *job) sumLog() (total sum, kind kind) {
	if j.direct() && len(j.src) <= arith64.Chunk && !j.tried {
		if t, ok := sumLogChunk(j.level, j.src, &j.scale); ok {
			return t, regular
		}
	}
	if total, kind = j.sumRow(nil, nil); kind == regular && j.leaveOut(&total) {
		others, _ := j.sumRow(nil, nil)
		j.putBack(&total, &others)
	}
	return total, kind
}

// leaveOut completes a sum for logarithms. Where the largest element is sure, the others are rounded off
// next to it: then it is true, and the row has to be summed without that element, until putBack.
func (j *job) leaveOut(total *sum) bool {
	total.top = j.scale.Exp(total.max, total.n)
	total.rest = (total.hi - total.top) + total.lo
	if !total.sure() {
		return false
	}
	end := min(total.at+arith64.Chunk, len(j.src))
	j.skip = 1 + total.at + slices.Index(j.elements(total.at, end), total.max)
	j.wasSettled, j.settled = j.settled, true // the others have to have the same reference
	return true
}

// putBack has the sum of the others.
func (j *job) putBack(total, others *sum) {
	j.skip, j.settled = 0, j.wasSettled
	total.rest = 0
	if others.hi != 0 { // whose n is at most the total's
		total.rest = scaled(others.hi+others.lo, others.n-total.n)
	}
}

// top is the largest element, without a shift.
func (j *job) top(total *sum) float64 {
	if j.shifted {
		return j.shift
	}
	return total.max
}

// logPass is the second pass of log-softmax. It takes the shift from elements.
func (j *job) logPass(total *sum) pass {
	m := j.top(total)
	h, l := total.excess(&j.scale)
	j.shifted = false // the shift is in m
	return pass{log: true, m: m, excess: h + l}
}

// logSoftmax does a row.
func (j *job) logSoftmax() {
	if len(j.src) == 0 {
		return
	}
	total, kind := j.sumLog()
	if kind != regular {
		j.writeSpecial(kind, true)
		return
	}
	p := j.logPass(&total)
	j.write(&p, 0, len(j.src))
}

// logProb is element k of a row's log-softmax, -Inf behind the row.
func (j *job) logProb(k int, total *sum, kind kind) float64 {
	switch {
	case kind == allInf:
		return j.emptyValue(true)
	case kind != regular:
		return nan
	case k >= len(j.src):
		return negInf
	}
	p := j.logPass(total)
	arith64.LogSub(arith64.Plain, j.dst, j.elements(k, k+1), p.m, j.scale.Factor, p.excess)
	return j.dst[0]
}

// logSumExp does a row.
func (j *job) logSumExp(total *sum, kind kind) float64 {
	if kind != regular {
		return kind.log()
	}
	return total.log(j.top(total), &j.scale)
}

// log is the log-sum-exp of a row that is not regular.
func (k kind) log() float64 {
	switch k {
	case allInf:
		return negInf
	case plusInf:
		return math.Inf(1)
	}
	return nan
}

// emptyValue is what a row of -Inf alone becomes.
func (j *job) emptyValue(log bool) float64 {
	switch {
	case !j.zeros:
		return nan
	case log:
		return negInf
	}
	return 0
}

// writeSpecial is the second pass over rows that are not regular.
func (j *job) writeSpecial(k kind, log bool) {
	y := nan
	if k == allInf {
		y = j.emptyValue(log)
	}
	fill(j.dst, y)
}

func fill(dst []float64, y float64) {
	for i := range dst {
		dst[i] = y
	}
}

var (
	negInf = math.Inf(-1)
	nan    = arith64.NaN
)
