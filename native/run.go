package native

import (
	"math"
	"sync"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// A row is run chunk by chunk: a first pass sums exponentials, and may store them; a second
// one writes results. Package arith says what the numbers are.

// job is a row, and what is to be made of it.
type job struct {
	level arith.Level
	src   operand
	dst   operand
	// e is where the first pass stores exponentials, nil if the second computes them again.
	e []float32

	// What is done to elements before anything else, see Prepare of package arith.
	mul  float32
	add  []float32
	keep []bool

	scale  arith.Scale // of what that makes
	factor float32     // the same as a number

	touch  bool // 16-bit elements and results are far away in memory
	log    bool // the largest element and the rest are wanted
	stream bool // results go around the caches
	zeros  bool // a row of -Inf alone becomes zeros
	shared bool // several goroutines do the row, each with a job and buffers of its own
	// shift is subtracted from elements if shifted: the largest one, beyond 5 * 2^16 in size.
	shifted bool
	shift   float32
	// top takes the largest elements in the first pass, if they are wanted.
	top *top

	buf *buffers
}

// buffers hold blocks of a row that is prepared or converted.
type buffers struct {
	in, out [blockLen]float32
	chunks  []chunk
	// segments are those of the one chunk of a row.
	segments []segment
	row      []float32
	top      top
	// self is what goes back to the pool. To the compiler a field of a job that goes there takes the
	// job's other pointers along, and arrays of the caller's would have to be on the heap.
	self *buffers
}

var bufferPool = sync.Pool{New: func() any {
	b := new(buffers)
	b.self = b
	return b
}}

// direct reports whether elements are what src holds.
func (j *job) direct() bool {
	return j.src.format == isFloat32 && j.mul == 1 && j.add == nil && j.keep == nil && !j.shifted
}

// elements are those from at on, up to end or fewer, a multiple of a turn then.
func (j *job) elements(at, end int) []float32 {
	if j.direct() {
		return j.src.f[at:end]
	}
	end = min(end, at+blockLen)
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	z := j.buf.in[:end-at]
	x := z
	switch j.src.format {
	case isFloat32:
		x = j.src.f[at:end]
	case isFloat16:
		j.level.WidenF16(z, j.src.h[at:end])
	case isBFloat16:
		j.level.WidenBF16(z, j.src.h[at:end])
	}
	if j.mul != 1 || j.add != nil || j.keep != nil {
		var add []float32
		var keep []bool
		if j.add != nil {
			add = j.add[at:end]
		}
		if j.keep != nil {
			keep = j.keep[at:end]
		}
		j.level.Prepare(z, x, j.mul, add, keep)
		x = z
	}
	if j.shifted {
		for i, v := range x {
			z[i] = v - j.shift
		}
	}
	return z
}

// rowBuffer is a buffer for the exponentials of a row.
func (j *job) rowBuffer(n int) []float32 {
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	if len(j.buf.row) < n {
		j.buf.row = make([]float32, max(blockLen, n))
	}
	return j.buf.row[:n]
}

// release gives buffers back.
func (j *job) release() {
	if j.buf != nil {
		bufferPool.Put(j.buf.self)
		j.buf = nil
	}
}

// A chunk is what is summed by itself.
type chunk struct {
	at, done, end int // of the row
	state         state
	n             float32   // N of the segment that ends at done
	segments      []segment // those before
	sum           sum
}

// A segment is a part of a chunk whose exponentials share an N.
type segment struct {
	end int
	n   float32
}

// state is how a chunk's first pass ended.
type state uint8

const (
	summed state = iota
	far          // before a turn with an element beyond arith.Far
	low          // all elements are below -arith.Huge, and nothing was written
)

// split makes the chunks of a row.
func (j *job) split(one *[1]chunk) []chunk {
	n := j.src.len()
	if n <= arith.Chunk {
		one[0] = chunk{end: n}
		return one[:]
	}
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	cs := j.buf.chunks[:0]
	for at := 0; at < n; at += arith.Chunk {
		var room []segment // of an earlier row
		if len(cs) < cap(cs) {
			room = cs[:len(cs)+1][len(cs)].segments[:0]
		}
		cs = append(cs, chunk{at: at, done: at, end: min(at+arith.Chunk, n), segments: room})
	}
	j.buf.chunks = cs
	return cs
}

// sumChunk is the first pass over a chunk.
func (j *job) sumChunk(c *chunk) {
	st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo}
	var ok bool
	if st.N, st.Lim, ok = j.scale.Guess(j.elements(c.at, min(c.at+1, c.end))[0]); !ok && !j.search(c, &st) {
		return
	}
	st.Reset()
	j.resume(c, &st, j.scale.High)
}

