package native

import (
	"math"
	"sync"

	"github.com/twopass-softmax/twopass/ukernel"
)

// chunkLen is the number of elements that are reduced on their own, before the
// sums are merged in order. The same chunks are shared out to goroutines, which
// is why their number does not show in the bits.
const chunkLen = 1 << 16

// sumBlock is the number of elements that a kernel sums in float32, before the
// sum goes on in float64. It is also that whose maximum is found before they are
// read again to sum them: 16 KiB stay in any first-level cache.
const sumBlock = 1 << 12

// nearBlock is the most elements that a kernel sums that needs no maximum first: each
// block stops the flow of the input. A block with an element that is larger than was
// to be expected is read again, of which a row has several, so that it had better be
// a small part of the row: see nearBlockOf.
const nearBlock = 1 << 14

// nearBlockOf is the length of such blocks in a row of n elements.
func nearBlockOf(n int) int { return max(sumBlock, min(n/64, nearBlock)) }

// oneBlock is the number of elements up to which the three passes of the reload
// algorithm go over the whole row: while it is in some cache, reading it again costs
// less than stopping and starting for each block.
const oneBlock = 1 << 20

// scratchLen is the length of a scratch buffer.
const scratchLen = sumBlock

var scratchPool = sync.Pool{New: func() any { return new([scratchLen]float32) }}

var (
	nan    = float32(math.NaN())
	negInf = float32(math.Inf(-1))
)

// sum is a sum of exponentials, sum = mass * exp(ref). The mass is in float64,
// and ref is a float32 near the largest of the elements, so that their
// difference to it loses nothing that matters, however large both are.
//
// A mass of 0 is the sum of nothing, of -Inf alone, or both; +Inf is one with
// +Inf and no NaN; NaN one with a NaN. Their ref is 0.
type sum struct {
	mass float64
	ref  float32
}

// special reports whether there are no finite elements to speak of.
func (s sum) special() bool {
	return !(s.mass > 0 && s.mass <= math.MaxFloat64)
}

// log is the logarithm of the sum.
func (s sum) log() float64 {
	if s.special() {
		return math.Log(s.mass)
	}
	return float64(s.ref) + log(s.mass)
}

// merge adds two sums. Here and below, float64(...) around a product keeps the
// compiler from fusing it with an addition, which it does on some architectures.
func merge(a, b sum) sum {
	switch {
	case a.mass == 0:
		return b
	case b.mass == 0:
		return a
	case a.special() || b.special():
		return sum{mass: a.mass + b.mass} // +Inf unless there is a NaN
	case a.ref == b.ref:
		return sum{a.mass + b.mass, a.ref}
	case a.ref < b.ref:
		a, b = b, a
	}
	return sum{a.mass + float64(b.mass*exp(float64(b.ref)-float64(a.ref))), a.ref}
}

// classify is the sum of a row that has an infinity or a NaN and of which
// nothing but that matters. It is only for rows with +Inf or NaN.
func classify(src []float32) sum {
	for _, x := range src {
		if x != x {
			return sum{mass: math.NaN()}
		}
	}
	return sum{mass: math.Inf(1)}
}

// row is a row's worth of work: an engine, and how many goroutines it may use.
// Every step goes by chunks and puts their results together in order, so that
// the bits are the same for any number of goroutines.
type row struct {
	*engine
	goroutines int
	// stream: results had better not pass through the caches.
	stream bool
}

// around reports whether results go around the caches. In place they don't: a
// line that has been read costs nothing to be written to.
func (r row) around(dst, src []float32) bool { return r.stream && &dst[0] != &src[0] }

// split reports whether n elements are worth more than one goroutine.
func (r row) split(n int) bool { return r.goroutines > 1 && n > chunkLen }

// sum is the sum over src.
func (r row) sum(src []float32) (s sum) {
	e, ref, length := r.engine, nan, nearBlockOf(len(src))
	if e.addMax != nil && len(src) > chunkLen {
		ref = e.beginning(src)
	}
	if r.split(len(src)) {
		for _, part := range eachChunk(r.goroutines, src, func(src []float32) sum { return e.sumChunk(src, ref, length) }) {
			s = merge(s, part)
		}
		return s
	}
	for i := range chunks(len(src)) {
		s = merge(s, e.sumChunk(chunk(src, i), ref, length))
	}
	return s
}

// beginning is the largest element of the first 64th of a row, of a block at least and
// a chunk at most: few are larger by much after so many.
func (e *engine) beginning(src []float32) float32 {
	return e.rmax(src[:min(len(src), max(sumBlock, min(len(src)/64, chunkLen)))])
}