// search looks for the first element of a chunk that is not far below 0, and sets N by it, or
// else by the largest. It is false if that ends the first pass.
func (j *job) search(c *chunk, st *arith.Sum) bool {
	// A sum with N = 0 of elements so low is 0, and stops at the others.
	st.N, st.Lim = 0, math.Nextafter32(j.scale.Low, negInf)
	st.Reset()
	for at, n := c.at, arith.Turn; at < c.end; n = blockLen { // most often a turn has one
		z := j.elements(at, min(at+n, c.end))
		k := j.level.Sum(z, st)
		for _, x := range z[k:] {
			if x >= j.scale.Low {
				if st.N, st.Lim, _ = j.scale.Guess(x); x > j.scale.High {
					c.state = far
					return false
				}
				return true
			}
		}
		at += len(z)
	}
	top := st.Largest()
	c.sum = sum{total: st.Total(), max: top}
	if c.sum.total != c.sum.total {
		c.done = c.end
		return false
	}
	return j.start(c, st, top)
}

// start sets N by the largest element of a chunk that is all low.
func (j *job) start(c *chunk, st *arith.Sum, top float32) bool {
	if !(float64(top)*float64(j.factor) >= -arith.Huge) {
		c.state = low
		return false
	}
	st.N, st.Lim = j.scale.Within(top, j.scale.Low)
	return true
}

// resume sums a chunk from c.done on, from st as it is. Elements are at most limit.
func (j *job) resume(c *chunk, st *arith.Sum, limit float32) {
	begun := c.done
	if len(c.segments) == 0 {
		begun = c.at
	}
	c.state = summed
	for c.done < c.end {
		end := c.end
		if n := (c.end - c.done) &^ (arith.Turn - 1); n > 0 && j.fuses() {
			k := j.sumPrepared(c.done, c.done+n, st)
			if c.done += k; k == n {
				continue
			}
			end = min(c.end, c.done+arith.Turn) // the turn that it has to stop before
		}
		z := j.elements(c.done, end)
		if j.touch {
			j.touchNext(c.done, len(z), c.end)
		}
		var k int
		switch {
		case j.top != nil:
			k = j.sumTops(c.done, z, st)
		case j.e != nil:
			k = j.level.SumStore(j.e[c.done:][:len(z)], z, st)
		default:
			k = j.level.Sum(z, st)
		}
		if c.done += k; k == len(z) {
			continue
		}
		// The next turn has an element beyond reach.
		if c.done > begun {
			j.addSegment(c, st)
			j.keepSegment(c, segment{c.done, st.N})
			begun = c.done
			st.Reset()
		}
		top := largest(z[k:min(k+arith.Turn, len(z))])
		if top > limit {
			c.state = far
			return
		}
		st.N, st.Lim = j.scale.Within(top, limit)
	}
	j.addSegment(c, st)
	c.n = st.N
	if j.log && c.sum.sure() && c.end-c.at > 1 && c.sum.total == c.sum.total {
		j.sumAgain(c, st)
	}
}

// keepSegment appends to the segments of a chunk. Their memory is that of an earlier row: a row of several
// chunks has it in these, and a row of one in the buffers.
func (j *job) keepSegment(c *chunk, s segment) {
	if j.src.len() > arith.Chunk || j.shared {
		c.segments = append(c.segments, s)
		return
	}
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	c.segments = append(j.buf.segments[:len(c.segments)], s)
	j.buf.segments = c.segments
}