func finite(x float32) bool { return x >= -math.MaxFloat32 && x <= math.MaxFloat32 }

// sumChunk sums exp(x) relative to the largest element so far, by blocks that
// stay in the cache between finding their maximum and summing them. It reads
// memory once, and is right for every input. Ref is a number that is not above the
// row's largest element and likely to be near it, or NaN; length is the row's nearBlockOf.
func (e *engine) sumChunk(src []float32, ref float32, length int) (s sum) {
	if e.addMax != nil {
		if !finite(ref) {
			ref = e.beginning(src)
		}
		if finite(ref) {
			return e.sumNear(src, ref, length)
		}
	}
	s.ref = negInf
	for rest := src; len(rest) > 0; {
		block := rest[:min(len(rest), sumBlock)]
		rest = rest[len(block):]
		// A NaN may hide in what rmax returns, but not in the sum below.
		max := e.rmax(block)
		switch {
		case max > math.MaxFloat32 || max != max:
			return classify(src)
		case max > s.ref:
			if s.mass != 0 {
				s.mass *= exp(float64(s.ref) - float64(max))
			}
			s.ref = max
		}
		ref := s.ref
		if ref == negInf {
			ref = 0 // the sum of -Inf alone is 0, and NaN with a NaN
		}
		mass := float64(e.add(block, ref))
		if mass != mass {
			return sum{mass: math.NaN()}
		}
		s.mass += mass
	}
	if s.mass == 0 {
		s.ref = 0
	}
	return s
}

// addBlock adds a block to the sum of those before it, whose largest element is likely to
// be near that of the block.
func (e *engine) addBlock(s sum, block []float32) sum {
	if e.addMax != nil && !s.special() {
		return merge(s, e.sumNear(block, s.ref, sumBlock))
	}
	return merge(s, e.sumChunk(block, nan, sumBlock))
}

// sumNear is sumChunk in one pass: it sums relative to a number near the largest
// element so far, at first ref, and looks for larger ones as it goes, by blocks of that
// length. Only a block with one that is larger by more than 1 is summed again.
func (e *engine) sumNear(src []float32, ref float32, length int) sum {
	var total float64
	top := ref
	for rest := src; len(rest) > 0; {
		block := rest[:min(len(rest), length)]
		rest = rest[len(block):]
		mass, m := e.addMax(block, ref)
		if m > ref+1 || m-ref > 1 { // of large numbers one of them may round to ref
			if m > math.MaxFloat32 {
				return classify(src)
			}
			total *= exp(float64(ref) - float64(m))
			ref = m
			mass = e.add(block, ref)
		}
		if mass != mass {
			return sum{mass: math.NaN()}
		}
		total += float64(mass)
		top = max(top, m)
	}
	// Relative to the largest element, at which results are the most exact.
	return sum{total * exp(float64(ref)-float64(top)), top}
}

// extLimit bounds the exponents for which the two-pass kernels are accurate. The
// reduced argument leaves the interval that the polynomial is made for by up to
// n * 2^-23, and at n = 2^16 its error begins to show.
const extLimit = 1 << 16

// extSum is a sum of exponentials, mass * 2^exp.
type extSum struct {
	mass, exp float64
}

// ok reports whether the sum is one that the second pass of the two-pass
// algorithm can use.
func (s extSum) ok() bool { return s.mass > 0 && s.exp >= -extLimit && s.exp <= extLimit }

// sum converts. Like those of sumChunk, its mass is not below 1, lest dividing by
// it lift results over 2^-126 that the kernels made 0.
func (s extSum) sum() sum {
	if s.mass < 1.01 { // rounding ref takes up to 0.2 % away
		s = extSum{2 * s.mass, s.exp - 1}
	}
	ref := float32(s.exp * math.Ln2)
	return sum{s.mass * exp(float64(s.exp*math.Ln2)-float64(ref)), ref}
}

// mergeExt adds two sums.
func mergeExt(a, b extSum) extSum {
	if a.exp < b.exp {
		a, b = b, a
	}
	if b.mass == 0 {
		return a
	}
	return extSum{a.mass + float64(b.mass*exp2(b.exp-a.exp)), a.exp}
}

// exp2 is 2^n for an integer n <= 0, and 0 where that is below 2^-1022.
func exp2(n float64) float64 {
	if n < -1022 {
		return 0
	}
	return math.Float64frombits(uint64(1023+int(n)) << 52)
}

// sumExt is the first pass of the two-pass algorithm. It is not ok for a row
// with +Inf, NaN, only -Inf, or a maximum so large that the kernels lose
// accuracy.
func (r row) sumExt(src []float32) extSum {
	s := extSum{0, math.Inf(-1)}
	if r.split(len(src)) {
		for _, part := range eachChunk(r.goroutines, src, r.sumExtChunk) {
			if s = mergeExt(s, part); part.mass == 0 {
				return part
			}
		}
		return s
	}
	for i := range chunks(len(src)) {
		part := r.sumExtChunk(chunk(src, i))
		if part.mass == 0 {
			return part
		}
		s = mergeExt(s, part)
	}
	return s
}

// sumExtChunk is zero where sumExt is not ok.
func (e *engine) sumExtChunk(src []float32) extSum {
	s := extSum{0, math.Inf(-1)}
	for len(src) > 0 {
		block := src[:min(len(src), nearBlock)]
		src = src[len(block):]
		m, n := e.addExt(block)
		if !(m > 0 && m <= math.MaxFloat32 && n <= extLimit) {
			return extSum{}
		}
		s = mergeExt(s, extSum{float64(m), float64(n)})
	}
	return s
}

// writeExt is the second pass of the two-pass algorithm.
func (r row) writeExt(dst, src []float32, s extSum) {
	f, n := math.Frexp(s.mass)
	// With the reciprocal in (0.5, 1] a result that is not below 2^-126 has an
	// exponent above the kernels' cut-off.
	m, e, scale := float32(0.5/f), float32(-(s.exp + float64(n-1))), r.scaleExt
	if r.around(dst, src) {
		scale = r.scaleExtStream
	}
	if r.split(len(src)) {
		eachPair(r.goroutines, dst, src, func(dst, src []float32) { scale(dst, src, m, e) })
		return
	}
	scale(dst, src, m, e)
}

// write writes exp(x) / s. S has finite elements.
func (r row) write(dst, src []float32, s sum) {
	scale, f := float32(1/s.mass), r.scale
	if r.around(dst, src) {
		f = r.scaleStream
	}
	if r.split(len(src)) {
		eachPair(r.goroutines, dst, src, func(dst, src []float32) { f(dst, src, scale, s.ref) })
		return
	}
	f(dst, src, scale, s.ref)
}

// writeLog writes x - log(s). S has finite elements. Two subtractions keep the
// logarithm's low part; the first is exact where it cancels.
func (r row) writeLog(dst, src []float32, s sum) {
	a, b, sub2 := s.ref, float32(log(s.mass)), r.sub2
	if r.around(dst, src) {
		sub2 = r.sub2Stream
	}
	if r.split(len(src)) {
		eachPair(r.goroutines, dst, src, func(dst, src []float32) { sub2(dst, src, a, b) })
		return
	}
	sub2(dst, src, a, b)
}

// softmax writes the softmax of a row that is not empty. Empty is what it
// writes for a row of -Inf alone.
func (r row) softmax(dst, src []float32, a ukernel.Algorithm, empty float32) {
	switch a {
	case ukernel.TwoPass:
		if s := r.sumExt(src); s.ok() {
			r.writeExt(dst, src, s)
			return
		}
	case ukernel.ThreePassReload:
		if r.reload(dst, src, empty) {
			return
		}
	}
	if s := r.sum(src); s.special() {
		fill(dst, fillValue(s, empty))
	} else {
		r.write(dst, src, s)
	}
}

// reload is the reload algorithm. It is false, and has written nothing, for a
// row up to oneBlock whose maximum is not finite; a longer one it does whatever is
// in it.
func (r row) reload(dst, src []float32, empty float32) bool {
	if len(src) > oneBlock {
		r.reloadBlocks(dst, src, empty)
		return true
	}
	e := r.engine
	if f, n := e.rows(opSoftmax, len(src)), len(src); f != nil {
		return f(dst, src, 1, n, n, n) == 1
	}
	max := e.rmax(src)
	if !finite(max) {
		return false
	}
	mass := e.addStore(dst, src, max)
	// A sum of NaN means that there is a NaN, whatever rmax made of it.
	if mass != mass {
		fill(dst, nan)
	} else {
		e.mul(dst, dst, 1/mass)
	}
	return true
}