// fuses reports whether whole turns of a chunk are prepared, summed and stored by one kernel.
func (j *job) fuses() bool {
	return (j.add != nil) != (j.keep != nil) && (j.add != nil || j.mul == 1) && j.e != nil &&
		j.src.format == isFloat32 && !j.shifted && j.level.Fuses(arith.Turn)
}

// sumPrepared is SumStore by such a kernel.
func (j *job) sumPrepared(at, end int, st *arith.Sum) int {
	if j.keep != nil {
		return j.level.SumStoreKept(j.e[at:end], j.src.f[at:end], j.keep[at:end], st)
	}
	st.Mul = j.mul
	return j.level.SumStoreAdded(j.e[at:end], j.src.f[at:end], j.add[at:end], st)
}

// touchNext asks for the elements that come after n from at on, and for what the second pass
// writes in place of those n: the loops that convert have too little to do to wait for memory.
func (j *job) touchNext(at, n, end int) {
	if j.src.format != isFloat32 && at+n < end {
		next := j.src.h[at+n : min(at+2*n, end)]
		j.level.Touch(next, 1, len(next), 0)
	}
	if j.dst.format != isFloat32 {
		j.level.Touch(j.dst.h[at:], 1, n, 0)
	}
}

// addSegment adds a segment to a chunk's sum.
func (j *job) addSegment(c *chunk, st *arith.Sum) {
	s := sum{n: st.N, total: st.Total(), max: negInf}
	if j.log {
		s.max = st.Largest()
		e := j.scale.Exp(s.max, st.N)
		s.top, s.rest = float64(e), st.Rest(s.max, e)
	}
	c.sum.merge(&s)
}

// sumAgain sums a chunk once more whose largest element is more than all others together,
// without that element: next to it they are rounded off. The first pass has written nothing.
func (j *job) sumAgain(c *chunk, st *arith.Sum) {
	top := c.sum.max
	st.Reset()
	st.N = j.scale.Below(top)
	for at := c.at; at < c.end; {
		z := j.elements(at, c.end)
		j.level.SumWithout(z, top, st)
		at += len(z)
	}
	c.sum.rescale(st.N)
	c.sum.rest = st.Total()
}

// sumRow is the sum of all chunks after their first passes. What is rare is settled here: rows
// with elements that are far from 0.
func (j *job) sumRow(chunks []chunk) (total sum, kind kind) {
	var isFar, isLow bool
	for i := range chunks {
		c := &chunks[i]
		isFar = isFar || c.state == far
		isLow = isLow || c.state == low
	}
	if isFar || isLow {
		if kind := j.settle(chunks, isFar); kind != regular {
			return sum{}, kind
		}
	}
	for i := range chunks {
		if c := &chunks[i]; c.state == summed {
			total.merge(&c.sum)
		}
	}
	if total.total != total.total {
		return sum{}, hasNaN
	}
	return total, regular
}

// settle is for rows with elements far from 0. Those with a largest element beyond arith.Huge
// in size are shifted: that element is subtracted first.
func (j *job) settle(chunks []chunk, isFar bool) kind {
	top := negInf
	nan := false
	for i := range chunks {
		c := &chunks[i]
		nan = nan || c.sum.total != c.sum.total
		switch c.state {
		case low:
			top = max(top, c.sum.max)
		case far:
			for at := c.done; at < c.end; {
				z := j.elements(at, c.end)
				for _, x := range z {
					nan = nan || x != x
					if x > top {
						top = x
					}
				}
				at += len(z)
			}
		default:
			if !isFar { // a row with an element that is not low is not shifted downwards
				top = max(top, j.scale.Low)
			}
		}
	}
	size := float64(top) * float64(j.factor)
	switch {
	case nan:
		return hasNaN
	case top > math.MaxFloat32:
		return plusInf
	case top < -math.MaxFloat32:
		return allInf
	case size > arith.Huge || size < -arith.Huge:
		j.shifted, j.shift = true, top
	}
	for i := range chunks {
		c := &chunks[i]
		st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo}
		st.Reset()
		switch {
		case j.shifted:
			// What was written is of elements too far below the largest to count.
			if j.e != nil {
				clear(j.e[c.at:c.done])
			}
			c.segments, c.sum = c.segments[:0], sum{}
			if c.done == c.end {
				c.state = low
				continue
			}
			st.N, st.Lim = -arith.Headroom, 1
			j.resume(c, &st, 1)
		case c.state == far:
			limit := arith.Limit(j.factor)
			top := largest(j.elements(c.done, min(c.done+arith.Turn, c.end)))
			st.N, st.Lim = j.scale.Within(max(top, j.scale.Low), limit)
			j.resume(c, &st, limit)
		case c.state == low && float64(c.sum.max)*float64(j.factor) > -arith.Huge-1024:
			st.N, st.Lim = j.scale.Within(c.sum.max, j.scale.Low)
			c.sum = sum{}
			j.resume(c, &st, j.scale.Low)
		}
	}
	return regular
}

// writeSoftmax is the second pass over a chunk.
func (j *job) writeSoftmax(c *chunk, total *sum) {
	if c.state == low {
		o := j.dst.part(c.at, c.end)
		o.fill(0)
		return
	}
	if j.e == nil {
		st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo, N: total.n}
		f := arith.MakeFactor(total.total)
		for at := c.at; at < c.end; {
			z := j.elements(at, c.end)
			y := j.results(at, at+len(z))
			z = z[:len(y)]
			if j.stream {
				j.level.ExpScaleStream(y, z, &st, &f)
			} else {
				j.level.ExpScale(y, z, &st, &f)
			}
			j.store(at, y)
			at += len(z)
		}
		return
	}
	at := c.at
	for _, s := range c.segments {
		j.writeSegment(at, s.end, s.n, total)
		at = s.end
	}
	j.writeSegment(at, c.end, c.n, total)
}

// writeSegment multiplies the stored exponentials of a segment.
func (j *job) writeSegment(at, end int, n float32, total *sum) {
	down := min(total.n-n, 256) // from there on all results are 0
	f := arith.MakeFactor(total.total * pow2(down))
	steps := 0 // by 2^-64, exact, so that the factor is a normal number with all its bits
	for ; f.CHi < 1 && down > 0; steps++ {
		down -= 64
		f = arith.MakeFactor(total.total * pow2(down))
	}
	for at < end {
		y := j.results(at, end)
		x := j.e[at:][:len(y)]
		for range steps {
			j.level.Scale(y, x, &arith.Factor{CHi: 0x1p36, Thr: 0x1p-62})
			x = y
		}
		if j.stream && steps == 0 {
			j.level.ScaleStream(y, x, &f)
		} else {
			j.level.Scale(y, x, &f)
		}
		j.store(at, y)
		at += len(y)
	}
}

// results is where results from at on go before store: up to end, or fewer.
func (j *job) results(at, end int) []float32 {
	if j.dst.format == isFloat32 {
		return j.dst.f[at:end]
	}
	if j.buf == nil {
		j.buf = bufferPool.Get().(*buffers)
	}
	return j.buf.out[:min(end-at, blockLen)]
}

// store converts results, unless they are in dst.
func (j *job) store(at int, y []float32) {
	switch j.dst.format {
	case isFloat16:
		j.level.NarrowF16(j.dst.h[at:at+len(y)], y)
	case isBFloat16:
		j.level.NarrowBF16(j.dst.h[at:at+len(y)], y)
	}
}

// writeLog is log-softmax's second pass over a chunk.
func (j *job) writeLog(c *chunk, total *sum, excess float32) {
	// Once more as they are: the shift is in the largest element.
	m := total.max
	if j.shifted {
		m, j.shifted = j.shift, false
		defer func() { j.shifted = true }()
	}
	for at := c.at; at < c.end; {
		z := j.elements(at, c.end)
		y := j.results(at, at+len(z))
		z = z[:len(y)]
		if math.Abs(float64(m)) < arith.SubFarFrom {
			j.level.LogSub(y, z, m, j.factor, excess)
		} else {
			arith.LogSubFar(y, z, m, j.factor, excess)
		}
		j.store(at, y)
		at += len(z)
	}
}