// reloadBlocks is the reload algorithm by blocks, each relative to its own
// maximum, which stay in the first-level cache until their exponentials are
// written: the row is read once, and its result written, read and written.
func (r row) reloadBlocks(dst, src []float32, empty float32) {
	b := blocks{row: r, dst: dst, src: src, refs: scratchPool.Get().(*[scratchLen]float32), len: sumBlock}
	defer scratchPool.Put(b.refs)
	// The block of an enormous row is longer, lest there be too many.
	for b.len*scratchLen < len(src) {
		b.len *= 2
	}
	var s sum
	if r.split(len(src)) {
		s = b.parallel()
	} else {
		n := b.chunks()
		for i := range n {
			s = merge(s, b.store(i))
		}
		for i := 0; i < n && !s.special(); i++ {
			b.scale(i, s)
		}
	}
	if s.special() {
		fill(dst, fillValue(s, empty))
	}
}

// blocks is a row in blocks of len elements, and the reference of each.
type blocks struct {
	row
	dst, src []float32
	refs     *[scratchLen]float32
	len      int
}

// parallel does the work of reloadBlocks, but for special sums. It is for a copy
// of b, which goroutines may keep in the heap.
func (b blocks) parallel() (s sum) {
	parts := make([]sum, b.chunks())
	parallel(b.goroutines, len(parts), func(i int) { parts[i] = b.store(i) })
	for _, part := range parts {
		s = merge(s, part)
	}
	if !s.special() {
		parallel(b.goroutines, len(parts), func(i int) { b.scale(i, s) })
	}
	return s
}

// chunkLen is the length of a chunk, which is one block or several.
func (b *blocks) chunkLen() int { return max(chunkLen, b.len) }

func (b *blocks) chunks() int { return (len(b.src) + b.chunkLen() - 1) / b.chunkLen() }

// store writes the exponentials of chunk i.
func (b *blocks) store(i int) (s sum) {
	for at := i * b.chunkLen(); at < min((i+1)*b.chunkLen(), len(b.src)); at += b.len {
		end := min(at+b.len, len(b.src))
		part := b.storeBlock(b.dst[at:end], b.src[at:end])
		b.refs[at/b.len] = part.ref
		s = merge(s, part)
	}
	return s
}

// scale makes them parts of the sum.
func (b *blocks) scale(i int, s sum) {
	for at := i * b.chunkLen(); at < min((i+1)*b.chunkLen(), len(b.src)); at += b.len {
		end, ref := min(at+b.len, len(b.src)), b.refs[at/b.len]
		c := float32(exp(float64(ref)-float64(s.ref)) / s.mass)
		b.mul(b.dst[at:end], b.dst[at:end], c)
	}
}

// storeBlock writes exp(x - ref) and returns the sum. The ref of a block of -Inf
// alone is -Inf.
func (e *engine) storeBlock(dst, src []float32) sum {
	switch max := e.rmax(src); {
	case max > math.MaxFloat32:
		return sum{mass: math.NaN()}
	case max >= -math.MaxFloat32:
		return sum{float64(e.addStore(dst, src, max)), max}
	default: // -Inf, whose exponential is 0, or NaN
		return sum{float64(e.addStore(dst, src, 0)), negInf}
	}
}

// logSoftmax is softmax's logarithm.
func (r row) logSoftmax(dst, src []float32, a ukernel.Algorithm, empty float32) {
	if a == ukernel.ThreePassReload && r.logShort(dst, src) {
		return
	}
	if s := r.total(src, a); s.special() {
		fill(dst, fillValue(s, empty))
	} else {
		r.writeLog(dst, src, s)
	}
}

// logShort does a row that is nothing special. It is false, and has
// written nothing, for others.
func (r row) logShort(dst, src []float32) bool {
	e, n := r.engine, len(src)
	if f := e.rows(opLogSoftmax, n); f != nil {
		return f(dst, src, 1, n, n, n) == 1
	} else if n > sumBlock {
		return false
	}
	top := e.rmax(src)
	if !finite(top) {
		return false
	}
	mass := float64(e.add(src, top))
	if mass != mass {
		return false
	}
	e.sub2(dst, src, top, float32(log(mass)))
	return true
}

// logSumExp is that of a short row that is nothing special; ok is false for others.
func (e *engine) logSumExp(src []float32) (y float32, ok bool) {
	top := e.rmax(src)
	if !finite(top) {
		return 0, false
	}
	mass := float64(e.add(src, top))
	if mass != mass {
		return 0, false
	}
	return float32(float64(top) + log(mass)), true
}

// total sums a row by the first pass or passes of an algorithm.
func (r row) total(src []float32, a ukernel.Algorithm) sum {
	if a == ukernel.TwoPass {
		if s := r.sumExt(src); s.ok() {
			return s.sum()
		}
	}
	return r.sum(src)
}

// fillValue is what a row without any finite element becomes.
func fillValue(s sum, empty float32) float32 {
	if s.mass == 0 {
		return empty
	}
	return nan
}

func fill(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}