// emptyValue is what a row of -Inf alone becomes.
func (j *job) emptyValue() float32 {
	switch {
	case !j.zeros:
		return nan
	case j.log:
		return negInf
	}
	return 0
}

// writeSpecial is the second pass over rows that are not regular.
func (j *job) writeSpecial(k kind) {
	if k == allInf {
		j.dst.fill(j.emptyValue())
	} else {
		j.dst.fill(nan)
	}
}

// softmaxFrom does a row in this goroutine. A kernel of rows stored the first done
// exponentials in j.e already, with this n.
func (j *job) softmaxFrom(n float32, done int) {
	if j.src.len() == 0 {
		return
	}
	var one [1]chunk
	chunks := j.split(&one)
	if done > 0 {
		st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo, N: n}
		st.Reset()
		st.AddStored(j.e[:done])
		st.Lim = j.scale.LimitOf(n)
		one[0].done = done
		j.resume(&one[0], &st, j.scale.High)
	} else {
		for i := range chunks {
			j.sumChunk(&chunks[i])
		}
	}
	total, kind := j.sumRow(chunks)
	if kind != regular {
		j.writeSpecial(kind)
		return
	}
	for i := range chunks {
		j.writeSoftmax(&chunks[i], &total)
	}
}

// logSoftmax does a row in this goroutine.
func (j *job) logSoftmax() {
	if j.src.len() == 0 || j.ordinaryLogSoftmax() {
		return
	}
	var one [1]chunk
	chunks, total, kind := j.firstPass(&one)
	if kind != regular {
		j.writeSpecial(kind)
		return
	}
	excess := float32(total.excess(j.factor))
	for i := range chunks {
		j.writeLog(&chunks[i], &total, excess)
	}
}

// firstPass sums a row up in this goroutine. The chunk of a short one is in one.
func (j *job) firstPass(one *[1]chunk) (chunks []chunk, total sum, kind kind) {
	chunks = j.split(one)
	for i := range chunks {
		j.sumChunk(&chunks[i])
	}
	total, kind = j.sumRow(chunks)
	return chunks, total, kind
}

// logSumExp does a row in this goroutine.
func (j *job) logSumExp() float32 {
	if j.src.len() == 0 {
		return negInf
	}
	if y, ok := j.ordinaryLogSumExp(); ok {
		return y
	}
	var one [1]chunk
	_, total, kind := j.firstPass(&one)
	return j.logOf(&total, kind)
}

func (j *job) logOf(total *sum, kind kind) float32 {
	if kind != regular {
		return kind.log()
	}
	m := total.max
	if j.shifted {
		m = j.shift
	}
	return float32(float64(float64(m)*float64(j.factor)) + total.excess(j.factor))
}

// logProb does a row in this goroutine: element k of its log-softmax goes to dst, which has one.
func (j *job) logProb(dst []float32, k int) {
	var one [1]chunk
	var total sum
	kind := allInf
	if j.src.len() > 0 {
		_, total, kind = j.firstPass(&one)
	}
	j.writeLogProb(dst, k, &total, kind)
}

// writeLogProb is the second pass over element k alone. The causal mask may hide it.
func (j *job) writeLogProb(dst []float32, k int, total *sum, kind kind) {
	j.dst = operand{f: dst}
	switch {
	case kind != regular:
		j.writeSpecial(kind)
	case k >= j.src.len():
		dst[0] = negInf
	default:
		j.src = j.src.part(k, k+1)
		if j.add != nil {
			j.add = j.add[k : k+1]
		}
		if j.keep != nil {
			j.keep = j.keep[k : k+1]
		}
		j.writeLog(&chunk{end: 1}, total, float32(total.excess(j.factor)))
	}
}

// largest is the largest element, -Inf if there is none but NaN.
func largest(x []float32) float32 {
	m := negInf
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}
